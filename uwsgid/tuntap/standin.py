"""Who passes on the packets of a device while the process is not there that attends to it.

Hooks run long before that process is born (`uwsgid.tuntap.client`), and may need the network: uWSGI's
documentation ends them with a ``ping``.  And a reload that replaces the process image ends it, long before
there is another.  A device that was handed over is looked after by its router meanwhile, as long as the
master holds the connection.  For any other, there is a stand-in: forked by the boot, or left behind by the
process that ends.  Who is there to stay asks it for its link (`uwsgid.tuntap.relief`), and goes on with it.

A stand-in is a child of the master, and ends with it.
"""

from __future__ import annotations

import gc
import os
import select
import signal
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from uwsgid.host.addresses import Family
from uwsgid.host.calls import attempt
from uwsgid.interfaces import IKernel
from uwsgid.tuntap.client import Client
from uwsgid.tuntap.relief import Handed, Relief
from uwsgid.tuntap.wishes import Wishes

#: What the signals of its instance, and of a terminal, are to a stand-in.
_MEANT_FOR_OTHERS: Final = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGTSTP)
_ENDS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)
_STANDARD: Final = 3  #: descriptors
_END_TAKES: Final = 5.0  #: seconds for the process that leaves a stand-in behind


def stand_in(kernel: IKernel, wishes: Wishes, device: int, relief: Relief) -> None:
    """Fork a stand-in during the boot, which connects to the router by itself.

    :raises KernelError: nobody can be forked.
    """
    relief.clear()
    pid = attempt("fork()", "a stand-in", kernel.fork)
    if pid != 0:
        relief.announce(pid)
        return
    code = 1
    try:
        _be_seen_as_the_user(kernel, wishes)
        kernel.set_parent_death_signal(signal.SIGKILL)
        _pass_packets(kernel, wishes, device, relief)
        code = 0
    finally:
        # whatever the boot wanted to do at its end is not ours to do
        os._exit(code)


def leave_behind(
    kernel: IKernel, wishes: Wishes, device: int, relief: Relief, handed: Handed, master: int
) -> None:
    """Fork a stand-in that goes on with a link, at the end of the process that had it.

    :param master: its process id; the stand-in becomes its child when the caller has ended.
    """
    relief.clear()
    caller = kernel.getpid()
    try:
        pid = kernel.fork()
    except OSError:
        return  # the router sees the link end, and whoever comes makes another
    if pid != 0:
        relief.announce(pid)
        return
    code = 1
    try:
        _keep_only((device, relief.answers, handed.link.fileno()))
        _await_the_end_of(caller)
        kernel.set_parent_death_signal(signal.SIGKILL)
        if kernel.getppid() == master:  # else it has ended, and its instance with it
            _pass_packets(kernel, wishes, device, relief, handed)
            code = 0
    finally:
        os._exit(code)


def _await_the_end_of(parent: int) -> None:
    """Return when *parent* is the parent of this process no longer, or does not end."""
    try:
        process = os.pidfd_open(parent)
    except ProcessLookupError:
        return
    # a process finds a new parent before anybody is told of the end of the old one
    if os.getppid() == parent:
        select.select([process], [], [], _END_TAKES)
    os.close(process)


def _keep_only(descriptors: Sequence[int]) -> None:
    """Close all others: pipes and sockets by which processes tell that their counterparts have ended."""
    # objects that think that they have one of them must not close what gets its number
    gc.freeze()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in range(_STANDARD):
        os.dup2(nowhere, standard)
    first = _STANDARD
    for kept in sorted(descriptors):
        os.closerange(first, kept)
        first = max(first, kept + 1)
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))


def _be_seen_as_the_user(kernel: IKernel, wishes: Wishes) -> None:
    """Be who the instance will be, if that one may reach the router."""
    if kernel.geteuid() == 0 and wishes.user != (0, 0):
        kernel.act_as(*wishes.user)
        if wishes.router.family is Family.UNIX and not os.access(
            wishes.router.path, os.W_OK, effective_ids=True
        ):
            kernel.act_as(0, kernel.getgid())


def _pass_packets(
    kernel: IKernel, wishes: Wishes, device: int, relief: Relief, handed: Handed | None = None
) -> None:
    """Pass packets on until somebody comes, who gets the link."""
    from twisted.internet.epollreactor import EPollReactor

    for number in _ENDS:
        signal.signal(number, signal.SIG_DFL)
    for number in _MEANT_FOR_OTHERS:
        signal.signal(number, signal.SIG_IGN)
    kernel.set_process_name(f"uwsgid tuntap {wishes.device}")
    # the one that twistd imported stays as it is, for the master
    reactor: Any = EPollReactor()
    client = Client(reactor, _say_nothing, wishes, device)
    left: list[Handed | None] = []
    reactor.addReader(_Bell(relief, reactor))
    reactor.callWhenRunning(client.start if handed is None else partial(client.resume, handed))
    # afterwards the reactor calls all it watches lost
    reactor.addSystemEventTrigger("before", "shutdown", lambda: left.append(client.hand_on()))
    reactor.run(installSignalHandlers=False)
    relief.give(wishes.mark, left[0])


def _say_nothing(text: str) -> None:
    """The process that comes after has the same to say."""


@implementer(IReadDescriptor)
class _Bell:
    """Where the stand-in hears that its time is over."""

    def __init__(self, relief: Relief, reactor: Any) -> None:
        self._relief = relief
        self._reactor = reactor

    def fileno(self) -> int:
        return self._relief.answers

    def logPrefix(self) -> str:
        return "tuntap stand-in"

    def doRead(self) -> None:
        self._relief.asked()
        self._reactor.removeReader(self)
        self._reactor.stop()

    def connectionLost(self, reason: Failure) -> None:
        """The reactor stops."""
