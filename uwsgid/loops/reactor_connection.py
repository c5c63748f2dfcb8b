"""A connection whose bytes a Twisted transport moves.

Bytes belong to the reactor's thread, applications run in others: what arrives for a request in progress goes
through a bounded inbox, what is answered goes through the transport, which holds the application back while
the client is slow.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from uwsgid.errors import PeerTimeout
from uwsgid.request.connection import COPY_SIZE, Connection

#: Bytes of a body that wait for an application before the client is held back.
_INBOX: Final = 1 << 18


@implementer(IPushProducer)
class ReactorConnection(Connection):
    """A connection whose bytes a transport moves.

    `receive`, `send` and `send_file` are called in the thread of an application, all other methods in the
    reactor's.
    """

    __slots__ = ("_arrived", "_holding", "_inbox", "_lost", "_reactor", "_size", "_transport", "_writable",
                 "sending")  # fmt: skip

    def __init__(self, plain: Connection, transport: Any, reactor: Any) -> None:
        super().__init__(plain.fd, plain.peer, plain.listener, plain.station, plain.terms)
        self.decoder = plain.decoder
        self._transport = transport
        self._reactor = reactor
        self._inbox: deque[bytes] = deque()
        self._size = 0
        self._arrived = threading.Condition()
        self._writable = threading.Event()
        self._writable.set()
        self._holding = False
        self._lost = False
        #: the file that is sent behind the answer, a `uwsgid.loops.sending.Sending`; None mostly
        self.sending: Any = None
        transport.registerProducer(self, True)

    # ---- in the reactor's thread ---------------------------------------------------------------------------

    def deliver(self, data: bytes) -> None:
        """Keep *data* for the request in progress."""
        with self._arrived:
            self._inbox.append(data)
            self._size += len(data)
            if self._size > _INBOX and not self._holding:
                self._holding = True
                self._transport.pauseProducing()
            self._arrived.notify_all()

    def lose(self) -> None:
        """The client is gone: whoever waits for it need not wait any more."""
        with self._arrived:
            self._lost = True
            self._arrived.notify_all()
        self._writable.set()

    def rest(self) -> bytes:
        """What arrived and was not read by the request."""
        with self._arrived:
            data = b"".join(self._inbox)
            self._inbox.clear()
            self._size = 0
        self._go_on()
        return data

    @property
    def has_more(self) -> bool:
        """Whether something arrived that nobody read."""
        return bool(self._inbox)

    def _go_on(self) -> None:
        if self._holding and not self._lost:
            self._holding = False
            self._transport.resumeProducing()

    def pauseProducing(self) -> None:
        self._writable.clear()

    def resumeProducing(self) -> None:
        self._writable.set()

    def stopProducing(self) -> None:
        self.lose()

    def send_now(self, data: bytes) -> None:
        self._transport.write(data)

    def say_last_word(self) -> None:
        """The transport ends its half once everything is written, see `uwsgid.loops.reactor_protocol`."""

    def close(self) -> None:
        """The transport's descriptor is the transport's to close."""

    # ---- in the thread of an application -------------------------------------------------------------------

    @property
    def watched_fd(self) -> int:
        return -1  # the reactor reads it

    @property
    def is_lost(self) -> bool:
        return self._lost

    def receive(self, most: int, seconds: float = 0.0) -> bytes:
        seconds = seconds or self.terms.timeout
        with self._arrived:
            if not self._arrived.wait_for(lambda: self._inbox or self._lost, seconds):
                raise PeerTimeout(f"the client did not send anything for {seconds:g} seconds")
            return self._take(most)

    def receive_now(self, most: int) -> bytes | None:
        with self._arrived:
            return self._take(most) if self._inbox or self._lost else None

    def _take(self, most: int) -> bytes:
        if not self._inbox:
            return b""
        data = self._inbox.popleft()
        if len(data) > most:
            self._inbox.appendleft(data[most:])
            data = data[:most]
        self._size -= len(data)
        if self._holding and self._size < _INBOX // 2:
            self._reactor.callFromThread(self._go_on)
        return data

    def send(self, data: bytes) -> None:
        if not self._writable.wait(self.terms.timeout):
            raise PeerTimeout(f"the client did not take any of the answer for {self.terms.timeout:g} seconds")
        if self._lost:
            raise BrokenPipeError(32, "Broken pipe")
        self._reactor.callFromThread(self._transport.write, data)
        if len(data) >= COPY_SIZE:
            # the reactor hears of it later than a fast application goes on: do not outrun it
            written = threading.Event()
            self._reactor.callFromThread(written.set)
            written.wait(self.terms.timeout)

    def send_parts(self, parts: Sequence[bytes | memoryview]) -> None:
        self.send(b"".join(parts))

    def send_file(self, fd: int, offset: int | None, count: int | None) -> int:
        return self._copy_file(fd, offset, count)
