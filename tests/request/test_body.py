"""wsgi.input, beside the io.BytesIO that it should be like."""

from __future__ import annotations

import io
import os
import threading

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.request.bodies import STEPS, TEXTS, Line, model, real
from uwsgid.errors import BodyError
from uwsgid.request.body import Body


class BodyTests(SynchronousTestCase):
    def line(self, config: str = "socket-timeout = 1") -> Line:
        line = Line(config)
        self.addCleanup(line.close)
        return line

    @given(TEXTS, st.integers(0, 200), STEPS)
    @settings(deadline=None, max_examples=60)
    def test_reads_like_a_file(self, data: bytes, here: int, steps: list[tuple[str, int]]) -> None:
        """Whatever is read, and wherever the first packet was cut, it is what a file would give."""
        line = Line()
        try:
            body, file = line.body(data, here), io.BytesIO(data)
            for step, size in steps:
                self.assertEqual(real(body, step, size), model(file, step, size))
                self.assertEqual(body.tell(), file.tell())
            self.assertEqual(body.readlines(), file.readlines())
            self.assertEqual(body.read(), b"")
        finally:
            line.close()

    @given(st.lists(TEXTS, max_size=5), STEPS)
    @settings(deadline=None, max_examples=40)
    def test_chunked_reads_like_a_file(self, pieces: list[bytes], steps: list[tuple[str, int]]) -> None:
        """A chunked body reads like the file that it carries."""
        line = Line()
        try:
            coded = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece]
            body, file = line.chunked(*coded, b"0\r\n\r\n"), io.BytesIO(b"".join(pieces))
            for step, size in steps:
                self.assertEqual(real(body, step, size), model(file, step, size))
            self.assertEqual(body.read(), file.read())
        finally:
            line.close()

    def test_leaves_the_next_request_alone(self) -> None:
        """What came behind the body is not part of it."""
        line = self.line()
        body = Body(line.connection, 3, b"abcGET / HTTP/1.1")
        self.assertEqual((body.read(), body.surplus), (b"abc", b"GET / HTTP/1.1"))

    def test_what_is_here_already(self) -> None:
        """read_now() never waits: it says None until the client has sent more, and b"" at the end."""
        line = self.line()
        body = line.body(b"abc", here=3, length=5)
        self.assertEqual([body.read_now(2), body.read_now(2), body.read_now(2)], [b"ab", b"c", None])
        line.client.sendall(b"de")
        self.assertEqual([body.read_now(9), body.read_now(9), body.tell()], [b"de", b"", 5])

    def test_what_is_here_already_of_a_chunked_body(self) -> None:
        """read_now() of a chunked body waits for nothing within a chunk either."""
        line = self.line()
        body = line.chunked(b"3\r\n")
        self.assertIsNone(body.read_now(9))
        line.client.sendall(b"abc\r\n0\r\n\r\n")
        self.assertEqual([body.read_now(9), body.read_now(9)], [b"abc", b""])

    def test_a_client_that_goes_while_nobody_waits(self) -> None:
        """read_now() tells of an early end as read() does."""
        line = self.line()
        body = line.body(b"abc", here=3, length=5)
        self.assertEqual(body.read_now(9), b"abc")
        self.assertFalse(line.connection.is_lost)
        line.client.close()
        self.assertTrue(line.connection.is_lost)
        self.assertRaises(BodyError, body.read_now, 9)

    def test_a_large_body(self) -> None:
        """A megabyte arrives whole."""
        data = os.urandom(1 << 20)
        body = self.line().body(data, here=4000)
        self.assertEqual(body.read(), data)
        self.assertEqual(body.tell(), 1 << 20)

    def test_readlines_stops_at_its_hint(self) -> None:
        """readlines(hint) ends with the line that passes the hint."""
        body = self.line().body(b"one\ntwo\nthree\n")
        self.assertEqual(body.readlines(5), [b"one\n", b"two\n"])
        self.assertEqual(list(body), [b"three\n"])

    def test_a_silent_client(self) -> None:
        """A client that stops sending is an OSError with uWSGI's text, and a line in the log."""
        line = self.line()
        body = line.body(b"abc", length=10)
        with self.assertRaisesRegex(OSError, r"^timeout during read\(10\) on wsgi.input$"):
            body.read(10)
        self.assertEqual(
            line.said,
            [
                "[uwsgi-body-read] Timeout reading 10 bytes. Content-Length: 10 consumed: 3 left: 7 "
                "[192.0.2.7, option socket-timeout]"
            ],
        )
        self.assertEqual(body.errors, 1)
        line.client.sendall(b"defghij")
        self.assertEqual(body.read(10), b"defghij")

    def test_a_client_that_goes_away(self) -> None:
        """A client that ends the connection within the body is an OSError, not a short body."""
        line = self.line()
        body = line.body(b"ab\nc", length=10)
        line.client.close()
        self.assertEqual(body.readline(), b"ab\n")
        with self.assertRaisesRegex(OSError, r"^error during readline\(-1\) on wsgi.input$"):
            body.readline()
        self.assertIn("message: Client closed connection", line.said[0])

    def test_a_bad_chunk(self) -> None:
        """A chunk that is none is an OSError for the application."""
        body = self.line().chunked(b"3\r\nabc\r\nzz\r\n")
        with self.assertRaisesRegex(OSError, "error during read"):
            body.read()

    def test_a_broken_body_stays_broken(self) -> None:
        """An application that tries again gets the error again, and the log its one line."""
        line = self.line()
        body = line.chunked(b"3\r\nabc\r\nzz\r\n")
        for _ in range(3):
            with self.assertRaises(BodyError) as caught:
                body.read()
            self.assertEqual((caught.exception.status, caught.exception.option), (400, ""))
        self.assertEqual((len(line.said), body.errors, body.discard(100)), (1, 3, False))

    def test_a_cut_chunk_can_not_be_discarded(self) -> None:
        """Throwing away a chunked body whose client has left says that it was not all."""
        line = self.line()
        body = line.chunked(b"9\r\nab")
        line.client.close()
        self.assertFalse(body.discard(100))

    def test_limit_post_holds_for_chunks(self) -> None:
        """A chunked body that grows beyond limit-post ends in an error that names the option."""
        line = self.line("limit-post = 5\nsocket-timeout = 1")
        body = line.chunked(b"4\r\nabcd\r\n4\r\nefgh\r\n0\r\n\r\n")
        self.assertEqual(body.read(4), b"abcd")
        self.assertRaises(OSError, body.read, 4)
        self.assertIn("limit-post", line.said[0])

    def test_continue_is_said_when_somebody_reads(self) -> None:
        """100 Continue goes out with the first read and not before."""
        line = self.line()
        body = Body(line.connection, 4, b"", None, True)
        line.client.setblocking(False)
        self.assertRaises(BlockingIOError, line.client.recv, 1)
        threading.Timer(0.05, line.client.sendall, (b"body",)).start()
        self.assertEqual(body.read(), b"body")
        self.assertEqual(line.client.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
        self.assertFalse(body.awaits_continue)

    def test_seeking_needs_buffering(self) -> None:
        """A body that comes from the socket can not be read twice."""
        with self.assertRaisesRegex(OSError, "^seeking wsgi.input without post_buffering is IMPOSSIBLE !!!$"):
            self.line().body(b"abc").seek(0)

    def test_warns_of_large_reads(self) -> None:
        """A body that is read in one piece beyond body-read-warning leaves one line."""
        line = self.line("body-read-warning = 1\nsocket-timeout = 5")
        line.body(bytes(3 << 20)).read()
        self.assertEqual(len(line.said), 1)
        self.assertTrue(line.said[0].startswith("[uwsgi-warning] you are using read()/readline()"))
        self.assertIn("over than 1 MB", line.said[0])

    def test_discards_what_is_here(self) -> None:
        """Throwing the rest away says whether it was all, and does not wait for more."""
        line = self.line()
        self.assertTrue(line.body(b"abcdef", here=2).discard(100))
        self.assertFalse(line.body(b"abc", length=6).discard(100))

    def test_the_descriptor(self) -> None:
        """fileno() is that of the connection, and close() leaves it open."""
        line = self.line()
        body = line.body(b"abc")
        body.close()
        self.assertEqual(body.fileno(), line.connection.fd)
        self.assertEqual(body.read(), b"abc")
