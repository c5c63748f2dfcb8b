"""Files that threads send."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any

from tests.loops.support import (
    PATIENCE,
    Worker,
    WorkerCase,
    get,
    read_all,
    read_answer_of,
    request,
    until,
)
from uwsgid.loops.sending import ReactorSenders
from uwsgid.request.offload import LEAST, Offload
from uwsgid.request.reply import VIA_OFFLOAD

#: More than the kernel keeps for a client that reads nothing.
LARGE = 16 << 20
Start = Callable[..., Any]


class OffloadCase(WorkerCase):
    """A worker whose application sends a file."""

    loop = "simple"

    def setUp(self) -> None:
        self.file = os.path.abspath(self.mktemp())
        self.content = os.urandom(1 << 20) * (LARGE >> 20)
        with open(self.file, "wb") as file:
            file.write(self.content)

    def app(self, environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        """``/file`` is the file, ``/part`` its first bytes, everything else a word."""
        path = environ["PATH_INFO"]
        if path in ("/file", "/part"):
            length = LARGE if path == "/file" else 100_000
            start_response("200 OK", [("Content-Length", str(length))])
            wrapper: Iterable[bytes] = environ["wsgi.file_wrapper"](open(self.file, "rb"))  # noqa: SIM115
            return wrapper
        start_response("200 OK", [("Content-Length", "4")])
        return [b"word"]

    def offloading(self, config: str = "socket-timeout = 60", threads: int = 1, **more: Any) -> Worker:
        worker = self.worker(self.app, config=config, loop=self.loop, **more)
        worker.serving.offload = Offload(threads, worker.serving)
        return worker

    def body_of(self, data: bytes) -> bytes:
        return data.partition(b"\r\n\r\n")[2]


class OffloadTests(OffloadCase):
    """Clients, files and the log."""

    def test_a_file_arrives_whole(self) -> None:
        """The file arrives over both protocols, and the end of it is the end of the connection."""
        worker = self.offloading()
        answer = self.fetch(worker, get("/file"))
        self.assertIn(b"\r\nConnection: close\r\n", answer[:200])
        self.assertEqual(self.body_of(answer), self.content)
        self.assertEqual(self.body_of(self.ask(worker, request(PATH_INFO="/file"))), self.content)
        self.assertEqual(sum(worker.board.offloaded_requests), 2)

    def test_a_slow_client_holds_nobody(self) -> None:
        """While a client takes its time the worker answers others, and many can be slow at a time."""
        worker = self.offloading(threads=2)
        slow = [self.http(worker) for _ in range(5)]
        for client in slow:
            client.sendall(get("/file"))
            self.assertEqual(client.recv(8), b"HTTP/1.1")
        self.assertTrue(self.fetch(worker, get("/x", headers="Connection: close\r\n")).endswith(b"word"))
        for client in slow:
            self.assertEqual(self.body_of(read_all(client)), self.content)

    def test_the_line_comes_when_all_is_sent(self) -> None:
        """There is one line for a request, written when its file is sent, with the bytes that were."""
        worker = self.offloading()
        client = self.uwsgi(worker)
        client.sendall(request(PATH_INFO="/file", REQUEST_URI="/file"))
        self.assertEqual(client.recv(8), b"HTTP/1.1")
        self.fetch(worker, get("/x", headers="Connection: close\r\n"))
        until(lambda: len(worker.logged) == 1)
        read_all(client)
        until(lambda: len(worker.logged) == 2)
        line = worker.logged[1]
        self.assertEqual(line.vars["REQUEST_URI"], "/file")
        self.assertEqual((line.reply.via, line.reply.body_size, line.reply.status), (VIA_OFFLOAD, LARGE, 200))
        self.assertEqual((line.app_id, line.app_requests), (0, 1))
        self.assertGreater(line.micros, 0)
        self.assertGreater(worker.board.tx[0], LARGE)

    def test_what_stays_with_the_worker(self) -> None:
        """Small files, HEAD and clients that sent more than their request are the worker's own."""
        small = LEAST - 1
        with open(self.file, "r+b") as file:
            file.truncate(small)
        worker = self.offloading()
        client = self.http(worker)
        self.assertTrue(read_answer_of(client, get("/x"))[1])
        client.sendall(get("/part") + get("/x"))
        self.assertTrue(read_all(client).startswith(b"HTTP/1.1 200"))
        self.assertEqual(sum(worker.board.offloaded_requests), 0)

    def test_a_pipelined_request(self) -> None:
        """Where the next request is here already the worker sends the file, and goes on."""
        worker = self.offloading()
        client = self.http(worker)
        client.sendall(get("/file") + get("/x", headers="Connection: close\r\n"))
        data = read_all(client)
        self.assertTrue(data.endswith(b"word"))
        self.assertIn(self.content, data)
        self.assertEqual(sum(worker.board.offloaded_requests), 0)

    def test_a_request_that_comes_too_late(self) -> None:
        """Bytes that a client sends during the transfer do not cost it the end of the file."""
        worker = self.offloading()
        client = self.http(worker)
        client.sendall(get("/file"))
        start = client.recv(1000)
        client.sendall(get("/x"))
        self.assertEqual(self.body_of(start + read_all(client)), self.content)

    def test_the_content_length_counts(self) -> None:
        """A file longer than was said is cut, as without threads."""
        worker = self.offloading()
        self.assertEqual(self.body_of(self.fetch(worker, get("/part"))), self.content[:100_000])
        self.assertIn("wrote more than its Content-Length", worker.said[-1])

    def test_without_sendfile(self) -> None:
        """Under disable-sendfile bytes are copied."""
        worker = self.offloading("disable-sendfile = true\nsocket-timeout = 60")
        self.assertEqual(self.body_of(self.fetch(worker, get("/file"))), self.content)

    def test_head(self) -> None:
        """HEAD gets no body, whoever would have sent it."""
        worker = self.offloading()
        client = self.http(worker)
        client.sendall(get("/file").replace(b"GET", b"HEAD"))
        data = read_all(client)
        self.assertEqual(self.body_of(data), b"")
        self.assertIn(f"Content-Length: {LARGE}".encode(), data)


