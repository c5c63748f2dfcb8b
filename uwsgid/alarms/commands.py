"""The commands of alarms: a few at a time, each with a limit, and nobody waits for them.

What a storm of alarms asks for beyond that waits, and what finds no room there is dropped and counted.  uWSGI
starts a process for each alarm and forgets it.
"""

from __future__ import annotations

import contextlib
import signal
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from uwsgid.errors import KernelError
from uwsgid.host.children import ExitStatus
from uwsgid.interfaces import IKernel
from uwsgid.supervise.exitwatch import ExitWatch

AT_ONCE: Final = 8  #: commands that run at the same time
WAITING: Final = 64  #: commands that wait for their turn
PATIENCE: Final = 60.0  #: seconds that a command may take
MERCY: Final = 5.0  #: seconds between TERM and KILL


@dataclass(slots=True)
class _Running:
    alarm: str
    deadline: float
    was_told: bool = False


class Commands:
    """Starts commands, and watches how they end.

    :param shell: what runs them.
    :param say: writes one line to the log.
    :param limit: seconds that a command may take before it is ended, with all that it started.
    """

    def __init__(
        self,
        reactor: Any,
        kernel: IKernel,
        shell: Callable[[], str],
        say: Callable[[str], None],
        limit: float = PATIENCE,
    ) -> None:
        self._reactor: Final = reactor
        self._kernel: Final = kernel
        self._shell: Final = shell
        self._say: Final = say
        self._limit: Final = limit
        self._running: Final[dict[int, _Running]] = {}
        self._waiting: Final[deque[tuple[str, str, bytes]]] = deque()
        self._dropped: dict[str, int] = {}
        self._left: int | None = None

    def run(self, alarm: str, command: str, text: bytes) -> None:
        """Start *command* with *text* on its standard input, now or when one of the others is over."""
        if self._left is not None:
            self._run_last(alarm, command, text)
        elif len(self._running) < AT_ONCE:
            self._start(alarm, command, text)
        elif len(self._waiting) < WAITING:
            self._waiting.append((alarm, command, text))
        else:
            self._drop(alarm)

    def look(self) -> None:
        """End what takes too long; to be called about once a second."""
        now = self._reactor.seconds()
        for pid, running in tuple(self._running.items()):
            if now < running.deadline:
                continue
            if not running.was_told:
                self._say(
                    f"[uwsgi-alarm] the command of {running.alarm} (pid: {pid}) has taken "
                    f"{self._limit:g} seconds, and is ended"
                )
            self._signal(pid, signal.SIGKILL if running.was_told else signal.SIGTERM)
            running.was_told = True
            running.deadline = now + MERCY

    def dropped(self) -> dict[str, int]:
        """How many were dropped since the last call, by alarm."""
        found, self._dropped = self._dropped, {}
        return found

    def end(self) -> None:
        """Start what waits and a few more that may still come, and watch nobody any more."""
        self._left = AT_ONCE
        while self._waiting:
            self._run_last(*self._waiting.popleft())

    def _run_last(self, alarm: str, command: str, text: bytes) -> None:
        assert self._left is not None
        if self._left > 0:
            self._left -= 1
            self._feed(alarm, command, text)
        else:
            self._drop(alarm)

    def _drop(self, alarm: str) -> None:
        self._dropped[alarm] = self._dropped.get(alarm, 0) + 1

    def _start(self, alarm: str, command: str, text: bytes) -> None:
        pid = self._feed(alarm, command, text)
        if pid is None:
            return
        try:
            ExitWatch(self._reactor, self._kernel, pid, lambda status: self._over(pid, status))
        except KernelError as error:
            self._say(f"[uwsgi-alarm] the command of {alarm} (pid: {pid}) can not be watched: {error}")
            return
        self._running[pid] = _Running(alarm, self._reactor.seconds() + self._limit)

    def _feed(self, alarm: str, command: str, text: bytes) -> int | None:
        try:
            return self._kernel.feed_command(self._shell(), command, text)
        except OSError as error:
            # never the command itself, in which a password may be
            self._say(f"[uwsgi-alarm] the command of {alarm} can not be run: {error.strerror or error}")
            return None

    def _over(self, pid: int, status: ExitStatus) -> None:
        running = self._running.pop(pid)
        if status.code or status.signal:
            self._say(f"[uwsgi-alarm] the command of {running.alarm} (pid: {pid}) {status}")
        while self._waiting and len(self._running) < AT_ONCE and self._left is None:
            self._start(*self._waiting.popleft())

    def _signal(self, pid: int, number: int) -> None:
        # it leads a group of its own, and its number is not free as long as nobody reaped it
        with contextlib.suppress(OSError):
            self._kernel.kill(-pid, number)
