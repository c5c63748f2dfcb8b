"""`uwsgid.wire.uwsgi`: the packets of nginx and of uWSGI's own tools."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire import corpus
from tests.wire.driving import drive, meaning
from uwsgid.errors import InternalError, PeerError
from uwsgid.wire.events import NEED_DATA, BodyChunk, EndOfBody, RequestHead
from uwsgid.wire.limits import Limits
from uwsgid.wire.uwsgi import (
    Modifier,
    UwsgiDecoder,
    content_length,
    frame,
    packet,
    read_array,
    read_vars,
    write_array,
    write_vars,
)

LATIN1 = st.characters(max_codepoint=255)
VARS = st.dictionaries(
    st.text(LATIN1, min_size=1, max_size=300).filter(lambda key: key != "CONTENT_LENGTH"),
    st.text(LATIN1, max_size=300),
    max_size=12,
)
CUTS = st.lists(st.integers(0, 20_000), max_size=6)
WIDE = Limits(buffer_size=65535, max_vars=64)
BAD = [case.data[4:] for case in corpus.uwsgi("bad")]


def naive(block: bytes) -> dict[str, str] | None:
    """A reader that checks each step, None where it refuses: what `read_vars` must agree with."""
    found: dict[str, str] = {}
    pos = 0
    while pos < len(block):
        pair = []
        for _ in range(2):
            if pos + 2 > len(block):
                return None
            size = int.from_bytes(block[pos : pos + 2], "little")
            pos += 2
            if pos + size > len(block):
                return None
            pair.append(block[pos : pos + size].decode("latin-1"))
            pos += size
        if not pair[0]:
            return None
        found[pair[0]] = pair[1]
    return found


class VarsTests(SynchronousTestCase):
    """Variable blocks."""

    @settings(deadline=None, max_examples=100)
    @given(VARS)
    def test_round_trip(self, vars: dict[str, str]) -> None:
        """What is written is read again, and counted."""
        found: dict[str, Any] = {}
        self.assertEqual(read_vars(write_vars(vars), found), len(vars))
        self.assertEqual(found, vars)

    @settings(deadline=None, max_examples=400)
    @given(
        st.one_of(
            st.binary(max_size=30),
            st.lists(st.sampled_from([b"\0", b"\1", b"\2", b"a"]), max_size=20).map(b"".join),
        )
    )
    def test_agrees_with_a_naive_reader(self, block: bytes) -> None:
        """The unchecked loop refuses exactly what a reader with all checks refuses."""
        wanted = naive(block)
        found: dict[str, Any] = {}
        try:
            read_vars(block, found)
        except PeerError:
            self.assertIsNone(wanted)
        else:
            self.assertEqual(found, wanted)

    def test_adds_to_what_is_there(self) -> None:
        """Variables replace what the base environ had, and leave the rest."""
        into: dict[str, Any] = {"A": 1, "wsgi.version": (1, 0)}
        read_vars(write_vars({"A": "2"}), into)
        self.assertEqual(into, {"A": "2", "wsgi.version": (1, 0)})

    def test_twice_max_vars_as_in_1_9_16(self) -> None:
        """With max-vars 2 four variables pass; the fifth names the option."""
        self.assertEqual(read_vars(write_vars(dict.fromkeys("ABCD", "")), {}, 2), 4)
        with self.assertRaises(PeerError) as caught:
            read_vars(write_vars(dict.fromkeys("ABCDE", "")), {}, 2)
        self.assertEqual(caught.exception.option, "max-vars")
        self.assertEqual(Limits(max_vars=2).variables, 4)

    def test_bytes_and_str(self) -> None:
        """Values may be bytes or str, and mean the same."""
        self.assertEqual(write_vars({"A": b"\xe9"}), write_vars({"A": "\u00e9"}))

    def test_unwritable(self) -> None:
        """What no peer could read is our own mistake."""
        for vars in ({"": "x"}, {"A": "x" * 65536}, {"A": "\u20ac"}):
            with self.assertRaises(InternalError):
                write_vars(vars)

    def test_content_length(self) -> None:
        """A length is its leading digits, as in uWSGI."""
        for text, length in (("5", 5), ("12abc", 12), ("-1", 0), ("", 0), (" 5", 0), ("007", 7), ("5 5", 5)):
            self.assertEqual(content_length(text), length)
        with self.assertRaises(PeerError):
            content_length("1" * 5000)


class ArrayTests(SynchronousTestCase):
    """Array blocks."""

    @settings(deadline=None, max_examples=60)
    @given(st.lists(st.binary(min_size=1, max_size=30), max_size=20))
    def test_round_trip(self, items: list[bytes]) -> None:
        """Items come back in order."""
        self.assertEqual(read_array(write_array(items)), items)

    def test_empty_items(self) -> None:
        """An empty item is skipped; at the end it is refused, as in uWSGI."""
        self.assertEqual(read_array(write_array([b"a", b"", "b"])), [b"a", b"b"])
        with self.assertRaises(PeerError):
            read_array(write_array([b"a", b""]))

    def test_cut(self) -> None:
        """An item that runs past the end is refused, and so is half a length."""
        for block in (b"\x05\0abc", b"\x01", b"\x01\0a\x01"):
            with self.assertRaises(PeerError):
                read_array(block)

    def test_255_items(self) -> None:
        """What comes after the 255th item is not looked at."""
        self.assertEqual(len(read_array(write_array([b"x"] * 255) + b"\xff")), 255)


class PacketTests(SynchronousTestCase):
    """Whole packets."""

    def test_header(self) -> None:
        """modifier1, the size of the block with its low byte first, modifier2."""
        self.assertEqual(packet(Modifier.CGI, {"A": "b"}, 3), b"\x09\x06\0\x03\x01\0A\x01\0b")
        self.assertEqual(frame(100), b"d\0\0\0")
        self.assertEqual(frame(0, b"x" * 0x1234)[:4], b"\0\x34\x12\0")

    def test_limits_of_a_header(self) -> None:
        """A block or modifier that the header can not say is our own mistake."""
        self.assertEqual(len(frame(0, b"x" * 65535)), 65539)
        for modifier1, block in ((0, b"x" * 65536), (256, b""), (-1, b"")):
            with self.assertRaises(InternalError):
                frame(modifier1, block)


class DecoderTests(SynchronousTestCase):
    """Packets on a connection."""

    def test_whole_packet(self) -> None:
        """A packet in one piece is a head at once, on a copy of the base."""
        base: dict[str, Any] = {"wsgi.version": (1, 0)}
        decoder = UwsgiDecoder(base, Limits())
        block = write_vars({"CONTENT_LENGTH": "2"})
        decoder.feed(frame(0, block) + b"hi+")
        self.assertEqual(
            decoder.next_event(),
            RequestHead({"wsgi.version": (1, 0), "CONTENT_LENGTH": "2"}, 0, 0, 1, len(block), 2),
        )
        self.assertEqual(base, {"wsgi.version": (1, 0)})
        self.assertEqual(decoder.next_event(), BodyChunk(b"hi"))
        self.assertEqual(decoder.next_event(), EndOfBody())
        self.assertEqual(decoder.leftover(), b"+")

    def test_leftover_ends_the_request(self) -> None:
        """A driver that reads the body itself takes what came of it, and feeds back what is beyond."""
        decoder = UwsgiDecoder({}, Limits())
        decoder.feed(packet(0, {"CONTENT_LENGTH": "4"}) + b"bo")
        head = decoder.next_event()
        assert isinstance(head, RequestHead)
        self.assertEqual((head.body_length, decoder.idle), (4, False))
        self.assertEqual(decoder.leftover(), b"bo")
        self.assertTrue(decoder.idle)
        decoder.feed(packet(5, {"A": "b"}))
        again = decoder.next_event()
        assert isinstance(again, RequestHead)
        self.assertEqual((again.modifier1, again.vars), (5, {"A": "b"}))

    def test_idle(self) -> None:
        """A connection is idle before a packet and after it, and not within."""
        decoder = UwsgiDecoder({}, Limits())
        self.assertTrue(decoder.idle)
        decoder.feed(b"\0")
        self.assertFalse(decoder.idle)
        decoder.feed(b"\0\0\0")
        decoder.next_event()
        self.assertFalse(decoder.idle)
        self.assertEqual(decoder.next_event(), EndOfBody())
        self.assertTrue(decoder.idle)

    def test_error_is_final(self) -> None:
        """A refused connection stays refused."""
        for data in (b"\0\xff\xff\0", frame(0, b"\0\0\0\0")):
            decoder = UwsgiDecoder({}, Limits())
            decoder.feed(data)
            for _ in range(2):
                with self.assertRaises(PeerError):
                    decoder.next_event()
                decoder.feed(packet(0, {"A": "b"}))

    @settings(deadline=None, max_examples=100)
    @given(st.lists(st.tuples(VARS, st.binary(max_size=50)), min_size=1, max_size=3), CUTS)
    def test_any_slicing(self, requests: list[tuple[dict[str, str], bytes]], cuts: list[int]) -> None:
        """Packets with bodies mean the same however the network cuts them."""
        data = b"".join(
            packet(0, {**vars, "CONTENT_LENGTH": str(len(body))}) + body for vars, body in requests
        )
        heard = drive(UwsgiDecoder({"base": 1}, WIDE), data, cuts)
        self.assertIsNone(heard.error)
        self.assertEqual(
            [(said.head.vars, said.body) for said in heard.requests],
            [({"base": 1, **vars, "CONTENT_LENGTH": str(len(body))}, body) for vars, body in requests],
        )

    @settings(deadline=None, max_examples=200)
    @given(st.one_of(st.binary(max_size=60), st.sampled_from(BAD)), st.integers(0, 255), CUTS)
    def test_any_bytes_any_slicing(self, block: bytes, modifier1: int, cuts: list[int]) -> None:
        """Rubbish is the same rubbish however it is cut, and nothing but a PeerError comes of it."""
        data = frame(modifier1, block)
        whole = drive(UwsgiDecoder({}, WIDE), data)
        self.assertEqual(meaning(drive(UwsgiDecoder({}, WIDE), data, cuts)), meaning(whole))

    def test_need_data_is_said(self) -> None:
        """Until the block is complete there is nothing but the wish for more."""
        data = packet(0, {"A": "b"})
        decoder = UwsgiDecoder({}, Limits())
        for index in range(len(data)):
            self.assertIs(decoder.next_event(), NEED_DATA)
            decoder.feed(data[index : index + 1])
        self.assertIsInstance(decoder.next_event(), RequestHead)
