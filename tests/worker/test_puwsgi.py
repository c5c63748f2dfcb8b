"""A worker whose front end speaks uwsgi and keeps its connection."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from typing import Any

from tests.loops.support import Worker, WorkerCase, read_all, read_answer, request, until
from uwsgid.supervise.snapshot import request_vars

Environ = dict[str, Any]
Start = Callable[..., Any]


def hello(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Says the path, and how long that is."""
    body = environ["PATH_INFO"].encode("latin-1")
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


def upload(environ: Environ, start_response: Start) -> Iterable[bytes]:
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", "0")])
    return []


class PuwsgiTests(WorkerCase):
    """Packet after packet."""

    loop = "simple"

    def front(self, app: Any = hello, **more: Any) -> tuple[Worker, socket.socket]:
        worker = self.worker(app, loop=self.loop, protocol="puwsgi", **more)
        return worker, self.uwsgi(worker)

    def test_kept(self) -> None:
        """A connection carries one request after the other."""
        worker, client = self.front()
        for path in ("/1", "/22", "/333"):
            client.sendall(request(PATH_INFO=path))
            head, body = read_answer(client)
            self.assertEqual(body, path.encode())
            self.assertTrue(head.startswith(b"HTTP/1.1 200 OK\r\n"))
        until(lambda: len(worker.served) == 3)

    def test_a_pipeline(self) -> None:
        """Packets that arrive together, or cut anywhere, are answered in their order."""
        shown: list[str] = []

        def app(environ: Environ, start_response: Start) -> Iterable[bytes]:
            shown.append(request_vars(worker.board, 0, 0)["PATH_INFO"])
            return hello(environ, start_response)

        worker, client = self.front(app)
        data = b"".join(request(PATH_INFO=f"/{number}") for number in range(5))
        client.sendall(data + data[:30])
        for byte in data[30:]:
            client.sendall(bytes((byte,)))
        for number in (*range(5), *range(5)):
            self.assertEqual(read_answer(client)[1], f"/{number}".encode())
        self.assertEqual(shown, [f"/{number}" for number in (*range(5), *range(5))])

    def test_no_bodies_as_in_uwsgi_2_0(self) -> None:
        """Reading a body fails with uWSGI's words, and its bytes are never taken for a packet."""
        worker, client = self.front(upload)
        hidden = request(PATH_INFO="/hidden")
        client.sendall(request(CONTENT_LENGTH=str(len(hidden))) + hidden)
        self.assertIn(b" 411 ", read_all(client))
        until(lambda: worker.served)
        self.assertEqual(len(worker.said), 1, worker.said)
        self.assertIn("!!! the current protocol does not support request body !!!", worker.said[0])
        self.assertEqual(len(worker.served), 1)

    def test_an_unread_body(self) -> None:
        """A body that nobody reads ends the connection behind the answer."""
        _, client = self.front()
        client.sendall(request(CONTENT_LENGTH="5") + b"xxxxx" + request())
        self.assertEqual(read_answer(client)[1], b"/")
        self.assertEqual(client.recv(1), b"")

    def test_bad(self) -> None:
        """A bad packet ends the connection, and costs one line."""
        worker, client = self.front()
        client.sendall(request(PATH_INFO="/good") + b"\0\xff\xff\0")
        self.assertEqual(read_answer(client)[1], b"/good")
        self.assertEqual(client.recv(1), b"")
        until(lambda: worker.said)
        self.assertIn("invalid request block size: 65535 (max 4096)...skip", worker.said[0])

    def test_farewell(self) -> None:
        """A worker that leaves lets go of kept connections."""
        worker, client = self.front()
        client.sendall(request())
        read_answer(client)
        worker.leave()
        self.assertEqual(client.recv(1), b"")
        self.assertEqual(worker.join(), 0)


class ReactorTests(PuwsgiTests):
    """The same in the reactor."""

    loop = "reactor"


class ThreadsTests(PuwsgiTests):
    """The same in threads."""

    loop = "threads"
