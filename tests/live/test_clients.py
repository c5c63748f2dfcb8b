"""Clients of all kinds at http-socket and socket: patient, greedy, slow, broken and gone.

Whatever a client does, the worker serves the next one; each test ends with that.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import time
from collections.abc import Iterator

from tests.live.support import (
    PATIENCE,
    Address,
    Daemon,
    LiveCase,
    connect,
    fetch,
    parse_answer,
    request_vars,
    talk,
    uwsgi_packet,
)


class Clients(LiveCase):
    """One worker behind both kinds of socket, with small limits; not run by itself."""

    MORE = "socket-timeout = 60\nlimit-post = 1000000\n"

    daemon: Daemon

    def setUp(self) -> None:
        super().setUp()
        self.http: Address = self.path("http.sock")
        self.uwsgi: Address = self.path("app.sock")
        more = f"http-socket = {self.http}\n{self.MORE}"
        self.daemon = self.serve(self.probe_config(workers=1, more=more))

    def still_serves(self) -> None:
        """The next client gets its answer."""
        self.assertEqual(fetch(self.http, "/pid").status, 200)
        self.assertEqual(self.daemon.seen("DAMN"), 0, self.daemon.log())


class HttpTests(Clients):
    """http-socket, and clients that keep to the rules."""

    def test_keep_alive(self) -> None:
        """Many requests travel on one connection, also after a 404-like page, HEAD and POST."""
        connection = http.client.HTTPConnection("localhost")
        connection.sock = connect(self.http)
        self.addCleanup(connection.close)
        socket_before = connection.sock
        for method, path, body in (
            ("GET", "/pid", None),
            ("HEAD", "/pid", None),
            ("POST", "/digest", b"x" * 1000),
            ("GET", "/stream", None),
            ("GET", "/empty", None),
            ("GET", "/pid", None),
        ):
            connection.request(method, path, body=body)
            response = connection.getresponse()
            response.read()
            self.assertLess(response.status, 300, path)
            self.assertIs(connection.sock, socket_before, f"{method} {path} closed the connection")
        self.assertEqual(self.daemon.seen("DAMN"), 0)

    def test_pipelining(self) -> None:
        """Requests sent at once are answered in order."""
        one = b"GET /env?n=%d HTTP/1.1\r\nHost: a\r\n\r\n"
        last = b"GET /pid HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        received = talk(self.http, b"".join(one % number for number in range(5)) + last)
        self.assertEqual(received.count(b"HTTP/1.1 200 OK"), 6)
        places = [received.index(b'"n=%d"' % number) for number in range(5)]
        self.assertEqual(places, sorted(places))
        self.still_serves()

    def test_chunked_request(self) -> None:
        """A chunked body reaches the application whole."""

        def pieces() -> Iterator[bytes]:
            for number in range(50):
                yield bytes([number]) * (number * 37 + 1)

        answer = fetch(self.http, "/digest", method="POST", body=pieces())
        data = b"".join(pieces())
        self.assertEqual(answer.body.decode(), f"{len(data)} {hashlib.sha256(data).hexdigest()}")
        told = json.loads(fetch(self.http, "/env", method="POST", body=pieces()).body)
        self.assertIs(told["wsgi.input_terminated"], True)

    def test_expect_continue(self) -> None:
        """A client that asks before it sends its body is told to go on, once the application reads."""
        with connect(self.http) as client:
            client.sendall(
                b"POST /digest HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                b"Expect: 100-continue\r\nConnection: close\r\n\r\n"
            )
            self.assertEqual(client.recv(65536), b"HTTP/1.1 100 Continue\r\n\r\n")
            client.sendall(b"hello")
            received = b""
            while chunk := client.recv(65536):
                received += chunk
        self.assertIn(b"200 OK", received)
        self.assertIn(hashlib.sha256(b"hello").hexdigest().encode(), received)

    def test_chunked_response(self) -> None:
        """A body of unknown length is chunked in HTTP/1.1, and ends with the connection in HTTP/1.0."""
        answer = fetch(self.http, "/stream")
        self.assertEqual(answer.header("Transfer-Encoding"), "chunked")
        whole = b"".join(b"piece %d\n" % number for number in range(5))
        self.assertEqual(answer.body, whole)
        old = talk(self.http, b"GET /stream HTTP/1.0\r\n\r\n")
        self.assertTrue(old.endswith(b"\r\n\r\n" + whole), old)
        self.assertNotIn(b"chunked", old)

    def test_late_exception_cuts_the_body(self) -> None:
        """An application that breaks in the middle leaves a body that the client sees to be cut."""
        received = talk(self.http, b"GET /late-boom HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(received.endswith(b"the first piece"), received)
        self.daemon.wait_for("the application broke in the middle")
        self.still_serves()

    def test_exception(self) -> None:
        """An application that breaks gives a 500, and its traceback is in the log."""
        self.assertEqual(fetch(self.http, "/boom").status, 500)
        self.daemon.wait_for("RuntimeError: the application broke, as it was told")
        self.still_serves()


class BrokenHttpTests(Clients):
    """http-socket, and clients that do not."""

    def refuse(self, data: bytes, status: int) -> None:
        received = talk(self.http, data)
        self.assertTrue(
            received.startswith(b"HTTP/1.1 %d " % status) or received.startswith(b"HTTP/1.0 %d " % status),
            f"{data[:80]!r} was answered {received[:200]!r}",
        )
        self.still_serves()

    def test_refused(self) -> None:
        """What two servers could read differently is answered with 400."""
        post = b"POST /digest HTTP/1.1\r\nHost: a\r\n"
        for data in (
            b"nonsense\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n",
            b"GET / HTTP/1.1\nHost: a\n\n",
            post + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
            post + b"Content-Length: -5\r\n\r\nhello",
            post + b"Content-Length: 99999999999999999999999\r\n\r\nhello",
            post + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        ):
            self.refuse(data, 400)

    def test_bad_chunk(self) -> None:
        """A chunk whose size is no number gives the application an error and the client a 400."""
        self.refuse(
            b"POST /digest HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhello\r\n",
            400,
        )

    def test_too_large_head(self) -> None:
        """A head beyond buffer-size is answered with 431, and the log names the option."""
        self.refuse(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", 431)
        self.daemon.wait_for("buffer-size")

    def test_too_large_body(self) -> None:
        """A body beyond limit-post is answered with 413, and the log names the option."""
        self.refuse(b"POST /digest HTTP/1.1\r\nHost: a\r\nContent-Length: 1000001\r\n\r\n", 413)
        self.daemon.wait_for("limit-post")


class SilentTests(Clients):
    """Clients that have a second for each step, and do not use it."""

    MORE = "socket-timeout = 1\nlimit-post = 1000000\n"

    def test_silent_client(self) -> None:
        """A client that sends half a head is answered with 408 after socket-timeout."""
        received = talk(self.http, b"GET / HTTP/1.1\r\nHost: a\r\n")
        self.assertTrue(received.startswith(b"HTTP/1.1 408 "), received)
        self.still_serves()
        self.daemon.wait_for("socket-timeout")

    def test_slow_client(self) -> None:
        """A client that sends a byte now and then does not hold the worker for ever."""
        began = time.monotonic()
        with connect(self.http) as client:
            client.settimeout(0.3)
            received = b""
            for byte in b"GET /" + b"x" * 1000:
                try:
                    client.sendall(bytes([byte]))
                    received = client.recv(65536)
                    break
                except TimeoutError:
                    continue
                except OSError:
                    break
        self.assertLess(time.monotonic() - began, PATIENCE, "a byte now and then held the worker")
        self.assertTrue(received == b"" or b" 408 " in received, received)
        self.still_serves()

    def test_silence(self) -> None:
        """A peer that says nothing is let go after socket-timeout."""
        self.assertNotIn(b"200 OK", talk(self.uwsgi, uwsgi_packet(request_vars("/pid"))[:30]))
        self.still_serves()


class LeavingTests(Clients):
    """Clients that do not wait."""

    def test_client_that_leaves(self) -> None:
        """A client that goes away in its body, or before its answer, costs nothing but a log line."""
        with connect(self.http) as client:
            client.sendall(b"POST /digest HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf")
        with connect(self.http) as client:
            client.sendall(b"GET /sleep?s=0.2 HTTP/1.1\r\nHost: a\r\n\r\n")
        with connect(self.http):
            pass
        self.still_serves()


class BrokenUwsgiTests(Clients):
    """The uwsgi socket, and peers that break its protocol."""

    def refuse(self, data: bytes, *, shut: bool = True) -> bytes:
        with connect(self.uwsgi) as client:
            client.sendall(data)
            if shut:
                client.shutdown(socket.SHUT_WR)
            received = b""
            try:
                while chunk := client.recv(65536):
                    received += chunk
            except ConnectionResetError:
                pass  # closed before everything was read, which is an answer as well
        return received

    def test_nonsense(self) -> None:
        """A packet whose sizes do not fit closes the connection with a line in the log."""
        good = uwsgi_packet(request_vars("/pid"))
        for data, line in (
            (b"\0", "closed connection within the head"),
            (good[:3], "closed connection within the head"),
            (good[:20], "closed connection within the head"),
            (b"\0\x04\0\0\xff\xff\xff\xff", "invalid uwsgi request .* runs past the end"),
            (b"\0\x03\0\0\x05\0a", "invalid uwsgi request .* runs past the end"),
        ):
            seen = self.daemon.seen(line)
            self.assertNotIn(b"200 OK", self.refuse(data))
            self.daemon.wait_for(line, count=seen + 1)
            self.still_serves()

    def test_too_large_packet(self) -> None:
        """Vars beyond buffer-size are refused, and the log names the option."""
        self.assertNotIn(b"200 OK", self.refuse(uwsgi_packet({**request_vars("/pid"), "X": "x" * 30_000})))
        self.daemon.wait_for("buffer-size")
        self.still_serves()

    def test_unknown_modifier(self) -> None:
        """A packet for a language that is not there is not answered with success."""
        packet = uwsgi_packet(request_vars("/pid"), modifier1=5)
        self.assertNotIn(b"200 OK", self.refuse(packet))
        self.still_serves()

    def test_magic_vars_load_nothing(self) -> None:
        """UWSGI_FILE and its like in a packet change nothing."""
        evil = self.folder / "evil.py"
        evil.write_text("open('was-loaded', 'w').close()\n")
        for name in ("UWSGI_FILE", "UWSGI_SCRIPT", "UWSGI_MODULE", "UWSGI_PYHOME", "UWSGI_SETENV"):
            packet = uwsgi_packet({**request_vars("/pid"), name: str(evil), "UWSGI_APPID": "/nowhere"})
            answer = parse_answer(self.refuse(packet, shut=False))
            self.assertEqual((answer.status, answer.body.isdigit()), (200, True), name)
        self.assertFalse((self.folder / "was-loaded").exists())

    def test_body_shorter_than_told(self) -> None:
        """A body that ends early gives the application an error, not a short read that looks whole."""
        packet = uwsgi_packet(request_vars("/digest", method="POST", length=1000))
        self.assertNotIn(b"200 OK", self.refuse(packet + b"short"))
        self.still_serves()
