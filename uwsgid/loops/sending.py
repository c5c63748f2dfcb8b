"""Files that the reactor of a worker sends, so that no core waits for a slow client.

What `uwsgid.request.offload` does with threads: the request is over for its core as soon as its head is
written; the transport then asks for the file, piece by piece, as the client takes it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, ClassVar, Final

from twisted.internet.interfaces import IPullProducer
from zope.interface import implementer

from uwsgid.loops.reactor_connection import ReactorConnection
from uwsgid.request.connection import Connection
from uwsgid.request.offload import Senders, Transfer

#: Bytes that a transport gets at a time.
_PIECE: Final = 1 << 17


class ReactorSenders(Senders):
    """The reactor, as one who sends files."""

    connections: ClassVar[type[Connection]] = ReactorConnection

    def own(self, connection: Connection) -> int:
        return -1

    def give(self, transfer: Transfer, connection: Connection) -> None:
        """Leave it with the connection, whose protocol begins once the core is done with the request."""
        assert isinstance(connection, ReactorConnection), "no other one was taken"
        connection.sending = Sending(transfer, self)


@implementer(IPullProducer)
class Sending:
    """One file on its way.  Its methods are called in the reactor's thread.

    :ivar is_over: there is no more to be written.
    """

    def __init__(self, transfer: Transfer, senders: Senders) -> None:
        self._transfer = transfer
        self._senders = senders
        self._transport: Any = None
        self._reactor: Any = None
        self._timer: Any = None
        self._then: Callable[[], None] | None = None
        self.is_over = False

    def start(self, transport: Any, reactor: Any, then: Callable[[], None]) -> None:
        """Write to *transport*, which nobody else writes to, and call *then* at the end."""
        self._transport = transport
        self._reactor = reactor
        self._then = then
        self._timer = reactor.callLater(self._transfer.terms.timeout, self._look)
        transport.registerProducer(self, False)

    def resumeProducing(self) -> None:
        """The transport takes more."""
        transfer = self._transfer
        if self.is_over:
            return
        try:
            data = os.pread(transfer.file, min(transfer.left, _PIECE), transfer.offset)
        except OSError as error:
            self._end(error)
            return
        transfer.deadline = time.monotonic() + transfer.terms.timeout
        transfer.offset += len(data)
        transfer.left -= len(data)
        transfer.request.reply.body_size += len(data)
        if data:
            self._transport.write(data)
        if not (data and transfer.left):
            self._end()

    def stopProducing(self) -> None:
        """The client is gone."""
        if not self.is_over:
            self._end(BrokenPipeError(32, os.strerror(32)))

    def _look(self) -> None:
        """See whether the client has taken anything lately."""
        left = self._transfer.deadline - time.monotonic()
        if left > 0:
            self._timer = self._reactor.callLater(left, self._look)
            return
        self._end(late=True)

    def _end(self, error: OSError | None = None, *, late: bool = False) -> None:
        self.is_over = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        try:
            self._senders.report(self._transfer, error, late=late)
        except BaseException:
            self._senders.fail()
        self._transfer.close()
        self._senders.done()
        if self._transport is not None and self._then is not None:
            self._transport.unregisterProducer()
            if error is None and not late:
                self._then()
            else:
                self._transport.abortConnection()
