"""One client of the reactor's loop: a thin shell over the decoders and the cycle of all loops.

It asks the cycle what bytes mean, whatever protocol of the web they are in, leaves requests to the engine
(`uwsgid.loops.reactor`), and does with its connection what the cycle wants done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure

from uwsgid.loops.limits import FAREWELL_GRACE
from uwsgid.loops.reactor_connection import ReactorConnection
from uwsgid.request.connection import Connection, Next

if TYPE_CHECKING:
    from uwsgid.host import Listener
    from uwsgid.loops.reactor import Reactor


class ServerProtocol(Protocol):
    """One client.  It carries bytes, and decides nothing."""

    transport: Any

    def __init__(self, engine: Reactor, connect: Callable[[int, Any], Connection]) -> None:
        self._engine = engine
        self._connect = connect
        self._timer: Any = None
        self.connection: ReactorConnection
        self.waits = Next.PARK_HEAD
        self.busy = False

    def connectionMade(self) -> None:
        peer = self.transport.getPeer()
        address = (peer.host, peer.port) if isinstance(peer, (IPv4Address, IPv6Address)) else ""
        plain = self._connect(self.transport.getHandle().fileno(), address)
        self.connection = ReactorConnection(plain, self.transport, self._engine.reactor)
        self._engine.make_room()
        self.park(Next.PARK_HEAD)

    def dataReceived(self, data: bytes) -> None:
        if self.busy:
            self.connection.deliver(data)
        elif self.waits is Next.LINGER:
            pass
        else:
            self._read(data)

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008
        self._no_timer()
        self._engine.protocols.pop(self, None)
        self.connection.lose()
        if self.connection.sending is not None:
            self.connection.sending.stopProducing()
            self._engine.look()
        elif not self.busy:
            if self.connection.received:
                self._engine.cycle.abandon(self.connection, "client closed connection")
            self._engine.look()

    def _read(self, data: bytes) -> None:
        prepared = self._engine.cycle.prepare(self.connection, data)
        if isinstance(prepared, Next):
            self.conclude(prepared)
        else:
            self.busy = True
            self._no_timer()
            self._engine.submit(self, prepared)

    def conclude(self, after: Next) -> None:
        """Do what the cycle wants done with the connection."""
        sending = self.connection.sending
        if sending is not None and not sending.is_over:
            self.transport.unregisterProducer()
            sending.start(self.transport, self._engine.reactor, self._sent)
            return
        self.busy = False
        rest = self.connection.rest()
        if after is Next.CLOSE:
            self.leave()
        elif after is Next.LINGER:
            self.park(after)
            self.transport.unregisterProducer()
            self.transport.loseWriteConnection()
        elif rest or after is Next.AGAIN:
            self._read(rest)
        else:
            self.park(after)

    def _sent(self) -> None:
        """The file behind the answer was written, as far as that was possible."""
        self.conclude(Next.LINGER if self.connection.has_more else Next.CLOSE)

    def park(self, why: Next) -> None:
        """Wait for the client, for so long as that may take."""
        limit = self._engine.limits[why]
        if why is Next.PARK_HEAD and self.waits is why and self._timer is not None:
            return  # a head has one deadline, however many pieces it comes in
        self.waits = why
        self._no_timer()
        self._timer = self._engine.reactor.callLater(limit, self._expire)
        self._engine.protocols.pop(self, None)
        self._engine.protocols[self] = None

    def hasten(self) -> None:
        """The worker leaves: wait only a little for a next request."""
        if (
            not self.busy
            and not self.transport.disconnecting
            and not self.connection.received
            and self._timer is not None
        ):
            self._timer.reset(min(FAREWELL_GRACE, self._engine.limits[self.waits]))

    def _expire(self) -> None:
        self._timer = None
        self._engine.cycle.expire(self.connection, self.waits)
        self.leave()

    def leave(self) -> None:
        """End the connection once everything is written, or the client has taken nothing for too long."""
        self.transport.unregisterProducer()
        self.transport.loseConnection()
        self._no_timer()
        if self in self._engine.protocols:
            limit = self.connection.terms.timeout
            self._timer = self._engine.reactor.callLater(limit, self.transport.abortConnection)

    def _no_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class ServerFactory(Factory):
    """Makes a protocol for each client of one listener."""

    noisy = False

    def __init__(self, engine: Reactor, listener: Listener) -> None:
        self._engine = engine
        self._connect = engine.cycle.connector(listener)

    def buildProtocol(self, addr: Any) -> ServerProtocol:
        return ServerProtocol(self._engine, self._connect)
