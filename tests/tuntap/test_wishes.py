from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host.addresses import parse_address
from uwsgid.tuntap.rules import read_device_rule
from uwsgid.tuntap.wishes import Wishes
from uwsgid.wire.tunframe import FrameDecoder, RuleBlock


def wishes(*rules: str, device: str = "uwsgi0", router: str = "/run/t.sock") -> Wishes:
    return Wishes(device, parse_address(router), tuple(read_device_rule(rule) for rule in rules))


class WishesTests(SynchronousTestCase):
    def test_rules_for_hand_over_are_texts(self) -> None:
        """A router of ours gets the rules as they were written, with all their words."""
        hello = wishes("out 0.0.0.0 10.0.0.0/8 deny", "in 0.0.0.0 0.0.0.0 allow proto=tcp dport=80").hello()
        self.assertEqual(
            hello.rules, ("out 0.0.0.0 10.0.0.0/8 deny", "in 0.0.0.0 0.0.0.0 allow proto=tcp dport=80")
        )
        self.assertEqual(hello.device, "uwsgi0")

    def test_the_addresses_of_the_device_are_told(self) -> None:
        """The addresses that the interface has by then go with it; the loopback has one everywhere."""
        self.assertIn("127.0.0.1", wishes(device="lo").hello().addresses)
        self.assertEqual(wishes(device="nosuchdevice").hello().addresses, ())

    def test_rules_for_frames_are_records(self) -> None:
        """A router that takes frames gets a block of records, with right masks and masked addresses."""
        decoder = FrameDecoder()
        decoder.feed(wishes("out 192.168.0.5/24 10.0.0.5 deny").records())
        block = decoder.next_event()
        assert isinstance(block, RuleBlock)
        [record] = block.rules
        self.assertEqual((record.src, record.src_mask), (bytes((192, 168, 0, 0)), b"\xff\xff\xff\0"))
        self.assertEqual((record.dst, record.dst_mask), (bytes((10, 0, 0, 5)), b"\xff\xff\xff\xff"))

    def test_no_rules_are_no_message(self) -> None:
        """Without rules nothing is sent: 1.9.16 knows no block, and nobody takes an empty one."""
        self.assertEqual(wishes().records(), b"")

    def test_what_no_record_can_say(self) -> None:
        """A rule is never sent as less than it says: that would allow what it was to deny."""
        with self.assertRaisesRegex(ValueError, "need a router that takes devices over"):
            wishes("out 0.0.0.0 0.0.0.0 deny proto=tcp").records()

    def test_other_wishes_have_another_key(self) -> None:
        """A connection that was kept over a reload serves the same device, router and rules only."""
        keys = {
            wishes().key,
            wishes("out 0.0.0.0 0.0.0.0 deny").key,
            wishes(device="uwsgi1").key,
            wishes(router="/run/u.sock").key,
        }
        self.assertEqual(len(keys), 4)
        self.assertEqual(wishes().key, wishes().key)

    def test_other_wishes_have_another_mark(self) -> None:
        """A link goes on in another process for the very same wishes only."""
        same = wishes()
        marks = {
            same.mark,
            wishes("out 0.0.0.0 0.0.0.0 deny").mark,
            wishes(device="uwsgi1").mark,
            wishes(router="/run/u.sock").mark,
            replace(same, user=(1000, 1000)).mark,
            replace(same, credentials=True).mark,
            replace(same, largest=8192).mark,
        }
        self.assertEqual(len(marks), 7)
        self.assertEqual((same.mark, len(same.mark)), (wishes().mark, 16))
