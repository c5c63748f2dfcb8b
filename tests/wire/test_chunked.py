"""`uwsgid.wire.chunked`: chunked bodies, compared with llhttp on random input."""

from __future__ import annotations

from itertools import pairwise

import httptools
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import PeerError
from uwsgid.wire.chunked import ChunkedDecoder
from uwsgid.wire.events import NEED_DATA, BodyChunk, EndOfBody
from uwsgid.wire.limits import MAX_EXTENSION, Limits

LIMITS = Limits(buffer_size=64, max_vars=1)

Outcome = tuple[bytes, tuple[tuple[str, str], ...] | None, int, bytes]


def decode(data: bytes, cuts: list[int] | None = None, limits: Limits = LIMITS) -> Outcome:
    """Body, trailers (None where it did not end), status of the error (0 for none) and what is left over."""
    decoder = ChunkedDecoder(limits)
    body = b""
    borders = [0, *sorted(cut % (len(data) + 1) for cut in cuts or []), len(data)]
    fed = 0
    for start, stop in pairwise(borders):
        decoder.feed(data[start:stop])
        fed = stop
        while True:
            try:
                event = decoder.next_event()
            except PeerError as error:
                return body, None, error.status, b""
            if event is NEED_DATA:
                break
            if isinstance(event, EndOfBody):
                return body, event.trailers, 0, decoder.leftover() + data[fed:]
            assert isinstance(event, BodyChunk)
            assert event.data
            body += event.data
    return body, None, 0, b""


class _Oracle:
    def __init__(self) -> None:
        self.body = b""
        self.complete = False

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self.complete = True


