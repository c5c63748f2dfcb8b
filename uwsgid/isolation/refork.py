"""Forking once more on the way: the new process goes on, the old one stays outside and stands for it.

A new pid namespace begins with the next child, so whoever wants to live in one forks.  The old process is
whom everybody knows: its number is in the pid file, and an Emperor or systemd waits for it.  In uWSGI
(core/utils.c, uwsgi_as_root) it is deaf and exits with 0 whatever happened; here it
passes signals on and ends as the other one did.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from uwsgid.host.calls import attempt
from uwsgid.interfaces import IKernel

Say = Callable[[str], None]

#: What the process outside passes on.
PASSED_ON: Final = (
    signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2,
    signal.SIGURG, signal.SIGTSTP, signal.SIGWINCH,
)  # fmt: skip

#: The first process of a pid namespace is only ever ended by signals that it handles (pid_namespaces(7)).
_ENDS_A_START: Final = (signal.SIGTERM, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM)

_WAITED_FOR: Final = (*PASSED_ON, signal.SIGCHLD)
_STANDARD: Final = 3  #: descriptors below this one stay open outside
_FROM_THE_KERNEL: Final = 0x80  #: SI_KERNEL: a terminal sends to its whole group, the child included


@dataclass(frozen=True, slots=True)
class Heard:
    """A signal that came.

    :ivar by_terminal: the kernel sent it, and to the child as well.
    """

    number: int
    by_terminal: bool = False


def wait_for_signal() -> Heard:
    """The next signal of those that we pass on, or SIGCHLD.  They are blocked."""
    found = signal.sigwaitinfo(_WAITED_FOR)
    return Heard(found.si_signo, found.si_code == _FROM_THE_KERNEL)


def refork(kernel: IKernel, say: Say, listen: Callable[[], Heard] = wait_for_signal) -> None:
    """Go on as a child of this process.  The parent never returns: it exits as the child does.

    The child dies with its parent.  That is forgotten when the user changes, so whoever does that sees to it
    again (`dies_with_parent`).

    :param listen: tells what the parent hears.
    :raises KernelError: there can be no child.
    """
    say("re-fork()ing...")
    outside = kernel.getpid()
    # from here on nothing is lost between the two
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED_FOR)
    try:
        child = attempt("fork()", "re-fork", kernel.fork)
    except BaseException:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        raise
    if child:
        stand_for(kernel, child, listen)
    if kernel.getpid() == 1:
        begin_as_first()
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    dies_with_parent(kernel)
    if kernel.getppid() not in (0, outside):  # 0 is somebody of another pid namespace
        kernel.exit(1)


def dies_with_parent(kernel: IKernel) -> None:
    """Be killed when the process outside ends."""
    attempt("prctl()", "PR_SET_PDEATHSIG", lambda: kernel.set_parent_death_signal(signal.SIGKILL))


def begin_as_first() -> None:
    """Let a signal end the start of the first process of a pid namespace, as it ends that of any other.

    Handlers that are installed later replace these, and children begin with handlers of their own.
    """
    for number in _ENDS_A_START:
        signal.signal(number, lambda heard, frame: os._exit(128 + heard))


def stand_for(kernel: IKernel, child: int, listen: Callable[[], Heard]) -> None:
    """Pass signals on to *child* until it ends, and exit with its code, or 128 and what ended it."""
    kernel.set_process_name("uwsgid outside")
    for descriptor in kernel.open_descriptors():
        if descriptor >= _STANDARD:
            kernel.close(descriptor)
    kernel.exit(watch(kernel, child, listen))


def watch(kernel: IKernel, child: int, listen: Callable[[], Heard]) -> int:
    """Pass signals on to *child* until it ends; what a shell would say of its end."""
    while True:
        heard = listen()
        if heard.number != signal.SIGCHLD:
            if not heard.by_terminal:
                pass_on(kernel, child, heard.number)
            continue
        found = kernel.reap(child)
        if found is not None:
            _, how, status = found
            return status if how == os.CLD_EXITED else 128 + status


def pass_on(kernel: IKernel, child: int, number: int) -> None:
    """Send *number* to *child*, which may just have ended."""
    try:
        kernel.kill(child, number)
    except ProcessLookupError:
        return
