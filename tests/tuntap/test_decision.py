"""Decisions: what they say, and how they are found out."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.tuntap.packets import udp
from uwsgid.tuntap.chain import Chain
from uwsgid.tuntap.decision import DROP, FOREVER, GATEWAY, HOST, PEER, Decision, Path
from uwsgid.tuntap.peer import Peer
from uwsgid.tuntap.rules import read_route, read_rule
from uwsgid.wire.ip import Facts, look, read_address


def facts() -> Facts:
    packet = udp("192.168.0.2", "8.8.8.8")
    return look(packet, 0, len(packet))


class Words(SynchronousTestCase):
    """Decisions in words, as captures show them."""

    def test_where_to(self) -> None:
        """A decision says where a packet goes, by name."""
        blue = Peer(1, "fd: 7")
        self.assertEqual(str(Decision(HOST)), "to the host")
        self.assertEqual(str(Decision(PEER, blue)), "to fd: 7")
        blue.addresses[read_address("192.168.0.2")] = None
        self.assertEqual(str(Decision(PEER, blue)), "to 192.168.0.2")
        self.assertEqual(str(Decision(GATEWAY, target=("::1", 5000))), "to the gateway [::1]:5000")

    def test_by_which_rule(self) -> None:
        """A decision by a rule names it."""
        rule = read_rule("deny any any udp")
        decision = Decision(DROP, reason="denied", rules=(rule,), rule=rule)
        self.assertEqual(repr(decision), "<Decision drop, denied, by 'deny any any udp'>")


class Plainness(SynchronousTestCase):
    """What asks for more than counting."""

    def test_plain(self) -> None:
        """A packet that is passed on without a line in the log is plain; any other is not."""
        peer, loud = Peer(1), read_rule("log any any")
        self.assertTrue(Decision(HOST, rules=(read_rule("allow"),)).plain)
        self.assertTrue(Decision(PEER, peer).plain)
        self.assertFalse(Decision(HOST, rules=(loud,)).plain)
        self.assertFalse(Decision(DROP, reason="denied").plain)
        self.assertFalse(Decision(GATEWAY, target=("127.0.0.1", 1)).plain)
        self.assertEqual(Decision(HOST).until, FOREVER)


class Paths(SynchronousTestCase):
    """The way of a packet through chains."""

    def test_all_rules_are_noted(self) -> None:
        """Rules that only count, and those that decide, are noted along the way; the last decides."""
        path = Path(facts())
        first = Chain(map(read_rule, ("count any any", "allow any any udp", "deny")))
        second = Chain(map(read_rule, ("log any 8.8.8.8", "deny 10.0.0.0/8 any", "deny any 8.8.8.8")))
        self.assertTrue(path.allows(first))
        self.assertTrue(path.allows(None))
        self.assertTrue(path.allows(Chain()))
        self.assertFalse(path.allows(second))
        self.assertEqual(path.rules, (*first.rules[:2], second.rules[0], second.rules[2]))
        self.assertIs(path.rule, second.rules[2])

    def test_a_route_is_no_permission(self) -> None:
        """A chain whose rule routes does not let pass: there is a target to look at."""
        path = Path(facts())
        self.assertFalse(path.allows(Chain([read_route("any any 127.0.0.1:5000")])))
        assert path.rule is not None
        self.assertEqual(path.rule.target, ("127.0.0.1", 5000))

    def test_established(self) -> None:
        """Whether a flow was allowed before is for the chain to weigh."""
        chain = Chain(map(read_rule, ("allow any any established", "deny")))
        self.assertTrue(Path(facts()).allows(chain, True))
        self.assertFalse(Path(facts()).allows(chain, False))
