"""A gateway between a client and instances that the test plays: real sockets, one process, our clock."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.gateways.http_router import Door, HttpTerms, Router
from uwsgid.gateways.http_upstream import Node, Nodes
from uwsgid.testing import MemoryReactor
from uwsgid.wire.events import BodyChunk, RequestHead
from uwsgid.wire.limits import Limits
from uwsgid.wire.uwsgi import UwsgiDecoder

PATIENCE = 30.0
GET = b"GET /a?b=c HTTP/1.1\r\nHost: shop.example\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Played:
    """An instance whose worker is the test."""

    def __init__(self, case: Stage, name: str) -> None:
        self.case = case
        self.path = case.place(name)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(64)
        self.listener.setblocking(False)
        case.addCleanup(self.listener.close)

    @property
    def node(self) -> Node:
        return Node(self.path, socket.AF_UNIX, self.path)

    def accept(self) -> socket.socket:
        """The next connection of the gateway."""

        def look() -> socket.socket | None:
            try:
                return self.listener.accept()[0]
            except BlockingIOError:
                return None

        found: socket.socket = self.case.until(look)
        found.setblocking(False)
        self.case.addCleanup(found.close)
        return found

    def asked(self) -> tuple[socket.socket, dict[str, str], bytes]:
        """The next request as a whole: its connection, variables and body."""
        connection = self.accept()
        head, body = self.read(connection)
        return connection, head.vars, body

    def read(self, connection: socket.socket) -> tuple[RequestHead, bytes]:
        """One request of *connection*."""
        decoder = UwsgiDecoder({}, Limits(buffer_size=65535, max_vars=1000))
        head: RequestHead | None = None
        body = b""

        def look() -> RequestHead | None:
            nonlocal head, body
            data = self.case.receive(connection)
            if data:
                decoder.feed(data)
            while isinstance(event := decoder.next_event(), (RequestHead, BodyChunk)):
                if isinstance(event, RequestHead):
                    head = event
                else:
                    body += event.data
            return head if head is not None and len(body) >= (head.body_length or 0) else None

        found: RequestHead = self.case.until(look)
        return found, body


class Stage(SynchronousTestCase):
    """A router whose sides are the test's."""

    terms = HttpTerms(keep_alive=True)

    def setUp(self) -> None:
        self.folder = self.mktemp()
        os.mkdir(self.folder)
        here = os.getcwd()
        os.chdir(self.folder)
        self.addCleanup(os.chdir, here)
        self.lines: list[str] = []
        self.reactor = MemoryReactor()
        self.router = self.made()
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(64)
        self.addCleanup(self.listener.close)
        self.instance = Played(self, "app.sock")

    def place(self, name: str) -> str:
        """A short path."""
        return name

    def made(self) -> Router:
        limits = Limits(buffer_size=4096, max_vars=50, extension=0)
        return Router(self.reactor, self.lines.append, self.terms, limits, Nodes(()))

    def open(self, *nodes: Node, fallbacks: tuple[Node, ...] = (), **more: Any) -> None:
        """Let the gateway begin, with these instances or with the one."""
        self.router.nodes = Nodes(nodes or (self.instance.node,), fallbacks)
        self.router.start([Door(self.listener.fileno(), ":80", {"SERVER_NAME": "me"}, **more)])
        self.addCleanup(self.router.leave)

    def until(self, look: Callable[[], Any]) -> Any:
        """Let the gateway work until *look* finds something true."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = look()
            if found:
                return found
            self.work()
        raise AssertionError("waited in vain: " + "\n".join(self.lines))

    def work(self) -> None:
        """One turn of the gateway."""
        self.router.rounds.doRead()
        self.reactor.advance(0)

    def later(self, seconds: float) -> None:
        """Let time pass for whoever waits."""
        for session in self.router.sessions:
            session.deadline -= seconds
        self.reactor.advance(1.0)
        self.work()

    def receive(self, connection: socket.socket) -> bytes | None:
        """What is there; None for nothing yet."""
        try:
            return connection.recv(1 << 16)
        except BlockingIOError:
            return None
        except ConnectionResetError:
            return b""

    def client(self, data: bytes = b"") -> socket.socket:
        """A client that said *data*."""
        made = socket.create_connection(self.listener.getsockname())
        made.setblocking(False)
        self.addCleanup(made.close)
        if data:
            made.send(data)
        return made

    def heard(self, client: socket.socket, size: int) -> bytes:
        """*size* bytes that a client got."""
        got = b""

        def look() -> bool:
            nonlocal got
            data = self.receive(client)
            if data == b"":
                raise AssertionError(f"the end after {got!r}: {self.lines}")
            got += data or b""
            return len(got) >= size

        self.until(look)
        return got

    def all_heard(self, client: socket.socket) -> bytes:
        """All that a client gets until its connection ends."""
        got: list[bytes] = []

        def look() -> bool:
            data = self.receive(client)
            if data:
                got.append(data)
            return data == b""

        self.until(look)
        return b"".join(got)
