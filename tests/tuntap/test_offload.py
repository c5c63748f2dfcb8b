"""Tests of `uwsgid.tuntap.offload`."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.testing.packets import checksum, extension, icmp, ipv4, ipv6, tcp, udp
from uwsgid.tuntap.offload import HEADER, NEEDS_CSUM, PLAIN, finish, host_offloads, is_usual, peer_offloads
from uwsgid.wire.ip import VNET


class FinishTests(SynchronousTestCase):
    def test_plain_packets_stay_as_they_are(self) -> None:
        """A packet that wants nothing done is fine."""
        buffer = bytearray(PLAIN + b"E" * 30)
        self.assertTrue(finish(buffer, len(buffer)))
        self.assertEqual(buffer, PLAIN + b"E" * 30)

    def test_large_packets_are_not_cut(self) -> None:
        """A packet that somebody else was to cut into segments is refused."""
        buffer = bytearray(HEADER.pack(0, 1, 40, 1460, 0, 0) + bytes(3000))
        self.assertFalse(finish(buffer, len(buffer)))

    @settings(deadline=None, max_examples=100)
    @given(st.binary(max_size=200), st.integers(0, 0xFFFF))
    def test_checksums_are_filled_in(self, data: bytes, pseudo: int) -> None:
        """The kernel leaves the sum of the pseudo header in the field, and it counts."""
        packet = bytearray(ipv4(udp(data=data)))
        packet[26:28] = pseudo.to_bytes(2, "big")
        buffer = bytearray(HEADER.pack(NEEDS_CSUM, 0, 0, 0, 20, 6) + packet + b"left from before")
        self.assertTrue(finish(buffer, VNET + len(packet)))
        made = bytes(buffer[VNET : VNET + len(packet)])
        expected = checksum(bytes(packet[20:]))
        self.assertEqual(int.from_bytes(made[26:28], "big"), expected or 0xFFFF)
        self.assertEqual(made[:26] + made[28:], packet[:26] + packet[28:])
        self.assertEqual(buffer[0], 0)
        self.assertTrue(buffer.endswith(b"left from before"))

    def test_headers_that_point_outside_are_refused(self) -> None:
        """Nothing is written behind the packet, whatever a header says."""
        for start, offset in ((20, 30), (0xFFFF, 0), (0, 0xFFFF), (27, 0), (30, 0)):
            buffer = bytearray(HEADER.pack(NEEDS_CSUM, 0, 0, 0, start, offset) + ipv4(udp())[:28] + bytes(50))
            before = bytes(buffer)
            self.assertFalse(finish(buffer, VNET + 28), (start, offset))
            self.assertEqual(bytes(buffer), before)


class UsualTests(SynchronousTestCase):
    def usual(self, packet: bytes, start: int, offset: int) -> bool:
        """Whether the place is the usual one for the packet."""
        return is_usual(bytearray(HEADER.pack(NEEDS_CSUM, 0, 0, 0, start, offset) + packet))

    def test_where_checksums_are(self) -> None:
        """TCP and UDP have theirs in one place each, behind the header of IP."""
        four, six = ipv4(tcp(), 6), ipv6(tcp(), 6)
        options = ipv4(tcp(), 6, options=bytes((1, 1, 1, 0)))
        for packet, start, offset in (
            (four, 20, 16),
            (ipv4(udp()), 20, 6),
            (options, 24, 16),
            (six, 40, 16),
            (ipv6(udp()), 40, 6),
        ):
            self.assertTrue(self.usual(packet, start, offset))
            for other_start, other_offset in (
                (start + 2, offset),
                (start, offset - 2),
                (start - 4, offset + 4),
                (0, start + offset),
            ):
                self.assertFalse(self.usual(packet, other_start, other_offset))
        self.assertFalse(self.usual(ipv4(icmp(), 1), 20, 2))
        self.assertFalse(self.usual(ipv6(extension(6) + tcp(), 0), 48, 16))
        self.assertFalse(self.usual(bytes(60), 0, 16))


class RuleTests(SynchronousTestCase):
    def test_who_may_hand_out_large_packets(self) -> None:
        """A device has its offload off while a packet from it may go where no virtio header can."""
        self.assertTrue(host_offloads(0, False))
        self.assertFalse(host_offloads(1, False))
        self.assertFalse(host_offloads(0, True))
        self.assertTrue(peer_offloads(0, False, True))
        self.assertTrue(peer_offloads(3, False, False))
        self.assertFalse(peer_offloads(3, False, True))
        self.assertFalse(peer_offloads(0, True, False))
