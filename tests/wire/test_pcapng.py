"""`uwsgid.wire.pcapng`: packets in a stream that Wireshark opens."""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import unpack_from

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import PeerError
from uwsgid.testing.packets import PLAIN
from uwsgid.wire.events import NEED_DATA
from uwsgid.wire.pcapng import IN, OUT, Captured, Reader, interface, packet, section

NOW = 1_700_000_000_123_456_789


@dataclass
class Block:
    """A block of a stream, taken apart by the book."""

    kind: int
    body: bytes
    options: dict[int, bytes] = field(default_factory=dict)


def read(stream: bytes) -> list[Block]:
    """The blocks of `stream`; fails where one is not well formed."""
    blocks: list[Block] = []
    at = 0
    while at < len(stream):
        kind, size = unpack_from("<II", stream, at)
        assert size % 4 == 0 and size >= 12, size
        assert unpack_from("<I", stream, at + size - 4) == (size,), "the two sizes of a block differ"
        body = stream[at + 8 : at + size - 4]
        fixed = {0x0A0D0D0A: 16, 1: 8}.get(kind, 0)
        if kind == 6:
            fixed = 20 + (unpack_from("<I", body, 12)[0] + 3) // 4 * 4
        block = Block(kind, body[:fixed])
        pos = fixed
        while pos < len(body):
            code, length = unpack_from("<HH", body, pos)
            if not code:
                assert (length, pos + 4) == (0, len(body)), "something behind the end of options"
                break
            block.options[code] = body[pos + 4 : pos + 4 + length]
            pos += 4 + (length + 3) // 4 * 4
        blocks.append(block)
        at += size
    return blocks


class StreamTests(SynchronousTestCase):
    """What is written can be read by the book."""

    def test_start(self) -> None:
        """A stream says its byte order, version and author, then the interface and its clock."""
        first, second = read(section("uwsgid 1.0") + interface("emperor0", 128))
        self.assertEqual(first.kind, 0x0A0D0D0A)
        self.assertEqual(unpack_from("<IHHq", first.body), (0x1A2B3C4D, 1, 0, -1))
        self.assertEqual(first.options, {4: b"uwsgid 1.0"})
        self.assertEqual((second.kind, unpack_from("<HHI", second.body)), (1, (101, 0, 128)))
        self.assertEqual(second.options, {2: b"emperor0", 9: b"\x09"})

    def test_packet(self) -> None:
        """A packet has its time in nanoseconds, its direction and what became of it."""
        data = PLAIN["tcp"]
        (block,) = read(packet(data, NOW, comment="denied by rule 3", direction=IN))
        number, high, low, kept, length = unpack_from("<IIIII", block.body)
        self.assertEqual((block.kind, number, high << 32 | low), (6, 0, NOW))
        self.assertEqual((kept, length), (len(data), len(data)))
        self.assertEqual(block.body[20 : 20 + kept], data)
        self.assertEqual(block.options, {1: b"denied by rule 3", 2: b"\1\0\0\0"})
        (block,) = read(packet(data, NOW, direction=OUT))
        self.assertEqual(block.options, {2: b"\2\0\0\0"})

    def test_without_options(self) -> None:
        """A packet of which nothing more is known has no options at all."""
        (block,) = read(packet(b"12345", 0))
        self.assertEqual((block.options, len(block.body)), ({}, 28))

    def test_cut_packet(self) -> None:
        """Where a part is kept, the length that it had is told; it is never less than what is kept."""
        (block,) = read(packet(memoryview(b"123456"), 1, length=1500, number=3))
        self.assertEqual(unpack_from("<IIIII", block.body), (3, 0, 1, 6, 1500))
        (block,) = read(packet(bytearray(b"123456"), 1, length=2))
        self.assertEqual(unpack_from("<IIIII", block.body), (0, 0, 1, 6, 6))

    def test_long_comment(self) -> None:
        """A comment of any length is cut between two letters."""
        (block,) = read(packet(b"x", 1, comment="\u20ac" * 30000))
        self.assertEqual(block.options[1].decode(), "\u20ac" * 21845)
        (block,) = read(packet(b"x", 1, comment="x\u20ac" * 30000 + "\ud800"))
        self.assertEqual(block.options[1].decode(), "x\u20ac" * 16383 + "x")

    @settings(deadline=None, max_examples=200)
    @given(
        st.lists(
            st.tuples(
                st.binary(max_size=99), st.integers(0, 2**64 - 1), st.text(max_size=30), st.integers(0, 2)
            )
        )
    )
    def test_any_packets(self, packets: list[tuple[bytes, int, str, int]]) -> None:
        """Blocks of any sizes follow each other without a gap."""
        stream = section("") + interface("")
        for data, when, comment, direction in packets:
            stream += packet(data, when, comment=comment, direction=direction)
        blocks = read(stream)[2:]
        self.assertEqual(len(blocks), len(packets))
        for block, (data, when, comment, direction) in zip(blocks, packets, strict=True):
            _, high, low, kept, _ = unpack_from("<IIIII", block.body)
            self.assertEqual((high << 32 | low, block.body[20 : 20 + kept]), (when, data))
            self.assertEqual(block.options.get(1, b"").decode(), comment)
            self.assertEqual(int.from_bytes(block.options.get(2, b""), "little"), direction)


def drive(reader: Reader, data: bytes) -> list[Captured]:
    """The packets in `data`."""
    reader.feed(data)
    packets: list[Captured] = []
    while (event := reader.next_event()) is not NEED_DATA:
        assert isinstance(event, Captured)
        packets.append(event)
    return packets


class ReaderTests(SynchronousTestCase):
    """What was written here is read again."""

    def test_any_slicing(self) -> None:
        """Blocks may come cut as the network likes."""
        stream = section("uwsgid") + interface("emperor0", 60)
        wanted: list[Captured] = []
        for number, data in enumerate(PLAIN.values()):
            stream += packet(data, NOW + number, comment=f"n{number}", direction=number % 3, length=2000)
            wanted.append(Captured(NOW + number, data, f"n{number}", number % 3, 2000))
        for size in (1, 7, len(stream)):
            reader = Reader()
            seen: list[Captured] = []
            for at in range(0, len(stream), size):
                seen += drive(reader, stream[at : at + size])
            self.assertEqual((seen, reader.interfaces), (wanted, ["emperor0"]))

    def test_no_stream(self) -> None:
        """What is no such stream is refused."""
        start = section("uwsgid") + interface("emperor0")
        for data in (
            b'{"version": "uwsgid"}',
            interface("emperor0"),
            start + b"\6\0\0\0" + b"\xff\xff\xff\xff" + bytes(4),
            start + b"\6\0\0\0" + b"\x0d\0\0\0" + bytes(5),
            start + b"\6\0\0\0" + b"\x0c\0\0\0" * 2,
            start + packet(b"1234", 1)[:-4] + bytes(4),
            start + packet(b"1234", 1)[:20] + b"\5\0\0\0" + packet(b"1234", 1)[24:],
        ):
            with self.assertRaises(PeerError):
                drive(Reader(), data)

    @settings(deadline=None, max_examples=200)
    @given(st.binary(max_size=60), st.integers(0, 200))
    def test_any_bytes(self, data: bytes, at: int) -> None:
        """Any bytes are packets or a PeerError."""
        stream = section("") + interface("x") + packet(b"1234", 1, comment="x", direction=IN)
        for odd in (data, stream[:at] + data + stream[at + len(data) :]):
            try:
                drive(Reader(), odd)
            except PeerError as error:
                self.assertIn("pcapng", str(error))
