"""What every imperial monitor is: it looks, and the emperor acts.

Some monitors have the whole list at each look, and whoever is missing in it has to go.  Others are told of
one vassal at a time, by a message; they report to the emperor themselves, and have no list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from uwsgid.emperor.options import EmperorOptions
from uwsgid.emperor.sighting import Sighting

#: All vassals that ought to be there; None where that can not be told now, so that nothing is to change.
Look = Mapping[str, Sighting] | None


class Court(Protocol):
    """What an emperor does for a monitor that has no list."""

    def touch(self, monitor: Monitor, sighting: Sighting) -> None:
        """This vassal ought to be there; with this configuration, if it is there already."""

    def dismiss(self, monitor: Monitor, name: str) -> None:
        """This vassal ought not to be there."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a monitor has to know.

    :ivar options: those of the emperor.
    :ivar cwd: where the emperor was started.
    :ivar say: writes a line to the log.
    :ivar clock: unix seconds.
    """

    options: EmperorOptions
    cwd: str
    say: Callable[[str], None]
    clock: Callable[[], float]


class Monitor:
    """The base of all monitors.

    :param text: what stands behind the scheme.
    :ivar text: what the statistics show of it.
    :ivar cwd: where its vassals start.
    :ivar lists: `look` tells all vassals; without that the monitor reports by itself, once it is started.
    :ivar waits: `look` may take its time, so it is called in a thread.
    :ivar supplies: the configuration of a vassal comes from the monitor, not from a file.
    """

    lists = True
    waits = False
    supplies = False

    def __init__(self, text: str, circumstances: Circumstances) -> None:
        self.text = text
        self.cwd = circumstances.cwd
        self.circumstances = circumstances
        self._complaint = ""

    @property
    def directories(self) -> tuple[str, ...]:
        """Those whose changes ought to wake the emperor."""
        return ()

    @property
    def links(self) -> Mapping[tuple[int, int], str]:
        """Files elsewhere whose changes ought to wake the emperor too: device and inode, and a way there."""
        return {}

    def look(self) -> Look:
        """See what ought to be there."""
        return {}

    def start(self, court: Court, reactor: Any) -> None:
        """Begin to report."""

    def stop(self) -> None:
        """Report no more."""

    def complain(self, text: str) -> None:
        """Say what is wrong, once as long as it stays so."""
        if text != self._complaint:
            self._complaint = text
            self.circumstances.say(f"[emperor] {text}")

    def content(self) -> None:
        """What was wrong is right again."""
        if self._complaint:
            self._complaint = ""
            self.circumstances.say(f"[emperor] {self.text}: can be read again")
