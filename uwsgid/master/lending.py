"""``setns-socket``: whoever connects gets our namespaces (`uwsgid.isolation.setns` has the bytes).

The socket was bound by the boot, with a mode that lets nobody but our user connect.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Collection, Sequence
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from uwsgid.errors import KernelError
from uwsgid.interfaces import IKernel
from uwsgid.isolation.setns import offer, open_namespaces


@implementer(IReadDescriptor)
class Lender:
    """Answers connections, each with one message.

    :param listener: the descriptor that is listened on.
    :param lent: what is passed; where it is empty, the namespaces that we have when somebody asks.
    :param skipped: the names of namespaces that are not passed.
    """

    def __init__(
        self,
        reactor: Any,
        kernel: IKernel,
        listener: int,
        lent: Sequence[int],
        skipped: Collection[str],
        say: Callable[[str], None],
    ) -> None:
        self._reactor = reactor
        self._kernel = kernel
        self._listener = listener
        self._lent = lent
        self._skipped = skipped
        self._say = say

    def start(self) -> None:
        """Answer from now on."""
        self._reactor.addReader(self)

    def stop(self) -> None:
        """Answer no more.  The socket stays open, for a reload."""
        self._reactor.removeReader(self)

    def fileno(self) -> int:
        return self._listener

    def logPrefix(self) -> str:
        return "setns"

    def doRead(self) -> None:
        with socket.socket(fileno=os.dup(self._listener)) as listener:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # somebody changed his mind
        with connection:
            # whoever reads nothing must not keep us waiting; one message always fits
            connection.setblocking(False)
            opened: Sequence[int] = ()
            try:
                opened = () if self._lent else open_namespaces(self._kernel, self._skipped)
                offer(connection, self._lent or opened)
            except (OSError, KernelError) as error:
                self._say(f"setns-socket: {error}")
            finally:
                for descriptor in opened:
                    with contextlib.suppress(OSError):
                        self._kernel.close(descriptor)

    def connectionLost(self, reason: Failure) -> None:
        self.stop()
