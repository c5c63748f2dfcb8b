"""`uwsgid.tuntap.capture`: what crosses a router, for Wireshark."""

from __future__ import annotations

import tracemalloc

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.testing.packets import PLAIN, SYN, VASSAL, WORLD, icmp, ipv4, tcp, udp
from uwsgid.tuntap.capture import Capture, Filter
from uwsgid.tuntap.decision import DROP, HOST, PEER, Decision
from uwsgid.tuntap.peer import Peer
from uwsgid.tuntap.rules import read_rule
from uwsgid.wire import pcapng
from uwsgid.wire.events import NEED_DATA
from uwsgid.wire.ip import BadPacket, Facts, look, read_address

TO_HOST = Decision(HOST)
DENIED = Decision(DROP, reason="denied", rule=read_rule("deny any any tcp"))
SPOOFED = Decision(DROP, reason="spoofed")
NOW = 1_700_000_000_000_000_001
WORDS = (
    "not", "or", "and", "tcp", "in", "denied", "host", "1.2.3.4", "net", "10.0.0.0/8",
    "port", "80", "src", "dst", "snap", "96", "proto", "x",
)  # fmt: skip


def facts_of(packet: bytes) -> Facts | None:
    """What is known of a packet; None where it is no proper one."""
    try:
        return look(packet, 0, len(packet))
    except BadPacket:
        return None


def fits(text: str, packet: bytes, inward: bool = False, decision: Decision = TO_HOST) -> bool:
    """Whether a filter wants a packet."""
    return Filter(text).fits(facts_of(packet), inward, decision)


def blue(number: int = 1) -> Peer:
    """A peer with an address."""
    peer = Peer(number, "fd: 9")
    peer.addresses[read_address(VASSAL)] = None
    return peer


