"""`uwsgid.wire.refusal`: statuses for what llhttp refuses.  Many more stand in the corpus."""

from __future__ import annotations

import httptools
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import PeerError
from uwsgid.wire.refusal import check_coding, refusal, request_line, shown


class RefusalTests(SynchronousTestCase):
    """The first error decides."""

    def test_first_error_decides(self) -> None:
        """Of two things that are wrong, the one that comes first gives the status."""
        for head, status in (
            (b"GET / HTTP/2.0\r\nA b\r\n\r\n", 505),
            (b"GET / HTTP/1.1\r\nA b\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
            (b"GET /\x01 HTTP/2.0\r\n\r\n", 400),
            (b"BREW / HTTP/2.0\r\n\r\n", 501),
            (b"CONNECT /x HTTP/1.1\r\n\r\n", 501),
            (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        ):
            refused = refusal(head, ValueError("unused"))
            assert refused is not None
            self.assertEqual(refused.status, status, head)

    def test_a_method_may_still_grow(self) -> None:
        """Whether a word is an unknown method is known when it ends, or when it is too long for any."""
        self.assertIsNone(refusal(b"BREW", ValueError()))
        for head, status in ((b"BREW ", 501), (b"BREW(", 400), (b"B" * 33, 501)):
            refused = refusal(head, ValueError())
            assert refused is not None
            self.assertEqual(refused.status, status, head)

    def test_without_an_error_of_its_own(self) -> None:
        """Where the replay finds nothing, the error that was met is told."""
        refused = refusal(b"GET / HTTP/1.1\r\n", httptools.HttpParserError("strange"))
        assert refused is not None
        self.assertIn("strange", str(refused))

    def test_request_line(self) -> None:
        """Method, target and minor version, or a refusal."""
        self.assertEqual(request_line(b"GET /a?b HTTP/1.0"), ("GET", "/a?b", 0))
        for line, status in ((b"GET /", 400), (b"GET / HTTP/1.11", 400), (b"GET / HTTP/4.2", 505)):
            with self.assertRaises(PeerError) as caught:
                request_line(line)
            self.assertEqual(caught.exception.status, status, line)

    def test_codings(self) -> None:
        """Only chunked is spoken; what can not be delimited at all is a bad request."""
        check_coding("chunked")
        check_coding("Chunked")
        for coding, status in (
            ("gzip", 501),
            ("gzip, chunked", 501),
            ("chunked, chunked", 400),
            ("chunked,", 400),
        ):
            with self.assertRaises(PeerError) as caught:
                check_coding(coding)
            self.assertEqual(caught.exception.status, status, coding)

    def test_shown(self) -> None:
        """Bytes of a peer are short and printable in the log."""
        self.assertEqual(shown(b"a\r\n\x1b"), "'a\\r\\n\\x1b'")
        self.assertLess(len(shown(b"\x00" * 1000)), 200)
