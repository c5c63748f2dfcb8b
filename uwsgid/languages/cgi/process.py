"""A script as a process: how it is started, and that it is gone at the end.

It is the leader of a session of its own, so that everything it starts can be ended with it, and it has three
descriptors: its body, a pipe for its answer, and the log.  No shell comes near: the arguments are a list, and
a script without ``#!`` is no program.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final, Protocol

_TO_TERMINATE: Final = 1.0  #: seconds between SIGTERM and SIGKILL
_TO_DIE: Final = 5.0  #: seconds that the kernel gets to end a process


class Guarding(Protocol):
    """What is asked of `uwsgid.languages.cgi.guard.Guard`."""

    def take_me(self) -> None:
        """From now on the group of this process, which was just forked, ends with its parent."""

    def take(self, group: int) -> None:
        """The same, for who knows *group*."""

    def drop(self, group: int) -> None:
        """It is over."""


class Process:
    """One running script.

    :param command: the program and its arguments.
    :param directory: where it runs.
    :param body: the descriptor that it reads; None makes a pipe, of which `stdin` is our end.
    :ivar stdin: where to write its body; -1 where there is nothing to write.
    :ivar stdout: where to read its answer.
    :raises OSError: it can not be executed.
    """

    def __init__(
        self,
        command: Sequence[bytes],
        directory: bytes,
        environ: Mapping[bytes, bytes],
        guard: Guarding,
        body: int | None = None,
    ) -> None:
        self._guard = guard
        theirs: list[int] = []
        self.stdin = -1
        self.stdout = -1
        try:
            if body is None:
                body, self.stdin = os.pipe2(os.O_CLOEXEC)
                theirs.append(body)
                os.set_blocking(self.stdin, False)
            self.stdout, answer = os.pipe2(os.O_CLOEXEC)
            theirs.append(answer)
            os.set_blocking(self.stdout, False)
            self._popen = _Child(command, body, answer, directory, environ, guard)
        except BaseException:
            self.close_pipes()
            raise
        finally:
            for fd in theirs:
                os.close(fd)
        self.pid = self._popen.pid
        guard.take(self.pid)

    def close_stdin(self) -> None:
        """That was its body."""
        if self.stdin >= 0:
            os.close(self.stdin)
            self.stdin = -1

    def close_pipes(self) -> None:
        """Neither write to it nor read from it any more."""
        self.close_stdin()
        if self.stdout >= 0:
            os.close(self.stdout)
            self.stdout = -1

    def wait(self, seconds: float) -> int | None:
        """Its exit code, or minus the signal that ended it; None where it goes on for so long.

        It is not reaped, so that its number stays its own.
        """
        try:
            _await(self.pid, seconds)
            found = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except OSError:
            return 0  # somebody else reaped it
        if found is None:
            return None
        return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status

    def leave(self) -> None:
        """It ended by itself: what it left running may go on."""
        self.close_pipes()
        self._guard.drop(self.pid)
        self._reap()

    def end(self) -> None:
        """End it and everything in its process group, gently first."""
        self.close_pipes()
        if self.wait(0) is None:
            self._signal(signal.SIGTERM)
            self.wait(_TO_TERMINATE)
        self._signal(signal.SIGKILL)
        self._guard.drop(self.pid)
        self._reap()

    def _reap(self) -> None:
        try:
            self._popen.wait(_TO_DIE)
        except subprocess.TimeoutExpired:
            _unreaped.append(self._popen)  # in the hands of a broken device

    def _signal(self, number: int) -> None:
        with suppress(OSError):
            os.killpg(self.pid, number)


class _Child(subprocess.Popen[bytes]):
    """A program that the guard knows of before it runs: its parent may be killed at any time."""

    def __init__(
        self,
        command: Sequence[bytes],
        body: int,
        answer: int,
        directory: bytes,
        environ: Mapping[bytes, bytes],
        guard: Guarding,
    ) -> None:
        try:
            super().__init__(
                command,
                stdin=body,
                stdout=answer,
                cwd=directory,
                env=environ,
                start_new_session=True,
                preexec_fn=guard.take_me,
            )
        except BaseException:
            if self.pid:
                guard.drop(self.pid)
            raise


_unreaped: Final[list[subprocess.Popen[bytes]]] = []


def reap_late() -> None:
    """Reap those that took their time to die."""
    _unreaped[:] = [popen for popen in _unreaped if popen.poll() is None]


def _await(pid: int, seconds: float) -> None:
    """Wait until *pid* ended, but no longer.

    :raises OSError: somebody else reaped it, or there are no descriptors.
    """
    pidfd = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        poll.poll(seconds * 1000)
    finally:
        os.close(pidfd)
