"""`uwsgid.wire.ip`: what a router has to know of a packet."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.testing import packets
from uwsgid.testing.packets import (
    ACK,
    FIN,
    PLAIN,
    PSH,
    RST,
    SYN,
    VASSAL,
    VASSAL6,
    WORLD,
    WORLD6,
    extension,
    fragment6,
    icmp,
    ipv4,
    ipv6,
    tcp,
    udp,
)
from uwsgid.wire.ip import (
    ICMP,
    ICMPV6,
    MAX_EXTENSIONS,
    TCP,
    UDP,
    VNET,
    BadPacket,
    Buffer,
    Facts,
    flow_key,
    is_unicast,
    look,
    read_address,
    show,
    show_end,
)

HERE, THERE = read_address(VASSAL), read_address(WORLD)
HERE6, THERE6 = read_address(VASSAL6), read_address(WORLD6)

#: What nobody may forward, by the word it is counted under.
BAD: dict[str, dict[str, bytes]] = {
    "runt": {
        "nothing": b"",
        "one byte": b"\x45",
        "IPv4 of 19 bytes": ipv4(udp())[:19],
        "IPv6 of 39 bytes": ipv6(udp())[:39],
        "TCP of 19 bytes": ipv4(tcp()[:19], TCP),
        "UDP of 7 bytes": ipv4(udp()[:7]),
        "ICMP of 7 bytes": ipv4(icmp()[:7], ICMP),
        "SCTP of 11 bytes": ipv4(bytes(11), 132),
        "TCP of nothing": ipv4(b"", TCP),
        "TCP over IPv6 of 19 bytes": ipv6(tcp()[:19], TCP),
        "UDP over IPv6 of nothing": ipv6(b""),
        "ICMPv6 of 7 bytes": ipv6(icmp()[:7], ICMPV6),
        "TCP behind an extension header, of 19 bytes": ipv6(extension(TCP) + tcp()[:19], 60),
    },
    "version": {
        **{f"version {number}": ipv4(udp(), version=number) for number in (0, 1, 5, 7, 9, 15)},
        "zeros": bytes(40),
        "an Ethernet frame": bytes.fromhex("ffffffffffff0200000000010806") + bytes(28),
    },
    "header": {
        **{f"header of {words} words": ipv4(udp(), ihl=words) for words in range(5)},
        "header of 15 words in 28 bytes": ipv4(udp(), ihl=15),
        "header of 6 words in 20 bytes": ipv4(b"", 99, ihl=6),
        "option without a size": ipv4(udp(), options=b"\x01\x01\x01\x07"),
        "option of size 0": ipv4(udp(), options=b"\x07\x00\x00\x00"),
        "option of size 1": ipv4(udp(), options=b"\x07\x01\x00\x00"),
        "option past the header": ipv4(udp(), options=b"\x07\x05\x04\x00"),
        "loose source route": ipv4(udp(), options=b"\x01\x83\x07\x04\x0a\x00\x00\x01"),
        "strict source route": ipv4(udp(), options=b"\x89\x07\x04\x0a\x00\x00\x01\x00"),
        "IPv6 source route": ipv6(extension(UDP, 24) + udp(), 43),
        "hop-by-hop options second": ipv6(extension(0) + extension(UDP) + udp(), 60),
        "extension header that is cut": ipv6(extension(UDP)[:7], 60),
        "extension header past the packet": ipv6(extension(UDP, 64)[:56], 60),
        "extension header of nothing": ipv6(b"", 60),
        "authentication header past the packet": ipv6(b"\x11\x05" + bytes(14), 51),
        "fragment header that is cut": ipv6(fragment6(UDP)[:6], 44),
        "jumbogram of its header alone": ipv6(b"", 0),
        "too many extension headers": ipv6(extension(60) * MAX_EXTENSIONS + extension(UDP) + udp(), 60),
    },
    "length": {
        "IPv4 that says less": ipv4(udp(), total=27),
        "IPv4 that says more": ipv4(udp(), total=29),
        "IPv4 that says nothing": ipv4(udp(), total=0),
        "IPv4 that says less than a header": ipv4(udp(), total=19),
        "IPv4 with a padded end": ipv4(udp()) + b"\0",
        "IPv4 larger than it can say": ipv4(bytes(65536), 99),
        "IPv6 that says less": ipv6(udp(), size=7),
        "IPv6 that says more": ipv6(udp(), size=9),
        "IPv6 with a padded end": ipv6(udp()) + b"\0",
        "jumbogram": ipv6(b"\x11\x00\xc2\x04\x00\x01\x00\x08" + bytes(65536), 0, size=0),
    },
    "fragment": {
        "last one of nothing": ipv4(b"", offset=10),
        "first one of nothing": ipv4(b"", more=True),
        "uneven, but not the last": ipv4(bytes(13), offset=10, more=True),
        "past the largest packet": ipv4(bytes(64), offset=8190),
        "first one without the ports of UDP": ipv6(fragment6(UDP, more=True) + b"", 44),
        "first one without the flags of TCP": ipv4(tcp()[:8], TCP, more=True),
        "first one without all of TCP": ipv4(tcp()[:16], TCP, more=True),
        "over the sequence number of TCP": ipv4(bytes(16), TCP, offset=1),
        "over the window of TCP": ipv4(bytes(16), TCP, offset=2),
        "fragment of a fragment": ipv6(
            fragment6(44, more=True) + fragment6(UDP, more=True) + udp(data=bytes(8)), 44
        ),
        "first one with a chain that is cut": ipv6(fragment6(60, more=True) + extension(UDP, 16)[:8], 44),
        "first one with a chain that ends": ipv6(fragment6(60, more=True) + extension(60), 44),
        "last of IPv6 past the largest packet": ipv6(fragment6(UDP, 8191) + bytes(8), 44),
        "over the header of TCP in IPv6": ipv6(fragment6(TCP, 1, True) + bytes(16), 44),
    },
}

#: What is odd, and right all the same.
ODD: dict[str, tuple[bytes, Facts]] = {
    "no payload": (ipv4(b"", 99), Facts(4, HERE, THERE, 99)),
    "options": (
        ipv4(udp(1, 2), options=b"\x94\x04\x00\x00\x01\x44\x04\x05\x00\x00\xff\xff"),
        Facts(4, HERE, THERE, UDP, 1, 2),
    ),
    "60 bytes of header": (
        ipv4(tcp(), TCP, options=bytes(40)),
        Facts(4, HERE, THERE, TCP, 40000, 443, ack=True),
    ),
    "the largest packet": (ipv4(udp(1, 2, bytes(65507))), Facts(4, HERE, THERE, UDP, 1, 2)),
    "ICMPv6 in IPv4": (ipv4(icmp(), ICMPV6), Facts(4, HERE, THERE, ICMPV6)),
    "ICMP in IPv6": (ipv6(icmp(), ICMP), Facts(6, HERE6, THERE6, ICMP)),
    "SCTP": (ipv4(bytes((0, 1, 0, 2)) + bytes(8), 132), Facts(4, HERE, THERE, 132, 1, 2)),
    "SYN": (ipv4(tcp(SYN), TCP), Facts(4, HERE, THERE, TCP, 40000, 443, syn=True)),
    "SYN and ACK": (ipv4(tcp(SYN | ACK), TCP), Facts(4, HERE, THERE, TCP, 40000, 443, syn=True, ack=True)),
    "FIN": (ipv4(tcp(FIN | ACK), TCP), Facts(4, HERE, THERE, TCP, 40000, 443, ack=True, fin=True)),
    "RST": (ipv4(tcp(RST), TCP), Facts(4, HERE, THERE, TCP, 40000, 443, rst=True)),
    "no flag at all": (ipv4(tcp(0), TCP), Facts(4, HERE, THERE, TCP, 40000, 443)),
    "first fragment": (
        ipv4(udp(1, 2, bytes(16)), more=True),
        Facts(4, HERE, THERE, UDP, 1, 2, fragment=True),
    ),
    "next fragment": (
        ipv4(bytes(16), offset=3, more=True),
        Facts(4, HERE, THERE, UDP, fragment=True, first=False),
    ),
    "last fragment": (ipv4(b"x", TCP, offset=3), Facts(4, HERE, THERE, TCP, fragment=True, first=False)),
    "first fragment of IPv6": (
        ipv6(fragment6(UDP, more=True) + udp(1, 2, bytes(8)), 44),
        Facts(6, HERE6, THERE6, UDP, 1, 2, fragment=True),
    ),
    "last fragment of IPv6": (
        ipv6(extension(44) + fragment6(TCP, 100) + b"x", 0),
        Facts(6, HERE6, THERE6, TCP, fragment=True, first=False),
    ),
    "the last bytes of the largest packet": (
        ipv6(fragment6(UDP, 8191) + bytes(7), 44),
        Facts(6, HERE6, THERE6, UDP, fragment=True, first=False),
    ),
    "atomic fragment": (ipv6(fragment6(UDP) + udp(1, 2), 44), Facts(6, HERE6, THERE6, UDP, 1, 2)),
    "all extension headers": (
        ipv6(
            extension(60, 16) + extension(43) + extension(51, 24, 4)
            + b"\x3c\x04" + bytes(22) + extension(TCP) + tcp(PSH | ACK),
            0,
        ),
        Facts(6, HERE6, THERE6, TCP, 40000, 443, ack=True),
    ),
    "as many extension headers as are followed": (
        ipv6(extension(60) * (MAX_EXTENSIONS - 1) + extension(UDP) + udp(1, 2), 60),
        Facts(6, HERE6, THERE6, UDP, 1, 2),
    ),
    "no next header": (ipv6(b"", 59), Facts(6, HERE6, THERE6, 59)),
    "encrypted": (ipv6(extension(50) + bytes(32), 60), Facts(6, HERE6, THERE6, 50)),
    "router solicitation": (
        ipv6(icmp(133), ICMPV6, "fe80::1", "ff02::2", hops=255),
        Facts(6, read_address("fe80::1"), read_address("ff02::2"), ICMPV6, icmp_type=133, icmp_code=0),
    ),
}  # fmt: skip


def refused(buffer: Buffer, start: int, end: int) -> str:
    """The reason why `look` refuses, or an empty string."""
    try:
        look(buffer, start, end)
    except BadPacket as error:
        assert str(error)
        return error.reason
    return ""


def expected_key(packet: bytes) -> bytes:
    """The key, told from the facts: slowly, and without the tricks of the hot path."""
    try:
        facts = look(packet, 0, len(packet))
    except BadPacket:
        return b""
    protocol = packet[9] if facts.version == 4 else packet[6]
    odd_header = facts.version == 4 and packet[0] != 0x45
    odd_tcp = facts.protocol == TCP and (facts.syn or facts.fin or facts.rst or not facts.ack)
    if facts.fragment or odd_header or odd_tcp or protocol != facts.protocol:
        return b""
    ports = facts.sport.to_bytes(2, "big", signed=facts.sport < 0) + facts.dport.to_bytes(
        2, "big", signed=facts.dport < 0
    )
    if facts.protocol == TCP:
        return facts.src + facts.dst + ports
    if facts.protocol == UDP:
        return b"u" + facts.src + facts.dst + ports
    if facts.icmp_type >= 0:
        return facts.src + facts.dst + bytes((facts.icmp_type, facts.icmp_code))
    return b""


# Few values, so that packets often are of one flow.
BYTE = st.integers(0, 255)
PORT = st.sampled_from([0, 1, 53, 443, 0x4500, 65535])
ADDRESS4 = st.sampled_from([VASSAL, WORLD, "0.0.0.0", "255.255.255.255"])
ADDRESS6 = st.sampled_from([VASSAL6, WORLD6, "fe80::1", "ff02::2", "::"])
DATA = st.binary(max_size=40)
PAYLOAD = st.one_of(
    st.builds(tcp, st.sampled_from([ACK, PSH | ACK, SYN, FIN | ACK, RST, 0]), PORT, PORT, DATA),
    st.builds(udp, PORT, PORT, DATA),
    st.builds(icmp, st.sampled_from([0, 3, 8, 128, 133]), st.sampled_from([0, 1]), DATA),
    DATA,
)
PROTOCOL = st.sampled_from([TCP, UDP, ICMP, ICMPV6, 44, 60, 0, 132])
PACKET = st.one_of(
    st.sampled_from(list(PLAIN.values())),
    st.builds(ipv4, PAYLOAD, PROTOCOL, ADDRESS4, ADDRESS4, ttl=BYTE),
    st.builds(
        ipv4,
        PAYLOAD,
        PROTOCOL,
        ADDRESS4,
        ADDRESS4,
        options=st.sampled_from([b"", bytes(4), b"\x94\x04\x00\x00"]),
        offset=st.sampled_from([0, 0, 1, 3, 0x1FFF]),
        more=st.booleans(),
    ),
    st.builds(ipv6, PAYLOAD, PROTOCOL, ADDRESS6, ADDRESS6, hops=BYTE),
    st.builds(
        lambda chain, payload, last: ipv6(b"".join(chain) + payload, 60 if chain else last),
        st.lists(
            st.one_of(
                st.builds(extension, st.sampled_from([60, 44, 43, 0, UDP, TCP])),
                st.builds(fragment6, st.sampled_from([60, UDP, TCP]), st.sampled_from([0, 3]), st.booleans()),
            ),
            max_size=4,
        ),
        PAYLOAD,
        PROTOCOL,
    ),
)


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """A packet of which a few bytes may be wrong, and its end too."""
    packet = bytearray(draw(PACKET))
    for _ in range(draw(st.integers(0, 3))):
        if packet:
            packet[draw(st.integers(0, min(len(packet), 60) - 1))] = draw(BYTE)
    cut = draw(st.integers(0, 60))
    if draw(st.booleans()):
        del packet[cut:]
    return bytes(packet)


ANY_PACKET = st.one_of(PACKET, mangled(), st.binary(max_size=80))


class LookTests(SynchronousTestCase):
    """`look` says what the headers say, or why nobody may forward the packet."""

    def test_plain(self) -> None:
        """Of unremarkable packets it tells addresses, protocol and ports."""
        for name, facts in {
            "tcp": Facts(4, HERE, THERE, TCP, 40000, 443, ack=True),
            "udp": Facts(4, HERE, THERE, UDP, 40000, 53),
            "ping": Facts(4, HERE, THERE, ICMP, icmp_type=8, icmp_code=0),
            "tcp6": Facts(6, HERE6, THERE6, TCP, 40000, 443, ack=True),
            "udp6": Facts(6, HERE6, THERE6, UDP, 40000, 53),
            "ping6": Facts(6, HERE6, THERE6, ICMPV6, icmp_type=128, icmp_code=0),
        }.items():
            packet = PLAIN[name]
            self.assertEqual(look(packet, 0, len(packet)), replace(facts, length=len(packet)), name)

    def test_odd(self) -> None:
        """Options, extension headers and fragments are understood."""
        for name, (packet, facts) in ODD.items():
            self.assertEqual(look(packet, 0, len(packet)), replace(facts, length=len(packet)), name)

    def test_bad(self) -> None:
        """What can not be right is refused, under the word it is counted by."""
        for reason, cases in BAD.items():
            for name, packet in cases.items():
                self.assertEqual(refused(packet, 0, len(packet)), reason, name)

    def test_every_cut(self) -> None:
        """A packet that lost its end is never taken for whole."""
        for name, (packet, _) in ODD.items():
            for end in range(min(len(packet), 120)):
                self.assertNotEqual(refused(packet, 0, end), "", f"{name}, {end} bytes of it")

    @settings(deadline=None, max_examples=300)
    @given(ANY_PACKET)
    @example(b"")
    def test_any_bytes(self, packet: bytes) -> None:
        """Any bytes are a packet or refused, and the facts of a packet are possible ones."""
        if refused(packet, 0, len(packet)):
            return
        facts = look(packet, 0, len(packet))
        size = 4 if facts.version == 4 else 16
        self.assertEqual((len(facts.src), len(facts.dst), facts.length), (size, size, len(packet)))
        self.assertTrue(facts.first or facts.fragment)
        self.assertEqual(facts.sport < 0, facts.dport < 0)
        self.assertEqual(facts.icmp_type < 0, facts.icmp_code < 0)
        if not facts.first:
            self.assertEqual((facts.sport, facts.icmp_type, facts.syn), (-1, -1, False))
        if facts.syn or facts.ack or facts.fin or facts.rst:
            self.assertEqual(facts.protocol, TCP)


class FlowKeyTests(SynchronousTestCase):
    """`flow_key` knows plain packets of one flow from all others."""

    def test_plain(self) -> None:
        """Each plain packet has a key, and those of different flows differ."""
        keys = {flow_key(packet, 0, len(packet)) for packet in PLAIN.values()}
        self.assertEqual(len(keys), len(PLAIN))
        self.assertNotIn(b"", keys)

    def test_odd(self) -> None:
        """Options, extension headers, fragments and what opens or ends a connection have none."""
        for name, (packet, _) in ODD.items():
            wanted = name in ("the largest packet", "router solicitation")
            self.assertEqual(flow_key(packet, 0, len(packet)) != b"", wanted, name)

    def test_bad(self) -> None:
        """What is refused has none."""
        for cases in BAD.values():
            for name, packet in cases.items():
                self.assertEqual(flow_key(packet, 0, len(packet)), b"", name)

    def test_short_ones_at_the_end_of_a_buffer(self) -> None:
        """Where the buffer ends with a datagram shorter than a TCP header, its key is the usual one."""
        for name in ("udp", "udp6"):
            packet = PLAIN[name]
            short = (ipv4 if name == "udp" else ipv6)(udp())
            self.assertEqual(flow_key(short, 0, len(short)), flow_key(packet, 0, len(packet)), name)
            behind = bytes(VNET) + short
            self.assertEqual(flow_key(behind, VNET, len(behind)), flow_key(packet, 0, len(packet)), name)

    @settings(deadline=None, max_examples=400)
    @given(ANY_PACKET)
    def test_told_from_the_facts(self, packet: bytes) -> None:
        """The key is a function of the facts, one way and back; what `look` refuses has none."""
        self.assertEqual(flow_key(packet, 0, len(packet)), expected_key(packet))

    @settings(deadline=None, max_examples=400)
    @given(ANY_PACKET, ANY_PACKET)
    def test_pairs(self, one: bytes, other: bytes) -> None:
        """Two packets of one key have the same facts but for their length, and the same facts one key."""
        key, second = flow_key(one, 0, len(one)), flow_key(other, 0, len(other))
        if not key or not second:
            return
        facts, others = look(one, 0, len(one)), look(other, 0, len(other))
        self.assertEqual(key == second, replace(facts, length=0) == replace(others, length=0))

    @settings(deadline=None, max_examples=300)
    @given(ANY_PACKET, DATA, DATA, st.sampled_from([bytes, bytearray, memoryview]))
    def test_anywhere(self, packet: bytes, before: bytes, after: bytes, kind: type[bytes]) -> None:
        """Where a packet lies, in what, and what is beside it changes neither key nor facts."""
        buffer: Buffer = kind(before + packet + after)
        start, end = len(before), len(before) + len(packet)
        self.assertEqual(flow_key(buffer, start, end), flow_key(packet, 0, len(packet)))
        reason = refused(packet, 0, len(packet))
        self.assertEqual(refused(buffer, start, end), reason)
        if not reason:
            self.assertEqual(look(buffer, start, end), look(packet, 0, len(packet)))


class AddressTests(SynchronousTestCase):
    """Addresses are bytes, and texts only for people."""

    def test_unicast(self) -> None:
        """A host may have those addresses, and only those."""
        for text in ("192.168.0.2", "1.0.0.0", "223.255.255.255", "126.0.0.1", "169.254.0.1"):
            self.assertTrue(is_unicast(read_address(text)), text)
        for text in ("fd00::2", "2001:db8::1", "fe80::1", "64:ff9b::1"):
            self.assertTrue(is_unicast(read_address(text)), text)
        for text in ("0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "255.255.255.255"):
            self.assertFalse(is_unicast(read_address(text)), text)
        for text in ("::", "::1", "::ffff:10.0.0.1", "::10.0.0.1", "ff02::1"):
            self.assertFalse(is_unicast(read_address(text)), text)

    def test_show(self) -> None:
        """Addresses are shown the usual way."""
        for text in ("192.168.0.2", "0.0.0.0", "fd00::2", "2001:db8::8", "::"):
            self.assertEqual(show(read_address(text)), text)
        self.assertEqual(show(read_address("FD00:0:0::2")), "fd00::2")
        self.assertEqual(show(b""), "")

    def test_show_end(self) -> None:
        """An end of a flow has its port behind it, and brackets where colons would be mistaken."""
        for text, port, shown in (
            ("192.168.0.2", 53, "192.168.0.2:53"),
            ("192.168.0.2", -1, "192.168.0.2"),
            ("fd00::2", 0, "[fd00::2]:0"),
            ("fd00::2", -1, "fd00::2"),
        ):
            self.assertEqual(show_end(read_address(text), port), shown)

    def test_no_address(self) -> None:
        """What is no address is refused, and the text says what one looks like."""
        for text in (
            "",
            "a",
            "1.2.3",
            "1.2.3.4.5",
            "1.2.3.256",
            "01.2.3.4",
            "1.2.3.4/8",
            "fe80::1%lo",
            ":::",
        ):
            with self.assertRaises(ValueError) as caught:
                read_address(text)
            self.assertIn("192.168.0.2", str(caught.exception))
            self.assertIn(repr(text), str(caught.exception))


class SampleTests(SynchronousTestCase):
    """The sample packets of `uwsgid.testing.packets` are what hosts send."""

    def test_checksum(self) -> None:
        """Headers of IPv4 and messages of ICMP sum up to nothing."""
        packet = PLAIN["ping"]
        self.assertEqual(packets.checksum(packet[:20]), 0)
        self.assertEqual(packets.checksum(packet[20:]), 0)
        self.assertEqual(packets.checksum(bytes.fromhex("0001f203f4f5f6f7")), 0x220D)  # RFC 1071, 3
        self.assertEqual(packets.checksum(b"\x01"), 0xFEFF)