class FilterTests(SynchronousTestCase):
    """A filter wants what its words say."""

    def check(self, packet: bytes, wanted: str, unwanted: str, *, inward: bool = False) -> None:
        """Each of the filters, separated by semicolons, wants the packet or does not."""
        for text in wanted.split(";"):
            self.assertTrue(fits(text, packet, inward), text)
        for text in unwanted.split(";"):
            self.assertFalse(fits(text, packet, inward), text)

    def test_all(self) -> None:
        """No words are all packets, broken ones too."""
        for packet in (*PLAIN.values(), b"", b"\x45"):
            self.assertTrue(fits("", packet))
            self.assertTrue(fits("  \t", packet, True, DENIED))

    def test_addresses(self) -> None:
        """Hosts and networks are those of either side, or of the one that is named."""
        self.check(
            PLAIN["tcp"],
            f"host {VASSAL};host {WORLD};src host {VASSAL};dst host {WORLD};net 192.168.0.0/24;net 8.0.0.0/8;"
            "src net 192.168.0.0/16;dst net 8.8.8.8;net any;not host 1.2.3.4",
            f"host 1.2.3.4;src host {WORLD};dst host {VASSAL};net 10.0.0.0/8;src net 8.0.0.0/8;"
            f"dst net 192.168.0.0/24;not host {VASSAL};host fd00::2;net fd00::/8",
        )
        self.check(
            PLAIN["tcp6"],
            "host fd00::2;src host FD00::2;net fd00::/64;dst net 2001:db8::/32;net ::/0",
            "host fd00::3;net fe80::/10;net 10.0.0.0/8",
        )

    def test_ports(self) -> None:
        """Ports are single ones, ranges and lists."""
        self.check(
            ipv4(tcp(SYN, 40000, 443), 6),
            "port 443;port 40000;dport 443;sport 40000;dst port 80,443;src port 40000-40009;port 400-500",
            "port 80;dport 40000;sport 443;src port 443;dst port 40000;port 444-500,22",
        )
        self.check(ipv4(icmp(), 1), "icmp", "port 0-65535")

    def test_many_ports(self) -> None:
        """A filter of all ports, as often as there is room for it, takes little memory and time."""
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        filter = Filter("port 0-65535 " * 100)
        self.assertLess(tracemalloc.get_traced_memory()[1], 1_000_000)
        self.assertTrue(filter.fits(facts_of(PLAIN["tcp"]), False, TO_HOST))

    def test_protocols(self) -> None:
        """Protocols have names and numbers."""
        self.check(PLAIN["tcp"], "tcp;proto tcp;proto 6;ip", "udp;icmp;icmp6;proto 17;ip6")
        self.check(PLAIN["ping6"], "icmp6;proto 58;ip6", "icmp;ip;tcp")
        self.check(ipv4(bytes(20), 47), "proto gre;proto 47", "proto esp")

    def test_directions(self) -> None:
        """In is towards a vassal, and out is from one."""
        self.check(PLAIN["udp"], "out;not in", "in;not out")
        self.check(PLAIN["udp"], "in;in udp", "out;not in", inward=True)

    def test_verdicts(self) -> None:
        """Denied is by a rule, dropped is for any reason."""
        for text, decision, wanted in (
            ("denied", DENIED, True),
            ("denied", SPOOFED, False),
            ("denied", TO_HOST, False),
            ("dropped", DENIED, True),
            ("dropped", SPOOFED, True),
            ("dropped", TO_HOST, False),
            ("not dropped", TO_HOST, True),
            ("dropped not denied", SPOOFED, True),
        ):
            self.assertEqual(fits(text, PLAIN["udp"], False, decision), wanted, text)

    def test_words_together(self) -> None:
        """All words have to fit, except where there is an "or"."""
        self.check(
            PLAIN["tcp"],
            f"tcp out host {VASSAL} dport 443;tcp and out;udp or tcp;in or tcp port 443;not udp and not icmp;"
            "not not tcp;udp or icmp or tcp and out",
            "tcp in;tcp and udp;udp or icmp;udp or tcp in;not tcp or in",
        )

    def test_broken_packets(self) -> None:
        """What is no proper packet fits no word about its headers, but those about its way."""
        for packet in (b"", b"\x45", PLAIN["tcp"][:-1]):
            self.check(packet, "out;not tcp;not net any", "tcp;ip;ip6;net any;port 443;in")

    def test_snap(self) -> None:
        """A filter may say how much is kept of each packet."""
        self.assertEqual(
            (Filter("snap 96 tcp").snap, Filter("tcp").snap, Filter("snap 20").snap), (96, 0, 20)
        )
        self.check(PLAIN["tcp"], "snap 96;snap 96 tcp", "snap 96 udp")

    def test_nonsense(self) -> None:
        """A word that means nothing is named."""
        for text, words in (
            ("tpc", "'tpc'"),
            ("host", "'host' needs a value"),
            ("host shop.lan", "192.168.0.2"),
            ("net 10.0.0.0/33", "32"),
            ("port", "'port' needs a value"),
            ("port http", "a port"),
            ("port 9-1", "ends before it begins"),
            ("port 65536", "65535"),
            ("port 1,,2", "a port"),
            ("proto 256", "255"),
            ("proto x", "'x'"),
            ("src", "'src' needs"),
            ("src tcp", "'src' needs"),
            ("dst dst host 1.2.3.4", "'dst' needs"),
            ("not", "missing"),
            ("tcp not", "missing"),
            ("or", "missing"),
            ("tcp or", "missing"),
            ("or tcp", "missing"),
            ("and tcp", "'and'"),
            ("tcp and", "'and'"),
            ("not and tcp", "'and'"),
            ("snap", "'snap' needs"),
            ("snap 19", "20"),
            ("snap x", "'x'"),
            ("tcp snap 96", "'snap'"),
            ("tcp " * 300, "256 words"),
        ):
            with self.assertRaises(ValueError) as caught:
                Filter(text)
            self.assertIn(words, str(caught.exception), text)

    @settings(deadline=None, max_examples=200)
    @given(
        st.lists(
            st.sampled_from(WORDS),
            max_size=8,
        )
    )
    def test_any_words(self, words: list[str]) -> None:
        """Any words are a filter or a ValueError, and a filter answers about any packet."""
        try:
            filter = Filter(" ".join(words))
        except ValueError:
            return
        self.assertEqual(filter.text, " ".join(words))
        for packet in (PLAIN["tcp"], PLAIN["udp6"], b""):
            self.assertIn(filter.fits(facts_of(packet), True, DENIED), (True, False))


