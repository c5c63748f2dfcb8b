"""`uwsgid.wire.response`: heads that can not be split, and bodies that end where they should."""

from __future__ import annotations

from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import AppError
from uwsgid.wire import response
from uwsgid.wire.chunked import ChunkedDecoder
from uwsgid.wire.events import BodyChunk, EndOfBody
from uwsgid.wire.limits import Limits
from uwsgid.wire.response import (
    CONTINUE,
    LAST_CHUNK,
    MAX_HEAD,
    Frame,
    Framing,
    chunk,
    error_page,
    framing,
    full_status,
    head,
    status_code,
)

HTML = [("Content-Type", "text/html")]
SIZED = [("content-length", "5")]
TEXT = st.text(st.sampled_from("ab :\r\n\0\u00e9\u20ac"), max_size=6)


class HeadTests(SynchronousTestCase):
    """Response heads."""

    def test_head(self) -> None:
        """Status line, fields, what the server adds, and the empty line."""
        self.assertEqual(
            head("HTTP/1.1", "200 OK", [*HTML, ("X", "\u00e9")], b"Connection: close\r\n"),
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX: \xe9\r\nConnection: close\r\n\r\n",
        )
        self.assertEqual(head("HTTP/1.0", "204 No Content", []), b"HTTP/1.0 204 No Content\r\n\r\n")
        self.assertEqual(head("Status:", "200 OK", []), b"Status: 200 OK\r\n\r\n")

    def test_bare_codes(self) -> None:
        """A bare code gets its reason, in the words of uWSGI, or Unknown."""
        for bare, full in (
            ("200", "200 OK"),
            ("302 ", "302 Found"),
            ("413", "413 Request Entity Too Large"),
            ("414", "414 Request-URI Too Long"),
            ("416", "416 Requested Range Not Satisfiable"),
            ("505", "505 HTTP Version Not Supported"),
            ("799", "799 Unknown"),
        ):
            self.assertEqual(full_status(bare), full)
            self.assertEqual(head("HTTP/1.1", bare, []), f"HTTP/1.1 {full}\r\n\r\n".encode())

    def test_bad_statuses(self) -> None:
        """A status that is no status is the application's mistake."""
        for status in ("", "20", "OK", "OK 200", "2000 OK", "20x OK", "-20 OK", "\u0662\u0660\u0660 OK"):
            with self.assertRaises(AppError):
                head("HTTP/1.1", status, [])

    def test_splitting(self) -> None:
        """No CR, LF or NUL of an application reaches the connection, and the error names the header."""
        for evil in ("\r", "\n", "\r\n", "\0", "\r\nSet-Cookie: a=b", "\n\r"):
            for headers in (
                [("X-Name", "a" + evil)],
                [("X-Name" + evil, "a")],
                [*HTML, ("X-Name", evil + "a")],
            ):
                with self.assertRaises(AppError) as caught:
                    head("HTTP/1.1", "200 OK", headers)
                self.assertIn("X-Name", str(caught.exception))
            with self.assertRaises(AppError):
                head("HTTP/1.1", "200 OK" + evil, HTML)
            with self.assertRaises(AppError):
                head("HTTP/1.1" + evil, "200 OK", HTML)

    @settings(deadline=None, max_examples=300)
    @given(TEXT, st.lists(st.tuples(TEXT, TEXT), max_size=3))
    def test_no_text_makes_a_line(self, reason: str, headers: list[tuple[str, str]]) -> None:
        """A head has as many lines as headers were given, or is not sent."""
        try:
            data = head("HTTP/1.1", "200 " + reason, headers)
        except AppError:
            return
        self.assertEqual(data.count(b"\r"), len(headers) + 2)
        self.assertEqual(data.count(b"\n"), len(headers) + 2)
        self.assertEqual(data.count(b"\r\n"), len(headers) + 2)
        self.assertNotIn(b"\0", data)

    def test_wrong_types(self) -> None:
        """Something other than pairs of str, or beyond latin-1, is the application's mistake."""
        wrong: list[Any] = [[("A", 5)], [(b"A", "b")], [("A", None)], [("A",)], [("A", "\u20ac")]]
        for headers in wrong:
            with self.assertRaises(AppError):
                head("HTTP/1.1", "200 OK", cast("list[tuple[str, str]]", headers))

    def test_what_was_refused_stays_refused(self) -> None:
        """A line that was good once does not vouch for one like it, nor is a bad one remembered as good."""
        for _ in range(2):
            self.assertIn(b"X-A: b\r\n", head("HTTP/1.1", "200 OK", [("X-A", "b")]))
            with self.assertRaises(AppError):
                head("HTTP/1.1", "200 OK", [("X-A", "b\n")])
            with self.assertRaises(AppError):
                head("HTTP/1.1", "200 OK\n", [("X-A", "b")])
            # a field that reads like a status line is a field
            lines = head("HTTP/1.1", "200 OK", [("HTTP/1.1", "200 OK")]).split(b"\r\n")
            self.assertEqual(lines[:2], [b"HTTP/1.1 200 OK", b"HTTP/1.1: 200 OK"])

    def test_many_different_values(self) -> None:
        """Values that never come again are sent like any other, and do not pile up."""
        head("HTTP/1.1", "200 OK", [])
        first_lines = response._FIRST_LINES["HTTP/1.1"]
        memories: list[dict[Any, Any]] = [response._LINES, first_lines, response._CODES]
        for memory in memories:
            self.addCleanup(memory.update, dict(memory))
            self.addCleanup(memory.clear)
        for number in range(3000):
            status = f"200 Number {number}"
            data = head("HTTP/1.1", status, [("Set-Cookie", f"id={number}")])
            self.assertEqual(data, f"HTTP/1.1 {status}\r\nSet-Cookie: id={number}\r\n\r\n".encode())
            self.assertEqual(status_code(status), 200)
        for memory in memories:
            self.assertLessEqual(len(memory), 1024)

    def test_longest_head(self) -> None:
        """A head has a limit, as in uWSGI."""
        with self.assertRaises(AppError):
            head("HTTP/1.1", "200 OK", [("A", "b" * MAX_HEAD)])


