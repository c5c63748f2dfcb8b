"""Tells when one child process ends, and how: its pidfd becomes readable in the reactor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from uwsgid.errors import KernelError
from uwsgid.host.children import Child, ExitStatus, exit_status, send_signal, watch_child
from uwsgid.interfaces import IKernel


@implementer(IReadDescriptor)
class ExitWatch:
    """Waits for the end of *pid*, reaps it and calls *ended* with its status, once.

    :param pidfd: of a process that is no child of ours, which is ours to close; its status stays unknown.
    :raises KernelError: there is no such process.
    """

    def __init__(
        self,
        reactor: IReactorFDSet,
        kernel: IKernel,
        pid: int,
        ended: Callable[[ExitStatus], None],
        pidfd: int | None = None,
    ) -> None:
        self._reactor: Any = reactor
        self._kernel = kernel
        self._ended = ended
        self._child = watch_child(kernel, pid) if pidfd is None else Child(pid, pidfd)
        self._closed = False
        self._reactor.addReader(self)

    def fileno(self) -> int:
        return -1 if self._closed else self._child.pidfd

    def logPrefix(self) -> str:
        return f"pid {self._child.pid}"

    def signal(self, number: int) -> None:
        """Send a signal to the very process that is watched, never to one that got its number later.

        Whoever ended already does not mind.

        :raises KernelError: we may not, as where it is root and we are not any more.
        """
        if not self._closed:
            send_signal(self._kernel, self._child, number)

    def doRead(self) -> None:
        try:
            status = exit_status(self._kernel, self._child)
        except KernelError:
            status = ExitStatus()  # somebody else reaped it
        if status is not None:
            self.connectionLost(None)
            self._ended(status)

    def connectionLost(self, reason: Failure | None) -> None:
        """Stop watching, without a word."""
        if not self._closed:
            self._reactor.removeReader(self)
            self._closed = True
            self._kernel.close(self._child.pidfd)
