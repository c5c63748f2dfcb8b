"""What holds of every loop: who waits, for how long, and what a leaving worker does with those who wait."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from unittest import mock

from tests.loops.support import (
    PATIENCE,
    Worker,
    WorkerCase,
    get,
    hello,
    read_all,
    read_answer,
    read_answer_of,
    request,
    until,
)
from uwsgid.host.locks import LockTable
from uwsgid.loops import limits


class LoopCase(WorkerCase):
    """What holds of every loop that waits at a gate."""

    loop = "simple"
    cores = 1

    def run_worker(self, *args: Any, **more: Any) -> Any:
        return self.worker(*args, loop=self.loop, cores=self.cores, **more)

    def wait_until_it_accepts_nothing(self, worker: Any) -> None:
        """Wait until a worker that was woken has looked at its farewell."""
        worker.wait_until_it_heard()

    def test_answers_a_packet(self) -> None:
        """A uwsgi packet gets the answer of the application, and the connection ends behind it."""
        worker = self.run_worker()
        self.assertEqual(
            self.ask(worker, request(PATH_INFO="/shop")),
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhello /shop",
        )

    def test_answers_http(self) -> None:
        """An HTTP request gets an answer that says its length."""
        worker = self.run_worker()
        head, body = read_answer_of(self.http(worker), get("/x"))
        self.assertEqual(body, b"hello /x")
        self.assertIn(b"\r\nContent-Length: 8\r\n", head)
        self.assertNotIn(b"Connection:", head)

    def test_pieces_do_not_wait_for_each_other(self) -> None:
        """The pieces of a chunked answer leave at once, though the client has not acknowledged the first."""

        def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            start_response("200 OK", [])
            return iter([b"one", b"two", b"three"])

        worker = self.run_worker(app)
        client = self.http(worker)
        read_answer_of(client, get())
        began = time.monotonic()
        for _ in range(10):
            self.assertEqual(read_answer_of(client, get())[1], b"onetwothree")
        self.assertLess(time.monotonic() - began, 0.35)

    def test_keeps_connections(self) -> None:
        """An HTTP client may ask again on its connection."""
        worker = self.run_worker()
        client = self.http(worker)
        for path in ("/1", "/2", "/3"):
            self.assertEqual(read_answer_of(client, get(path))[1], f"hello {path}".encode())
        until(lambda: len(worker.served) == 3)
        self.assertEqual(worker.board.requests[0], 3)

    def test_answers_a_pipeline_in_order(self) -> None:
        """Requests that arrive together are answered in their order."""
        worker = self.run_worker()
        client = self.http(worker)
        client.sendall(b"".join(get(f"/{n}") for n in range(20)))
        for n in range(20):
            self.assertEqual(read_answer(client)[1], f"hello /{n}".encode())

    def test_a_pipeline_does_not_keep_others_out(self) -> None:
        """Between two requests of a pipeline it is somebody else's turn."""
        worker = self.run_worker()
        client = self.http(worker)
        client.sendall(b"".join(get(f"/{n}") for n in range(200)))
        self.assertTrue(self.ask(worker, request()).endswith(b"hello /"))
        for _ in range(200):
            read_answer(client)

    def test_closes_where_http_1_0_does(self) -> None:
        """An HTTP/1.0 client that does not ask to go on sees the end of the connection."""
        worker = self.run_worker()
        answer = self.fetch(worker, get("/", version="1.0"))
        self.assertTrue(answer.startswith(b"HTTP/1.0 200 OK\r\n"))
        self.assertTrue(answer.endswith(b"hello /"))

    def test_a_slow_client_holds_nobody_up(self) -> None:
        """While one client sends its head byte by byte, others are served."""
        worker = self.run_worker()
        slow = self.http(worker)
        whole = get("/slow")
        for byte in whole[:-1]:
            slow.sendall(bytes((byte,)))
        self.assertTrue(self.ask(worker, request()).endswith(b"hello /"))
        slow.sendall(whole[-1:])
        self.assertEqual(read_answer(slow)[1], b"hello /slow")

    def test_a_packet_may_come_in_pieces(self) -> None:
        """A uwsgi packet that comes in two pieces is one request."""
        worker = self.run_worker()
        client = self.uwsgi(worker)
        data = request(PATH_INFO="/pieces")
        client.sendall(data[:3])
        self.assertTrue(self.ask(worker, request()).endswith(b"hello /"))
        client.sendall(data[3:])
        self.assertTrue(read_all(client).endswith(b"hello /pieces"))

    def test_an_endless_head_times_out(self) -> None:
        """A head that is not complete within socket-timeout is answered 408, and the log names the option."""
        worker = self.run_worker(config="socket-timeout = 1")
        client = self.http(worker)
        began = time.monotonic()
        client.sendall(b"GET / HTTP/1.1\r\n")
        sender = threading.Thread(target=self.drip, args=(client, began + PATIENCE))
        sender.start()
        self.addCleanup(sender.join)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            answer = client.recv(4096)
        self.assertTrue(answer.startswith(b"HTTP/1.1 408 "), answer)
        self.assertLess(time.monotonic() - began, PATIENCE / 2)
        until(lambda: worker.said)
        self.assertIn("socket-timeout", worker.said[0])
        self.assertIn("127.0.0.1", worker.said[0])
        self.assertEqual(len(worker.said), 1)
        self.assertEqual(worker.board.rejected[0], 1)

    @staticmethod
    def drip(client: socket.socket, end: float) -> None:
        with contextlib.suppress(OSError):
            while time.monotonic() < end:
                client.sendall(b"X")
                time.sleep(0.1)

    def test_a_cut_packet_times_out(self) -> None:
        """A uwsgi packet that stays incomplete is closed without a byte, and leaves a line."""
        worker = self.run_worker(config="socket-timeout = 1")
        self.assertEqual(self.ask(worker, request()[:-1]), b"")
        self.assertIn("socket-timeout", worker.said[0])

    def test_an_idle_connection_ends_silently(self) -> None:
        """A connection without a next request ends after http-keepalive, without a word."""
        worker = self.run_worker(config="http-keepalive = 2\nsocket-timeout = 60")
        client = self.http(worker)
        read_answer_of(client, get())
        began = time.monotonic()
        self.assertEqual(read_all(client), b"")
        self.assertLess(time.monotonic() - began, 4)
        self.assertEqual(worker.said, [])

    def test_a_client_that_says_nothing_ends_silently(self) -> None:
        """A connection that never sends a byte is closed after socket-timeout, and is not worth a line."""
        worker = self.run_worker(config="socket-timeout = 1")
        self.assertEqual(read_all(self.uwsgi(worker)), b"")
        self.assertEqual(worker.said, [])

    def test_parked_connections_are_bounded(self) -> None:
        """Where too many connections are idle one is closed, and the others go on."""
        with mock.patch.object(limits, "MOST_PARKED", 2):
            worker = self.run_worker(config="socket-timeout = 60")
        clients = []
        for _ in range(3):
            clients.append(self.http(worker))
            read_answer_of(clients[-1], get())
        # threads may park them in another order than that of their answers
        closed, _, _ = select.select(clients, [], [], PATIENCE)
        self.assertEqual([client.recv(1) for client in closed], [b""])
        for client in clients:
            if client not in closed:
                self.assertEqual(read_answer_of(client, get("/2"))[1], b"hello /2")

    def test_farewell_answers_once_more(self) -> None:
        """A leaving worker gives an idle connection one more answer, which says that it is the last."""
        worker = self.run_worker()
        client = self.http(worker)
        read_answer_of(client, get())
        worker.leave(17)
        until(lambda: worker.serving.farewell.due)
        head, body = read_answer_of(client, get("/last"))
        self.assertEqual(body, b"hello /last")
        self.assertIn(b"Connection: close\r\n", head)
        self.assertEqual(worker.join(), 17)

    def test_farewell_leaves_new_clients_to_others(self) -> None:
        """A leaving worker accepts nothing more: who connects waits in the kernel for another worker."""
        worker = self.run_worker()
        idle = self.http(worker)
        read_answer_of(idle, get())
        worker.leave()
        self.wait_until_it_accepts_nothing(worker)
        late = self.uwsgi(worker)
        late.sendall(request())
        worker.join()
        late.setblocking(False)
        self.assertRaises(BlockingIOError, late.recv, 1)

    def test_farewell_waits_for_a_head_that_began(self) -> None:
        """Who has begun a request when the farewell comes gets an answer."""
        worker = self.run_worker()
        client = self.uwsgi(worker)
        data = request()
        client.sendall(data[:10])
        self.ask(worker, request())  # so that the first one is parked by now
        worker.leave()
        worker.wait_until_it_heard()
        client.sendall(data[10:])
        self.assertTrue(read_all(client).endswith(b"hello /"))
        self.assertEqual(worker.join(), 0)

    def test_farewell_from_an_application(self) -> None:
        """A farewell that is said within a request takes effect behind it."""

        def last(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            worker.serving.farewell.bid(5, "enough")
            return hello(environ, start_response)

        worker = self.run_worker(last)
        self.assertTrue(self.ask(worker, request()).endswith(b"hello /"))
        self.assertEqual(worker.join(), 5)

    def test_a_paused_worker_accepts_nothing(self) -> None:
        """While it is paused a worker leaves new clients waiting, and serves them when it goes on."""
        worker = self.run_worker()
        self.ask(worker, request())
        worker.serving.farewell.paused = True
        worker.wake()
        self.wait_until_it_accepts_nothing(worker)
        client = self.uwsgi(worker)
        client.sendall(request())
        client.settimeout(0.2)
        self.assertRaises(TimeoutError, client.recv, 1)
        worker.serving.farewell.paused = False
        worker.wake()
        client.settimeout(PATIENCE)
        self.assertTrue(read_all(client).endswith(b"hello /"))

    def test_thunder_lock(self) -> None:
        """Under the thunder lock connections are accepted while it is held, and it is free behind that."""
        lock = LockTable(("thunder",))["thunder"]
        worker = self.run_worker(thunder=lock)
        self.assertTrue(self.ask(worker, request()).endswith(b"hello /"))
        until(lambda: not lock.is_locked(), "the end of asking for more")

    def test_the_end_of_a_connection_is_no_event(self) -> None:
        """A client that closes an idle connection leaves no trace in the log and no busy loop behind."""
        worker = self.run_worker()
        client = self.http(worker)
        read_answer_of(client, get())
        client.close()
        self.assertTrue(self.ask(worker, request()).endswith(b"hello /"))
        self.assertEqual(worker.said, [])


class GateCase(LoopCase):
    """What holds of those that wait in the kernel with one worker woken for a client."""

    def wait_until_it_accepts_nothing(self, worker: Any) -> None:
        super().wait_until_it_accepts_nothing(worker)
        until(lambda: not worker.engine._gate._open)

    def test_a_client_is_found_whose_news_were_lost(self) -> None:
        """Where the kernel woke somebody who was killed or stopped right then, the others find the client."""
        worker = Worker(loop=self.loop, cores=self.cores)
        self.addCleanup(worker.stop)
        woken = threading.Event()
        thief = threading.Thread(target=self.steal, args=(worker.listeners[0].fd, woken))
        thief.start()
        self.addCleanup(thief.join)
        status = Path(f"/proc/self/task/{thief.native_id}/stat")
        until(lambda: status.read_text().rpartition(")")[2].split()[0] == "S", "the sleep of the thief")
        worker.engine._gate._round = 0.2
        worker.start()
        until(lambda: worker.engine._gate._open)
        client = self.uwsgi(worker)
        client.sendall(request())
        self.assertTrue(read_all(client).endswith(b"hello /"))
        self.assertTrue(woken.wait(PATIENCE))

    def steal(self, fd: int, woken: threading.Event) -> None:
        """Be woken for the first client, and do nothing about it."""
        with select.epoll() as epoll:
            epoll.register(fd, select.EPOLLIN | select.EPOLLEXCLUSIVE)
            if epoll.poll(PATIENCE):
                woken.set()
