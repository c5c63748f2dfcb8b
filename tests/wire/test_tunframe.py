"""`uwsgid.wire.tunframe`: packets and rules on a stream."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import InternalError, PeerError
from uwsgid.testing.packets import PLAIN
from uwsgid.wire.events import NEED_DATA
from uwsgid.wire.ip import read_address
from uwsgid.wire.tunframe import (
    ALLOW,
    DENY,
    HELLO,
    IN,
    MAX_BODY,
    OUT,
    ROUTE,
    FrameDecoder,
    PacketFrame,
    RuleBlock,
    RuleRecord,
    frame,
    header,
    rule_block,
)

HOST_RULE = RuleRecord(
    OUT, read_address("10.0.0.5"), b"\xff" * 4, bytes(4), bytes(4), ROUTE, read_address("192.168.0.1"), 3031
)
#: The record of `HOST_RULE`, field by field as the table of the protocol has it.
HOST_RULE_BYTES = (
    b"\x01"
    b"\x05\x00\x00\x0a" b"\xff\xff\xff\xff"
    b"\x00\x00\x00\x00" b"\x00\x00\x00\x00"
    b"\x02"
    b"\xc0\xa8\x00\x01" b"\x0b\xd7"
)  # fmt: skip

FOUR = st.binary(min_size=4, max_size=4)
RULE = st.builds(
    RuleRecord,
    st.integers(0, 255),
    FOUR,
    FOUR,
    FOUR,
    FOUR,
    st.integers(0, 255),
    FOUR,
    st.integers(0, 65535),
)
EVENT = st.one_of(
    st.builds(PacketFrame, st.binary(min_size=1, max_size=300)),
    st.builds(RuleBlock, st.lists(RULE, min_size=1, max_size=4).map(tuple)),
)
Told = PacketFrame | RuleBlock | str


def encode(event: PacketFrame | RuleBlock) -> bytes:
    """The message that says `event`."""
    return frame(event.data) if isinstance(event, PacketFrame) else rule_block(event.rules)


def drive(decoder: FrameDecoder, data: bytes, cuts: list[int] | None = None) -> list[Told]:
    """All that the decoder says of `data`, which arrives cut at `cuts`; last the error that ended it."""
    said: list[Told] = []
    borders = [0, *sorted(cut % (len(data) + 1) for cut in cuts or ()), len(data)]
    for start, stop in pairwise(borders):
        decoder.feed(data[start:stop])
        while True:
            try:
                event = decoder.next_event()
            except PeerError as error:
                return [*said, f"{error.status} {error.option}: {error}"]
            if event is NEED_DATA:
                break
            assert isinstance(event, PacketFrame | RuleBlock)
            said.append(event)
    return said


class DecoderTests(SynchronousTestCase):
    """The decoder says what was sent, however the stream was cut."""

    def test_ping(self) -> None:
        """A ping of 84 bytes goes behind the header 00 54 00 00."""
        ping = PLAIN["ping"]
        self.assertEqual(frame(ping), b"\x00\x54\x00\x00" + ping)
        self.assertEqual(frame(ping)[4:8], b"\x45\x00\x00\x54")
        self.assertEqual(drive(FrameDecoder(), frame(ping)), [PacketFrame(ping)])

    def test_first_byte(self) -> None:
        """Modifier1 is written as 0 and may be anything, as in uWSGI."""
        self.assertEqual(drive(FrameDecoder(), b"\xc8\x01\x00\x00x"), [PacketFrame(b"x")])

    @settings(deadline=None, max_examples=200)
    @given(st.lists(EVENT, max_size=6), st.lists(st.integers(0, 4000), max_size=12))
    def test_any_slicing(self, events: list[PacketFrame | RuleBlock], cuts: list[int]) -> None:
        """Messages may be split and joined as the network likes."""
        data = b"".join(map(encode, events))
        decoder = FrameDecoder()
        self.assertEqual(drive(decoder, data, cuts), events)
        self.assertEqual(decoder.pending, 0)

    def test_byte_by_byte(self) -> None:
        """No byte is too few, and the start of a message is pending until the rest comes."""
        decoder = FrameDecoder()
        data = frame(b"abc") + rule_block([HOST_RULE])
        for size, byte in enumerate(data, 1):
            decoder.feed(bytes((byte,)))
            event = decoder.next_event()
            if size == 7:
                self.assertEqual(event, PacketFrame(b"abc"))
            elif size == len(data):
                self.assertEqual(event, RuleBlock((HOST_RULE,)))
            else:
                self.assertIs(event, NEED_DATA)
                self.assertEqual(decoder.pending, size if size < 7 else size - 7)
        self.assertEqual(decoder.pending, 0)

    def test_views(self) -> None:
        """What arrived may be given as a piece of a buffer that is used again."""
        buffer = bytearray(frame(b"abc"))
        decoder = FrameDecoder()
        decoder.feed(memoryview(buffer)[:5])
        decoder.feed(memoryview(buffer)[5:])
        buffer[:] = bytes(len(buffer))
        self.assertEqual(decoder.next_event(), PacketFrame(b"abc"))

    @settings(deadline=None, max_examples=300)
    @given(st.binary(max_size=120), st.lists(st.integers(0, 119), max_size=8), st.sampled_from([8, 65535]))
    def test_any_bytes(self, data: bytes, cuts: list[int], limit: int) -> None:
        """Any bytes are messages or a PeerError, the same ones however they are cut."""
        self.assertEqual(drive(FrameDecoder(limit), data, cuts), drive(FrameDecoder(limit), data))

    def test_limit(self) -> None:
        """A body as long as the limit passes; one byte more does not, and is refused before it arrives."""
        self.assertEqual(drive(FrameDecoder(8), frame(bytes(8))), [PacketFrame(bytes(8))])
        self.assertEqual(
            drive(FrameDecoder(MAX_BODY), frame(bytes(MAX_BODY))), [PacketFrame(bytes(MAX_BODY))]
        )
        self.assertEqual(
            drive(FrameDecoder(8), frame(b"x") + header(9)),
            [PacketFrame(b"x"), "0 tuntap-buffer-size: oversized packet (9 bytes)"],
        )
        self.assertEqual(
            drive(FrameDecoder(23), rule_block([HOST_RULE])[:4]),
            ["0 tuntap-buffer-size: oversized packet (24 bytes)"],
        )

    def test_wrong_messages(self) -> None:
        """Empty bodies, unknown modifiers and rules that are cut end the connection."""
        for data, words in (
            (b"\0\0\0\0", "an empty message"),
            (b"\0\0\0\1", "an empty message"),
            (b"\0\1\0\2x", "unknown modifier2 2"),
            (b"\0\0\0\xff", "unknown modifier2 255"),
            (b"\0\x19\0\1" + bytes(25), "rule block of 25 bytes"),
            (b"\0\x17\0\1" + bytes(23), "rule block of 23 bytes"),
            (HELLO, "unknown modifier2 103"),
        ):
            (said,) = drive(FrameDecoder(), data)
            self.assertIn(words, str(said), data)

    def test_errors_are_final(self) -> None:
        """After an error nothing more is read, whatever comes."""
        for wrong in (b"\0\0\0\0", b"\0\1\0\1x"):
            decoder = FrameDecoder()
            self.assertEqual(len(drive(decoder, wrong)), 1)
            with self.assertRaises(PeerError):
                decoder.next_event()
            decoder.feed(frame(b"abc"))
            with self.assertRaises(PeerError):
                decoder.next_event()

    def test_another_goes_on(self) -> None:
        """A decoder that gets the rest of another one goes on in the midst of a frame."""
        data = frame(b"one") + frame(b"two")
        for cut in range(len(data) + 1):
            first, second = FrameDecoder(), FrameDecoder()
            events: list[object] = []
            for decoder, piece in ((first, data[:cut]), (second, data[cut:])):
                if decoder is second:
                    second.feed(first.rest)
                decoder.feed(piece)
                while (event := decoder.next_event()) is not NEED_DATA:
                    events.append(event)
            self.assertEqual(events, [PacketFrame(b"one"), PacketFrame(b"two")])
            self.assertEqual((second.rest, second.pending), (b"", 0))


class RuleTests(SynchronousTestCase):
    """Rules travel in records of 24 bytes."""

    def test_record(self) -> None:
        """Networks are little-endian integers, the target and its port are in network order."""
        self.assertEqual(len(HOST_RULE_BYTES), 24)
        self.assertEqual(rule_block([HOST_RULE]), b"\x00\x18\x00\x01" + HOST_RULE_BYTES)
        (said,) = drive(FrameDecoder(), b"\x00\x18\x00\x01" + HOST_RULE_BYTES)
        self.assertEqual(said, RuleBlock((HOST_RULE,)))

    def test_several(self) -> None:
        """A block carries rules in order; what an action of no meaning is, the switch decides."""
        odd = RuleRecord(7, bytes(4), bytes(4), bytes(4), bytes(4), 9)
        deny = RuleRecord(IN, bytes(4), bytes(4), read_address("10.1.2.0"), b"\xff\xff\xff\0", DENY)
        allow = RuleRecord(OUT, bytes(4), bytes(4), bytes(4), bytes(4), ALLOW)
        rules = (deny, odd, allow)
        self.assertEqual(drive(FrameDecoder(), rule_block(rules)), [RuleBlock(rules)])
        self.assertEqual(rule_block(rules)[:4], b"\x00\x48\x00\x01")

    def test_what_does_not_fit(self) -> None:
        """No rules, too many, and fields that do not fit are our own mistakes."""
        good = HOST_RULE
        self.assertEqual(len(rule_block([good] * 2730)), 4 + 2730 * 24)
        for rules in (
            [],
            [good] * 2731,
            [RuleRecord(256, bytes(4), bytes(4), bytes(4), bytes(4), ALLOW)],
            [RuleRecord(IN, bytes(4), bytes(4), bytes(4), bytes(4), -1)],
            [RuleRecord(IN, bytes(16), bytes(4), bytes(4), bytes(4), ALLOW)],
            [RuleRecord(IN, bytes(4), bytes(4), bytes(4), bytes(4), ROUTE, bytes(5), 1)],
            [RuleRecord(IN, bytes(4), bytes(4), bytes(4), bytes(4), ROUTE, bytes(4), 65536)],
        ):
            with self.assertRaises(InternalError):
                rule_block(rules)

    def test_packets_that_do_not_fit(self) -> None:
        """No packet is empty or longer than a header can say."""
        self.assertEqual(len(frame(bytes(65535))), 65539)
        for size in (0, 65536):
            with self.assertRaises(InternalError):
                frame(bytes(size))
        with self.assertRaises(InternalError):
            header(-1)
