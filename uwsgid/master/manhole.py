"""The manhole of the master, where the configuration has one: its doors, open while the master runs.

It is imported at boot and only then (`uwsgid.door.boot`), since a jail may hide what it is made of.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from typing import TYPE_CHECKING, Any, Final

from uwsgid.errors import KernelError
from uwsgid.manhole.options import Manhole as Options
from uwsgid.manhole.options import worker_path
from uwsgid.manhole.relay import NoPrompt, no_worker
from uwsgid.manhole.unix import UnixDoor
from uwsgid.master.operating import greeting, operator_names

if TYPE_CHECKING:
    from uwsgid.manhole.ssh import SshDoor
    from uwsgid.master.inheritance import Inheritance
    from uwsgid.master.service import Master

ENDS: Final = "the instance ends"
RELOADS: Final = "the instance becomes a new process image; come back"


class Manhole:
    """All doors of the master."""

    def __init__(self, master: Master, inheritance: Inheritance, reactor: Any) -> None:
        house = inheritance.household
        self._options = house.settings[Options]
        self._slots = house.board.slots
        self._workforce = master.workforce
        names, line, say = operator_names(master, inheritance), greeting(inheritance), inheritance.say
        self._doors: list[UnixDoor | SshDoor] = [
            UnixDoor(place.path, names, reactor, say, greeting=line) for place in self._options.sockets
        ]
        if self._options.ssh:
            from uwsgid.manhole.ssh import SshDoor

            self._doors += [
                SshDoor(
                    place,
                    self._options.keys,
                    self._options.host_key,
                    names,
                    reactor,
                    say,
                    greeting=line,
                    reach=self._reach if self._options.workers else no_worker,
                )
                for place in self._options.ssh
            ]

    def open(self) -> None:
        """Open all doors.

        :raises KernelError: one of them can not be opened.
        """
        for door in self._doors:
            door.open()

    def _reach(self, slot: int, words: str) -> socket.socket:
        """A connection to the prompt of worker *slot*.

        :param words: who comes (`uwsgid.manhole.listening.guest_words`).
        :raises UwsgidError: there is none.
        """
        if not 1 <= slot <= self._slots:
            raise NoPrompt(f"there are workers 1 to {self._slots}, and no {slot}")
        seat = self._workforce.board.current[slot - 1]
        serving = [child for child in self._workforce.workers(slot) if child.was_ready]
        child = next((child for child in serving if child.seat == seat), serving[-1] if serving else None)
        if child is None or child.hatch is None:
            raise NoPrompt(f"worker {slot} does not serve now")
        try:
            return child.hatch.guest(words)
        except KernelError as error:
            raise KernelError(f"worker {slot}: {error}") from None

    def close(self, *, again: bool) -> None:
        """Tell every session why it ends, and close the doors; those of workers that were killed as well.

        :param again: they open again soon, in another process image.
        """
        for door in self._doors:
            door.close(RELOADS if again else ENDS)
        if self._options.workers:
            for place in self._options.sockets:
                for slot in range(1, self._slots + 1):
                    path = worker_path(place.path, slot)
                    with contextlib.suppress(OSError):
                        if stat.S_ISSOCK(os.lstat(path).st_mode):
                            os.unlink(path)