class ThreadedOffloadTests(OffloadTests):
    """The same with several cores."""

    loop = "threads"

    def offloading(self, config: str = "socket-timeout = 60", threads: int = 1, **more: Any) -> Worker:
        return super().offloading(config, threads, cores=2, **more)


class ReactorOffloadCase(OffloadCase):
    """A worker with one core, whose reactor sends."""

    loop = "reactor"

    def offloading(self, config: str = "socket-timeout = 60", threads: int = 1, **more: Any) -> Worker:
        worker = self.worker(self.app, config=f"{config}\noffload-threads = 1", loop=self.loop, **more)
        self.assertIsInstance(worker.serving.offload, ReactorSenders)
        return worker


class ReactorOffloadTests(ReactorOffloadCase, OffloadTests):
    """The same where the reactor sends."""


class TroubleTests(OffloadCase):
    """Clients that leave or sleep, files that shrink, and workers that leave."""

    def test_a_client_that_leaves(self) -> None:
        """A client that goes away is a write error, with the bytes that it got in its line."""
        worker = self.offloading()
        client = worker.http()
        client.sendall(get("/file"))
        came = b""
        while not self.body_of(came):  # a reactor sends the head first
            came += client.recv(100)
        client.close()
        until(lambda: worker.logged)
        line = worker.logged[0]
        self.assertEqual(line.reply.write_errors, 1)
        self.assertTrue(0 < line.reply.body_size < LARGE)
        self.assertIn("uwsgi_response_sendfile_do(): ", worker.said[-1])
        self.assertEqual(sum(worker.board.write_errors), 1)

    def test_a_client_that_sleeps(self) -> None:
        """A client that takes nothing for socket-timeout is given up."""
        worker = self.offloading("socket-timeout = 1")
        client = self.http(worker)
        client.sendall(get("/file"))
        until(lambda: worker.logged)
        self.assertIn("uwsgi_response_sendfile_do() TIMEOUT !!! 127.0.0.1: ", worker.said[-1])
        self.assertLess(worker.logged[0].reply.body_size, LARGE)

    def test_a_file_that_shrinks(self) -> None:
        """A file that becomes shorter ends the connection, so that the client notices."""
        worker = self.offloading()
        client = self.http(worker)
        client.sendall(get("/file"))
        start = client.recv(1000)
        os.truncate(self.file, LARGE - (1 << 20))
        body = self.body_of(start + read_all(client))
        self.assertEqual(body, self.content[: LARGE - (1 << 20)])
        until(lambda: worker.logged)
        self.assertEqual(worker.logged[0].reply.body_size, len(body))

    def test_descriptors_come_back(self) -> None:
        """Whatever became of a transfer, nothing stays open."""
        worker = self.offloading("socket-timeout = 1")
        for leave in (True, False):
            client = worker.http()
            client.sendall(get("/file"))
            client.recv(100)
            if not leave:
                read_all(client)
            client.close()
        self.finish(worker)
        targets = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
        self.assertNotIn(self.file, targets)

    def finish(self, worker: Worker) -> None:
        worker.serving.offload.finish(PATIENCE)
        self.assertEqual(worker.serving.offload._busy, 0)

    def test_a_worker_that_leaves_waits(self) -> None:
        """Leaving takes as long as the transfers do, and no longer than the mercy."""
        worker = self.offloading()
        client = self.http(worker)
        client.sendall(get("/file"))
        start = client.recv(1000)
        worker.leave()
        worker.join()
        worker.serving.offload.finish(0.05)
        self.assertEqual(worker.serving.offload._busy, 1)
        waiting = threading.Thread(target=self.finish, args=(worker,))
        waiting.start()
        self.assertEqual(self.body_of(start + read_all(client)), self.content)
        waiting.join(PATIENCE)
        self.assertFalse(waiting.is_alive())

    def test_no_descriptors(self) -> None:
        """Where no descriptor can be had the worker sends the file itself."""
        worker = self.offloading()
        real = os.dup

        def dup(fd: int) -> int:
            if threading.current_thread() is worker._thread:
                raise OSError(24, "Too many open files")
            return real(fd)

        self.patch(os, "dup", dup)
        data = self.fetch(worker, get("/file", headers="Connection: close\r\n"))
        self.assertEqual(self.body_of(data), self.content)
        self.assertEqual(sum(worker.board.offloaded_requests), 0)

    def test_room_for_those_who_come(self) -> None:
        """Transfers take their share of descriptors and no more; beyond it the worker sends files itself."""
        worker = self.offloading(cores=1)
        worker.serving.offload._most = 1
        slow = self.http(worker)
        slow.sendall(get("/file"))
        self.assertEqual(slow.recv(8), b"HTTP/1.1")
        self.assertEqual(
            self.body_of(self.fetch(worker, get("/file", headers="Connection: close\r\n"))), self.content
        )
        self.assertEqual(sum(worker.board.offloaded_requests), 1)
        self.assertEqual(self.body_of(read_all(slow)), self.content)

    def test_a_dead_client_costs_no_thread(self) -> None:
        """A connection that broke before the head left is the worker's to report."""
        worker = self.offloading()
        client = worker.uwsgi()
        client.sendall(request(PATH_INFO="/file"))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        until(lambda: worker.served)
        self.finish(worker)
        self.assertTrue(self.fetch(worker, get("/x", headers="Connection: close\r\n")).endswith(b"word"))


