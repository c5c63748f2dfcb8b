"""Who passes on the packets of a device while its instance is still starting.

Hooks run long before the process that attends to a device is born (`uwsgid.tuntap.client`), and may need the
network: uWSGI's documentation ends them with a ``ping``.  A device that was handed over is looked after by
its router.  For one whose packets go as frames the boot forks a stand-in; the process that is there to stay
asks it to leave, and begins where it was.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from typing import Any, Final

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from uwsgid.host.addresses import Family
from uwsgid.host.calls import attempt
from uwsgid.interfaces import IKernel
from uwsgid.tuntap.client import Client
from uwsgid.tuntap.wishes import Wishes

_LEAVING_TAKES: Final = 2.0  #: seconds that a stand-in has to leave


def stand_in(kernel: IKernel, wishes: Wishes, device: int) -> int:
    """Fork a stand-in for the attendant of *device*; the descriptor by which it is relieved."""
    ours, theirs = socket.socketpair()
    if attempt("fork()", "a stand-in", kernel.fork) != 0:
        theirs.close()
        return ours.detach()
    code = 1
    try:
        ours.close()
        _be_seen_as_the_user(kernel, wishes)
        kernel.set_parent_death_signal(signal.SIGKILL)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)
        kernel.set_process_name(f"uwsgid tuntap {wishes.device}")
        _pass_packets(theirs, wishes, device)
        code = 0
    finally:
        # whatever the boot wanted to do at its end is not ours to do
        os._exit(code)


def relieve(control: int) -> None:
    """Ask the stand-in to leave, and wait until it has; at once where there is none any more."""
    with socket.socket(fileno=control) as asking, contextlib.suppress(OSError):
        asking.settimeout(_LEAVING_TAKES)
        asking.send(b"\n")
        asking.recv(1)


def _be_seen_as_the_user(kernel: IKernel, wishes: Wishes) -> None:
    """Be who the instance will be, if that one may reach the router."""
    if kernel.geteuid() == 0 and wishes.user != (0, 0):
        kernel.act_as(*wishes.user)
        if wishes.router.family is Family.UNIX and not os.access(
            wishes.router.path, os.W_OK, effective_ids=True
        ):
            kernel.act_as(0, kernel.getgid())


def _pass_packets(control: socket.socket, wishes: Wishes, device: int) -> None:
    from twisted.internet.epollreactor import EPollReactor

    # the one that twistd imported stays as it is, for the master
    reactor: Any = EPollReactor()
    client = Client(reactor, _say_nothing, wishes, device)
    reactor.addReader(_Relief(control, reactor))
    reactor.callWhenRunning(client.start)
    reactor.addSystemEventTrigger("before", "shutdown", client.leave)
    reactor.run(installSignalHandlers=False)


def _say_nothing(text: str) -> None:
    """The process that comes after has the same to say."""


@implementer(IReadDescriptor)
class _Relief:
    """Where the stand-in hears that its time is over."""

    def __init__(self, control: socket.socket, reactor: Any) -> None:
        self._control = control
        self._reactor = reactor

    def fileno(self) -> int:
        return self._control.fileno()

    def logPrefix(self) -> str:
        return "tuntap stand-in"

    def doRead(self) -> None:
        self._reactor.removeReader(self)
        self._reactor.stop()

    def connectionLost(self, reason: Failure) -> None:
        """The reactor stops."""
