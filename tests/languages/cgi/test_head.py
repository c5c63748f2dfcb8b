"""The head of what a script writes, however it is cut."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.languages.cgi.head import BadOutput, Head, HeadReader


def read(data: bytes, size: int = 1 << 20, most: int = 65536) -> Head | None:
    reader = HeadReader(most)
    for start in range(0, len(data), size):
        head = reader.feed(data[start : start + size])
        if head is not None:
            rest = data[start + size :]
            return Head(head.status, head.fields, head.length, head.rest + rest)
    return None


class HeadTests(SynchronousTestCase):
    def good(self, data: bytes, status: str, *fields: tuple[str, str], rest: bytes = b"") -> None:
        for size in (1, 2, 7, 1 << 20):
            head = read(data, size)
            assert head is not None
            self.assertEqual((head.status, head.fields, head.rest), (status, fields, rest))

    def bad(self, data: bytes, why: str) -> None:
        for size in (1, 1 << 20):
            with self.assertRaisesRegex(BadOutput, why):
                read(data, size)

    def test_an_ordinary_head(self) -> None:
        """Fields end at a line feed with or without a carriage return before it, and 200 is the default."""
        fields = ("Content-Type", "text/plain"), ("X-A", "b")
        self.good(b"Content-Type: text/plain\r\nX-A:b \r\n\r\nbody", "200 OK", *fields, rest=b"body")
        self.good(b"Content-Type: text/plain\nX-A: b\n\nbody\n\n", "200 OK", *fields, rest=b"body\n\n")

    def test_status_wherever_it_stands(self) -> None:
        """All fields are read before the status is known, as in uWSGI 2.0."""
        self.good(b"X: y\nStatus: 404 Nope\n\n", "404 Nope", ("X", "y"))
        self.good(b"status: 404\nX: y\n\n", "404 Not Found", ("X", "y"))

    def test_location(self) -> None:
        """A Location is a redirect by 302, local or not, unless Status says otherwise."""
        self.good(b"Location: /x\n\n", "302 Found", ("Location", "/x"))
        self.good(b"Location: http://a/x\n\n", "302 Found", ("Location", "http://a/x"))
        self.good(b"Location: /x\nStatus: 303 See Other\n\n", "303 See Other", ("Location", "/x"))

    def test_status_line_of_nph_scripts(self) -> None:
        """A script that begins with a status line, as if it spoke to the client, is understood."""
        self.good(b"HTTP/1.0 201 Made\r\nX: y\r\n\r\nbody", "201 Made", ("X", "y"), rest=b"body")
        self.good(b"HTTP/1.1 204\n\n", "204 No Content")

    def test_length(self) -> None:
        """Content-Length is told to whoever counts."""
        head = read(b"Content-Length: 12\n\n")
        assert head is not None
        self.assertEqual(head.length, 12)

    def test_what_is_no_head(self) -> None:
        """A line that is no field spoils the whole answer."""
        self.bad(b"\n\nhello", "an empty line in place of headers")
        self.bad(b"hello\n\n", "no header: b'hello'")
        self.bad(b"X: a\n folded\n\n", "no header")
        self.bad(b"X : a\n\n", "no header")
        self.bad(b": a\n\n", "no header")
        self.bad(b"X: a\rY: b\n\n", "no header")
        self.bad(b"X: a\0\n\n", "no header")
        self.bad(b"\xffX: a\n\n", "no header")
        self.bad(b"HTTP/1.1 20 OK\n\n", "no header")

    def test_what_contradicts_itself(self) -> None:
        """Two answers in one are none."""
        self.bad(b"Status: 200\nStatus: 404\n\n", "more than one Status")
        self.bad(b"Location: /a\nLocation: /b\n\n", "more than one Location")
        self.bad(b"Content-Length: 1\nContent-Length: 2\n\n", "two Content-Length, 1 and 2")
        self.bad(b"Content-Length: -1\n\n", "the Content-Length '-1'")
        self.bad(b"Transfer-Encoding: chunked\n\n", "Transfer-Encoding")

    def test_statuses_that_are_none(self) -> None:
        """A status is three digits and maybe a reason; those of interim answers are not for CGI."""
        for status in (b"OK", b"2000", b"99", b"100 Continue", b"600", b"20 0", b"2\xb20"):
            self.bad(b"Status: " + status + b"\n\n", "the status")
        self.bad(b"HTTP/1.1 200 O\0K\n\n", "the status")

    def test_a_head_without_end(self) -> None:
        """A head is as long as cgi-buffer-size says, in one line or in many."""
        self.bad(b"X" * 70000, "more than 65536 bytes of headers, option cgi-buffer-size")
        self.bad(b"X: y\n" * 20000, "more than 65536 bytes of headers")

    @given(st.binary(max_size=200), st.integers(1, 50))
    @settings(deadline=None, max_examples=150)
    def test_any_slicing(self, data: bytes, size: int) -> None:
        """It means the same however the pipe cuts it, whatever it is."""

        def meaning(size: int) -> object:
            try:
                return read(b"X-A: b\n" + data, size)
            except BadOutput as error:
                return str(error)

        self.assertEqual(meaning(size), meaning(1 << 20))