class ReactorTroubleTests(ReactorOffloadCase, TroubleTests):
    """The same where the reactor sends."""

    def test_a_worker_that_leaves_waits(self) -> None:
        """Leaving takes as long as the transfers do, and nobody hurries them."""
        worker = self.offloading()
        client = self.http(worker)
        client.sendall(get("/file"))
        start = client.recv(1000)
        worker.leave()
        worker.wait_until_it_heard()
        self.assertIsNone(worker.code)
        self.assertEqual(self.body_of(start + read_all(client)), self.content)
        self.assertEqual(worker.join(), 0)
        self.finish(worker)

    def test_no_descriptors(self) -> None:
        """Where no descriptor can be had the application's thread sends the file itself."""
        worker = self.offloading()

        def dup(fd: int) -> int:
            raise OSError(24, "Too many open files")

        self.patch(os, "dup", dup)
        data = self.fetch(worker, get("/file", headers="Connection: close\r\n"))
        self.assertEqual(self.body_of(data), self.content)
        self.assertEqual(sum(worker.board.offloaded_requests), 0)

    def test_room_for_those_who_come(self) -> None:
        """Transfers take their share of descriptors and no more; beyond it a core sends files itself."""
        super().test_room_for_those_who_come()

    def test_a_client_that_takes_no_answer(self) -> None:
        """Behind the last byte that was written, too, a client has no more than socket-timeout."""
        worker = self.offloading("socket-timeout = 1")
        with open(self.file, "r+b") as file:
            file.truncate(3 << 20)
        client = self.http(worker)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(get("/file"))
        until(lambda: worker.logged)
        until(lambda: not worker.engine.protocols)
