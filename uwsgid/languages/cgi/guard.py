"""The guard of a worker: ends the scripts of a worker that was killed in the middle of a request.

Harakiri, a memory limit or an impatient operator end a worker by a signal that it never sees, and then nobody
would be left who knows what its scripts have started.  So a worker that runs CGI has one child that does
nothing but wait: it is told which process groups live, and when the worker's end of their pipe closes, for
whatever reason, it kills those that are left and ends.

It is forked before the worker serves anything, so there is one thread and little memory of its own.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from typing import Final, NoReturn

from uwsgid.host import syscalls

#: Signals that are for workers; the guard ends with its worker only.
_DEAF: Final = (
    signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2,
    signal.SIGALRM, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGPIPE,
)  # fmt: skip
_NAME: Final = "uwsgid cgi guard"
_MOST: Final = 1 << 12  # bytes of one read; a note is written in one piece and is shorter


class Guard:
    """The worker's end.

    :ivar pid: of the guard.
    """

    def __init__(self) -> None:
        reader, self._writer = os.pipe2(os.O_CLOEXEC)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _DEAF)  # until it is deaf
        pid = os.fork()
        if not pid:
            _watch(reader)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(reader)
        self.pid = pid

    def take_me(self) -> None:
        """From now on the group of this process ends with its parent.

        It is for a child that was just forked.  As long as it has not said this, it has the worker's end of
        the pipe itself, so that the guard waits for it.
        """
        self.take(os.getpid())

    def take(self, group: int) -> None:
        """From now on *group* ends with this process."""
        self._note(b"+%d\n" % group)

    def drop(self, group: int) -> None:
        """It is over, or need not end with us."""
        self._note(b"-%d\n" % group)

    def _note(self, line: bytes) -> None:
        with suppress(OSError):  # whoever killed the guard may
            os.write(self._writer, line)

    def close(self) -> None:
        """End the guard, and with it the groups that it has."""
        os.close(self._writer)
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def survivors(alive: Iterable[int], notes: Iterable[bytes]) -> set[int]:
    """The groups that are left of *alive* after the lines *notes*.  Pure."""
    left = set(alive)
    for line in notes:
        change = left.add if line.startswith(b"+") else left.discard
        change(int(line[1:]))
    return left


def _watch(reader: int) -> NoReturn:
    """The life of the guard."""
    try:
        for number in _DEAF:
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        signal.set_wakeup_fd(-1)
        os.dup2(reader, 0)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        syscalls.set_thread_name(_NAME)
        alive: set[int] = set()
        begun = b""
        while data := os.read(0, _MOST):
            whole, _, begun = (begun + data).rpartition(b"\n")
            alive = survivors(alive, whole.splitlines())
        for group in alive:
            with suppress(OSError):
                os.killpg(group, signal.SIGKILL)
    finally:
        os._exit(0)
