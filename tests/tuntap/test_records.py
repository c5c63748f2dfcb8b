"""Rules travel to a router of uWSGI and come from its clients."""

from __future__ import annotations

import ipaddress

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.tuntap.networks import ANY, read_network
from uwsgid.tuntap.records import record_of, rules_of
from uwsgid.tuntap.rules import read_device_rule
from uwsgid.wire.tunframe import ALLOW, DENY, IN, OUT, ROUTE, RuleRecord


def ip(text: str) -> bytes:
    return ipaddress.IPv4Address(text).packed


def record(
    src: str = "0.0.0.0",
    src_mask: str = "255.255.255.255",
    *,
    direction: int = OUT,
    action: int = DENY,
) -> RuleRecord:
    return RuleRecord(
        direction, ip(src), ip(src_mask), ip("10.0.0.1"), ip("255.255.255.255"), action, ip("127.0.0.1"), 3000
    )


class RecordTests(SynchronousTestCase):
    def test_there_and_back(self) -> None:
        """What a record can carry arrives as it was written."""
        for text in (
            "in 10.0.0.0/8 any allow",
            "out 192.168.0.0/24 192.168.0.1 deny",
            "out any 10.0.0.0/8 route 127.0.0.1:3000",
        ):
            (rule,) = rules_of([record_of(read_device_rule(text))])
            self.assertEqual(rule.text, text)
            written = read_device_rule(text)
            self.assertEqual(
                (rule.inward, rule.rule.action, rule.rule.src, rule.rule.dst, rule.rule.target),
                (
                    written.inward,
                    written.rule.action,
                    written.rule.src,
                    written.rule.dst,
                    written.rule.target,
                ),
            )

    def test_right_masks_are_sent(self) -> None:
        """Masks are right for each number of bits, and addresses are masked."""
        sent = record_of(read_device_rule("out 192.168.0.5/24 10.0.0.0/8 deny"))
        self.assertEqual((sent.src, sent.src_mask), (ip("192.168.0.0"), ip("255.255.255.0")))
        self.assertEqual(sent.dst_mask, ip("255.0.0.0"))
        self.assertEqual((sent.direction, sent.action), (OUT, DENY))
        routed = record_of(read_device_rule("in any any route 127.0.0.1:3000"))
        self.assertEqual((routed.direction, routed.action), (IN, ROUTE))
        self.assertEqual((routed.target, routed.target_port), (ip("127.0.0.1"), 3000))

    def test_received_addresses_are_masked(self) -> None:
        """A client of uWSGI sends addresses with their host bits."""
        (rule,) = rules_of([record("192.168.0.5", "255.255.255.0")])
        self.assertEqual(rule.rule.src, read_network("192.168.0.0/24"))

    def test_zero_is_any(self) -> None:
        """A zero address is not looked at, whatever its mask is."""
        (rule,) = rules_of([record("0.0.0.0", "255.255.255.255", action=ALLOW)])
        self.assertEqual(rule.rule.src, ANY)

    def test_unknown_actions_are_skipped(self) -> None:
        """As in uWSGI, a record with another action is as good as none."""
        self.assertEqual(rules_of([record(action=3), record(direction=2)]), [])
        self.assertEqual(len(rules_of([record(action=3), record()])), 1)

    def test_what_no_record_says(self) -> None:
        """More words, and IPv6, are not passed over in silence."""
        for text in (
            "out any any deny tcp",
            "out any any deny log",
            "out fd00::1 any deny",
            "out any any route [fd00::1]:9",
        ):
            error = self.assertRaises(ValueError, record_of, read_device_rule(text))
            self.assertIn(repr(text), str(error))
