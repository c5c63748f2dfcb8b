"""The switch: what passes, by the rules of the router and of its peers, their flows, and their limits."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.tuntap.packets import ACK, FIN, SYN, icmp, tcp, udp
from tests.tuntap.switches import (
    BLUE,
    BLUE6,
    EXAMPLE_IN,
    EXAMPLE_OUT,
    RED,
    RED6,
    WORLD,
    WORLD6,
    Bench,
    addresses,
    packed,
    policy_for,
)
from uwsgid.tuntap.chain import Chain
from uwsgid.tuntap.flows import HOLD
from uwsgid.tuntap.policy import Policy
from uwsgid.tuntap.rules import read_device_rule, read_rule
from uwsgid.tuntap.switch import DROP, GATEWAY, HOST, PEER


class Chains(SynchronousTestCase):
    """The rules of the router."""

    def test_the_example_of_the_manual(self) -> None:
        """The eight rules let vassals out and in, and keep them apart."""
        bench = Bench(policy_for(EXAMPLE_IN, EXAMPLE_OUT))
        blue, red = bench.peer(BLUE), bench.peer(RED)
        for _ in range(2):
            self.assertEqual(bench.out(blue, tcp(BLUE, "192.168.0.1")).kind, HOST)
            self.assertEqual(bench.out(blue, tcp(BLUE, WORLD)).kind, HOST)
            self.assertEqual(bench.out(blue, tcp(BLUE, RED)).reason, "denied")
            self.assertIs(bench.inward(tcp(WORLD, BLUE)).peer, blue)
            self.assertEqual(bench.inward(tcp(RED, BLUE)).reason, "denied")
            self.assertEqual(bench.out(red, udp(RED6, WORLD6)).reason, "denied")
        switch = bench.switch
        self.assertEqual((blue.denied_out, blue.denied_in, red.denied_out), (2, 2, 2))
        self.assertEqual((switch.denied_out, switch.denied_in, switch.drops), (4, 2, {"denied": 6}))
        self.assertEqual([one.packets for one in switch.policy.chain_out.rules], [2, 2, 2, 2])
        self.assertEqual([one.packets for one in switch.policy.chain_in.rules], [0, 2, 2, 0])

    def test_every_packet_counts(self) -> None:
        """Rules count packets and bytes of remembered decisions too, those that only count among them."""
        bench = Bench(policy_for(outward=("count any any udp", "allow any any udp dport 53", "deny")))
        blue = bench.peer(BLUE)
        packet = udp(BLUE, WORLD)
        for _ in range(7):
            self.assertEqual(bench.out(blue, packet).kind, HOST)
        for _ in range(3):
            self.assertEqual(bench.out(blue, udp(BLUE, WORLD, dport=54)).kind, DROP)
        count, allow, deny = bench.switch.policy.chain_out.rules
        self.assertEqual((count.packets, allow.packets, deny.packets), (10, 7, 3))
        self.assertEqual((allow.bytes, blue.rx_bytes), (7 * len(packet), 10 * len(packet)))

    def test_log(self) -> None:
        """A rule with ``log`` has a line, at most one a second and peer, and names the ports."""
        bench = Bench(policy_for(outward=("deny any any tcp dport 22 log", "log any any udp")))
        blue = bench.peer(BLUE)
        bench.said.clear()
        for _ in range(3):
            self.assertEqual(bench.out(blue, tcp(BLUE, WORLD, dport=22)).reason, "denied")
        self.assertEqual(len(bench.said), 1)
        self.assertIn(f"{BLUE}:4000 -> {WORLD}:22, protocol 6, 40 bytes: drop, denied", bench.said[0])
        bench.now += 1.5
        self.assertEqual(bench.out(blue, udp(BLUE, WORLD)).kind, HOST)
        self.assertIn("to the host, logged by 'log any any udp' (and 2 before, unsaid)", bench.said[1])
        self.assertEqual(bench.out(blue, udp(BLUE, WORLD)).kind, HOST)
        bench.now += 1.5
        self.assertEqual(bench.out(blue, udp(BLUE, WORLD)).kind, HOST)
        self.assertEqual(len(bench.said), 3)

    def test_log_of_packets_to_nobody(self) -> None:
        """Lines about packets to nobody come at most once a second as well, and IPv6 is readable."""
        bench = Bench(policy_for(inward=("log any any",)))
        for _ in range(4):
            self.assertEqual(bench.inward(udp(WORLD6, BLUE6)).reason, "unknown")
        bench.now += 1
        self.assertEqual(bench.inward(icmp(WORLD, BLUE)).reason, "unknown")
        self.assertEqual(len(bench.said), 2)
        self.assertIn(f"[{WORLD6}]:4000 -> [{BLUE6}]:53", bench.said[0])
        self.assertIn(f"{WORLD} -> {BLUE}, protocol 1", bench.said[1])

    def test_many_rules_are_asked_once_a_flow(self) -> None:
        """A chain is asked about the first packet of a flow only."""
        asked = []

        class Counting(Chain):
            __slots__ = ()

            def find(self, facts: object, established: bool = False) -> None:
                asked.append(facts)

        policy = Policy(chain_out=Counting([read_rule("deny 10.0.0.1 10.0.0.2")]))
        bench = Bench(policy)
        blue = bench.peer(BLUE)
        for _ in range(10):
            bench.out(blue, udp(BLUE, WORLD))
        self.assertEqual(len(asked), 1)


class Established(SynchronousTestCase):
    """Rules that look at flows."""

    def test_answers_pass(self) -> None:
        """With ``established``, answers come in, and what nobody asked for does not."""
        bench = Bench(policy_for(("allow any any established", "deny")))
        blue = bench.peer(BLUE)
        self.assertEqual(bench.inward(tcp(WORLD, BLUE, 80, 4000, SYN)).reason, "denied")
        self.assertEqual(bench.out(blue, tcp(BLUE, WORLD, flags=SYN)).kind, HOST)
        self.assertIs(bench.inward(tcp(WORLD, BLUE, 80, 4000, SYN | ACK)).peer, blue)
        for _ in range(3):
            self.assertEqual(bench.out(blue, tcp(BLUE, WORLD)).kind, HOST)
            self.assertIs(bench.inward(tcp(WORLD, BLUE, 80, 4000)).peer, blue)
        self.assertEqual(bench.inward(tcp(WORLD, BLUE, 80, 4001)).reason, "denied")
        self.assertEqual(bench.inward(udp(WORLD, BLUE, 80, 4000)).reason, "denied")

    def test_a_remembered_answer_ages(self) -> None:
        """What is remembered of a flow is asked again in time, keeps it alive, and ends with it."""
        bench = Bench(policy_for(("allow any any established", "deny")))
        blue = bench.peer(BLUE)
        bench.out(blue, udp(BLUE, WORLD))
        for _ in range(40):
            bench.now += HOLD + 0.1
            self.assertIs(bench.inward(udp(WORLD, BLUE, 53, 4000)).peer, blue)
        bench.now += 61
        self.assertEqual(bench.inward(udp(WORLD, BLUE, 53, 4000)).reason, "denied")

    def test_the_end_of_a_connection(self) -> None:
        """After its FINs, a connection is forgotten, and its answers with it."""
        bench = Bench(policy_for(("allow any any established", "deny")))
        blue = bench.peer(BLUE)
        bench.out(blue, tcp(BLUE, WORLD, flags=SYN))
        bench.inward(tcp(WORLD, BLUE, 80, 4000, SYN | ACK))
        bench.out(blue, tcp(BLUE, WORLD, flags=FIN | ACK))
        self.assertIs(bench.inward(tcp(WORLD, BLUE, 80, 4000, FIN | ACK)).peer, blue)
        bench.now += 200
        self.assertEqual(bench.inward(tcp(WORLD, BLUE, 80, 4000)).reason, "denied")

    def test_the_way_through_the_host_is_no_answer(self) -> None:
        """A packet to another peer, which comes back from the host, has not been allowed in by going out."""
        bench = Bench(policy_for(("allow any 192.168.0.3 tcp dport 80", "allow any any established", "deny")))
        blue, red = bench.peer(BLUE), bench.peer(RED)
        self.assertEqual(bench.out(blue, tcp(BLUE, RED, dport=22, flags=SYN)).kind, HOST)
        self.assertEqual(bench.inward(tcp(BLUE, RED, dport=22, flags=SYN)).reason, "denied")
        self.assertEqual(bench.out(blue, tcp(BLUE, RED, flags=SYN)).kind, HOST)
        self.assertIs(bench.inward(tcp(BLUE, RED, flags=SYN)).peer, red)
        self.assertEqual(bench.out(red, tcp(RED, BLUE, 80, 4000, SYN | ACK)).kind, HOST)
        self.assertIs(bench.inward(tcp(RED, BLUE, 80, 4000, SYN | ACK)).peer, blue)


class DeviceRules(SynchronousTestCase):
    """Rules that a peer sends about itself."""

    def test_out(self) -> None:
        """A peer can keep itself from sending; other peers are not concerned."""
        bench = Bench()
        blue, red = bench.peer(BLUE), bench.peer(RED)
        self.assertEqual(bench.out(blue, udp(BLUE, "10.0.0.1")).kind, HOST)
        bench.switch.offer_rules(blue, [read_device_rule("out any 10.0.0.0/8 deny")])
        for _ in range(2):
            self.assertEqual(bench.out(blue, udp(BLUE, "10.0.0.1")).reason, "denied")
            self.assertEqual(bench.out(blue, udp(BLUE, WORLD)).kind, HOST)
            self.assertEqual(bench.out(red, udp(RED, "10.0.0.1")).kind, HOST)
        self.assertEqual((blue.denied_out, bench.switch.denied_out), (2, 2))

    def test_in(self) -> None:
        """A peer can keep packets away from itself, and change its mind."""
        bench = Bench()
        blue = bench.peer(BLUE)
        self.assertEqual(bench.inward(udp("10.0.0.1", BLUE)).kind, PEER)
        bench.switch.offer_rules(
            blue,
            [read_device_rule("in 10.0.0.2 any allow"), read_device_rule("in 10.0.0.0/8 any deny")],
        )
        self.assertEqual(bench.inward(udp("10.0.0.1", BLUE)).reason, "denied")
        self.assertEqual(bench.inward(udp("10.0.0.2", BLUE)).kind, PEER)
        self.assertEqual((blue.denied_in, bench.switch.denied_in), (1, 1))
        self.assertEqual([one.packets for one in blue.chain_in.rules] if blue.chain_in else [], [1, 1])
        bench.switch.offer_rules(blue, [])
        self.assertEqual(bench.inward(udp("10.0.0.1", BLUE)).kind, PEER)

    def test_the_router_comes_first(self) -> None:
        """A peer can not allow what the router denies."""
        bench = Bench(policy_for(outward=("deny",)))
        blue = bench.peer(BLUE)
        bench.switch.offer_rules(blue, [read_device_rule("out any any allow")])
        self.assertEqual(bench.out(blue, udp(BLUE, WORLD)).reason, "denied")

    def test_they_register_nobody(self) -> None:
        """Rules may come before the first packet."""
        bench = Bench()
        blue = bench.peer()
        bench.switch.offer_rules(blue, [read_device_rule("out any 10.0.0.0/8 deny")] * 2)
        self.assertEqual(addresses(blue), [])
        self.assertEqual(bench.out(blue, udp(BLUE, "10.0.0.1")).reason, "denied")
        self.assertEqual(addresses(blue), packed(BLUE))

    def test_route(self) -> None:
        """A peer can send its packets to targets of the configuration, and nowhere else."""
        rules = [
            read_device_rule("out any 10.0.0.0/8 route 127.0.0.1:5000"),
            read_device_rule("out any 10.1.0.0/16 deny"),
            read_device_rule("out any 172.16.0.0/12 route 127.0.0.1:6000"),
            read_device_rule("in 10.0.0.0/8 any route 127.0.0.1:5000"),
        ]
        bench = Bench(policy_for(targets=(("127.0.0.1", 5000),)), gateway=True)
        blue = bench.peer(BLUE)
        bench.switch.offer_rules(blue, rules)
        for _ in range(2):
            decision = bench.out(blue, udp(BLUE, "10.1.0.1"))
            self.assertEqual((decision.kind, decision.target), (GATEWAY, ("127.0.0.1", 5000)))
            self.assertEqual(bench.out(blue, udp(BLUE, "172.16.0.1")).reason, "target")
            self.assertEqual(bench.inward(udp("10.0.0.1", BLUE)).reason, "denied")
        self.assertEqual(blue.drops, {"target": 2, "denied": 2})
        without = Bench(policy_for(targets=(("127.0.0.1", 5000),)))
        blue = without.peer(BLUE)
        without.switch.offer_rules(blue, rules)
        self.assertEqual(without.out(blue, udp(BLUE, "10.1.0.1")).reason, "target")


class Shaping(SynchronousTestCase):
    """``tuntap-router-limit``."""

    def test_each_peer_and_direction(self) -> None:
        """A peer beyond its limit loses packets, in the direction that is full; others do not."""
        bench = Bench(policy_for(limits=("192.168.0.0/24 1000 100",), local=True))
        blue, red = bench.peer(BLUE), bench.peer(RED)
        packet = udp(BLUE, WORLD, size=72)
        self.assertEqual(bench.out(blue, packet).kind, HOST)
        for _ in range(2):
            self.assertEqual(bench.out(blue, packet).reason, "limit")
        self.assertEqual(bench.out(red, udp(RED, WORLD, size=72)).kind, HOST)
        self.assertEqual(bench.inward(udp(WORLD, BLUE, size=72)).kind, PEER)
        self.assertEqual(bench.inward(udp(WORLD, BLUE, size=72)).reason, "limit")
        self.assertEqual((blue.drops, red.drops), ({"limit": 3}, {}))
        self.assertEqual((blue.rx_packets, blue.tx_packets, blue.dropped), (3, 1, 3))
        bench.now += 0.2
        self.assertEqual(bench.out(blue, packet).kind, HOST)

    def test_between_peers(self) -> None:
        """A packet between peers needs room on both sides; who had none is to blame."""
        bench = Bench(policy_for(limits=("192.168.0.3 1000 100 in",), local=True))
        blue, red = bench.peer(BLUE), bench.peer(RED)
        packet = udp(BLUE, RED, size=72)
        self.assertIs(bench.out(blue, packet).peer, red)
        self.assertEqual(bench.out(blue, packet).reason, "limit")
        self.assertEqual((blue.drops, red.drops), ({}, {"limit": 1}))
        self.assertEqual(bench.out(red, udp(RED, BLUE, size=500)).kind, PEER)
        self.assertIsNone(red.limit_out)

    def test_a_swap_forgives_no_debts(self) -> None:
        """The bucket of a peer stays as empty as it is while its limit stays the same."""
        bench = Bench(policy_for(limits=("192.168.0.2 1000 100",)))
        blue = bench.peer(BLUE)
        packet = udp(BLUE, WORLD, size=72)
        self.assertEqual(bench.out(blue, packet).kind, HOST)
        bench.switch.swap(policy_for(limits=("192.168.0.0/24 1000 100",)))
        self.assertEqual(bench.out(blue, packet).reason, "limit")
        bench.switch.swap(policy_for(limits=("192.168.0.2 2000 200",)))
        self.assertEqual(bench.out(blue, packet).kind, HOST)
        bench.switch.swap(Policy())
        for _ in range(5):
            self.assertEqual(bench.out(blue, packet).kind, HOST)