class FramingTests(SynchronousTestCase):
    """How a body ends."""

    def test_table(self) -> None:
        """Every kind of request and response, and what is decided for it."""
        close, sized, chunked, none = Framing.CLOSE, Framing.LENGTH, Framing.CHUNKED, Framing.NONE
        bye, te, stay = (
            b"Connection: close\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"Connection: keep-alive\r\n",
        )
        seven = b"Content-Length: 7\r\n"
        closing = [("Connection", "Close")]
        coded = [("Transfer-Encoding", "chunked")]
        rows: list[tuple[str, str, list[tuple[str, str]], tuple[int, int], bool, int | None, Frame]] = [
            # method, status, headers, version, keep, known, decision
            ("GET", "200 OK", HTML, (0, 0), False, 7, (close, b"", False, None)),
            ("GET", "200 OK", SIZED, (1, 1), True, None, (sized, b"", True, 5)),
            ("GET", "200 OK", SIZED, (1, 1), True, 5, (sized, b"", True, 5)),
            ("GET", "200 OK", SIZED, (1, 1), False, None, (sized, bye, False, 5)),
            ("GET", "200 OK", [*SIZED, *closing], (1, 1), True, None, (sized, b"", False, 5)),
            ("GET", "200 OK", HTML, (1, 1), True, 7, (sized, seven, True, 7)),
            ("GET", "200 OK", HTML, (1, 1), False, 7, (sized, seven + bye, False, 7)),
            ("GET", "200 OK", HTML, (1, 1), True, 0, (sized, b"Content-Length: 0\r\n", True, 0)),
            ("GET", "200 OK", HTML, (1, 1), True, None, (chunked, te, True, None)),
            ("GET", "200 OK", HTML, (1, 1), False, None, (chunked, te + bye, False, None)),
            ("GET", "200 OK", coded, (1, 1), True, 7, (close, bye, False, None)),
            ("HEAD", "200 OK", SIZED, (1, 1), True, None, (none, b"", True, None)),
            ("HEAD", "200 OK", HTML, (1, 1), True, 0, (none, b"", True, None)),
            ("HEAD", "200 OK", coded, (1, 1), True, None, (none, b"", True, None)),
            ("GET", "204 No Content", [], (1, 1), True, 0, (none, b"", True, None)),
            ("GET", "304 Not Modified", SIZED, (1, 1), False, None, (none, bye, False, None)),
            ("GET", "103 Early Hints", [], (1, 1), True, None, (none, b"", True, None)),
            ("GET", "101 Switching Protocols", [], (1, 1), True, None, (close, b"", False, None)),
            ("GET", "200 OK", HTML, (1, 0), True, None, (close, b"", False, None)),
            ("GET", "200 OK", HTML, (1, 0), False, None, (close, b"", False, None)),
            ("GET", "200 OK", SIZED, (1, 0), True, None, (sized, stay, True, 5)),
            ("GET", "200 OK", HTML, (1, 0), True, 7, (sized, seven + stay, True, 7)),
            ("HEAD", "200 OK", HTML, (1, 0), True, None, (none, stay, True, None)),
            ("GET", "200 OK", [*SIZED, *closing], (1, 0), True, None, (sized, b"", False, 5)),
        ]
        for method, status, headers, version, keep, known, wanted in rows:
            self.assertEqual(
                framing(method, int(status[:3]), headers, version, keep, known),
                wanted,
                (method, status, headers, version),
            )

    def test_contradictions_of_the_application(self) -> None:
        """Lengths that are none or contradict each other are the application's mistake."""
        for headers in (
            [("Content-Length", "x")],
            [("Content-Length", "-5")],
            [("Content-Length", "+5")],
            [("Content-Length", "")],
            [("Content-Length", "9" * 19)],
            [("Content-Length", "5"), ("content-length", "6")],
            [("Content-Length", "5"), ("Transfer-Encoding", "chunked")],
        ):
            with self.assertRaises(AppError):
                framing("GET", 200, headers, (1, 1), True)
        same = [("Content-Length", "5"), ("Content-Length", " 5 ")]
        self.assertEqual(framing("GET", 200, same, (1, 1), True)[3], 5)

    @settings(deadline=None, max_examples=60)
    @given(st.lists(st.binary(max_size=40), max_size=6))
    def test_chunks(self, pieces: list[bytes]) -> None:
        """What is chunked here is the same body for our own decoder, empty pieces included."""
        decoder = ChunkedDecoder(Limits())
        decoder.feed(b"".join(map(chunk, pieces)) + LAST_CHUNK)
        body = b""
        while True:
            event = decoder.next_event()
            if isinstance(event, EndOfBody):
                break
            assert isinstance(event, BodyChunk)
            body += event.data
        self.assertEqual(body, b"".join(pieces))


class AnswerTests(SynchronousTestCase):
    """What the server says by itself."""

    def test_error_page(self) -> None:
        """A complete answer in plain text that closes the connection."""
        self.assertEqual(
            error_page(431),
            b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: text/plain; charset=utf-8\r\n"
            b"Content-Length: 36\r\nConnection: close\r\n\r\n431 Request Header Fields Too Large\n",
        )

    def test_error_page_with_detail(self) -> None:
        """A sentence for the client goes into the body, and its bytes are counted."""
        page = error_page(400, "HTTP/1.0", "caf\u00e9")
        before, _, body = page.partition(b"\r\n\r\n")
        self.assertTrue(before.startswith(b"HTTP/1.0 400 Bad Request\r\n"))
        self.assertEqual(body.decode(), "400 Bad Request\ncaf\u00e9\n")
        self.assertIn(b"Content-Length: %d\r\n" % len(body), before)

    def test_continue(self) -> None:
        """The go-ahead for a peer that waits with its body."""
        self.assertEqual(CONTINUE, b"HTTP/1.1 100 Continue\r\n\r\n")
