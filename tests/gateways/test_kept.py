"""The gateway and the workers of its own instance, whose connections are kept."""

from __future__ import annotations

import socket

from tests.gateways.http_stage import GET, OK, Stage
from uwsgid.gateways.http_router import HttpTerms, Router
from uwsgid.gateways.http_upstream import Nodes
from uwsgid.wire.limits import Limits

CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n0\r\n\r\n"


class Kept(Stage):
    """Workers are the test."""

    per_worker = 1

    def made(self) -> Router:
        limits = Limits(buffer_size=16384, max_vars=50, extension=0)
        return Router(
            self.reactor, self.lines.append, self.terms, limits, Nodes(()), per_worker=self.per_worker
        )

    def begin(self) -> None:
        node = self.instance.node
        node.is_own = True
        self.open(node)

    def worker(self, pid: int) -> socket.socket:
        """A worker accepts, and says who it is."""
        accepted = self.instance.accept()
        accepted.send(pid.to_bytes(4, "little"))
        return accepted

    def asks(self, worker: socket.socket, answer: bytes = OK) -> None:
        """A worker gets a request, and answers."""
        self.instance.read(worker)
        worker.send(answer)

    def test_kept(self) -> None:
        """The next request, of whatever client, takes the same connection."""
        self.begin()
        client, other = self.client(GET), self.client()
        worker = self.worker(7)
        self.asks(worker)
        self.assertEqual(self.heard(client, len(OK)), OK)
        for asking in (client, other):
            asking.send(GET)
            self.asks(worker)
            self.assertEqual(self.heard(asking, len(OK)), OK)
        self.assertRaises(BlockingIOError, self.instance.listener.accept)

    def test_busy(self) -> None:
        """A request never waits for a worker that is busy: it gets a connection that anybody may accept."""
        self.begin()
        first, second = self.client(GET), self.client(GET)
        one, two = self.worker(1), self.worker(2)
        self.asks(two)
        self.asks(one)
        self.heard(first, len(OK))
        self.heard(second, len(OK))
        first.send(GET)
        second.send(GET)
        self.asks(one)
        self.asks(two)
        self.heard(first, len(OK))
        self.heard(second, len(OK))

    def test_enough(self) -> None:
        """Of one worker no more connections are kept than it can serve at a time."""
        self.begin()
        clients = [self.client(GET), self.client(GET)]
        workers = [self.worker(1), self.worker(1)]
        for worker in workers:
            self.asks(worker)
        for client in clients:
            self.assertEqual(self.heard(client, len(OK)), OK)
        self.until(lambda: self.router._owned == {1: 1})

    def test_leaving(self) -> None:
        """A worker that says that it closes is left alone, and its client does not hear of it."""
        self.begin()
        client = self.client(GET)
        worker = self.worker(7)
        self.asks(worker, OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        self.assertEqual(self.heard(client, len(OK)), OK)
        self.until(lambda: self.receive(worker) == b"")
        client.send(GET)
        self.asks(self.worker(8))
        self.assertEqual(self.heard(client, len(OK)), OK)

    def test_gone_meanwhile(self) -> None:
        """A kept connection that the worker closed just now costs nobody a request."""
        self.begin()
        client = self.client(GET)
        worker = self.worker(7)
        self.asks(worker)
        self.heard(client, len(OK))
        client.send(GET)
        self.until(lambda: self.router._idle == {})
        worker.close()  # with the request unread
        self.asks(self.worker(8))
        self.assertEqual(self.heard(client, len(OK)), OK)
        self.assertEqual(self.router.retries, 1)

    def test_idle_end(self) -> None:
        """A kept connection that ends while nobody uses it is forgotten."""
        self.begin()
        client = self.client(GET)
        worker = self.worker(7)
        self.asks(worker)
        self.heard(client, len(OK))
        worker.close()
        self.until(lambda: self.router._owned == {})
        self.assertEqual(self.router._idle, {})

    def test_chunks_are_ours(self) -> None:
        """What a worker puts into chunks for the gateway alone is plain for the client."""
        self.begin()
        client = self.client(GET)
        worker = self.worker(7)
        self.asks(worker, CHUNKS)
        self.assertEqual(self.all_heard(client), b"HTTP/1.1 200 OK\r\n\r\nsome")
        client = self.client(GET)
        self.asks(worker)
        self.assertEqual(self.heard(client, len(OK)), OK)

    def test_large_request(self) -> None:
        """What a worker may have read in part is not sent on a connection that may be closing."""
        self.begin()
        client = self.client(GET)
        worker = self.worker(7)
        self.asks(worker)
        self.heard(client, len(OK))
        client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n" + b"x" * 9000)
        other = self.worker(8)
        self.asks(other)
        self.heard(client, len(OK))


class AutoChunked(Kept):
    """With http-auto-chunked."""

    terms = HttpTerms(keep_alive=True, auto_chunked=True)

    def test_chunks_are_ours(self) -> None:
        """What a worker puts into chunks is passed on as it is, and both connections stay."""
        self.begin()
        client = self.client(GET)
        worker = self.worker(7)
        for _ in range(2):
            self.asks(worker, CHUNKS)
            self.assertEqual(self.heard(client, len(CHUNKS)), CHUNKS)
            client.send(GET)


class Alone(Kept):
    """One worker without colleagues."""

    per_worker = 16

    def test_enough(self) -> None:
        """It gets as many connections as there are requests."""
        self.begin()
        clients = [self.client(GET) for _ in range(4)]
        workers = [self.worker(1) for _ in clients]
        for worker in workers:
            self.asks(worker)
        for client in clients:
            self.heard(client, len(OK))
        self.assertEqual(self.router._owned, {1: 4})
        self.assertEqual(len(self.router._idle), 4)
