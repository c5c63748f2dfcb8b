"""Peers: what the router knows of one of them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.tuntap.access import UNKNOWN
from uwsgid.tuntap.peer import BROKEN, Peer, is_link_local, is_unspecified, learnable
from uwsgid.wire.ip import read_address


class Addresses(SynchronousTestCase):
    """What can be learnt from a packet."""

    def test_hosts_are_learnable(self) -> None:
        """A peer can own any address of one host, public or not."""
        for text in ("192.168.0.2", "8.8.8.8", "169.254.1.1", "223.255.255.254", "fd00::2", "2001:db8::1"):
            self.assertTrue(learnable(read_address(text)), text)

    def test_others_are_not(self) -> None:
        """Nobody can own what is no address of a host, or is the same on every link."""
        for text in (
            "0.0.0.0",
            "0.1.2.3",
            "127.0.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "ff02::2",
            "fe80::1",
            "::ffff:192.168.0.2",
        ):
            self.assertFalse(learnable(read_address(text)), text)

    def test_link_local(self) -> None:
        """Link-local is fe80::/10, and of IPv6 only."""
        self.assertTrue(is_link_local(read_address("fe80::1")))
        self.assertTrue(is_link_local(read_address("febf::1")))
        self.assertFalse(is_link_local(read_address("fec0::1")))
        self.assertFalse(is_link_local(bytes((0xFE, 0x80, 0, 1))))

    def test_unspecified(self) -> None:
        """An address of zeros says that there is none yet."""
        self.assertTrue(is_unspecified(read_address("0.0.0.0")))
        self.assertTrue(is_unspecified(read_address("::")))
        self.assertFalse(is_unspecified(read_address("0.0.0.1")))


class Names(SynchronousTestCase):
    """What lines in the log call a peer."""

    def test_name(self) -> None:
        """A peer goes by its address, before that by its label, and at worst by its number."""
        peer = Peer(3)
        self.assertEqual(peer.name, "peer 3")
        peer.label = "fd: 12"
        self.assertEqual(peer.name, "fd: 12")
        peer.addresses[read_address("fd00::2")] = None
        self.assertEqual(peer.name, "fd00::2")
        peer.addresses[read_address("192.168.0.2")] = None
        self.assertEqual(peer.name, "192.168.0.2")
        self.assertEqual(repr(peer), "<Peer 3 192.168.0.2>")

    def test_address(self) -> None:
        """The address that uWSGI would know it by is one of IPv4."""
        peer = Peer(1)
        self.assertEqual(peer.address, b"")
        peer.addresses[read_address("fd00::2")] = None
        self.assertEqual(peer.address, read_address("fd00::2"))
        peer.addresses[read_address("192.168.0.2")] = None
        self.assertEqual(peer.address, read_address("192.168.0.2"))
        self.assertEqual((peer.owns_of(4), peer.owns_of(16)), (1, 1))

    def test_nobody_vouches(self) -> None:
        """A peer is no user at all, and not root, until the kernel tells."""
        self.assertEqual((Peer(1).uid, Peer(1).gid), (UNKNOWN, UNKNOWN))


class Drops(SynchronousTestCase):
    """What is counted of packets that went nowhere."""

    def test_by_reason(self) -> None:
        """A drop counts once for its reason, and once for what kind of reason that is."""
        peer = Peer(1)
        for reason in ("full", "full", "spoofed", "limit", *sorted(BROKEN)):
            peer.count_drop(reason)
        self.assertEqual(peer.drops["full"], 2)
        self.assertEqual(peer.dropped, 4 + len(BROKEN))
        self.assertEqual(peer.spoofed, 1)
        self.assertEqual(peer.invalid, len(BROKEN))

    def test_rules_are_not_faults(self) -> None:
        """What a rule denies is not among what was dropped otherwise."""
        peer = Peer(1)
        peer.count_denial(inward=True)
        peer.count_denial(inward=False)
        peer.count_denial(inward=False)
        self.assertEqual((peer.denied_in, peer.denied_out, peer.dropped), (1, 2, 0))
        self.assertEqual(peer.drops, {"denied": 3})
