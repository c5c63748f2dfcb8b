"""The stats server: whoever connects gets the document.

It belongs to the master, which must not wait for anybody: the document is written when the client takes it,
and a client that takes nothing for ``socket-timeout`` seconds is dropped.  uWSGI writes to one client at a
time and stands still meanwhile.

The end of the document is the end of what we send, and the connection is closed when the client closes its
side as well.  A close right after the write would reset connections of HTTP clients, whose request nobody has
read, and they would lose what they came for.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from twisted.application.service import Service
from twisted.internet.interfaces import IHalfCloseableProtocol, IPullProducer, IReactorSocket, IReactorTime
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from uwsgid.errors import KernelError
from uwsgid.host.addresses import Family, parse_address

BACKLOG: Final = 100
MOST_CLIENTS: Final = 64  #: at a time; more than any monitoring has, and few enough to keep their documents
PIECE: Final = 65536  #: bytes that are written at a time
HTTP_HEAD: Final = (
    b"HTTP/1.0 200 OK\r\n"
    b"Connection: close\r\n"
    b"Access-Control-Allow-Origin: *\r\n"
    b"Content-Type: application/json\r\n"
    b"\r\n"
)


@implementer(IHalfCloseableProtocol, IPullProducer)
class StatsProtocol(Protocol):
    """One client."""

    def __init__(self, factory: StatsFactory) -> None:
        self._factory = factory
        self._left = b""
        self._started = False
        self._ended = False
        self._watch: Any = None

    def connectionMade(self) -> None:
        """A raw client has nothing to say, so it gets its answer at once; an HTTP client asks first."""
        self._factory.clients.add(self)
        self._patience()
        if not self._factory.http:
            self._answer(b"")

    def dataReceived(self, data: bytes) -> None:
        """The content is not looked at, as in uWSGI (core/stats.c, uwsgi_send_stats)."""
        if self._factory.http and not self._started:
            self._answer(HTTP_HEAD)

    def readConnectionLost(self) -> None:
        """The client closed its side: fine when it has been answered or still can be, the end when not."""
        if not self._started or self._ended:
            self._transport().loseConnection()

    def writeConnectionLost(self) -> None:
        """Everything was written; now the client may close."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The client is gone."""
        self._factory.clients.discard(self)
        self._left = b""
        if self._watch is not None and self._watch.active():
            self._watch.cancel()

    def resumeProducing(self) -> None:
        """The client took what there was; here is more."""
        self._patience()
        piece, self._left = self._left[:PIECE], self._left[PIECE:]
        transport = self._transport()
        if piece:
            transport.write(piece)
        if not self._left:
            transport.unregisterProducer()
            transport.loseWriteConnection()
            self._ended = True

    def stopProducing(self) -> None:
        """The connection broke while it was written to."""
        self._left = b""

    def drop(self) -> None:
        """End the connection at once, whatever was not written."""
        self._transport().abortConnection()

    def _answer(self, head: bytes) -> None:
        self._started = True
        self._left = head + self._factory.document()
        self._transport().registerProducer(self, False)

    def _patience(self) -> None:
        if self._watch is not None and self._watch.active():
            self._watch.cancel()
        self._watch = self._factory.clock.callLater(self._factory.timeout, self.drop)

    def _transport(self) -> Any:
        return self.transport


class StatsFactory(Factory):
    """Makes a `StatsProtocol` for each client.

    :param document: makes what is sent, anew for each client.
    :param http: the option ``stats-http``.
    :param timeout: seconds that a client may take for each piece (``socket-timeout``).
    :ivar clients: those that are connected.
    """

    noisy = False

    def __init__(
        self, document: Callable[[], bytes], clock: IReactorTime, *, http: bool = False, timeout: float = 4
    ) -> None:
        self.document = document
        self.clock: Any = IReactorTime(clock)
        self.http = http
        self.timeout = timeout
        self.clients: set[StatsProtocol] = set()

    def buildProtocol(self, addr: object) -> StatsProtocol | None:
        """A protocol, or None, which closes the connection, when there are too many clients."""
        return StatsProtocol(self) if len(self.clients) < MOST_CLIENTS else None


def listen(
    address: str, *, mode: int | None = None, owner: tuple[int, int] | None = None, backlog: int = BACKLOG
) -> socket.socket:
    """A listening, non-blocking socket at *address*.

    :param mode: of the file of a UNIX socket (``chmod-socket``).
    :param owner: uid and gid of that file (``chown-socket``).
    :raises AddressError: *address* is none.
    :raises KernelError: it can not be bound.
    """
    # an abstract name without the NUL that request sockets have behind it: uwsgitop connects without
    target = replace(parse_address(address), padded=False)
    kind = {Family.INET: socket.AF_INET, Family.INET6: socket.AF_INET6}.get(target.family, socket.AF_UNIX)
    made = socket.socket(kind, socket.SOCK_STREAM)
    try:
        if target.family is Family.UNIX:
            _remove_stale(target.path)
        else:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(target.sockaddr())
        if target.family is Family.UNIX:
            if owner is not None:
                os.chown(target.path, *owner)
            if mode is not None:
                os.chmod(target.path, mode)
        made.listen(backlog)
        made.setblocking(False)
    except OSError as error:
        made.close()
        reason = os.strerror(error.errno) if error.errno else str(error)
        hint = "; another process has it" if error.errno == errno.EADDRINUSE else ""
        raise KernelError(f"can not serve stats on {address}: {reason}{hint}") from None
    return made


def _remove_stale(path: str) -> None:
    """Remove a socket that an earlier life left; anything else stands in the way and stays."""
    try:
        if stat.S_ISSOCK(os.stat(path).st_mode):
            os.unlink(path)
    except FileNotFoundError:
        pass


class StatsService(Service):
    """Listens while the master runs.

    :param address: the option ``stats``.
    :param factory: makes the protocols.
    :param reactor: adopts the socket.
    :param say: writes a server line.
    :param mode: see `listen`.
    :param owner: see `listen`.
    """

    name = "stats"

    def __init__(
        self,
        address: str,
        factory: StatsFactory,
        reactor: IReactorSocket,
        say: Callable[[str], None],
        *,
        mode: int | None = None,
        owner: tuple[int, int] | None = None,
    ) -> None:
        self._address = address
        self._factory = factory
        self._reactor: Any = IReactorSocket(reactor)
        self._say = say
        self._mode = mode
        self._owner = owner
        self._port: Any = None

    def startService(self) -> None:
        """Bind and listen.

        :raises KernelError: the address can not be bound.
        """
        super().startService()
        with listen(self._address, mode=self._mode, owner=self._owner) as bound:
            self._port = self._reactor.adoptStreamPort(bound.fileno(), bound.family, self._factory)
        self._say(f"*** Stats server enabled on {self._address} fd: {self._port.fileno()} ***")

    def stopService(self) -> Any:
        """Stop listening and drop the clients."""
        super().stopService()
        for client in tuple(self._factory.clients):
            client.drop()
        port, self._port = self._port, None
        return port.stopListening() if port is not None else None
