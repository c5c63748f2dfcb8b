"""The lines of a switch, and how many there are of them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.tuntap.packets import icmp, udp
from uwsgid.tuntap.decision import DROP, HOST, Decision
from uwsgid.tuntap.peer import Peer
from uwsgid.tuntap.rules import read_rule
from uwsgid.tuntap.telling import MOST, Teller


class Lines(SynchronousTestCase):
    """What is written."""

    def setUp(self) -> None:
        self.said: list[str] = []
        self.teller = Teller(self.said.append)

    def test_one_a_second_and_peer(self) -> None:
        """After a line about a peer the next one is a second later, and tells what was left out."""
        blue, red = Peer(1), Peer(2)
        for peer in (blue, red, None):
            for now in (10.0, 10.5, 10.9, 11.0, 11.5):
                if not self.teller.is_hushed(peer, now):
                    self.teller.complain(peer, now, f"at {now}")
        lines = ["[tuntap-router] at 10.0", "[tuntap-router] at 11.0 (and 2 before, unsaid)"]
        self.assertEqual(self.said, lines * 3)

    def test_who_comes_and_goes(self) -> None:
        """Of peers that come again and again there is a bounded number of lines a second."""
        for number in range(MOST + 50):
            self.teller.announce(10.0 + number / 1000, str(number))
        self.assertEqual((len(self.said), self.said[-1]), (MOST, f"[tuntap-router] {MOST - 1}"))
        self.teller.announce(11.0, "later")
        self.teller.announce(11.0, "again")
        self.assertEqual(
            self.said[MOST:], ["[tuntap-router] later (and 50 before, unsaid)", "[tuntap-router] again"]
        )

    def test_who_begins_with_nonsense(self) -> None:
        """So there is of peers that come for one bad packet; who stays has a line a second of its own."""
        old = Peer(1)
        self.teller.complain(old, 1.0, "old")
        for number in range(2, MOST + 50):
            if not self.teller.is_hushed(peer := Peer(number), 10.0):
                self.teller.complain(peer, 10.0, str(number))
        self.assertEqual(len(self.said), 1 + MOST)
        self.assertFalse(self.teller.is_hushed(old, 10.0))
        self.teller.announce(11.0, "later")
        self.assertEqual(self.said[-1], "[tuntap-router] later (and 48 before, unsaid)")

    def test_a_rule_that_logs(self) -> None:
        """A line for a rule has the ends, the size, the verdict, and the rule where another one decided."""
        loud, deny = read_rule("log any any"), read_rule("deny any any udp log")
        for now, packet, decision, expected in (
            (
                10.0,
                udp("192.168.0.2", "8.8.8.8"),
                Decision(DROP, reason="denied", rules=(deny,), rule=deny),
                "192.168.0.2:4000 -> 8.8.8.8:53, protocol 17, 44 bytes: drop, denied, "
                "by 'deny any any udp log'",
            ),
            (
                20.0,
                udp("fd00::2", "2001:db8::1"),
                Decision(HOST, rules=(loud,)),
                "[fd00::2]:4000 -> [2001:db8::1]:53, protocol 17, 64 bytes: to the host, "
                "logged by 'log any any'",
            ),
            (
                30.0,
                icmp("192.168.0.2", "8.8.8.8"),
                Decision(HOST, rules=(loud,)),
                "192.168.0.2 -> 8.8.8.8, protocol 1, 28 bytes: to the host, logged by 'log any any'",
            ),
        ):
            for _ in range(3):
                self.teller.tell(None, decision, packet, 0, len(packet), now)
            more = " (and 2 before, unsaid)" if now > 10 else ""
            self.assertEqual(self.said.pop(), f"[tuntap-router] {expected}{more}")
            self.assertEqual(self.said, [])
