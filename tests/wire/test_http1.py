"""`uwsgid.wire.http1`: HTTP spoken to a worker.  What single requests mean is in the corpus."""

from __future__ import annotations

import httptools
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire import corpus
from tests.wire.driving import drive, meaning
from uwsgid.errors import PeerError
from uwsgid.wire.events import NEED_DATA, BodyChunk, EndOfBody, RequestHead
from uwsgid.wire.http1 import HttpDecoder
from uwsgid.wire.limits import Limits

GOOD = corpus.http("good")
LASTING = [
    case
    for case in GOOD
    if case.limits == Limits() and all(want.get("keep_alive", True) for want in case.expected["requests"])
]
CUTS = st.lists(st.integers(0, 5000), max_size=8)
LIMITS = Limits(buffer_size=300, max_vars=5)
HEAD = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n"


def first_error(data: bytes, limits: Limits | None = None) -> tuple[int, str] | None:
    """Status and text of the error that `data` leads to, without an end of the head if it has none."""
    decoder = HttpDecoder({}, limits or Limits())
    decoder.feed(data)
    try:
        while decoder.next_event() is not NEED_DATA:
            pass
    except PeerError as error:
        return error.status, str(error)
    return None


class HttpTests(SynchronousTestCase):
    """The contract of the decoder."""

    def test_head(self) -> None:
        """A head says all of it: variables, count, size, length, version and what the peer wants."""
        decoder = HttpDecoder({"SERVER_NAME": "here"}, Limits(), modifier1=5, modifier2=1)
        decoder.feed(HEAD + b"body")
        self.assertEqual(
            decoder.next_event(),
            RequestHead(
                {
                    "SERVER_NAME": "here",
                    "REQUEST_METHOD": "POST",
                    "REQUEST_URI": "/x",
                    "PATH_INFO": "/x",
                    "QUERY_STRING": "",
                    "SERVER_PROTOCOL": "HTTP/1.1",
                    "SCRIPT_NAME": "",
                    "HTTP_HOST": "a",
                    "CONTENT_LENGTH": "6",
                },
                modifier1=5,
                modifier2=1,
                count=8,
                size=len(HEAD),
                body_length=6,
                http_version=(1, 1),
                keep_alive=True,
            ),
        )
        self.assertEqual(decoder.next_event(), BodyChunk(b"body"))
        self.assertIs(decoder.next_event(), NEED_DATA)

    def test_manage_script_name(self) -> None:
        """SCRIPT_NAME is left to the mounts where they manage it."""
        decoder = HttpDecoder({}, Limits(), script_name=False)
        decoder.feed(HEAD)
        head = decoder.next_event()
        assert isinstance(head, RequestHead)
        self.assertNotIn("SCRIPT_NAME", head.vars)

    def test_leftover_ends_the_request(self) -> None:
        """A driver that reads the body itself takes what came of it, and feeds back what is beyond."""
        decoder = HttpDecoder({}, Limits())
        decoder.feed(HEAD + b"bod")
        self.assertIsInstance(decoder.next_event(), RequestHead)
        self.assertFalse(decoder.idle)
        self.assertEqual(decoder.leftover(), b"bod")
        self.assertTrue(decoder.idle)
        decoder.feed(b"GET /next HTTP/1.0\r\n\r\nmore")
        head = decoder.next_event()
        assert isinstance(head, RequestHead)
        self.assertEqual(head.vars["PATH_INFO"], "/next")
        self.assertEqual(decoder.leftover(), b"more")
        decoder.feed(HEAD)
        self.assertIs(decoder.next_event(), NEED_DATA)

    def test_leftover_of_a_partial_head(self) -> None:
        """What was fed of a head is handed over too, and a new one can follow."""
        decoder = HttpDecoder({}, Limits())
        decoder.feed(b"GET / HT")
        self.assertIs(decoder.next_event(), NEED_DATA)
        self.assertEqual(decoder.leftover(), b"GET / HT")
        decoder.feed(HEAD)
        self.assertIsInstance(decoder.next_event(), RequestHead)

    def test_leftover_of_a_chunked_body(self) -> None:
        """The raw bytes of a chunked body can be taken as well, for a tunnel."""
        decoder = HttpDecoder({}, Limits())
        decoder.feed(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
        head = decoder.next_event()
        assert isinstance(head, RequestHead)
        self.assertIsNone(head.body_length)
        self.assertEqual(decoder.leftover(), b"2\r\nhi\r\n")

    def test_idle(self) -> None:
        """A connection is idle before and between requests, and after the last one."""
        decoder = HttpDecoder({}, Limits())
        self.assertTrue(decoder.idle)
        decoder.feed(b"G")
        self.assertFalse(decoder.idle)
        decoder.feed(b"ET / HTTP/1.0\r\n\r\n")
        self.assertIsInstance(decoder.next_event(), RequestHead)
        self.assertFalse(decoder.idle)
        self.assertEqual(decoder.next_event(), EndOfBody())
        self.assertTrue(decoder.idle)

    def test_keep_alive(self) -> None:
        """The version sets the habit, and Connection changes it."""
        for version, connection, keep in (
            (b"1.1", b"", True),
            (b"1.1", b"Connection: keep-alive\r\n", True),
            (b"1.1", b"Connection: keep-alive, close\r\n", False),
            (b"1.1", b"Connection: a\r\nConnection: CLOSE\r\n", False),
            (b"1.1", b"Connection: closed\r\n", True),
            (b"1.0", b"", False),
            (b"1.0", b"Connection: keep-alive\r\n", True),
            (b"1.0", b"Connection: Keep-Alive, TE\r\n", True),
            (b"1.0", b"Connection: keep-alive, close\r\n", False),
        ):
            decoder = HttpDecoder({}, Limits())
            decoder.feed(b"GET / HTTP/" + version + b"\r\nHost: a\r\n" + connection + b"\r\n")
            head = decoder.next_event()
            assert isinstance(head, RequestHead)
            self.assertEqual(head.keep_alive, keep, (version, connection))

    def test_framing_does_not_lean_on_llhttp(self) -> None:
        """Contradicting lengths are refused here too, should a lenient llhttp let them pass."""
        decoder = HttpDecoder({}, Limits())
        with self.assertRaises(PeerError):
            decoder._framing({"CONTENT_LENGTH": "5", "HTTP_TRANSFER_ENCODING": "chunked"}, 1)
        with self.assertRaises(PeerError):
            decoder._framing({"CONTENT_LENGTH": "+5"}, 1)

    def test_errors_do_not_wait(self) -> None:
        """The first wrong byte is answered; nobody waits for the end of a head that is lost already."""
        for data, status in (
            (b"\n", 400),
            (b"\rG", 400),
            (b"\x16", 400),
            (b" ", 400),
            (b"GET\r", 400),
            (b"BREW ", 501),
            (b"CONNECT a:1 HTTP/1.1\r\n", 501),
            (b"GET  / HTTP/1.1\r\n", 400),
            (b"GET / HTTP/1.1\n", 400),
            (b"GET / HTTP/2.0\r\n", 505),
            (b"GET / HTTP/1.5", 505),
            (b"GET /\r\n", 400),
            (b"GET /\x01", 400),
            (b"GET / HTTP/1.1\r\nA b", 400),
            (b"GET / HTTP/1.1\r\nA: b\n", 400),
            (b"GET / HTTP/1.1\r\nA: b\0", 400),
            (b"GET / HTTP/1.1\r\nContent-Length: x", 400),
            (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 10_000, 431),
            (b"GET /" + b"a" * 4096, 414),
        ):
            error = first_error(data)
            assert error is not None, data[:40]
            self.assertEqual(error[0], status, data[:40])

    def test_patience_where_it_is_due(self) -> None:
        """The beginning of something good is no error."""
        for data in (
            b"",
            b"\r",
            b"\r\n\r\n",
            b"GE",
            b"BREW",
            b"GET / HTTP/1.1\r",
            b"GET / HTTP/1.1\r\nA: b\r\n\r",
        ):
            self.assertIsNone(first_error(data), data)

    def test_error_is_final(self) -> None:
        """After a refusal nothing else is said, whatever is fed."""
        decoder = HttpDecoder({}, Limits())
        decoder.feed(b"GET / HTTP/1.1\n")
        for _ in range(2):
            with self.assertRaises(PeerError):
                decoder.next_event()
            decoder.feed(HEAD)

    def test_errors_show_no_raw_bytes(self) -> None:
        """The text of an error is one line, whatever the peer sent."""
        for data in (b"\x00\n\x1b[2J", b"GET / HTTP/9.9\x1b\r\n", b"GET /\x1b\n HTTP/1.1\r\n"):
            error = first_error(data)
            assert error is not None
            self.assertTrue(error[1].isprintable(), error[1])

    def test_large_body_in_pieces(self) -> None:
        """Body bytes are passed on as they come."""
        decoder = HttpDecoder({}, Limits())
        decoder.feed(HEAD.replace(b": 6", b": 100000"))
        decoder.next_event()
        for _ in range(100):
            decoder.feed(b"x" * 1000)
            self.assertEqual(decoder.next_event(), BodyChunk(b"x" * 1000))
        self.assertEqual(decoder.next_event(), EndOfBody())


class SlicingTests(SynchronousTestCase):
    """However the network cuts."""

    @settings(deadline=None, max_examples=150)
    @given(st.lists(st.sampled_from(LASTING), min_size=1, max_size=4), CUTS)
    def test_any_slicing_of_a_pipeline(self, cases: list[corpus.Case], cuts: list[int]) -> None:
        """Requests that share a connection mean what they mean alone."""
        heard = drive(HttpDecoder({}, Limits()), b"".join(case.data for case in cases), cuts)
        self.assertIsNone(heard.error)
        alone = [said for case in cases for said in drive(HttpDecoder({}, Limits()), case.data).requests]
        self.assertEqual(heard.requests, alone)

    @settings(deadline=None, max_examples=150)
    @given(st.lists(st.sampled_from(LASTING), max_size=3), st.sampled_from(corpus.http("bad")), CUTS)
    def test_what_came_before_excuses_nothing(
        self, cases: list[corpus.Case], bad: corpus.Case, cuts: list[int]
    ) -> None:
        """A bad request is refused as it would be alone, whatever good ones its connection had."""
        heard = drive(HttpDecoder({}, Limits()), b"".join(case.data for case in cases) + bad.data, cuts)
        alone = drive(HttpDecoder({}, Limits()), bad.data)
        self.assertEqual(heard.error, alone.error)

    @settings(deadline=None, max_examples=400)
    @given(
        st.sampled_from([case.data for case in GOOD + corpus.http("bad")]),
        st.lists(
            st.tuples(st.integers(0, 400), st.integers(0, 1), st.sampled_from(b"\r\n \t:;0aA/\0\x80,")),
            max_size=3,
        ),
        CUTS,
    )
    def test_any_slicing_of_rubbish(
        self, data: bytes, edits: list[tuple[int, int, int]], cuts: list[int]
    ) -> None:
        """A request with wrong bytes in it has one meaning or one error, however it is cut."""
        for place, width, byte in edits:
            place %= len(data) + 1
            data = data[:place] + bytes((byte,)) + data[place + width :]
        whole = drive(HttpDecoder({}, LIMITS), data)
        self.assertEqual(meaning(drive(HttpDecoder({}, LIMITS), data, cuts)), meaning(whole))
        self.assertEqual(meaning(drive(HttpDecoder({}, LIMITS), data, range(len(data)))), meaning(whole))

    @settings(deadline=None, max_examples=200)
    @given(
        st.lists(
            st.tuples(
                st.from_regex(rb"[A-Za-z-]{1,8}", fullmatch=True),
                st.binary(max_size=8).filter(lambda value: not any(b < 32 or b == 127 for b in value)),
            ),
            max_size=5,
        )
    )
    def test_fields_agree_with_llhttp(self, fields: list[tuple[bytes, bytes]]) -> None:
        """Each field llhttp reports is in the variables, with its value."""
        data = b"GET / HTTP/1.1\r\nHost: a\r\n"
        data += b"".join(b"X-%b: %b\r\n" % field for field in fields) + b"\r\n"
        heard = drive(HttpDecoder({}, Limits()), data)
        self.assertIsNone(heard.error)
        reported: dict[str, list[str]] = {}

        class Protocol:
            def on_header(self, name: bytes, value: bytes) -> None:
                key = "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
                reported.setdefault(key, []).append(value.decode("latin-1").strip(" \t"))

        httptools.HttpRequestParser(Protocol()).feed_data(data)
        vars = heard.requests[0].head.vars
        self.assertEqual(
            {key: vars[key] for key in reported}, {key: ", ".join(all) for key, all in reported.items()}
        )
