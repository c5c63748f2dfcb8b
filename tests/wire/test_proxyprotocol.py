"""`uwsgid.wire.proxyprotocol`: what balancers say first."""

from __future__ import annotations

import socket

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.driving import drive
from uwsgid.errors import PeerError
from uwsgid.wire.limits import Limits
from uwsgid.wire.proxyprotocol import SIGNATURE, ProxiedDecoder, read_header

GET = b"GET /shop HTTP/1.1\r\nHost: a\r\n\r\n"
FOUR = {"REMOTE_ADDR": "192.0.2.7", "REMOTE_PORT": "4000", "SERVER_ADDR": "192.0.2.1", "SERVER_PORT": "443"}
SIX = {"REMOTE_ADDR": "2001:db8::7", "REMOTE_PORT": "1", "SERVER_ADDR": "2001:db8::1", "SERVER_PORT": "80"}
PORTS = (4000).to_bytes(2, "big") + (443).to_bytes(2, "big")
FOURS = socket.inet_aton("192.0.2.7") + socket.inet_aton("192.0.2.1") + PORTS
SIXES = (
    socket.inet_pton(socket.AF_INET6, "2001:db8::7")
    + socket.inet_pton(socket.AF_INET6, "2001:db8::1")
    + b"\0\1\0\x50"
)


def binary(command: int, family: int, content: bytes) -> bytes:
    return SIGNATURE + bytes((command, family)) + len(content).to_bytes(2, "big") + content


GOOD = {
    "line, IPv4": (b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 443\r\n", FOUR),
    "line, IPv6": (b"PROXY TCP6 2001:db8::7 2001:db8::1 1 80\r\n", SIX),
    "line, unknown": (b"PROXY UNKNOWN\r\n", {}),
    "line, unknown with words": (b"PROXY UNKNOWN a b c d\r\n", {}),
    "binary, IPv4": (binary(0x21, 0x11, FOURS), FOUR),
    "binary, IPv6": (binary(0x21, 0x21, SIXES), SIX),
    "binary with more behind the addresses": (binary(0x21, 0x11, FOURS + b"\x03\x00\x04abcd"), FOUR),
    "binary, local": (binary(0x20, 0x00, b""), {}),
    "binary, local with addresses": (binary(0x20, 0x11, FOURS), {}),
    "binary, unix": (binary(0x21, 0x31, bytes(216)), {}),
}
BAD = {
    "nothing": GET,
    "almost a line": b"PROXI TCP4",
    "no family": b"PROXY \r\n",
    "other family": b"PROXY UDP4 192.0.2.7 192.0.2.1 4000 443\r\n",
    "too few words": b"PROXY TCP4 192.0.2.7 192.0.2.1 4000\r\n",
    "too many words": b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 443 1\r\n",
    "no address": b"PROXY TCP4 localhost 192.0.2.1 4000 443\r\n",
    "IPv6 as IPv4": b"PROXY TCP4 ::1 ::1 4000 443\r\n",
    "large port": b"PROXY TCP4 192.0.2.7 192.0.2.1 65536 443\r\n",
    "zero in front of a port": b"PROXY TCP4 192.0.2.7 192.0.2.1 04000 443\r\n",
    "long line": b"PROXY UNKNOWN " + b"x" * 120 + b"\r\n",
    "almost binary": SIGNATURE[:-1] + b"X" + bytes(20),
    "binary, version 1": binary(0x11, 0x11, FOURS),
    "binary, other command": binary(0x22, 0x11, FOURS),
    "binary, cut addresses": binary(0x21, 0x11, FOURS[:-1]),
}


class HeaderTests(SynchronousTestCase):
    """Headers alone."""

    def test_good(self) -> None:
        """Each header has its size and its variables, as soon as it is complete and not before."""
        for name, (data, told) in GOOD.items():
            for end in range(len(data)):
                self.assertIsNone(read_header(data[:end]), name)
            self.assertEqual(read_header(data + GET), (len(data), told), name)

    def test_bad(self) -> None:
        """What is no header is refused, and the option is named."""
        for name, data in BAD.items():
            error = self.assertRaises(PeerError, read_header, data)
            self.assertEqual((error.status, error.option), (400, "enable-proxy-protocol"), name)

    @settings(deadline=None, max_examples=300)
    @given(st.sampled_from([b"PROXY ", b"PROXY TCP4 ", SIGNATURE, b""]), st.binary(max_size=60))
    def test_any_bytes(self, begin: bytes, data: bytes) -> None:
        """Any bytes are a header, the beginning of one, or refused."""
        try:
            found = read_header(begin + data)
        except PeerError:
            return
        if found is not None:
            self.assertLessEqual(found[0], len(begin + data))


class DecoderTests(SynchronousTestCase):
    """Headers before HTTP."""

    @settings(deadline=None, max_examples=100)
    @given(st.sampled_from(sorted(GOOD)), st.lists(st.integers(0, 400), max_size=5))
    def test_any_slicing(self, name: str, cuts: list[int]) -> None:
        """All requests of the connection have the variables of its header, however the network cuts it."""
        data, told = GOOD[name]
        heard = drive(ProxiedDecoder({"SERVER_PORT": "8000"}, Limits()), data + GET + GET, cuts)
        self.assertEqual((len(heard.requests), heard.error), (2, None))
        for said in heard.requests:
            for key, value in {"SERVER_PORT": "8000", **told}.items():
                self.assertEqual(said.head.vars[key], value)
            self.assertEqual("REMOTE_ADDR" in said.head.vars, bool(told))

    def test_bad(self) -> None:
        """A connection without a header is refused for good."""
        decoder = ProxiedDecoder({}, Limits())
        self.assertTrue(decoder.idle)
        decoder.feed(GET)
        self.assertFalse(decoder.idle)
        for _ in range(2):
            self.assertRaises(PeerError, decoder.next_event)

    def test_leftover(self) -> None:
        """The bytes behind a head are handed over, as by HTTP alone."""
        decoder = ProxiedDecoder({}, Limits())
        decoder.feed(b"PROXY UNKNOWN\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel")
        decoder.next_event()
        self.assertEqual((decoder.leftover(), decoder.header), (b"hel", 15))
        self.assertTrue(decoder.idle)
