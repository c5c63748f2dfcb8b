"""One request from its bytes to its log line, and what is refused on the way."""

from __future__ import annotations

import io
import os
import socket
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from tests.loops.support import (
    PATIENCE,
    Worker,
    WorkerCase,
    get,
    hello,
    read_all,
    read_answer,
    request,
    until,
)
from uwsgid.host import MemoryProbe
from uwsgid.request.logline import request_logger
from uwsgid.supervise.board import RequestKind
from uwsgid.wire.uwsgi import frame, packet
from uwsgid.worker.leave import measuring

Environ = dict[str, Any]


def upload(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Says how much it was sent."""
    data = environ["wsgi.input"].read()
    start_response("200 OK", [])
    return [b"%d" % len(data)]


def post(body: bytes, headers: str = "") -> bytes:
    return f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


class RefusalTests(WorkerCase):
    def refused(self, data: bytes, config: str = "") -> tuple[bytes, str]:
        """What a refused request gets over HTTP, and the one line that it leaves."""
        worker = self.worker(config=config)
        answer = self.fetch(worker, data)
        until(lambda: worker.said)
        self.assertEqual(len(worker.said), 1, worker.said)
        self.assertEqual((worker.served, worker.board.rejected[0]), ([], 1))
        self.assertTrue(self.fetch(worker, get("/next", headers="Connection: close\r\n")).endswith(b"/next"))
        return answer, worker.said[0]

    def test_bad_http(self) -> None:
        """What is no HTTP is answered 400, with the client's address in the log."""
        answer, line = self.refused(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 "))
        self.assertIn(b"Connection: close\r\n", answer)
        self.assertIn("127.0.0.1", line)

    def test_large_head(self) -> None:
        """A head beyond buffer-size is answered 431, and the log names the option."""
        answer, line = self.refused(get(headers=f"X: {'x' * 5000}\r\n"))
        self.assertTrue(answer.startswith(b"HTTP/1.1 431 "))
        self.assertTrue(line.startswith("invalid HTTP request size (max 4096)...skip"), line)
        self.assertIn("buffer-size", line)

    def test_limit_post(self) -> None:
        """A body beyond limit-post is answered 413 before the application sees it."""
        answer, line = self.refused(post(b"x" * 11), "limit-post = 10")
        self.assertTrue(answer.startswith(b"HTTP/1.1 413 "))
        self.assertTrue(line.startswith("Invalid (too big) CONTENT_LENGTH. skip."), line)
        self.assertIn("limit-post", line)

    def test_limit_post_is_not_passed(self) -> None:
        """A body of exactly limit-post bytes is served."""
        worker = self.worker(upload, config="limit-post = 10")
        self.assertTrue(self.ask(worker, request(CONTENT_LENGTH="10") + b"x" * 10).endswith(b"10"))

    def closed(self, data: bytes, text: str, config: str = "") -> None:
        """Over uwsgi a refused request is closed without a byte, and leaves one line with *text*."""
        worker = self.worker(config=config)
        self.assertEqual(self.ask(worker, data), b"")
        until(lambda: worker.said)
        self.assertEqual(len(worker.said), 1, worker.said)
        self.assertIn(text, worker.said[0])
        until(lambda: worker.board.rejected[0] == 1)
        self.assertEqual(worker.served, [])

    def test_packets(self) -> None:
        """Large, cut and odd packets are closed."""
        many = packet(0, {f"K{n}": "v" for n in range(11)})
        self.closed(packet(0, {"K": "x" * 5000}), "invalid request block size: 5005 (max 4096)...skip")
        self.closed(request()[:2] + b"\xff\xff", "buffer-size")
        self.closed(frame(0, b"\x05\x00a"), "invalid uwsgi request (current strsize: 3)")
        self.closed(frame(0, b"\x00\x00\x01\x00v"), "uwsgi key cannot be null")
        self.closed(many, "max-vars", config="max-vars = 5")
        self.closed(request(CONTENT_LENGTH="9") + b"x" * 9, "limit-post", config="limit-post = 8")

    def test_unknown_modifier(self) -> None:
        """A modifier without a handler is closed with uWSGI's line."""
        self.closed(packet(5, {"REQUEST_METHOD": "GET"}), "-- unavailable modifier requested: 5 --")
        self.closed(frame(173, b"\x01\x00f"), "-- unavailable modifier requested: 173 --")

    def test_allowed_modifiers(self) -> None:
        """allowed-modifiers makes all others unavailable; remap-modifier lets one answer for another."""
        self.closed(packet(30, {"A": "b"}), "modifier requested: 30 --", config="allowed-modifiers = 0,9")
        worker = self.worker(config="remap-modifier = 7:0,8:30")
        self.assertTrue(self.ask(worker, packet(7, {"PATH_INFO": "/ruby"})).endswith(b"hello /ruby"))

    def test_a_client_that_leaves_within_a_head(self) -> None:
        """A client that goes away in the middle of its head leaves one line and no request."""
        worker = self.worker()
        for client, head in ((worker.http(), b"GET / HT"), (worker.uwsgi(), request()[:20])):
            client.sendall(head)
            client.close()
        until(lambda: len(worker.said) == 2)
        for name in ("http", "uwsgi"):
            said = f"uwsgi_proto_{name}_parser() -> client closed connection"
            self.assertTrue(any(said in line for line in worker.said), worker.said)
        self.assertEqual(worker.board.rejected[0], 2)

    def test_a_client_that_only_knocks(self) -> None:
        """A client that connects and goes away without a byte is no event."""
        worker = self.worker()
        worker.uwsgi().close()
        worker.http().close()
        self.assertTrue(self.ask(worker, request()).endswith(b"hello /"))
        self.assertEqual(worker.said, [])

    def test_magic_variables_do_nothing(self) -> None:
        """UWSGI_APPID chooses an application only on sockets that dynamic-apps names."""

        def other(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
            start_response("200 OK", [])
            return [b"other"]

        for config, answer in (
            ("", b"hello /"),
            ("dynamic-apps = /elsewhere.sock", b"hello /"),
            ("dynamic-apps = @/uwsgi.sock", b"other"),
        ):
            worker = self.worker(config=config)
            worker.apps.add("/other", other)
            self.assertTrue(self.ask(worker, request(UWSGI_APPID="/other")).endswith(answer), config)


class BodyTests(WorkerCase):
    def test_unread_bodies_do_not_break_answers(self) -> None:
        """An answer that comes before the body was read arrives whole, however large the body is."""
        worker = self.worker()
        big = b"x" * (4 << 20)
        for client, data in (
            (self.http(worker), post(big)),
            (self.uwsgi(worker), request(CONTENT_LENGTH=str(len(big))) + big),
        ):
            client.settimeout(PATIENCE)
            sent = client.send(data[:100000])
            self.assertGreater(sent, 1000)
            answer = client.recv(4096)
            self.assertTrue(answer.endswith(b"hello /"), answer)
        self.assertTrue(self.ask(worker, request()).endswith(b"hello /"))

    def test_small_unread_bodies_keep_the_connection(self) -> None:
        """A small body that the application did not read does not cost the connection."""
        worker = self.worker()
        client = self.http(worker)
        for path in ("/1", "/2"):
            client.sendall(post(b"ignored").replace(b"POST /", f"POST {path}".encode()))
            self.assertEqual(read_answer(client)[1], f"hello {path}".encode())

    def test_bodies_and_pipelines(self) -> None:
        """What comes behind a body is the next request, in one packet or in many."""
        worker = self.worker(upload)
        client = self.http(worker)
        chunked = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
        client.sendall(post(b"12345") + chunked + post(b"123") + get())
        for size in (b"5", b"2", b"3", b"0"):
            self.assertEqual(read_answer(client)[1], size)

    def test_expect(self) -> None:
        """A client that waits for 100 Continue gets it when the application reads."""
        worker = self.worker(upload)
        client = self.http(worker)
        client.sendall(post(b"", "Expect: 100-continue\r\n").replace(b"Length: 0", b"Length: 4"))
        self.assertEqual(client.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
        client.sendall(b"body")
        self.assertEqual(read_answer(client)[1], b"4")

    def test_expect_of_an_application_that_does_not_read(self) -> None:
        """Without 100 Continue the answer ends the connection: the body may come or not."""
        worker = self.worker()
        client = self.http(worker)
        client.sendall(post(b"", "Expect: 100-continue\r\n").replace(b"Length: 0", b"Length: 4"))
        head, body = read_answer(client)
        self.assertEqual((body, client.recv(1)), (b"hello /", b""))
        self.assertTrue(head.startswith(b"HTTP/1.1 200 "))

    def test_post_buffering(self) -> None:
        """Under post-buffering a body is read first, and can be sought."""

        def app(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
            body = environ["wsgi.input"]
            first = body.read()
            body.seek(0)
            start_response("200 OK", [])
            return [b"%d %d %d" % (len(first), len(body.read()), os.fstat(body.fileno()).st_nlink)]

        worker = self.worker(app, config="post-buffering = 100")
        self.assertTrue(self.ask(worker, request(CONTENT_LENGTH="200") + b"x" * 200).endswith(b"200 200 0"))

    def test_post_buffering_of_a_slow_body(self) -> None:
        """A body that does not arrive while it is buffered is refused, and the application never sees it."""
        worker = self.worker(upload, config="post-buffering = 100\nsocket-timeout = 1")
        client = self.http(worker)
        client.sendall(post(b"x" * 200)[:-1])
        self.assertTrue(read_all(client).startswith(b"HTTP/1.1 408 "))
        self.assertIn("option socket-timeout", worker.said[-1])
        self.assertEqual(worker.served, [])


def chunked(data: bytes) -> bytes:
    """An upload whose coded body begins with *data*."""
    return b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + data


def careful(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Has its own answer to a body that can not be read."""
    try:
        environ["wsgi.input"].read()
    except OSError as error:
        start_response("422 Mine", [("Content-Length", str(len(str(error))))])
        return [str(error).encode()]
    return hello(environ, start_response)


def wrapping(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Gives the error of the body another name, as frameworks do."""
    start_response("200 OK", [])
    try:
        environ["wsgi.input"].read()
    except OSError as error:
        raise RuntimeError("unreadable") from error
    return []


def talkative(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answers before it has read."""
    start_response("200 OK", [])
    yield b"first"
    environ["wsgi.input"].read()
    yield b"last"


#: What is wrong with an upload, over HTTP: its bytes, the answer, and what the log says of it.
BROKEN: tuple[tuple[bytes, int, str], ...] = (
    (chunked(b"3\r\nabc\r\nzz\r\n"), 400, r"message: a bad chunk size: .*\[127\.0\.0\.1\]$"),
    (chunked(b"3\r\nabcd\r\n"), 400, r"message: a chunk that is longer than its size says"),
    (chunked(b"9\r\n123456789\r\n9\r\n12"), 413, r"more than 10 bytes \[127\.0\.0\.1, option limit-post\]$"),
    (chunked(b"b\r\n"), 413, r"a chunk of 11 bytes \(max 10\) \[127\.0\.0\.1, option chunked-input-limit\]$"),
    (chunked(b"3\r\nab"), 408, r" \[127\.0\.0\.1, option socket-timeout\]$"),
    (post(b"1234567890")[:-1], 408, r" \[127\.0\.0\.1, option socket-timeout\]$"),
)
STRICT = "limit-post = 10\nchunked-input-limit = 10"


class BrokenBodyTests(WorkerCase):
    """Bodies that an application reads and that can not be read."""

    def each_loop(self, app: Any, config: str = STRICT) -> Iterable[Any]:
        for loop, cores in (("simple", 1), ("threads", 2), ("reactor", 2)):
            worker = self.worker(app, config=config, loop=loop, cores=cores)
            worker.cycle.terms.timeout = 0.3  # an option has whole seconds, and there are many to wait for
            yield worker

    def check(self, worker: Any, status: int, line: str) -> None:
        """One line, a request that counts as served, no fault of the application; and the next is served."""
        until(lambda: len(worker.served) == 1)
        self.assertEqual(len(worker.said), 1, worker.said)
        self.assertRegex(worker.said[0], r"^\[uwsgi-body-read\] " + "(Error|Timeout) reading .*" + line)
        self.assertEqual(worker.served[0].reply.status, status)
        self.assertEqual((worker.board.exceptions[0], sum(worker.board.read_errors)), (0, 1))
        self.assertTrue(self.ask(worker, request()).endswith((b"hello /", b"0", b"firstlast", b"\r\n\r\n")))

    def setUp(self) -> None:
        self.errors = io.StringIO()
        self.patch(sys, "stderr", self.errors)

    def test_http(self) -> None:
        """Whatever is wrong is answered with its status and a closed connection, without a traceback."""
        for app in (upload, wrapping):
            for data, status, line in BROKEN:
                for worker in self.each_loop(app):
                    answer = self.fetch(worker, data)
                    self.assertTrue(answer.startswith(b"HTTP/1.1 %d " % status), answer)
                    self.assertIn(b"\r\nConnection: close\r\n", answer)
                    self.check(worker, status, line)
        self.assertEqual(self.errors.getvalue(), "")

    def test_slow_chunks(self) -> None:
        """A chunked body may take as long as chunked-input-timeout says, which the log names then."""
        data = chunked(b"3\r\nab")
        for worker in self.each_loop(upload):
            worker.cycle.terms.timeout, worker.cycle.terms.chunked_timeout = 60, 0.3
            self.assertTrue(self.fetch(worker, data).startswith(b"HTTP/1.1 408 "))
            self.check(worker, 408, "option chunked-input-timeout")
        self.assertEqual(self.errors.getvalue(), "")

    def test_uwsgi(self) -> None:
        """A body that stays away is answered 408 over the uwsgi protocol as well."""
        for worker in self.each_loop(upload):
            answer = self.ask(worker, request(CONTENT_LENGTH="9") + b"x" * 8)
            self.assertTrue(answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n"), answer)
            self.check(worker, 408, "option socket-timeout")
        self.assertEqual(self.errors.getvalue(), "")

    def test_a_client_that_leaves(self) -> None:
        """A body that is cut has nobody who wants an answer: there is one line, and nothing is written."""
        for config in (STRICT, STRICT + "\npost-buffering = 4"):
            for data in (post(b"123456789")[:-1], chunked(b"9\r\n1")):
                for worker in self.each_loop(upload, config):
                    client = self.http(worker)
                    client.sendall(data)
                    client.shutdown(socket.SHUT_WR)
                    self.assertEqual(read_all(client), b"")
                    until(lambda: worker.said)  # noqa: B023
                    self.assertEqual(len(worker.said), 1, worker.said)
                    self.assertIn("message: Client closed connection [127.0.0.1]", worker.said[0])
                    self.assertTrue(self.ask(worker, request()).endswith(b"0"))
        self.assertEqual(self.errors.getvalue(), "")

    def test_an_application_that_cares(self) -> None:
        """An application that catches the error answers what it wants; the connection is closed."""
        for data, _, line in BROKEN:
            for worker in self.each_loop(careful):
                client = self.http(worker)
                client.sendall(data)
                head, body = read_answer(client)
                self.assertTrue(head.startswith(b"HTTP/1.1 422 Mine\r\n"), head)
                self.assertRegex(body, rb"^(error|timeout) during read\(-1\) on wsgi.input$")
                self.assertEqual(client.recv(1), b"")
                self.check(worker, 422, line)

    def test_an_answer_that_has_begun(self) -> None:
        """An answer that has begun is broken off, since its status can not be taken back."""
        for data, _, line in BROKEN:
            for worker in self.each_loop(talkative):
                answer = self.fetch(worker, data)
                self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer)
                self.assertTrue(answer.endswith(b"first\r\n"), answer)
                self.check(worker, 200, line)
        self.assertEqual(self.errors.getvalue(), "")

    def test_under_post_buffering(self) -> None:
        """A body that is read before the application runs is refused in the same way."""
        for data, status, line in BROKEN:
            for worker in self.each_loop(upload, STRICT + "\npost-buffering = 4"):
                self.assertTrue(self.fetch(worker, data).startswith(b"HTTP/1.1 %d " % status))
                until(lambda: worker.board.rejected[0] == 1)  # noqa: B023
                self.assertEqual(len(worker.said), 1, worker.said)
                self.assertRegex(worker.said[0], line)
                self.assertEqual(worker.served, [])


class CountingTests(WorkerCase):
    def test_counters(self) -> None:
        """The board knows of each request: how many, how long, how many bytes; and that none is busy."""
        worker = self.worker()
        for _ in range(3):
            self.ask(worker, request())
        until(lambda: len(worker.served) == 3)
        board = worker.board
        self.assertEqual((board.requests[0], board.core_requests[0], board.in_request[0]), (3, 3, 6))
        self.assertEqual(board.tx[0], 3 * len(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhello /"))
        self.assertEqual(board.running_time[0], sum(request.micros for request in worker.served))
        average = 0
        for served in worker.served:
            average = (average + served.micros) // 2
        self.assertEqual(board.avg_rt[0], average)

    def test_what_the_log_gets(self) -> None:
        """The log line of a request has all that it asks for."""
        worker = self.worker()
        before = time.time()
        data = request(PATH_INFO="/log")
        self.ask(worker, data)
        until(lambda: worker.served)
        served = worker.served[0]
        self.assertEqual(
            (served.var_count, served.packet_size, served.app_id, served.app_requests, served.core),
            (8, len(data) - 4, 0, 1, 0),
        )
        self.assertEqual((served.reply.status, served.reply.header_count), (200, 1))
        self.assertGreaterEqual(served.started, before)

    def lines(self, app: Any, config: str) -> list[bytes]:
        """What the log has of one request, of a worker that logs as its role wants."""
        lines: list[bytes] = []
        worker = Worker(app, config)
        self.addCleanup(worker.stop)
        serving, board = worker.serving, worker.board
        serving.take_wire, serving.log_request = request_logger(serving.settings, board, 1, 0, lines.append)
        serving.measure = measuring(serving.settings, board, 0, MemoryProbe())
        worker.start()
        self.ask(worker, request(REQUEST_URI="/asked"))
        until(lambda: lines)
        return lines

    def test_the_memory_of_the_first_request(self) -> None:
        """memory-report tells the memory of the worker from the first request on."""
        self.assertRegex(
            self.lines(hello, "memory-report")[0],
            rb"^\{address space usage: [1-9]\d+ bytes/\d+MB\} \{rss usage: [1-9]\d+ bytes/[1-9]\d*MB\} \[",
        )

    def test_the_line_tells_what_was_asked(self) -> None:
        """The log line has the variables as they came, whatever the application made of its environ."""

        def app(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
            environ["REQUEST_METHOD"] = environ["REQUEST_URI"] = environ["PATH_INFO"] = "CHANGED"
            del environ["REMOTE_ADDR"]
            start_response("200 OK", [])
            return []

        default = rb"\] 192\.0\.2\.1 \(\) \{16 vars in \d+ bytes\} .* GET /asked =>"
        self.assertRegex(self.lines(app, "")[0], default)
        config = "log-format = %(addr) %(method) %(uri) %(var.PATH_INFO)"
        self.assertEqual(self.lines(app, config), [b"192.0.2.1 GET /asked /\n"])

    def test_a_request_in_progress(self) -> None:
        """While a request is in progress the board shows its bytes, its start and its deadline."""
        seen: list[Any] = []

        def app(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
            board = worker.board
            size = board.request_size[0]
            seen.append(
                (
                    board.in_request[0] & 1,
                    board.request_kind[0],
                    bytes(board.snapshot_of(0, 0)[:size]),
                    board.deadline[0] - time.monotonic(),
                    worker.serving.current[0].vars["PATH_INFO"],
                )
            )
            return hello(environ, start_response)

        worker = self.worker(app, config="harakiri = 30")
        data = request(PATH_INFO="/busy")
        self.ask(worker, data)
        half = self.uwsgi(worker)
        half.sendall(data[:9])
        self.fetch(worker, b"NO HTTP\r\n\r\n")  # so that the half is parked by now
        half.sendall(data[9:])
        read_all(half)
        http = get("/http", headers="Connection: close\r\n")
        self.fetch(worker, http)
        for kind, block, path, (busy, kind_seen, block_seen, left, path_seen) in (
            (RequestKind.UWSGI, data[4:], "/busy", seen[0]),
            (RequestKind.UWSGI, data[4:], "/busy", seen[1]),
            (RequestKind.HTTP, b"127.0.0.1\n" + http, "/http", seen[2]),
        ):
            self.assertEqual((busy, kind_seen, block_seen, path_seen), (1, kind, block, path))
            self.assertTrue(25 < left <= 30)
        until(lambda: worker.board.in_request[0] == 6)
        self.assertEqual((worker.board.deadline[0], worker.serving.current[0]), (0.0, None))

    def test_nothing_ends_a_worker(self) -> None:
        """A log that fails costs its line and no more."""
        worker = self.worker()
        worker.serving.log_request = _raise
        self.assertTrue(self.ask(worker, request()).endswith(b"hello /"))
        self.assertTrue(self.ask(worker, request()).endswith(b"hello /"))
        until(lambda: len(worker.said) == 2)
        self.assertIn("KeyError: 'oops'", worker.said[0])

    def test_a_handler_that_raises(self) -> None:
        """A handler that raises is answered for with a 500."""
        worker = self.worker()
        worker.cycle._handlers[0] = _raise
        self.assertIn(b" 500 Internal Server Error\r\n", self.ask(worker, request()))
        self.assertIn("a request handler failed", worker.said[0])

    def test_sockets_are_left_alone(self) -> None:
        """After its farewell a worker has closed what it accepted and not what it listens on."""
        worker = self.worker()
        client = self.http(worker)
        client.sendall(get())
        read_answer(client)
        worker.leave()
        worker.join()
        self.assertEqual(client.recv(1), b"")
        listening = socket.socket(fileno=os.dup(worker.listeners[0].fd))
        self.addCleanup(listening.close)
        self.assertEqual(listening.getsockname(), worker.path)


def _raise(request: Any) -> None:
    raise KeyError("oops")
