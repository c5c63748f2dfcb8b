"""`uwsgid.tuntap.following`: a capture on its way to a file or a terminal."""

from __future__ import annotations

import io

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import PeerError
from uwsgid.testing.packets import ACK, PLAIN, RST, SYN, fragment6, icmp, ipv4, ipv6, tcp, udp
from uwsgid.tuntap.following import LineSink, PcapngSink, Sink, describe, follow, line
from uwsgid.wire import pcapng
from uwsgid.wire.ip import look

NOW = 1_700_000_000_123_456_789
HEAD = pcapng.section("somebody") + pcapng.interface("emperor0", 60)
BLOCKS = [
    pcapng.packet(data, NOW + number, comment=name, direction=pcapng.OUT)
    for number, (name, data) in enumerate(PLAIN.items())
]


class Pieces:
    """A source that has its bytes ready, and may be interrupted behind them."""

    def __init__(self, *pieces: bytes, interrupted: bool = False) -> None:
        self._pieces = list(pieces)
        self._interrupted = interrupted

    def read(self) -> bytes:
        """The next piece."""
        if self._pieces:
            return self._pieces.pop(0)
        if self._interrupted:
            raise KeyboardInterrupt
        return b""


class Notes:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.comments: list[str] = []
        self.flushed = 0

    def begin(self, name: str) -> Sink:
        """Remember the name of the device."""
        self.names.append(name)
        return self

    def take(self, captured: pcapng.Captured) -> None:
        """Remember a packet."""
        self.comments.append(captured.comment)

    def flush(self) -> None:
        """Remember how many there were."""
        self.flushed = len(self.comments)


class FollowTests(SynchronousTestCase):
    """A capture is followed until it ends."""

    def test_any_slicing(self) -> None:
        """Packets arrive however the stream is cut, and are given away when no other waits."""
        stream = HEAD + b"".join(BLOCKS)
        for size in (1, 100, len(stream)):
            notes = Notes()
            pieces = (stream[at : at + size] for at in range(0, len(stream), size))
            self.assertEqual(follow(Pieces(*pieces), notes.begin), len(PLAIN))
            self.assertEqual((notes.names, notes.comments), (["emperor0"], list(PLAIN)))
            self.assertEqual(notes.flushed, len(PLAIN))

    def test_enough(self) -> None:
        """After as many packets as are wanted it ends, though there are more."""
        notes = Notes()
        self.assertEqual(follow(Pieces(HEAD + b"".join(BLOCKS)), notes.begin, 2), 2)
        self.assertEqual((notes.comments, notes.flushed), (["tcp", "udp"], 2))

    def test_interrupted(self) -> None:
        """Ctrl-C ends a capture, and what came is kept."""
        notes = Notes()
        self.assertEqual(follow(Pieces(HEAD, BLOCKS[0], BLOCKS[1][:20], interrupted=True), notes.begin), 1)
        self.assertEqual((notes.comments, notes.flushed), (["tcp"], 1))

    def test_no_capture(self) -> None:
        """What is no capture is refused."""
        with self.assertRaises(PeerError):
            follow(Pieces(b'{"version": "1"}'), Notes().begin)


class SinkTests(SynchronousTestCase):
    """Packets go into files and onto terminals."""

    def test_file(self) -> None:
        """A file has whole packets, also where the stream ended within one."""
        file = io.BytesIO()
        whole = b"".join(BLOCKS[:-1])
        follow(Pieces(HEAD + whole + BLOCKS[-1][:-1]), lambda name: PcapngSink(file, name, 60))
        self.assertTrue(file.getvalue().endswith(pcapng.interface("emperor0", 60) + whole))

    def test_lines(self) -> None:
        """A terminal gets a line for each packet, all that came at once in one write."""
        written: list[str] = []
        follow(Pieces(HEAD + BLOCKS[0] + BLOCKS[1], BLOCKS[2]), lambda name: LineSink(written.append))
        self.assertEqual([text.count("\n") for text in written], [2, 1])
        self.assertIn("192.168.0.2:40000 > 8.8.8.8:443 tcp ACK, 45 bytes: tcp\n", written[0])


class LineTests(SynchronousTestCase):
    """A line tells who sends what to whom, and what becomes of it."""

    def test_line(self) -> None:
        """A line has the time, the way, the packet and the verdict."""
        packet = ipv4(udp())
        text = line(pcapng.Captured(NOW, packet, "drop, denied,\nby 'deny'", pcapng.IN, len(packet)))
        self.assertRegex(
            text, r"^\d\d:\d\d:20\.123456 in  192\.168\.0\.2:40000 > 8\.8\.8\.8:53 udp, 28 bytes: "
        )
        self.assertTrue(text.endswith(": drop, denied, by 'deny'"))
        self.assertIn(" out ", line(pcapng.Captured(NOW, packet, "", pcapng.OUT, len(packet))))

    def test_shortened(self) -> None:
        """A packet of which the first bytes were kept is told like any other."""
        packet = ipv4(tcp(SYN, data=bytes(1000)), 6)
        text = line(pcapng.Captured(NOW, packet[:40], "", 0, len(packet)))
        self.assertIn("8.8.8.8:443 tcp SYN, 1040 bytes", text)

    def test_broken(self) -> None:
        """What is no proper packet is told as what it is."""
        self.assertIn("IP version 0, 20 bytes", line(pcapng.Captured(NOW, bytes(20), "", 0, 20)))
        self.assertIn("an empty packet, 0 bytes", line(pcapng.Captured(NOW, b"", "", 0, 0)))

    def test_describe(self) -> None:
        """Flags, types, fragments and protocols are named."""
        for packet, words in (
            (ipv4(tcp(SYN | ACK), 6), "192.168.0.2:40000 > 8.8.8.8:443 tcp SYN ACK"),
            (ipv4(tcp(RST), 6), "192.168.0.2:40000 > 8.8.8.8:443 tcp RST"),
            (ipv4(icmp(3, 1), 1), "192.168.0.2 > 8.8.8.8 icmp type 3 code 1"),
            (ipv4(bytes(8), 99), "192.168.0.2 > 8.8.8.8 protocol 99"),
            (ipv4(b"x", 17, offset=5), "192.168.0.2 > 8.8.8.8 udp fragment"),
            (ipv6(udp()), "[fd00::2]:40000 > [2001:db8::8]:53 udp"),
            (
                ipv6(fragment6(17, more=True) + udp(data=bytes(8)), 44),
                "[fd00::2]:40000 > [2001:db8::8]:53 udp first fragment",
            ),
        ):
            self.assertEqual(describe(look(packet, 0, len(packet))), words)
