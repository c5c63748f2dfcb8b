"""The first rule that fits and decides, decides; without one the packet may pass."""

from __future__ import annotations

import ipaddress
import tracemalloc

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.testing import packets
from uwsgid.tuntap.chain import Chain
from uwsgid.tuntap.rules import read_rule
from uwsgid.wire.ip import Facts, look

CLIENTS_OUT = """
allow 192.168.0.0/24 192.168.0.1
deny 192.168.0.0/24 192.168.0.0/24
allow 192.168.0.0/24 0.0.0.0
deny
"""
CLIENTS_IN = """
allow 192.168.0.1 192.168.0.0/24
deny 192.168.0.0/24 192.168.0.0/24
allow 0.0.0.0 192.168.0.0/24
deny
"""


def chain(text: str) -> Chain:
    """A chain of lines."""
    return Chain(read_rule(line) for line in text.strip().splitlines())


def packed(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


def facts(
    src: str = "192.168.0.2",
    dst: str = "192.168.0.3",
    protocol: int = 17,
    sport: int = -1,
    dport: int = -1,
    *,
    type_and_code: tuple[int, int] = (-1, -1),
) -> Facts:
    source = packed(src)
    return Facts(
        4 if len(source) == 4 else 6,
        source,
        packed(dst),
        protocol,
        sport,
        dport,
        *type_and_code,
        length=100,
    )


class ChainTests(SynchronousTestCase):
    def passes(self, rules: str, packet: Facts, *, established: bool = False) -> bool:
        return chain(rules).decide(packet, established)[0]

    def test_no_rule_allows(self) -> None:
        """An empty chain, and one none of whose rules fits, let a packet pass and name no rule."""
        self.assertEqual(Chain().decide(facts(), False), (True, None))
        self.assertEqual(chain("deny 10.0.0.0/8 any").decide(facts(), False), (True, None))

    def test_first_match_decides(self) -> None:
        """Of two rules that fit, the first counts."""
        both = chain("allow 192.168.0.2 any\ndeny 192.168.0.0/24 any")
        self.assertEqual(both.decide(facts(), False), (True, both.rules[0]))
        self.assertEqual(both.decide(facts("192.168.0.9"), False), (False, both.rules[1]))

    def test_clients_reach_the_world_but_not_each_other(self) -> None:
        """The eight rules of uWSGI's documentation do what it says of them."""
        gateway, one, other, world = "192.168.0.1", "192.168.0.2", "192.168.0.3", "8.8.8.8"
        for rules, src, dst, passes in (
            (CLIENTS_OUT, one, gateway, True),
            (CLIENTS_OUT, one, other, False),
            (CLIENTS_OUT, one, world, True),
            (CLIENTS_OUT, "10.0.0.1", world, False),
            (CLIENTS_IN, gateway, one, True),
            (CLIENTS_IN, other, one, False),
            (CLIENTS_IN, world, one, True),
            (CLIENTS_IN, world, "10.0.0.1", False),
        ):
            self.assertEqual(self.passes(rules, facts(src, dst)), passes, (src, dst))

    def test_zero_address_matches_any_as_in_1_9_16(self) -> None:
        """``0.0.0.0`` without bits is no host, but every address, of IPv6 too."""
        self.assertFalse(self.passes("deny 0.0.0.0 192.168.0.3", facts()))
        self.assertFalse(self.passes("deny 0.0.0.0/32 0.0.0.0/32", facts("fd00::1", "fd00::2")))

    def test_versions(self) -> None:
        """A rule with an address is about packets of its version."""
        six = facts("::c0a8:2", "fd00::2")
        self.assertTrue(self.passes("deny 192.168.0.2 any", six))
        self.assertTrue(self.passes("deny 0.0.0.0/0 192.168.0.3", six))
        self.assertFalse(self.passes("deny :: any", six))
        self.assertTrue(self.passes("deny ::/0 any", facts()))
        self.assertFalse(self.passes("deny fd00::/8 fd00::/8", facts("fd00::1", "fd00::2")))

    def test_ports(self) -> None:
        """A rule with ports fits those ports of TCP and UDP, and nothing without ports."""
        ssh = "deny any any tcp dport 22,80-90"
        for dport, passes in ((22, False), (23, True), (79, True), (80, False), (90, False), (91, True)):
            self.assertEqual(self.passes(ssh, facts(protocol=6, sport=999, dport=dport)), passes, dport)
        self.assertTrue(self.passes(ssh, facts(protocol=17, sport=999, dport=22)))
        self.assertTrue(self.passes(ssh, facts(protocol=6)))
        self.assertFalse(self.passes("deny any any sport 53", facts(protocol=17, sport=53, dport=9)))
        self.assertTrue(self.passes("deny any any sport 53", facts(protocol=132, sport=53, dport=9)))
        two = "deny any any udp sport 53,99 dport 1-9"
        for sport, passes in ((53, False), (60, True), (99, False)):
            self.assertEqual(self.passes(two, facts(sport=sport, dport=9)), passes, sport)

    def test_icmp(self) -> None:
        """Types and codes fit as numbers, of the protocol that was named."""
        ping = "deny any any icmp type echo-request"
        self.assertFalse(self.passes(ping, facts(protocol=1, type_and_code=(8, 0))))
        self.assertTrue(self.passes(ping, facts(protocol=1, type_and_code=(0, 0))))
        self.assertTrue(self.passes(ping, facts(protocol=58, type_and_code=(8, 0))))
        cut = "deny any any icmp type 3 code 4"
        self.assertFalse(self.passes(cut, facts(protocol=1, type_and_code=(3, 4))))
        self.assertTrue(self.passes(cut, facts(protocol=1, type_and_code=(3, 1))))

    def test_established(self) -> None:
        """``established`` fits where the caller says so, and makes a chain stateful."""
        rules = "allow any any established\ndeny"
        self.assertTrue(self.passes(rules, facts(), established=True))
        self.assertFalse(self.passes(rules, facts(), established=False))
        self.assertTrue(chain(rules).stateful)
        self.assertFalse(chain("deny").stateful)

    def test_marks(self) -> None:
        """Rules that only count or log are met on the way to the rule that decides, and not behind it."""
        rules = chain(
            "count any any udp\nlog 10.0.0.0/8 any\nlog any 192.168.0.0/16\nallow any any\ncount any any"
        )
        self.assertEqual(rules.decide(facts(), False), (True, rules.rules[3]))
        self.assertEqual(rules.marks(facts()), (rules.rules[0], rules.rules[2]))
        self.assertTrue(rules.notes)
        self.assertEqual(chain("deny").marks(facts()), ())
        self.assertEqual(len(chain("count").marks(facts())), 1)

    def test_counts_nothing(self) -> None:
        """A chain answers, and leaves counting to whoever asks."""
        rules = chain("count\ndeny")
        rules.decide(facts(), False)
        rules.marks(facts())
        self.assertEqual([rule.packets for rule in rules.rules], [0, 0])
        self.assertEqual(len(rules), 2)

    def test_all_protocols(self) -> None:
        """Packets of all protocols, one after the other, take little memory, and meet the right rules."""
        many = chain("deny any any tcp\n" * 100 + "allow any any proto gre\ndeny any 9.9.9.9\n" * 100)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        for protocol in range(256):
            for version, there in ((4, "9.9.9.9"), (6, "2001:db8::9")):
                here = "192.168.0.2" if version == 4 else "fd00::2"
                packet = Facts(version, packed(here), packed(there), protocol)
                allowed = many.decide(packet, False)[0]
                self.assertEqual(allowed, protocol == 47 or (version == 6 and protocol != 6), protocol)
        self.assertLess(tracemalloc.get_traced_memory()[1], 1_000_000)

    def test_real_packets(self) -> None:
        """What is read of a packet is what a rule looks at."""
        packet = packets.ipv4(packets.udp(1234, 53), src="192.168.0.2", dst="8.8.8.8")
        read = look(packet, 0, len(packet))
        self.assertFalse(self.passes("deny 192.168.0.0/24 8.8.8.8 udp dport 53", read))
        self.assertTrue(self.passes("deny 192.168.0.0/24 8.8.8.8 udp dport 54", read))


_address = st.integers(0, 3).map(lambda number: f"10.0.{number // 2}.{number % 2 + 1}")
_network = st.one_of(
    st.just("any"), st.tuples(_address, st.sampled_from((16, 24, 31, 32))).map("{0[0]}/{0[1]}".format)
)
_words = st.sampled_from(("", " tcp", " udp", " dport 1", " tcp sport 0-1", " icmp", " established"))
_rule = st.tuples(st.sampled_from(("allow", "deny", "count", "log")), _network, _network, _words)


class RandomTests(SynchronousTestCase):
    @given(
        st.lists(_rule, max_size=8),
        st.tuples(_address, _address, st.sampled_from((1, 6, 17)), st.integers(0, 2), st.integers(0, 2)),
        st.booleans(),
    )
    @settings(deadline=None, max_examples=300)
    def test_agrees_with_reading_aloud(
        self,
        rules: list[tuple[str, str, str, str]],
        packet: tuple[str, str, int, int, int],
        established: bool,
    ) -> None:
        """The compiled chain decides as somebody does who reads the rules one by one."""
        src, dst, protocol, sport, dport = packet
        if protocol == 1:
            sport = dport = -1
        wanted: tuple[bool, int | None] = (True, None)
        marked: list[int] = []
        for place, (action, source, target, words) in enumerate(rules):
            inside = all(
                network == "any"
                or ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
                for network, address in ((source, src), (target, dst))
            )
            fits = {
                "": True,
                " tcp": protocol == 6,
                " udp": protocol == 17,
                " dport 1": dport == 1,
                " tcp sport 0-1": protocol == 6 and sport <= 1,
                " icmp": protocol == 1,
                " established": established,
            }[words]
            if not (inside and fits):
                continue
            if action in ("allow", "deny"):
                wanted = (action == "allow", place)
                break
            marked.append(place)
        made = Chain(
            read_rule(f"{action} {source} {target}{words}") for action, source, target, words in rules
        )
        read = facts(src, dst, protocol, sport, dport)
        allowed, rule = made.decide(read, established)
        self.assertEqual((allowed, None if rule is None else made.rules.index(rule)), wanted)
        self.assertEqual([made.rules.index(one) for one in made.marks(read, established)], marked)