def llhttp(data: bytes) -> tuple[bytes, bool, bool]:
    """What llhttp makes of it: the body, whether it ended, whether it was refused."""
    oracle = _Oracle()
    parser = httptools.HttpRequestParser(oracle)
    parser.feed_data(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    try:
        parser.feed_data(data)
    except httptools.HttpParserError:
        return oracle.body, oracle.complete, True
    return oracle.body, oracle.complete, False


PIECES = st.sampled_from(
    [
        b"0",
        b"1",
        b"5",
        b"a",
        b"F",
        b"\r\n",
        b"\r",
        b"\n",
        b"x",
        b";",
        b"e=f",
        b'"',
        b" ",
        b"-",
        b"A: b",
        b"\0",
    ]
)
ALMOST = st.lists(PIECES, max_size=14).map(b"".join)
CUTS = st.lists(st.integers(0, 200), max_size=6)


class ChunkedTests(SynchronousTestCase):
    """The coding, its limits and its early refusals."""

    def test_chunk_size(self) -> None:
        """A chunk larger than chunked-input-limit is refused with 413 before its data; as large passes."""
        limits = Limits(chunk=10)
        self.assertEqual(decode(b"a\r\n0123456789\r\n0\r\n\r\n", limits=limits)[2], 0)
        self.assertEqual(decode(b"b\r\n", limits=limits)[2], 413)
        decoder = ChunkedDecoder(limits)
        decoder.feed(b"1\r\n1\r\n1;a=b\r\n2\r\n00000b\r\n")
        self.assertEqual([decoder.next_event() for _ in "12"], [BodyChunk(b"1"), BodyChunk(b"2")])
        with self.assertRaisesRegex(PeerError, r"^a chunk of 11 bytes \(max 10\)$") as caught:
            decoder.next_event()
        self.assertEqual(caught.exception.option, "chunked-input-limit")

    def test_body_and_trailers(self) -> None:
        """Chunks, extensions and trailers are understood, and what follows is left alone."""
        data = b'5\r\nhello\r\nA;x=1;y="q;\\"";z\r\n0123456789\r\n000\r\nX-Sum:  abc \t\r\nE:\r\n\r\nGET'
        wanted = (b"hello0123456789", (("x-sum", "abc"), ("e", "")), 0, b"GET")
        self.assertEqual(decode(data), wanted)
        self.assertEqual(decode(data, list(range(len(data)))), wanted)

    def test_refusals(self) -> None:
        """Every departure from the grammar is refused, without waiting for more than the wrong byte."""
        for data, status in (
            (b"\r", 400),
            (b" 5", 400),
            (b"g", 400),
            (b"+5", 400),
            (b"-1", 400),
            (b"0x5", 400),
            (b"5 \r\n", 400),
            (b"5\n", 400),
            (b"5\rx", 400),
            (b"1" * 16, 400),
            (b"5;a\0", 400),
            (b"5;a\r\r", 400),
            (b"5;a b\r\n", 400),
            (b"5;\r\n", 400),
            (b'5;a="\r\n', 400),
            (b"5;a=" + b"b" * MAX_EXTENSION * 2, 400),
            (b"2\r\nabc", 400),
            (b"2\r\nab\n", 400),
            (b"2\r\nab\rx", 400),
            (b"0\r\n\n", 400),
            (b"0\r\n x", 400),
            (b"0\r\nA\r\n", 400),
            (b"0\r\nA :", 400),
            (b"0\r\n:", 400),
            (b"0\r\nA: b\0", 400),
            (b"0\r\nA: b\n", 400),
            (b"0\r\nA: b\r\n c", 400),
            (b"0\r\nA: " + b"b" * 64, 431),
            (b"0\r\nA: 1\r\nB: 2\r\nC: 3\r\n", 431),
        ):
            self.assertEqual(decode(data)[2], status, data)
            self.assertEqual(decode(data, list(range(len(data))))[2], status, data)

    def test_error_is_final(self) -> None:
        """After a refusal nothing else is said, whatever is fed."""
        decoder = ChunkedDecoder(LIMITS)
        decoder.feed(b"zz\r\n")
        for _ in range(2):
            with self.assertRaises(PeerError):
                decoder.next_event()
            decoder.feed(b"0\r\n\r\n")

    def test_silence_after_the_end(self) -> None:
        """After the end the decoder only keeps what is not its own."""
        decoder = ChunkedDecoder(LIMITS)
        decoder.feed(b"0\r\n\r\nnext")
        self.assertEqual(decoder.next_event(), EndOfBody())
        self.assertIs(decoder.next_event(), NEED_DATA)
        self.assertEqual((decoder.leftover(), decoder.leftover()), (b"next", b""))

    def test_longest_extension(self) -> None:
        """An extension may have its full length, and one byte more is refused."""
        head = b"0000000000000aF;a=" + b"b" * (MAX_EXTENSION - 3)
        body = b"x" * 0xAF + b"\r\n0\r\n\r\n"
        self.assertEqual(decode(head + b"\r\n" + body)[1:], ((), 0, b""))
        self.assertEqual(decode(head + b"b\r\n" + body)[2], 400)

    def test_many_tiny_chunks(self) -> None:
        """A flood of one-byte chunks in one piece is decoded in time that grows with its size only."""
        self.assertEqual(decode(b"1\r\nx\r\n" * 50_000 + b"0\r\n\r\n")[:2], (b"x" * 50_000, ()))

    @settings(deadline=None, max_examples=150)
    @given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.binary(max_size=9), CUTS)
    def test_any_slicing(self, chunks: list[bytes], rest: bytes, cuts: list[int]) -> None:
        """A body means the same however the network cuts it, and llhttp agrees."""
        data = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
        self.assertEqual(decode(data + rest, cuts), (b"".join(chunks), (), 0, rest))
        self.assertEqual(llhttp(data), (b"".join(chunks), True, False))

    @settings(deadline=None, max_examples=600)
    @given(ALMOST, CUTS)
    def test_never_more_lenient_than_llhttp(self, data: bytes, cuts: list[int]) -> None:
        """What we take as complete llhttp takes too, with the same body; and cuts change nothing."""
        outcome = decode(data)
        self.assertEqual(decode(data, cuts), outcome)
        body, trailers, _, rest = outcome
        if trailers is not None:
            self.assertEqual(llhttp(data[: len(data) - len(rest)]), (body, True, False))
