"""What an application and its client have of each other where a transport stands between them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.loops.support import WorkerCase, read_all, read_answer, request


class ReactorConnectionTests(WorkerCase):
    def test_a_large_upload(self) -> None:
        """A body that is larger than the inbox arrives whole, and what follows it is the next request."""

        def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            start_response("200 OK", [])
            return [b"%d" % sum(len(line) for line in environ["wsgi.input"])]

        worker = self.worker(app, loop="reactor", cores=2)
        client = self.http(worker)
        size = 3 << 20
        head = f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n".encode()
        data = (head + b"line\n" * (size // 5) + b"x" * (size % 5)) * 2
        sender = threading.Thread(target=client.sendall, args=(data,))
        sender.start()
        self.addCleanup(sender.join)
        for _ in range(2):
            self.assertEqual(read_answer(client)[1], str(size).encode())

    def test_a_slow_reader_holds_the_application_back(self) -> None:
        """An application can not write more than the transport takes; once the client reads it goes on."""
        written: list[int] = []

        def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
            start_response("200 OK", [])
            for _ in range(100):
                written.append(1)
                yield bytes(1 << 18)

        worker = self.worker(app, loop="reactor", cores=2)
        client = self.uwsgi(worker)
        client.sendall(request())
        client.recv(10)
        threading.Event().wait(0.3)
        self.assertLess(len(written), 50)
        total = len(read_all(client))
        self.assertGreater(total, 100 << 18)
        self.assertEqual(len(written), 100)

    def test_a_client_that_leaves(self) -> None:
        """A client that leaves within an answer ends it, and the worker goes on."""

        def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
            start_response("200 OK", [])
            while environ["PATH_INFO"] == "/endless":
                yield bytes(1 << 16)
            yield b"done"

        worker = self.worker(app, loop="reactor", cores=2)
        client = self.uwsgi(worker)
        client.sendall(request(PATH_INFO="/endless"))
        client.recv(10)
        client.close()
        self.assertTrue(self.ask(worker, request()).endswith(b"done"))
        worker.leave(17)
        self.assertEqual(worker.join(), 17)
