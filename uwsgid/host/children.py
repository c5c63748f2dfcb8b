"""How children end: pidfds, exit statuses, and orphans that nobody knows.

A pidfd stands for one process for ever, so a reused pid is never signalled or reaped by mistake, and it
becomes readable when its process ends: no SIGCHLD, no ``waitpid(-1)`` that would steal somebody else's
child.

Because the master is a child subreaper, processes that it never heard of become its children when their
parents end.  Nobody waits for them, so `Orphans` sweeps them up.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Collection
from dataclasses import dataclass

from uwsgid.errors import KernelError
from uwsgid.host.calls import attempt
from uwsgid.host.facts import is_proc_ours
from uwsgid.interfaces import IKernel


@dataclass(frozen=True, slots=True)
class Child:
    """A child process and the descriptor that stands for it."""

    pid: int
    pidfd: int


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """How a process ended: with an exit code or by a signal.  Exactly one of the two is set."""

    code: int | None = None
    signal: int | None = None
    core_dumped: bool = False

    def __str__(self) -> str:
        if self.signal is None:
            return f"exited with code {self.code}"
        dumped = " (core dumped)" if self.core_dumped else ""
        return f"exited by signal {self.signal}{dumped}"

    @property
    def signal_name(self) -> str:
        """``SIGKILL``; empty where it was no signal or one without a name."""
        try:
            return signal.Signals(self.signal).name if self.signal is not None else ""
        except ValueError:
            return ""


def status_of(si_code: int, si_status: int) -> ExitStatus:
    """What ``waitid`` told.  Pure."""
    if si_code == os.CLD_EXITED:
        return ExitStatus(code=si_status)
    return ExitStatus(signal=si_status, core_dumped=si_code == os.CLD_DUMPED)


def watch_child(kernel: IKernel, pid: int) -> Child:
    """Open the pidfd of a child.  Works for a child that ended already, as long as it was not reaped.

    :raises KernelError: when there is no such process.
    """
    return Child(pid, attempt("pidfd_open()", pid, lambda: kernel.pidfd_open(pid)))


def exit_status(kernel: IKernel, child: Child) -> ExitStatus | None:
    """Reap *child*, if it ended.

    :return: None while it is running.
    :raises KernelError: when it is not our child (any more).
    """
    found = attempt("waitid()", child.pid, lambda: kernel.waitid(child.pidfd))
    return None if found is None else status_of(found[1], found[2])


def send_signal(kernel: IKernel, child: Child, number: int) -> bool:
    """Send a signal to the very process that was watched; False when it ended already.

    :raises KernelError: when we may not.
    """
    try:
        kernel.pidfd_send_signal(child.pidfd, number)
    except ProcessLookupError:
        return False
    except OSError as error:
        raise KernelError(f"pidfd_send_signal(): {error.strerror} [{child.pid}]") from None
    return True


class Orphans:
    """Reaps children that ended and that nobody knows.

    A child that was just forked ends before its supervisor heard of it: so a zombie is reaped only when it is
    unknown twice in a row.
    """

    def __init__(self, kernel: IKernel) -> None:
        self._kernel = kernel
        self._suspects: frozenset[int] = frozenset()

    @property
    def suspects(self) -> frozenset[int]:
        """Those that were unknown in the last sweep, and were spared."""
        return self._suspects

    def sweep(self, known: Collection[int]) -> list[tuple[int, ExitStatus]]:
        """Reap what was unknown in the last sweep too.  Call it every now and then.

        :param known: the process ids that have a supervisor.
        """
        unknown = frozenset(self._kernel.zombie_children()).difference(known)
        reaped: list[tuple[int, ExitStatus]] = []
        for pid in sorted(unknown & self._suspects):
            try:
                found = self._kernel.reap(pid)
            except OSError:
                continue  # somebody was faster
            if found is not None:
                reaped.append((pid, status_of(found[1], found[2])))
        self._suspects = unknown.difference(pid for pid, _ in reaped)
        return reaped


def ended_children() -> list[int]:
    """The process ids of our children that ended and were not reaped; where /proc does not tell, of one."""
    found: list[int] = []
    try:
        if not is_proc_ours():
            return _first_ended()
        for task in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{task}/children", encoding="ascii") as file:
                found.extend(int(pid) for pid in file.read().split())
    except OSError:
        return _first_ended()  # no /proc, a kernel without CONFIG_PROC_CHILDREN, or a thread that ended
    return [pid for pid in found if _is_zombie(pid)]


def _first_ended() -> list[int]:
    """A child that ended, if there is one; it stays to be reaped."""
    try:
        result = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return []
    return [] if result is None else [result.si_pid]


def _is_zombie(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False
