"""The loop with a Twisted reactor."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.loops import loop_cases
from tests.loops.support import PATIENCE, hello, read_all, read_answer, request
from uwsgid.families import loop_engines
from uwsgid.loops.reactor import Reactor


class ReactorTests(loop_cases.LoopCase):
    """All that holds of loops, and what only this one can do."""

    loop = "reactor"
    cores = 2

    def test_is_chosen_by_name(self) -> None:
        """The engine is known as reactor."""
        self.assertIs(loop_engines["reactor"], Reactor)

    def test_serves_several_at_a_time(self) -> None:
        """As many requests as there are cores are in progress together; one more waits for a core."""
        together = threading.Barrier(2, timeout=PATIENCE)

        def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            together.wait()
            return hello(environ, start_response)

        worker = self.run_worker(app)
        clients = [self.uwsgi(worker) for _ in range(4)]
        for client in clients:
            client.sendall(request())
        for client in clients:
            self.assertTrue(read_all(client).endswith(b"hello /"))

    def test_a_large_upload(self) -> None:
        """A body that is larger than the inbox arrives whole, and what follows it is the next request."""

        def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            start_response("200 OK", [])
            return [b"%d" % sum(len(line) for line in environ["wsgi.input"])]

        worker = self.run_worker(app)
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

        worker = self.run_worker(app)
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

        worker = self.run_worker(app)
        client = self.uwsgi(worker)
        client.sendall(request(PATH_INFO="/endless"))
        client.recv(10)
        client.close()
        self.assertTrue(self.ask(worker, request()).endswith(b"done"))
        worker.leave(17)
        self.assertEqual(worker.join(), 17)

    def test_a_fresh_reactor(self) -> None:
        """A process whose reactor was made before a fork gets another one."""
        code = (
            "from twisted.internet import reactor as old\n"
            "from uwsgid.loops.reactor import fresh_reactor\n"
            "new = fresh_reactor()\n"
            "from twisted.internet import reactor\n"
            "assert new is reactor and new is not old, (old, new)\n"
            "new.callWhenRunning(new.stop)\n"
            "new.run(installSignalHandlers=False)\n"
        )
        done = subprocess.run([sys.executable, "-c", code], env={**os.environ}, timeout=60, check=False)
        self.assertEqual(done.returncode, 0)
