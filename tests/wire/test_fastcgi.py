"""`uwsgid.wire.fastcgi`: what the records of front ends say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire import corpus
from uwsgid.errors import PeerError, PeerGone
from uwsgid.wire import fastcgi_records as records
from uwsgid.wire.events import NEED_DATA, Answer, BodyChunk, EndOfBody, RequestHead
from uwsgid.wire.fastcgi import FastCgiDecoder, read_params
from uwsgid.wire.fastcgi_records import pairs, record, request, trailer
from uwsgid.wire.limits import Limits

BASE: dict[str, Any] = {"SERVER_NAME": "here"}
VALUES = {"FCGI_MAX_CONNS": "4", "FCGI_MAX_REQS": "4", "FCGI_MPXS_CONNS": "0"}
WIDE = Limits(buffer_size=65535, max_vars=64)
LATIN1 = st.characters(max_codepoint=255)
VARS = st.dictionaries(
    st.text(LATIN1, min_size=1, max_size=200).filter(lambda key: key != "CONTENT_LENGTH"),
    st.text(LATIN1, max_size=200),
    max_size=8,
)
CUTS = st.lists(st.integers(0, 20_000), max_size=6)
ONE = b"\0\1"


def decoder(limits: Limits = WIDE) -> FastCgiDecoder:
    return FastCgiDecoder(BASE, limits, values=VALUES)


@dataclass
class Heard:
    """What a decoder said of a connection, every request answered as soon as its body was complete."""

    heads: list[RequestHead] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    ends: int = 0
    closed: bool = False
    error: tuple[str, str, str] | None = None


def drive(decoder: FastCgiDecoder, data: bytes, cuts: Iterable[int] = ()) -> Heard:
    """Feed *data* cut at *cuts* (modulo its length), and collect what is said until an error."""
    heard = Heard()
    borders = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, stop in pairwise(borders):
        decoder.feed(data[start:stop])
        while True:
            try:
                event = decoder.next_event()
            except PeerError as error:
                heard.error = (type(error).__name__, str(error), error.option)
                return heard
            if event is NEED_DATA:
                break
            if isinstance(event, RequestHead):
                heard.heads.append(event)
                heard.numbers.append(decoder.number.hex())
                heard.bodies.append(b"")
            elif isinstance(event, BodyChunk):
                assert event.data, "an empty body chunk"
                heard.bodies[-1] += event.data
            elif isinstance(event, Answer):
                heard.answers.append(event.data.hex())
                heard.closed = event.close
            else:
                assert isinstance(event, EndOfBody)
                heard.ends += 1
                decoder.end()
    return heard


def cases() -> Iterable[bytes]:
    return [case.data for kind in ("good", "bad") for case in corpus.fastcgi(kind)]


def plain(heard: Heard) -> Heard:
    """Without the one thing that depends on cuts: whether a length that nobody gave was known in time."""
    for head in heard.heads:
        head.body_length = head.body_length or 0
    return heard


class ParamsTests(SynchronousTestCase):
    """Names and values."""

    @settings(deadline=None, max_examples=100)
    @given(VARS)
    def test_round_trip(self, vars: dict[str, str]) -> None:
        """What is written is read again, and counted."""
        found: dict[str, Any] = {}
        self.assertEqual(read_params(pairs(vars.items()), found), len(vars))
        self.assertEqual(found, vars)

    @settings(deadline=None, max_examples=300)
    @given(st.lists(st.sampled_from([b"\0", b"\1", b"\2", b"\x80", b"a"]), max_size=20).map(b"".join))
    def test_agrees_with_a_naive_reader(self, block: bytes) -> None:
        """Exactly the blocks are refused that a reader with all checks refuses."""
        wanted = naive(block)
        found: dict[str, Any] = {}
        try:
            read_params(block, found)
        except PeerError:
            self.assertIsNone(wanted)
        else:
            self.assertEqual(found, wanted)

    def test_longest(self) -> None:
        """A value of 65535 bytes passes, a longer one is refused as in 1.9.16."""
        found: dict[str, Any] = {}
        read_params(pairs([("A", "x" * 65535)]), found)
        self.assertEqual(len(found["A"]), 65535)
        self.assertRaises(PeerError, read_params, pairs([("A", "x" * 65536)]), {})


def naive(block: bytes) -> dict[str, str] | None:
    """A reader that checks each step, None where it refuses."""
    found: dict[str, str] = {}
    rest = block
    while rest:
        sizes = []
        for _ in range(2):
            if not rest:
                return None
            if rest[0] < 128:
                sizes.append(rest[0])
                rest = rest[1:]
            elif len(rest) < 4:
                return None
            else:
                sizes.append(int.from_bytes(rest[:4], "big") & 0x7FFFFFFF)
                rest = rest[4:]
        name, value = sizes
        if not name or name + value > len(rest):
            return None
        found[rest[:name].decode("latin-1")] = rest[name : name + value].decode("latin-1")
        rest = rest[name + value :]
    return found


class CorpusTests(SynchronousTestCase):
    """`tests/corpus/fastcgi`."""

    def test_good(self) -> None:
        """Each good stream means what its file says, however it is cut."""
        for case in corpus.fastcgi("good"):
            whole = drive(decoder(case.limits), case.data)
            self.assertIsNone(whole.error, case.name)
            found = [
                {
                    "vars": {key: value for key, value in head.vars.items() if key not in BASE},
                    "length": head.body_length,
                    "body": body.decode("latin-1"),
                    "keep_alive": head.keep_alive,
                    "number": number,
                }
                for head, body, number in zip(whole.heads, whole.bodies, whole.numbers, strict=True)
            ]
            for one in found:
                one["vars"].pop("CONTENT_LENGTH", None)  # type: ignore[union-attr]
            self.assertEqual(found, case.expected["requests"], case.name)
            self.assertEqual(whole.answers, case.expected.get("answers", []), case.name)
            self.assertEqual(whole.closed, case.expected.get("close", False), case.name)
            self.assertEqual(whole.ends, len(found), case.name)
            pieces = drive(decoder(case.limits), case.data, range(len(case.data)))
            self.assertEqual(plain(whole), plain(pieces), case.name)

    def test_bad(self) -> None:
        """Each bad stream is refused, with words an operator can search for, however it is cut."""
        for case in corpus.fastcgi("bad"):
            reader = decoder(case.limits)
            whole = drive(reader, case.data)
            assert whole.error is not None, case.name
            name, words, option = whole.error
            self.assertEqual((name, option), ("PeerError", case.expected.get("option", "")), case.name)
            self.assertIn(case.expected["words"], words, case.name)
            self.assertRaises(PeerError, reader.next_event)
            self.assertEqual(reader.refuse(), trailer(ONE) if case.expected.get("in_request") else b"")
            pieces = drive(decoder(case.limits), case.data, range(len(case.data)))
            self.assertEqual(plain(whole), plain(pieces), case.name)


class SlicingTests(SynchronousTestCase):
    """The network cuts where it likes."""

    @settings(deadline=None, max_examples=100)
    @given(VARS, st.binary(max_size=300), st.lists(st.integers(0, 600), max_size=4), CUTS)
    def test_records_anywhere(
        self, vars: dict[str, str], body: bytes, borders: list[int], cuts: list[int]
    ) -> None:
        """A request means the same however the front end cut it into records, and the network into pieces."""
        told = {**vars, "CONTENT_LENGTH": str(len(body))}
        parts = [records.begin_request(ONE)]
        for kind, data in ((records.PARAMS, pairs(told.items())), (records.STDIN, body)):
            places = [0, *sorted(border % (len(data) + 1) for border in borders), len(data)]
            for start, stop in pairwise(places):
                if stop > start:
                    parts.append(record(kind, ONE, data[start:stop], padding=stop % 256))
            parts.append(record(kind, ONE))
        heard = drive(decoder(), b"".join(parts), cuts)
        self.assertEqual((len(heard.heads), heard.ends, heard.error), (1, 1, None))
        self.assertEqual(heard.heads[0].vars, {**BASE, **told})
        self.assertEqual((heard.bodies[0], heard.heads[0].body_length), (body, len(body)))

    @settings(deadline=None, max_examples=200)
    @given(st.lists(st.sampled_from(list(cases())), max_size=4), CUTS)
    def test_any_streams(self, streams: list[bytes], cuts: list[int]) -> None:
        """Whatever follows whatever, the meaning does not depend on the pieces."""
        data = b"".join(streams)
        self.assertEqual(plain(drive(decoder(), data)), plain(drive(decoder(), data, cuts)))


class ConnectionTests(SynchronousTestCase):
    """Requests on one connection."""

    def test_unread_body(self) -> None:
        """What was not read of a body is passed over, and the next request is served."""
        data = request([("CONTENT_LENGTH", "9")], b"x" * 9, flags=1) + request([("A", "b")], flags=1)
        for end in range(49, len(data)):
            reader = decoder()
            reader.feed(data[:end])
            self.assertIsInstance(reader.next_event(), RequestHead)
            self.assertEqual(reader.end(), b"")
            reader.feed(data[end:])
            event = reader.next_event()
            assert isinstance(event, RequestHead)
            self.assertEqual(event.vars["A"], "b")

    def test_drained(self) -> None:
        """On a connection that ends, all of the request has to leave the socket first."""
        data = request([("CONTENT_LENGTH", "9")], b"x" * 9)
        for end in range(49, len(data)):
            reader = decoder()
            reader.feed(data[:end])
            self.assertIsInstance(reader.next_event(), RequestHead)
            reader.end(True)
            self.assertFalse(reader.drained, end)
            reader.feed(data[end:])
            reader.end(True)
            self.assertTrue(reader.drained, end)
            self.assertTrue(reader.idle)

    def test_a_pipeline_that_is_not_kept(self) -> None:
        """A request behind one that ends the connection is refused, not swallowed."""
        reader = decoder()
        reader.feed(request([]) + request([], number=b"\0\2"))
        self.assertIsInstance(reader.next_event(), RequestHead)
        self.assertEqual(reader.end(True), records.end_request(b"\0\2", records.CANT_MPX_CONN))
        self.assertTrue(reader.drained)

    def test_abort(self) -> None:
        """A request that is aborted while its body is under way fails, and the connection goes on."""
        reader = decoder()
        whole = request([("CONTENT_LENGTH", "9")], b"x", flags=1)
        reader.feed(whole[:-8] + record(records.ABORT_REQUEST, ONE) + request([], flags=1))
        self.assertIsInstance(reader.next_event(), RequestHead)
        self.assertIsInstance(reader.next_event(), BodyChunk)
        self.assertRaises(PeerGone, reader.next_event)
        self.assertIs(reader.next_event(), NEED_DATA)
        reader.end()
        self.assertIsInstance(reader.next_event(), RequestHead)

    def test_idle(self) -> None:
        """A connection is idle between requests, and never within one."""
        reader = decoder()
        self.assertTrue(reader.idle)
        data = request([("A", "b")], flags=1)
        for byte in data:
            reader.feed(bytes((byte,)))
            reader.next_event()
            self.assertFalse(reader.idle)
        reader.end()
        self.assertTrue(reader.idle)
        self.assertTrue(reader.drained)

    def test_modifiers(self) -> None:
        """The modifiers of the options are those of every request."""
        reader = FastCgiDecoder(BASE, WIDE, modifier1=5, modifier2=3)
        reader.feed(request([]))
        event = reader.next_event()
        assert isinstance(event, RequestHead)
        self.assertEqual((event.modifier1, event.modifier2), (5, 3))