class CaptureTests(SynchronousTestCase):
    """A capture is a pcapng stream of the packets that are wanted."""

    def setUp(self) -> None:
        """A client that takes all, until told not to."""
        self.data = b""
        self.room = True

    def write(self, data: bytes) -> bool:
        """What the capture does with its bytes."""
        if self.room:
            self.data += data
        return self.room

    def capture(self, text: str = "") -> Capture:
        """A capture for the client."""
        return Capture(self.write, "emperor0", Filter(text), lambda: NOW)

    def seen(self) -> list[pcapng.Captured]:
        """What the client reads."""
        reader = pcapng.Reader()
        reader.feed(self.data)
        packets: list[pcapng.Captured] = []
        while (event := reader.next_event()) is not NEED_DATA:
            assert isinstance(event, pcapng.Captured)
            packets.append(event)
        self.assertEqual(reader.interfaces, ["emperor0"])
        return packets

    def test_verdicts(self) -> None:
        """Each packet has its verdict as a comment, who sent it, and its direction."""
        capture = self.capture()
        denied, ping = PLAIN["tcp"], PLAIN["ping"]
        buffer = bytearray(bytes(10) + denied + bytes(50))
        capture.show(buffer, 10, 10 + len(denied), False, DENIED, blue())
        capture.show(ping, 0, len(ping), True, Decision(PEER, blue()), None)
        self.assertEqual(
            self.seen(),
            [
                pcapng.Captured(
                    NOW,
                    denied,
                    "from 192.168.0.2: drop, denied, by 'deny any any tcp'",
                    pcapng.OUT,
                    len(denied),
                ),
                pcapng.Captured(NOW, ping, "to 192.168.0.2", pcapng.IN, len(ping)),
            ],
        )
        self.assertEqual((capture.shown, capture.lost), (2, 0))

    def test_way(self) -> None:
        """Of a packet that was lost it is told where it was sent."""
        ping = PLAIN["ping"]
        lost = Decision(DROP, blue(), reason="full")
        self.capture("dropped").show(ping, 0, len(ping), True, lost, None, Decision(PEER, blue()))
        (seen,) = self.seen()
        self.assertEqual(seen.comment, "drop, full, on its way to 192.168.0.2")

    def test_start(self) -> None:
        """The head of the stream comes at once, for readers that wait for it."""
        self.capture()
        self.assertEqual(self.data[:4], b"\x0a\x0d\x0d\x0a")
        self.assertEqual(self.seen(), [])

    def test_filter(self) -> None:
        """What does not fit is not shown."""
        capture = self.capture("udp dropped")
        for packet in PLAIN.values():
            for decision in (TO_HOST, DENIED):
                capture.show(packet, 0, len(packet), False, decision, blue())
        self.assertEqual([seen.data for seen in self.seen()], [PLAIN["udp"], PLAIN["udp6"]])

    def test_snap(self) -> None:
        """Of long packets the first bytes are kept, and their length is told."""
        capture = self.capture("snap 40")
        for packet in (ipv4(udp(data=bytes(1000))), ipv4(udp())):
            capture.show(packet, 0, len(packet), False, TO_HOST, None)
        self.assertEqual([(len(seen.data), seen.length) for seen in self.seen()], [(40, 1028), (28, 28)])

    def test_no_room(self) -> None:
        """A client that is too slow misses packets, and is told how many."""
        capture = self.capture()
        packet = PLAIN["udp"]
        for room in (True, False, False, True, True):
            self.room = room
            capture.show(packet, 0, len(packet), False, TO_HOST, None)
        self.assertEqual(
            [seen.comment for seen in self.seen()],
            ["to the host", "to the host (2 packets before this one are not shown)", "to the host"],
        )
        self.assertEqual((capture.shown, capture.lost), (3, 2))

    def test_less_than_nothing(self) -> None:
        """A read shorter than a virtio header is shown as a packet of no bytes."""
        self.capture("dropped").show(bytearray(100), 10, 4, False, Decision(DROP, reason="runt"), blue())
        (seen,) = self.seen()
        self.assertEqual((seen.data, seen.length), (b"", 0))
        self.assertIn("runt", seen.comment)
