"""A worker whose front end speaks SCGI."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from typing import Any

from tests.loops.support import Worker, WorkerCase, read_all, until
from uwsgid.supervise.board import RequestKind
from uwsgid.supervise.snapshot import request_vars

Environ = dict[str, Any]
Start = Callable[..., Any]

VARS = {
    "SCGI": "1",
    "REQUEST_METHOD": "GET",
    "REQUEST_URI": "/",
    "PATH_INFO": "/",
    "QUERY_STRING": "",
    "SERVER_PROTOCOL": "HTTP/1.1",
}


def ask(body: bytes = b"", **vars: str) -> bytes:
    """A request as nginx sends it."""
    told = {"CONTENT_LENGTH": str(len(body)), **VARS, **vars}
    block = "".join(f"{name}\0{value}\0" for name, value in told.items()).encode("latin-1")
    return str(len(block)).encode() + b":" + block + b"," + body


def upload(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Says what it was sent."""
    start_response("200 OK", [])
    return [environ["wsgi.input"].read()]


class ScgiTests(WorkerCase):
    """One request, one answer."""

    loop = "simple"

    def front(self, *args: Any, **more: Any) -> Worker:
        return self.worker(*args, **{"loop": self.loop, "protocol": "scgi", **more})

    def test_answer(self) -> None:
        """An answer is a Status and what the application said, and the connection ends behind it."""
        worker = self.front()
        answer = self.ask(worker, ask(PATH_INFO="/shop"))
        self.assertEqual(answer, b"Status: 200 OK\r\nContent-Type: text/plain\r\n\r\nhello /shop")
        until(lambda: worker.served)
        self.assertEqual((worker.served[0].reply.body_size, worker.said), (11, []))

    def test_nph(self) -> None:
        """On an nph socket an answer begins with a status line of HTTP."""
        answer = self.ask(self.front(protocol="scgi-nph"), ask())
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer)

    def test_body(self) -> None:
        """A body arrives whole, however large it is."""
        data = bytes(range(256)) * 2000
        self.assertTrue(self.ask(self.front(upload), ask(data)).endswith(b"\r\n\r\n" + data))

    def test_byte_by_byte(self) -> None:
        """A front end may send byte by byte."""
        client = self.uwsgi(self.front(upload))
        for byte in ask(b"slow"):
            client.sendall(bytes((byte,)))
        self.assertTrue(read_all(client).endswith(b"slow"))

    def test_unread(self) -> None:
        """An answer arrives though the application read nothing of a body."""
        self.assertTrue(self.ask(self.front(), ask(b"x" * 5000)).endswith(b"hello /"))

    def test_a_request_in_progress(self) -> None:
        """While a request is in progress others can see its variables."""
        seen: list[Any] = []

        def app(environ: Environ, start_response: Start) -> Iterable[bytes]:
            seen.append((worker.board.request_kind[0], request_vars(worker.board, 0, 0)))
            start_response("200 OK", [])
            return []

        worker = self.front(app)
        self.ask(worker, ask(PATH_INFO="/busy"))
        self.assertEqual(seen, [(RequestKind.SCGI, {"CONTENT_LENGTH": "0", **VARS, "PATH_INFO": "/busy"})])

    def test_bad(self) -> None:
        """What is not SCGI costs its connection and one line, and the next request is served."""
        for data, text, config in (
            (b"GET / HTTP/1.0\r\n\r\n", "not SCGI: 'GET / HTTP", ""),
            (ask(HTTP_X="x" * 5000), "invalid SCGI request size (max 4096)...skip", ""),
            (ask(A="", B="", C="", D=""), "max-vars", "max-vars = 5"),
            (ask(b"12345"), "limit-post", "limit-post = 4"),
        ):
            worker = self.front(config=config)
            self.assertEqual(self.ask(worker, data), b"")
            until(lambda worker=worker: worker.said)  # type: ignore[misc]
            self.assertEqual(len(worker.said), 1, worker.said)
            self.assertIn(text, worker.said[0])
            self.assertTrue(self.ask(worker, ask()).endswith(b"hello /"))

    def test_a_client_that_leaves_within_a_head(self) -> None:
        """A front end that goes away in the middle of a head leaves one line."""
        worker = self.front()
        client = self.uwsgi(worker)
        client.sendall(ask()[:30])
        client.shutdown(socket.SHUT_WR)
        until(lambda: worker.said)
        self.assertIn("uwsgi_proto_scgi_parser() -> client closed connection", worker.said[0])


class ReactorTests(ScgiTests):
    """The same in the reactor."""

    loop = "reactor"


class ThreadsTests(ScgiTests):
    """The same in threads."""

    loop = "threads"
