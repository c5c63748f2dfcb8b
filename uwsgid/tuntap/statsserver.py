"""The statistics of a router: whoever connects gets the document, or a capture if that is what they ask for.

uWSGI writes its document to whoever connects, and to one at a time.  Here a client has a moment to say what
it came for, `MOMENT`; one that says nothing gets the document then.  ``GET`` gets it behind an HTTP head, and
``capture [filter]`` gets a pcapng stream until it closes the connection (`uwsgid.tuntap.capture`).
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, Final, Protocol

from twisted.internet.interfaces import IReadWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from uwsgid.errors import PeerError
from uwsgid.tuntap.capture import Capture, Filter
from uwsgid.tuntap.listen import Door, Reception

MOMENT: Final = 0.02  #: seconds that a client has to say what it wants
PATIENCE: Final = 4.0  #: seconds that it may take to read the document
MOST_CLIENTS: Final = 64  #: at a time
LONGEST_QUESTION: Final = 4096  #: bytes
CAPTURE_QUEUE: Final = 8 << 20  #: bytes of a capture that may wait for its client
CAPTURE: Final = b"capture"
HTTP_HEAD: Final = (
    b"HTTP/1.0 200 OK\r\n"
    b"Connection: close\r\n"
    b"Access-Control-Allow-Origin: *\r\n"
    b"Content-Type: application/json\r\n"
    b"\r\n"
)


class Subject(Reception, Protocol):
    """What the statistics are about: the router."""

    def document(self) -> bytes:
        """The document as it is now."""

    def begin_capture(self, write: Callable[[bytes], bool], filter: Filter) -> Capture:
        """Show packets to somebody from now on."""

    def end_capture(self, capture: Capture) -> None:
        """Show them no longer."""


class StatsServer:
    """Serves the statistics of one router.

    :param listener: listening and non-blocking; closed with the server.
    :param http: the document has an HTTP head for everybody (``stats-http``).
    """

    def __init__(self, listener: socket.socket, subject: Subject, *, http: bool = False) -> None:
        self.subject = subject
        self.http = http
        self.clients: set[StatsClient] = set()
        self._door = Door(listener, subject, self._enter)

    def start(self) -> None:
        """Begin to accept."""
        self._door.start()

    def close(self) -> None:
        """Accept no more, and drop the clients."""
        self._door.close()
        for client in list(self.clients):
            client.close()

    def _enter(self, connection: socket.socket) -> None:
        if len(self.clients) >= MOST_CLIENTS:
            raise PeerError(f"{MOST_CLIENTS} clients ask for statistics already", status=0)
        StatsClient(connection, self).start()


@implementer(IReadWriteDescriptor)
class StatsClient:
    """One client."""

    def __init__(self, connection: socket.socket, server: StatsServer) -> None:
        self._connection = connection
        self._server = server
        self._reactor: Any = server.subject.reactor
        self._question = b""
        self._left = bytearray()
        self._answered = False
        self._capture: Capture | None = None
        self._timer: Any = None

    def start(self) -> None:
        """Wait for what it says."""
        self._server.clients.add(self)
        self._reactor.addReader(self)
        self._timer = self._reactor.callLater(MOMENT, self._answer)

    def fileno(self) -> int:
        return self._connection.fileno()

    def logPrefix(self) -> str:
        return "tuntap stats"

    def doRead(self) -> None:
        try:
            said = self._connection.recv(LONGEST_QUESTION)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.close()
            return
        if not said:
            if self._answered:
                self.close()
            else:
                self._answer()
            return
        if self._answered:
            return
        self._question += said
        if self._question.startswith(CAPTURE):
            if b"\n" in self._question or len(self._question) > LONGEST_QUESTION:
                self._begin_capture(self._question[len(CAPTURE) :].partition(b"\n")[0])
        elif not CAPTURE.startswith(self._question):
            self._answer()

    def _answer(self) -> None:
        """Send the document."""
        if self._answered:
            return
        self._answered = True
        http = self._server.http or self._question.startswith((b"GET ", b"HEAD "))
        self._left += (HTTP_HEAD if http else b"") + self._server.subject.document()
        self._wait(PATIENCE)
        self._reactor.addWriter(self)

    def _begin_capture(self, text: bytes) -> None:
        self._answered = True
        self._no_timer()
        try:
            filter = Filter(text.decode("utf-8", "replace"))
        except ValueError as error:
            self._left += f"{error}\n".encode()
            self._wait(PATIENCE)
            self._reactor.addWriter(self)
            return
        self._capture = self._server.subject.begin_capture(self._add, filter)

    def _add(self, data: bytes) -> bool:
        """Bytes of a capture.  They are collected, so that a batch of packets is one write."""
        if len(self._left) + len(data) > CAPTURE_QUEUE:
            return False
        if not self._left:
            self._reactor.addWriter(self)
        self._left += data
        return True

    def doWrite(self) -> None:
        try:
            sent = self._connection.send(self._left)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.close()
            return
        del self._left[:sent]
        if self._left:
            return
        self._reactor.removeWriter(self)
        if self._capture is None:
            # closed when the client has closed as well: a close now would reset connections of HTTP clients
            # whose request nobody has read to its end
            self._wait(PATIENCE)
            try:
                self._connection.shutdown(socket.SHUT_WR)
            except OSError:
                self.close()

    def _wait(self, seconds: float) -> None:
        self._no_timer()
        self._timer = self._reactor.callLater(seconds, self.close)

    def _no_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def connectionLost(self, reason: Failure) -> None:
        """The connection broke, or the reactor ends."""
        self.close()

    def close(self) -> None:
        """Let go.  A second call does nothing."""
        if self not in self._server.clients:
            return
        self._server.clients.discard(self)
        self._no_timer()
        if self._capture is not None:
            self._server.subject.end_capture(self._capture)
        self._reactor.removeReader(self)
        self._reactor.removeWriter(self)
        self._connection.close()
