"""A worker whose front end speaks FastCGI."""

from __future__ import annotations

import json
import socket
import struct
import tempfile
from collections.abc import Callable, Iterable
from typing import Any

from tests.loops.support import Worker, WorkerCase, read_all, until
from tests.worker.fastcgi_client import KEEP, ask, begin, params, read_record, read_told, record
from uwsgid.supervise.board import RequestKind
from uwsgid.supervise.snapshot import request_vars

Environ = dict[str, Any]
Start = Callable[..., Any]

#: The end of an answer to the request 0x0102.
TRAILER = bytes.fromhex("0106010200000000 0103010200080000 0000000000000000")


def upload(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Says what it was sent."""
    start_response("200 OK", [])
    return [environ["wsgi.input"].read()]


def pieces(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [("X-Pieces", "3")])
    yield b"one"
    yield b""
    yield b"two"


class FastCgiCase(WorkerCase):
    loop = "simple"

    def front(self, app: Any = None, **more: Any) -> tuple[Worker, socket.socket]:
        """A worker and a connection to it."""
        options = {"loop": self.loop, "protocol": "fastcgi", **more}
        worker = self.worker(**options) if app is None else self.worker(app, **options)
        return worker, self.uwsgi(worker)


class AnswerTests(FastCgiCase):
    """One request, one answer."""

    def test_answer(self) -> None:
        """An answer is a Status and what the application said, then the end of the request."""
        worker, client = self.front()
        client.sendall(ask(PATH_INFO="/shop"))
        told = read_told(client)
        self.assertEqual(told.stdout, b"Status: 200 OK\r\nContent-Type: text/plain\r\n\r\nhello /shop")
        self.assertEqual((told.number, told.code, told.status), (1, 0, 0))
        self.assertEqual(client.recv(1), b"")
        until(lambda: worker.served)
        self.assertEqual((worker.served[0].reply.body_size, worker.said), (11, []))

    def test_nph(self) -> None:
        """On an nph socket an answer begins with a status line of HTTP."""
        _, client = self.front(protocol="fastcgi-nph")
        client.sendall(ask())
        self.assertTrue(read_told(client).stdout.startswith(b"HTTP/1.1 200 OK\r\n"))

    def test_mod_fastcgi_reads_no_byte_behind_the_end_as_since_1_9_16(self) -> None:
        """Every record carries the id of the request, and behind the 24 bytes of its end nothing comes.

        uWSGI until 1.9.15 sent a NUL more and the id 1: Apache's mod_fastcgi reported a broken header.
        """
        _, client = self.front()
        client.sendall(ask(0x0102))
        data = read_all(client)
        self.assertTrue(data.endswith(TRAILER), data)
        rest, ids = data, set()
        while rest:
            ids.add(rest[2:4])
            rest = rest[8 + struct.unpack(">H", rest[4:6])[0] :]
        self.assertEqual((ids, rest), ({b"\x01\x02"}, b""))

    def test_streamed(self) -> None:
        """Pieces of an answer become records, an empty piece none."""
        _, client = self.front(pieces)
        client.sendall(ask())
        self.assertEqual(read_record(client), (6, 1, b"Status: 200 OK\r\nX-Pieces: 3\r\n\r\none"))
        self.assertEqual(read_record(client), (6, 1, b"two"))
        self.assertEqual(read_record(client), (6, 1, b""))
        self.assertEqual(read_record(client), (3, 1, bytes(8)))

    def test_head(self) -> None:
        """An answer to HEAD has no body, though the application gives one: returned, in pieces, or a file."""

        def file(environ: Environ, start_response: Start) -> Any:
            source = tempfile.TemporaryFile()  # noqa: SIM115
            source.write(b"file")
            source.seek(0)
            start_response("200 OK", [])
            return environ["wsgi.file_wrapper"](source)

        def written(environ: Environ, start_response: Start) -> Iterable[bytes]:
            start_response("200 OK", [])(b"written")
            return [b"returned"]

        for app in (None, pieces, file, written):
            worker, client = self.front(app)
            client.sendall(ask(REQUEST_METHOD="HEAD"))
            told = read_told(client)
            self.assertEqual((told.stdout[:16], told.body, told.code), (b"Status: 200 OK\r\n", b"", 0))
            until(lambda worker=worker: worker.served)  # type: ignore[misc]
            self.assertEqual(worker.served[0].reply.body_size, 0)

    def test_large(self) -> None:
        """An answer larger than a record arrives whole, written or as a file."""
        data = bytes(range(256)) * 4000

        def written(environ: Environ, start_response: Start) -> Iterable[bytes]:
            start_response("200 OK", [])
            return [data]

        def file(environ: Environ, start_response: Start) -> Any:
            source = tempfile.TemporaryFile()  # noqa: SIM115
            source.write(data)
            source.seek(0)
            start_response("200 OK", [("Content-Length", str(len(data)))])
            return environ["wsgi.file_wrapper"](source)

        for app in (written, file):
            worker, client = self.front(app)
            client.sendall(ask())
            self.assertEqual(read_told(client).body, data)
            until(lambda worker=worker: worker.served)  # type: ignore[misc]
            self.assertEqual(worker.served[0].reply.body_size, len(data))

    def test_environ(self) -> None:
        """The application sees the variables of the front end, and no others of a request."""

        def app(environ: Environ, start_response: Start) -> Iterable[bytes]:
            start_response("200 OK", [])
            told = {key: value for key, value in environ.items() if key.isupper()}
            return [json.dumps(told).encode()]

        _, client = self.front(app)
        client.sendall(ask(HTTP_X="\xfc" * 200, SCRIPT_NAME=""))
        found = json.loads(read_told(client).body)
        self.assertEqual(
            (found["HTTP_X"], found["SCRIPT_NAME"], found["SERVER_PORT"]), ("\xfc" * 200, "", "80")
        )
        self.assertNotIn("CONTENT_LENGTH", found)

    def test_an_application_that_fails(self) -> None:
        """An exception is an answer like any other."""

        def app(environ: Environ, start_response: Start) -> Iterable[bytes]:
            raise KeyError("oops")

        _, client = self.front(app)
        client.sendall(ask())
        told = read_told(client)
        self.assertTrue(told.stdout.startswith(b"Status: 500 Internal Server Error\r\n"))
        self.assertEqual(client.recv(1), b"")

    def test_a_request_in_progress(self) -> None:
        """While a request is in progress others can see its variables."""
        seen: list[Any] = []

        def app(environ: Environ, start_response: Start) -> Iterable[bytes]:
            seen.append((worker.board.request_kind[0], request_vars(worker.board, 0, 0)["PATH_INFO"]))
            start_response("200 OK", [])
            return []

        worker, client = self.front(app)
        client.sendall(ask(PATH_INFO="/busy"))
        read_told(client)
        self.assertEqual(seen, [(RequestKind.FASTCGI, "/busy")])


class BodyTests(FastCgiCase):
    """What comes by STDIN."""

    def test_body(self) -> None:
        """A body arrives whole, however many records it takes."""
        data = bytes(range(256)) * 1000
        _, client = self.front(upload)
        client.sendall(ask(body=data))
        self.assertEqual(read_told(client).body, data)

    def test_body_without_a_length(self) -> None:
        """Without CONTENT_LENGTH the end of STDIN is the end of the body."""
        _, client = self.front(upload)
        data = begin() + record(4, params({"REQUEST_METHOD": "POST", "PATH_INFO": "/"})) + record(4)
        for piece in (data, record(5, b"one, "), record(5, b"two"), record(5)):
            client.sendall(piece)
        self.assertEqual(read_told(client).body, b"one, two")

    def test_body_beyond_its_length(self) -> None:
        """CONTENT_LENGTH ends the body too; what follows until the end of STDIN is passed over."""
        _, client = self.front(upload)
        client.sendall(ask(flags=KEEP, body=b"12345678", CONTENT_LENGTH="3") + ask(flags=KEEP, body=b"next"))
        self.assertEqual(read_told(client).body, b"123")
        self.assertEqual(read_told(client).body, b"next")

    def test_body_that_is_cut(self) -> None:
        """A STDIN that ends before CONTENT_LENGTH is an error for the application, and the log says so."""
        worker, client = self.front(upload)
        client.sendall(ask(body=b"12345", CONTENT_LENGTH="9"))
        read_told(client)
        until(lambda: worker.said)
        self.assertTrue(worker.said[0].startswith("[uwsgi-body-read] Error reading 4 bytes"), worker.said)

    def test_unread(self) -> None:
        """An answer arrives though the application read nothing of a large body."""
        _, client = self.front()
        data = ask(body=b"x" * (1 << 20))
        client.setblocking(False)
        sent = client.send(data)
        client.settimeout(30)
        self.assertEqual(read_told(client).body, b"hello /")
        self.assertGreater(sent, 1000)

    def test_post_buffering(self) -> None:
        """With post-buffering the body can be read twice."""

        def twice(environ: Environ, start_response: Start) -> Iterable[bytes]:
            start_response("200 OK", [])
            first = environ["wsgi.input"].read()
            environ["wsgi.input"].seek(0)
            return [first, environ["wsgi.input"].read()]

        _, client = self.front(twice, config="post-buffering = 4")
        client.sendall(ask(body=b"twice "))
        self.assertEqual(read_told(client).body, b"twice twice ")

    def test_limit_post(self) -> None:
        """A body beyond limit-post ends the request without an answer, and the next one is served."""
        worker, client = self.front(upload, config="limit-post = 4")
        client.sendall(ask(body=b"12345"))
        self.assertEqual(read_told(client).stdout, b"")
        self.assertIn("limit-post", worker.said[0])
        client = self.uwsgi(worker)
        client.sendall(ask(body=b"1234"))
        self.assertEqual(read_told(client).body, b"1234")

    def test_abort(self) -> None:
        """A front end that aborts gets the end of the request, and the application an error."""
        worker, client = self.front(upload)
        head = begin(7) + record(4, params({"CONTENT_LENGTH": "9"}), 7) + record(4, b"", 7)
        client.sendall(head + record(5, b"12", 7) + record(2, b"", 7))
        told = read_told(client)
        self.assertEqual((told.number, told.status), (7, 0))
        until(lambda: worker.said)
        self.assertIn("the front end aborted the request", worker.said[0])


class KeepTests(FastCgiCase):
    """Connections that are kept."""

    def test_keep_conn(self) -> None:
        """A front end that wants to keep its connection asks on it again."""
        worker, client = self.front()
        for number in (1, 1, 5):
            client.sendall(ask(number, flags=KEEP, PATH_INFO=f"/{number}"))
            told = read_told(client)
            self.assertEqual((told.number, told.body), (number, f"hello /{number}".encode()))
        client.sendall(ask(2))
        read_told(client)
        self.assertEqual(client.recv(1), b"")
        until(lambda: len(worker.served) == 4)

    def test_unread_and_kept(self) -> None:
        """A body that was not read does not cost the connection."""
        _, client = self.front()
        for number in range(1, 4):
            client.sendall(ask(number, flags=KEEP, body=b"x" * 100_000))
            self.assertEqual(read_told(client).number, number)

    def test_byte_by_byte(self) -> None:
        """A front end may send byte by byte."""
        _, client = self.front(upload)
        for byte in ask(flags=KEEP, body=b"slow") + ask(body=b"slower"):
            client.sendall(bytes((byte,)))
        self.assertEqual(read_told(client).body, b"slow")
        self.assertEqual(read_told(client).body, b"slower")

    def test_a_kept_connection_holds_nobody_up(self) -> None:
        """While one connection waits for its next request, others are served."""
        worker, client = self.front()
        client.sendall(ask(flags=KEEP))
        read_told(client)
        other = self.uwsgi(worker)
        other.sendall(ask())
        self.assertEqual(read_told(other).body, b"hello /")
        client.sendall(ask(flags=KEEP))
        self.assertEqual(read_told(client).body, b"hello /")

    def test_farewell(self) -> None:
        """A worker that leaves lets go of kept connections."""
        worker, client = self.front()
        client.sendall(ask(flags=KEEP))
        read_told(client)
        worker.leave()
        self.assertEqual(client.recv(1), b"")
        self.assertEqual(worker.join(), 0)

    def test_two_at_a_time(self) -> None:
        """A second request while the body of the first is under way is refused with CANT_MPX_CONN."""
        _, client = self.front(upload)
        vars = params({"CONTENT_LENGTH": "2"})
        client.sendall(begin(1, flags=KEEP) + record(4, vars) + record(4) + record(5, b"a"))
        client.sendall(begin(2, flags=KEEP) + record(4, vars, 2) + record(4, b"", 2))
        self.assertEqual(read_record(client), (3, 2, bytes((0, 0, 0, 0, 1, 0, 0, 0))))
        client.sendall(record(5, b"b") + record(5))
        self.assertEqual(read_told(client).body, b"ab")


class ManagementTests(FastCgiCase):
    """Records that belong to no request."""

    def test_get_values(self) -> None:
        """A front end learns how many requests are served at a time, and that they want connections."""
        _, client = self.front()
        names = params({"FCGI_MAX_CONNS": "", "FCGI_MPXS_CONNS": "", "FCGI_MAX_REQS": "", "OTHER": ""})
        client.sendall(record(9, names, 0))
        told = params({"FCGI_MAX_CONNS": "1", "FCGI_MPXS_CONNS": "0", "FCGI_MAX_REQS": "1"})
        self.assertEqual(read_record(client), (10, 0, told))
        client.sendall(ask())
        self.assertEqual(read_told(client).body, b"hello /")

    def test_unknown_type(self) -> None:
        """A management record of an unknown type is answered UNKNOWN_TYPE."""
        _, client = self.front()
        client.sendall(record(42, b"?", 0))
        self.assertEqual(read_record(client), (11, 0, bytes((42, 0, 0, 0, 0, 0, 0, 0))))

    def test_unknown_role(self) -> None:
        """Another role is answered UNKNOWN_ROLE, and the connection ends where it is not to be kept."""
        _, client = self.front()
        client.sendall(begin(3, role=2, flags=KEEP) + begin(4, role=3) + record(4, b"", 4))
        for number in (3, 4):
            self.assertEqual(read_record(client), (3, number, bytes((0, 0, 0, 0, 3, 0, 0, 0))))
        self.assertEqual(client.recv(1), b"")


class BadTests(FastCgiCase):
    """What is not FastCGI costs its connection and one line."""

    def refused(self, data: bytes, text: str, answer: bytes = b"", config: str = "") -> None:
        worker, client = self.front(config=config)
        client.sendall(data)
        self.assertEqual(read_all(client), answer)
        until(lambda: worker.said)
        self.assertEqual(len(worker.said), 1, worker.said)
        self.assertIn(text, worker.said[0])
        until(lambda: worker.board.rejected[0] == 1)
        client = self.uwsgi(worker)
        client.sendall(ask())
        self.assertEqual(read_told(client).body, b"hello /")

    def test_bad(self) -> None:
        """The request in progress is ended, where there is one."""
        self.refused(b"GET / HTTP/1.0\r\n\r\n", "not FastCGI 1: a record of version 71...skip")
        self.refused(ask(0x0102, HTTP_X="x" * 5000), "(max 4096)...skip", TRAILER)
        self.refused(
            begin(0x0102) + record(4, b"\5\5", 0x0102) + record(4, b"", 0x0102), "past the end", TRAILER
        )
        self.refused(ask(0x0102, A="", B="", C=""), "max-vars", TRAILER, "max-vars = 5")

    def test_a_client_that_leaves_within_a_head(self) -> None:
        """A front end that goes away in the middle of a head leaves one line."""
        worker, client = self.front()
        client.sendall(ask()[:30])
        client.close()
        until(lambda: worker.said)
        self.assertIn("uwsgi_proto_fastcgi_parser() -> client closed connection", worker.said[0])

    def test_a_front_end_that_leaves_within_an_answer(self) -> None:
        """One that is gone when the answer comes is a write error."""
        worker, client = self.front()
        client.shutdown(socket.SHUT_RD)
        client.sendall(ask())
        client.close()
        until(lambda: worker.served)
        self.assertEqual(worker.served[0].reply.write_errors, 1)


class ThreadsTests(KeepTests):
    """Kept connections in the loop of threads."""

    loop = "threads"


class ReactorKeepTests(KeepTests):
    """Kept connections in the reactor."""

    loop = "reactor"


class ReactorBodyTests(BodyTests):
    """Bodies in the reactor."""

    loop = "reactor"


class ReactorAnswerTests(AnswerTests):
    """Answers in the reactor."""

    loop = "reactor"


class ReactorManagementTests(ManagementTests):
    """Records that belong to no request, in the reactor."""

    loop = "reactor"
