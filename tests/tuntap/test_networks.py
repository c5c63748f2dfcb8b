"""Networks mean what they mean in uWSGI, and slips of the pen are refused."""

from __future__ import annotations

import ipaddress

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.tuntap.networks import (
    ANY,
    Network,
    doubt_about,
    read_network,
    read_number,
    read_target,
    show_target,
)


def packed(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


class NetworkTests(SynchronousTestCase):
    def test_missing_bits_mean_a_host(self) -> None:
        """An address without bits is one host."""
        self.assertEqual(read_network("192.168.0.2"), Network(4, 0xC0A80002, 0xFFFFFFFF))
        self.assertEqual(read_network("fd00::2").mask, (1 << 128) - 1)

    def test_host_bits_are_cut_off(self) -> None:
        """The address of a network may be that of a host in it."""
        self.assertEqual(read_network("192.168.0.5/24"), read_network("192.168.0.0/24"))

    def test_zero_address_matches_any_as_in_1_9_16(self) -> None:
        """Where the masked address is zero, the address is not looked at, whatever the bits are."""
        for text in ("0.0.0.0", "0.0.0.0/0", "0.0.0.0/32", "0.1.2.3/8", "any"):
            self.assertEqual(read_network(text), ANY, text)
            self.assertTrue(read_network(text).holds(packed("8.8.8.8")), text)
            self.assertTrue(read_network(text).holds(packed("2001:db8::1")), text)

    def test_zero_of_ipv6_is_all_of_ipv6(self) -> None:
        """``::/0`` and ``::`` hold each IPv6 address, and none of IPv4."""
        for text in ("::", "::/0"):
            self.assertTrue(read_network(text).holds(packed("2001:db8::1")), text)
            self.assertFalse(read_network(text).holds(packed("8.8.8.8")), text)

    def test_versions_never_meet(self) -> None:
        """An IPv6 address that has the number of an IPv4 one is another address."""
        self.assertFalse(read_network("10.0.0.1").holds(packed("::a00:1")))
        self.assertFalse(read_network("::a00:1").holds(packed("10.0.0.1")))

    def test_refused(self) -> None:
        """What is no address, and bits that are none, raise an error that quotes them."""
        for text, said in (
            ("shop", "'shop' is not an IPv4 or IPv6 address"),
            ("10.0.0", "'10.0.0'"),
            ("10.0.0.256", "'10.0.0.256'"),
            ("010.0.0.1", "'010.0.0.1'"),
            ("fe80::1%eth0", "'fe80::1%eth0'"),
            ("", "''"),
            ("10.0.0.0/", "expected the bits of 10.0.0.0 as a number, got ''"),
            ("10.0.0.0/x", "got 'x'"),
            ("10.0.0.0/-1", "got '-1'"),
            ("10.0.0.0/33", "from 0 to 32, got 33"),
            ("fd00::/129", "from 0 to 128, got 129"),
            ("any/8", "'any'"),
        ):
            error = self.assertRaises(ValueError, read_network, text)
            self.assertIn(said, str(error), text)

    def test_no_bits_of_an_address_are_doubtful(self) -> None:
        """Zero bits mean any address, and a text that has both is worth a warning."""
        self.assertEqual(read_network("10.0.0.1/0"), ANY)
        self.assertEqual(
            doubt_about("10.0.0.1/0"), "10.0.0.1/0 means any address here, and the host 10.0.0.1 in uWSGI"
        )
        for text in ("0.0.0.0/0", "10.0.0.0/8", "10.0.0.1", "any", "::/0"):
            self.assertEqual(doubt_about(text), "", text)

    def test_shown_as_written(self) -> None:
        """The text of a network is the shortest that means it."""
        for text in ("any", "10.0.0.0/8", "192.168.0.2", "fd00::/64", "::/0", "fd00::2"):
            self.assertEqual(str(read_network(text)), text)
        self.assertEqual(str(Network(4, 0xC0A80000, 0xFFFF00FF)), "192.168.0.0/255.255.0.255")

    @given(st.ip_addresses(), st.ip_addresses(), st.integers(0, 128))
    @settings(deadline=None, max_examples=200)
    def test_agrees_with_the_library(self, net: object, address: object, bits: int) -> None:
        """A network that is not zero holds exactly what Python's own network of the same text holds."""
        bits = min(bits, ipaddress.ip_address(str(net)).max_prefixlen)
        theirs = ipaddress.ip_network(f"{net}/{bits}", strict=False)
        ours = read_network(f"{net}/{bits}")
        if int(theirs.network_address):
            self.assertEqual(ours.holds(packed(str(address))), ipaddress.ip_address(str(address)) in theirs)
            self.assertTrue(ours.holds(packed(str(net))))


class NumberTests(SynchronousTestCase):
    def test_bounds(self) -> None:
        """A number is digits only, and within its bounds."""
        self.assertEqual(read_number("22", "a port", 65535), 22)
        for text in ("", "x", "1x", "-1", "+1", "1.5", "٣", "65536"):
            self.assertRaises(ValueError, read_number, text, "a port", 65535)


class TargetTests(SynchronousTestCase):
    def test_targets(self) -> None:
        """A target is an address and a port, and shown as it is written."""
        for text, target in (("127.0.0.1:3000", ("127.0.0.1", 3000)), ("[fd00::1]:9", ("fd00::1", 9))):
            self.assertEqual(read_target(text), target)
            self.assertEqual(show_target(target), text)

    def test_refused(self) -> None:
        """uWSGI sends to 255.255.255.255 where the address is none; here it is an error."""
        for text, said in (
            ("127.0.0.1", "tuntap target must be in the form addr:port"),
            ("shop:3000", "'shop' is not an"),
            (":3000", "'' is not an"),
            ("127.0.0.1:", "expected the port as a number"),
            ("127.0.0.1:0", "from 1 to 65535"),
            ("127.0.0.1:65536", "from 1 to 65535"),
            ("fd00::1:9", "[fd00::1]:9"),
            ("[127.0.0.1]:9", "brackets"),
        ):
            self.assertIn(said, str(self.assertRaises(ValueError, read_target, text)), text)
