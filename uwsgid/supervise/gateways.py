"""Gateways: processes of an instance that serve something else than requests, as uWSGI calls them.

A TunTap router is one.  What a gateway does is the business of the room that asked for it, by a `Gateway`;
that it is born, kept alive, told of a changed configuration and sent away is that of the master
(`uwsgid.master.gateways`) and of the role that every gateway plays (`uwsgid.gateways.role`).

Between the two stands the `GatewayLife`: all that the process has, and all that can happen to it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from uwsgid.supervise.exits import Exit

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings
    from uwsgid.host.kept import Kept
    from uwsgid.interfaces import IKernel
    from uwsgid.supervise.household import Household

#: The name of the role, and of the family's member.
GATEWAY: Final = "gateway"

#: What a gateway tells its master when it read a changed configuration by itself.
LIVE: Final = "the configuration is read again"

MERCY: Final = 1.0  #: seconds that a gateway gets to leave, unless it says otherwise

Say = Callable[[str], None]


class GatewayLife:
    """One gateway process, from its birth to its end.

    :param tell: tells the master that the configuration was read again.
    :ivar reactor: one of this process's own, which nobody has run yet.
    :ivar household: what every process of the instance inherits.
    :ivar say: writes one line to the log.
    :ivar number: which of the gateways it is, from 1.
    :ivar name: as in `Gateway`.
    :ivar settings: the configuration that counts, which is not the household's where it changed since.
    """

    def __init__(
        self,
        reactor: Any,
        household: Household,
        say: Say,
        number: int,
        name: str,
        tell: Callable[[], None] = lambda: None,
    ) -> None:
        self.reactor = reactor
        self.household = household
        self.say = say
        self.number = number
        self.name = name
        self.settings = household.settings
        self._tell = tell
        self._hangups: list[Callable[[], None]] = []
        self._farewells: list[Callable[[], None]] = []
        self._code: int | None = None
        self._runs = False

    def on_hangup(self, call: Callable[[], None]) -> None:
        """Call *call* in the reactor each time somebody sends HUP, or the configuration changed."""
        self._hangups.append(call)

    def before_end(self, call: Callable[[], None]) -> None:
        """Call *call* once, before `run` returns."""
        self._farewells.append(call)

    def read_settings(self) -> Settings:
        """The configuration as it is now in its files.  `settings` stay what they are until `adopt`.

        :raises ConfigError: it can not be used, with all its problems.
        """
        return self.household.read_again()

    def adopt(self, settings: Settings) -> None:
        """From now on *settings* count, here and for those who are born after us."""
        self.settings = settings
        self._tell()

    def run(self) -> int:
        """Run the reactor until somebody wants an end; the exit code."""
        if self._code is None:
            self._runs = True
            self.reactor.callWhenRunning(self._look)
            self.reactor.run(installSignalHandlers=False)
        for call in self._farewells:
            call()
        return Exit.END if self._code is None else self._code

    def end(self, code: int = Exit.END) -> None:
        """Have `run` return *code*; the first that is told counts.  To be called in the reactor's thread."""
        if self._code is None:
            self._code = code
            self._look()

    def hang_up(self) -> None:
        """The configuration may have changed."""
        for call in self._hangups:
            call()

    def _look(self) -> None:
        if self._runs and self._code is not None and self.reactor.running:
            self.reactor.stop()


@dataclass(frozen=True, slots=True)
class Gateway:
    """A process that a room wants to have.

    :ivar name: who it is in the log and in statistics, with its number: ``uWSGI tuntap router 1``.
    :ivar run: its work, called in the new process once privileges are dropped and signals have handlers; it
        sets itself up, calls `GatewayLife.run` and returns what that gives.
    :ivar live: options whose change it carries out by itself when it is told to hang up.  Where nothing else
        changed in a configuration, the instance need not start anew for them.
    :ivar role: the role that its process plays, around `run`.
    :ivar mercy: seconds that it gets when it is sent away.
    :ivar workers: it passes requests on to the workers: what it speaks with them on the socket that they get
        for it where they have none; empty where it does not.
    """

    name: str
    run: Callable[[GatewayLife], int]
    live: frozenset[str] = frozenset()
    role: str = GATEWAY
    mercy: float = MERCY
    workers: str = ""


@dataclass(frozen=True, slots=True)
class Early:
    """A gateway that was born while the instance still started.

    :ivar channel: the master's end of the talk with it.
    :ivar parent: the process that had it.
    """

    channel: socket.socket
    pid: int
    parent: int


#: What a room contributes: reads the settings, binds and opens what needs root, says what came of it, and
#: returns the gateways that it wants.  It is called at boot, before privileges are dropped; what it opens
#: it keeps in `Kept`, and finds there again after a reload that replaced the process image.
GatewaySetup = Callable[["Settings", "IKernel", Say, "Kept"], Sequence[Gateway]]
