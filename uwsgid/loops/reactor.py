"""The loop of a worker in which a Twisted reactor runs, for applications that want one.

The protocols here are thin shells over the same decoders and the same cycle as everywhere else.  Bytes belong
to the reactor's thread, applications run in its thread pool, one for each core: what arrives for a request in
progress goes through a bounded inbox, what is answered goes through the transport, which holds the
application back while the client is slow.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IPushProducer, IReadDescriptor
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from uwsgid.errors import PeerTimeout
from uwsgid.families import loop_engines
from uwsgid.loops.limits import FAREWELL_GRACE, SPARED_FIRST, hurry, most_parked, patience
from uwsgid.request.connection import COPY_SIZE, Connection, Cycling, Next
from uwsgid.request.offload_options import Offloading
from uwsgid.request.serving import Serving

if TYPE_CHECKING:
    from uwsgid.host import Listener

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
        """The transport ends its half once everything is written, see `ServerProtocol.conclude`."""

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


class ServerProtocol(Protocol):
    """One client.  It carries bytes, and decides nothing."""

    speaks: ClassVar[str] = ""
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


class UwsgiServerProtocol(ServerProtocol):
    """A front end that speaks uwsgi."""

    speaks = "uwsgi"


class HttpServerProtocol(ServerProtocol):
    """An HTTP client."""

    speaks = "http"


class FastCgiServerProtocol(ServerProtocol):
    """A front end that speaks FastCGI."""

    speaks = "fastcgi"


class FastCgiNphServerProtocol(ServerProtocol):
    """The same, where answers begin with a status line."""

    speaks = "fastcgi-nph"


class ScgiServerProtocol(ServerProtocol):
    """A front end that speaks SCGI."""

    speaks = "scgi"


class ScgiNphServerProtocol(ServerProtocol):
    """The same, where answers begin with a status line."""

    speaks = "scgi-nph"


class PuwsgiServerProtocol(ServerProtocol):
    """A front end that speaks uwsgi and keeps its connection."""

    speaks = "puwsgi"


_PROTOCOLS: Final[dict[str, type[ServerProtocol]]] = {
    cls.speaks: cls
    for cls in (
        UwsgiServerProtocol,
        HttpServerProtocol,
        FastCgiServerProtocol,
        FastCgiNphServerProtocol,
        ScgiServerProtocol,
        ScgiNphServerProtocol,
        PuwsgiServerProtocol,
    )
}


class _ServerFactory(Factory):
    """Makes a protocol for each client of one listener."""

    noisy = False

    def __init__(self, engine: Reactor, listener: Listener) -> None:
        self._engine = engine
        self._connect = engine.cycle.connector(listener)
        self._kind = _PROTOCOLS[listener.protocol or "uwsgi"]

    def buildProtocol(self, addr: Any) -> ServerProtocol:
        return self._kind(self._engine, self._connect)


@implementer(IReadDescriptor)
class _Wakeup:
    """Something that is not a client and may be readable."""

    def __init__(self, fd: int, call: Callable[[], None], then: Callable[[], None]) -> None:
        self._fd = fd
        self._call = call
        self._then = then

    def fileno(self) -> int:
        return self._fd

    def logPrefix(self) -> str:
        return "wake-up"

    def doRead(self) -> None:
        self._call()
        self._then()

    def connectionLost(self, reason: Failure) -> None:
        """Nothing of ours ends with the reactor."""


@loop_engines.member("reactor", "twisted")
class Reactor:
    """Runs a Twisted reactor; applications answer in threads and may use it.

    :param cycle: what serves requests; each core gets its own by `Cycling.on_core`.
    :param reactor: None makes a fresh one when `run` is called.
    """

    def __init__(self, serving: Serving, cycle: Cycling, reactor: Any = None) -> None:
        self._serving = serving
        self.cycle = cycle
        self.reactor = reactor
        #: all clients, those longest without a request first
        self.protocols: dict[ServerProtocol, None] = {}
        self.limits = patience(cycle.terms)
        self._most = most_parked()
        self._cores = [cycle.on_core(core) for core in range(serving.cores)]
        self._free = deque(range(serving.cores))
        self._waiting: deque[tuple[ServerProtocol, Any]] = deque()
        self._ports: list[Any] = []
        self._accepting = True
        self._leaving = False
        self._stopped = False
        if serving.settings[Offloading].threads:
            from uwsgid.loops.sending import ReactorSenders

            serving.offload = ReactorSenders(serving)

    def run(self) -> int:
        """Serve until the farewell is due and nobody waits any more; the exit code."""
        if self.reactor is None:
            self.reactor = fresh_reactor()
        reactor = self.reactor
        reactor.suggestThreadPoolSize(self._serving.cores)
        self.listen()
        reactor.run(installSignalHandlers=False)
        return self._serving.farewell.code

    def listen(self) -> None:
        """Begin to accept, and to watch what has to be watched."""
        for listener in self._serving.listeners:
            os.set_blocking(listener.fd, False)
            with listener.socket() as sock:
                hurry(sock)
                family = sock.family
                self._ports.append(
                    self.reactor.adoptStreamPort(listener.fd, family, _ServerFactory(self, listener))
                )
                sock.detach()
        for fd, call in self._serving.wakeups:
            self.reactor.addReader(_Wakeup(fd, call, self.look))
        self.reactor.callWhenRunning(self.look)

    def make_room(self) -> None:
        """Where too many clients wait, close who can best be spared."""
        if len(self.protocols) >= self._most:
            for why in SPARED_FIRST:
                for protocol in self.protocols:
                    if protocol.waits is why and not protocol.busy:
                        protocol.leave()
                        return

    def submit(self, protocol: ServerProtocol, prepared: Any) -> None:
        """Serve a request as soon as a core is free."""
        if self._free:
            self.reactor.callInThread(self._serve, self._free.popleft(), protocol, prepared)
        else:
            self._waiting.append((protocol, prepared))

    def _serve(self, core: int, protocol: ServerProtocol, prepared: Any) -> None:
        # `import uwsgi` finds out by this which request the thread is working on
        threading.current_thread().core = core  # type: ignore[attr-defined]
        prepared[0].core = core  # it was prepared before it was known who would be free
        after = Next.CLOSE
        try:
            after = self._cores[core].serve(protocol.connection, prepared)
        finally:
            self.reactor.callFromThread(self._served, core, protocol, after)

    def _served(self, core: int, protocol: ServerProtocol, after: Next) -> None:
        self._free.append(core)
        if self._waiting:
            self.submit(*self._waiting.popleft())
        if protocol in self.protocols:
            protocol.conclude(after)
        elif protocol.connection.sending is not None:
            protocol.connection.sending.stopProducing()
        self.look()

    def look(self) -> None:
        """See whether the farewell has changed."""
        farewell = self._serving.farewell
        accepting = not (farewell.due or farewell.paused)
        if accepting != self._accepting:
            self._accepting = accepting
            for port in self._ports:
                if accepting:
                    port.startReading()
                else:
                    port.stopReading()
        if not farewell.due:
            return
        if not self._leaving:
            self._leaving = True
            for protocol in list(self.protocols):
                protocol.hasten()
        busy = len(self._free) < len(self._cores)
        if not self.protocols and not busy and not self._stopped:
            self._stopped = True
            self.reactor.callLater(0, self.reactor.stop)


def fresh_reactor() -> Any:
    """A reactor of this process's own.

    The one that the master's twistd imported was inherited by the fork, with its poller and its waker; it
    must not run here.
    """
    sys.modules.pop("twisted.internet.reactor", None)
    from twisted.internet import epollreactor

    epollreactor.install()
    return sys.modules["twisted.internet.reactor"]
