"""The switch: whose packets they are, whether they pass, where to, and that each is counted once."""

from __future__ import annotations

import sys
from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from twisted.trial.unittest import SynchronousTestCase

from tests.tuntap.packets import ACK, FIN, SYN, icmp, ip4, ip6, router_solicitation, tcp, udp
from tests.tuntap.switches import (
    BLUE,
    BLUE6,
    GREEN,
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
from uwsgid.tuntap.decision import Decision, Refused
from uwsgid.tuntap.flows import HOLD
from uwsgid.tuntap.memory import REMEMBERED
from uwsgid.tuntap.peer import MAX_ADDRESSES, MAX_NEIGHBOURS, Peer
from uwsgid.tuntap.policy import Policy
from uwsgid.tuntap.rules import read_device_rule, read_rule
from uwsgid.tuntap.switch import DROP, GATEWAY, HOST, PEER
from uwsgid.wire.ip import flow_key, show

#: The example that uWSGI's manual gives: vassals reach the gateway and the world, and not each other.
EXAMPLE_OUT = (
    "allow 192.168.0.0/24 192.168.0.1",
    "deny 192.168.0.0/24 192.168.0.0/24",
    "allow 192.168.0.0/24 0.0.0.0",
    "deny",
)
EXAMPLE_IN = (
    "allow 192.168.0.1 192.168.0.0/24",
    "deny 192.168.0.0/24 192.168.0.0/24",
    "allow 0.0.0.0 192.168.0.0/24",
    "deny",
)


class Spoofing(SynchronousTestCase):
    """Packets from elsewhere."""

    def test_a_foreign_source_is_dropped(self) -> None:
        """After the first packet, one with another source goes nowhere, and is said at most once a second."""
        bench = Bench()
        blue = bench.peer(BLUE)
        bench.said.clear()
        for _ in range(5):
            self.assertEqual(bench.out(blue, udp(RED, WORLD)).reason, "spoofed")
        self.assertEqual((blue.spoofed, blue.dropped, blue.drops), (5, 5, {"spoofed": 5}))
        self.assertEqual(bench.said, [f"[tuntap-router] dropped a packet of {BLUE} with the source {RED}"])
        bench.now += 1
        bench.out(blue, udp(RED, WORLD))
        self.assertEqual(len(bench.said), 2)
        self.assertIn("(and 4 before, unsaid)", bench.said[1])
        self.assertEqual(bench.inward(udp(WORLD, RED)).reason, "unknown")

    def test_sources_that_nobody_can_have(self) -> None:
        """Loopback and multicast are spoofed from whoever has an address, and ignored from who has none."""
        bench = Bench()
        blue, new = bench.peer(BLUE), bench.peer()
        for source in ("127.0.0.1", "224.0.0.1", "255.255.255.255", "0.0.0.1"):
            self.assertEqual(bench.out(blue, udp(source, WORLD)).reason, "spoofed")
            self.assertEqual(bench.out(new, udp(source, WORLD)).reason, "unattached")
        self.assertEqual((addresses(new), new.refused), ([], ""))

    def test_several_addresses(self) -> None:
        """Who is allowed more addresses by name may use them, up to a limit; others may not."""
        bench = Bench(policy_for(allowed=("uid=1000 10.0.0.0/8", "192.168.0.0/24")))
        blue, red = bench.peer(uid=1000), bench.peer(uid=1001)
        for number in range(1, MAX_ADDRESSES + 5):
            expected = HOST if number <= MAX_ADDRESSES else DROP
            self.assertEqual(bench.out(blue, udp(f"10.0.0.{number}", WORLD)).kind, expected)
        self.assertEqual(len(blue.addresses), MAX_ADDRESSES)
        self.assertIs(bench.inward(udp(WORLD, "10.0.0.9")).peer, blue)
        self.assertEqual(bench.out(red, udp(RED, WORLD)).kind, HOST)
        self.assertEqual(bench.out(red, udp(GREEN, WORLD)).reason, "spoofed")

    def test_addresses_that_are_not_allowed(self) -> None:
        """With ``tuntap-router-allow``, nobody gets an address that no line gives them."""
        bench = Bench(policy_for(allowed=("uid=1000 192.168.0.2",)))
        blue, red = bench.peer(uid=1000), bench.peer(uid=1001)
        self.assertEqual(bench.out(red, udp(BLUE, WORLD)).reason, "spoofed")
        self.assertEqual(bench.out(blue, udp(RED, WORLD)).reason, "spoofed")
        self.assertEqual(bench.out(blue, udp(BLUE, WORLD)).kind, HOST)
        self.assertEqual((addresses(blue), addresses(red)), (packed(BLUE), []))
        thief = bench.peer(BLUE, uid=1001)
        self.assertEqual((thief.refused, thief.attached), ("denied", False))
        self.assertIn(Refused(thief, "denied"), bench.events())


class OddPackets(SynchronousTestCase):
    """What is no packet, or none that says where its sender lives."""

    def test_broken_packets(self) -> None:
        """Each kind of broken packet is counted by its reason, and closes nobody."""
        bench = Bench()
        blue = bench.peer(BLUE)
        good = udp(BLUE, WORLD)
        for packet, reason in (
            (b"", "runt"),
            (b"\x45", "runt"),
            (good[:19], "runt"),
            (good[:-1], "length"),
            (good + b"x", "length"),
            (b"\x44" + good[1:], "header"),
            (b"\x05" + good[1:], "version"),
            (b"\x75" + good[1:], "version"),
            (b"\xf5" + good[1:], "version"),
            (udp(BLUE6, WORLD6)[:39], "runt"),
        ):
            before = dict(blue.drops)
            self.assertEqual(bench.out(blue, packet).reason, reason, packet)
            self.assertEqual(blue.drops[reason], before.get(reason, 0) + 1)
            self.assertEqual(bench.inward(packet).reason, reason, packet)
        self.assertEqual(blue.invalid, 10)
        self.assertEqual(blue.rx_packets, 10)
        self.assertEqual(sum(bench.switch.drops.values()), 20)
        self.assertEqual(bench.out(blue, good).kind, HOST)

    def test_an_end_before_the_start(self) -> None:
        """A read that was shorter than a virtio header is a runt of no bytes."""
        bench = Bench()
        blue = bench.peer(BLUE)
        self.assertEqual(bench.switch.from_peer(blue, bytes(100), 10, 3, bench.now).reason, "runt")
        self.assertEqual(bench.switch.from_host(bytes(100), 10, 3, bench.now).reason, "runt")
        self.assertEqual((blue.rx_packets, blue.rx_bytes, bench.switch.host_bytes), (1, 0, 0))

    def test_zero_address_closes_nobody(self) -> None:
        """A packet from 0.0.0.0, which makes uWSGI close the peer, is ignored."""
        bench = Bench()
        blue = bench.peer()
        self.assertEqual(bench.out(blue, udp("0.0.0.0", "255.255.255.255", 68, 67)).reason, "unattached")
        self.assertEqual((blue.attached, blue.refused, bench.events()), (True, "", []))
        self.assertEqual(bench.out(blue, udp(BLUE, WORLD)).kind, HOST)
        self.assertEqual(bench.out(blue, udp("0.0.0.0", "255.255.255.255", 68, 67)).reason, "unattached")
        self.assertEqual(blue.spoofed, 0)

    def test_ipv6_comes_first(self) -> None:
        """What an interface with IPv6 sends by itself neither registers nor closes a peer."""
        bench = Bench()
        blue = bench.peer()
        for packet in (
            router_solicitation(),
            router_solicitation("fe80::5"),
            icmp("::", "ff02::1:ff00:2", 135),
            ip6(
                "fe80::5", "ff02::16", 0, bytes((58, 0, 5, 2, 0, 0, 1, 0)) + bytes((143, 0, 0, 0, 0, 0, 0, 0))
            ),
        ):
            self.assertEqual(bench.out(blue, packet).reason, "unattached")
        self.assertEqual((addresses(blue), blue.refused, bench.events(), bench.said), ([], "", [], []))
        bench.out(blue, udp(BLUE, WORLD))
        self.assertEqual(addresses(blue), packed(BLUE))

    def test_link_local(self) -> None:
        """Who has an address may talk link-local too, and is reached so, without owning anything."""
        bench = Bench()
        blue, red = bench.peer(BLUE), bench.peer(RED)
        bench.events()
        self.assertEqual(bench.out(blue, router_solicitation("fe80::5")).kind, HOST)
        self.assertEqual(bench.out(blue, router_solicitation()).reason, "unattached")
        self.assertIs(bench.inward(icmp("fe80::1", "fe80::5", 129)).peer, blue)
        self.assertEqual(bench.out(red, icmp("fe80::5", "fe80::1", 128)).reason, "spoofed")
        self.assertEqual((addresses(blue), bench.events()), (packed(BLUE), []))
        for number in range(10, 20):
            bench.out(blue, router_solicitation(f"fe80::{number}"))
        self.assertEqual(len(blue.neighbours), MAX_NEIGHBOURS)
        bench.switch.detach(blue)
        self.assertEqual(bench.out(red, icmp("fe80::5", "fe80::1", 128)).kind, HOST)
        self.assertIs(bench.inward(icmp("fe80::1", "fe80::5", 129)).peer, red)

    def test_multicast_and_broadcast(self) -> None:
        """They reach the host if the chain allows it, and from the host they reach nobody."""
        bench = Bench(policy_for(local=True))
        blue = bench.peer(BLUE)
        for target in ("224.0.0.251", "255.255.255.255"):
            self.assertEqual(bench.out(blue, udp(BLUE, target)).kind, HOST)
            self.assertEqual(bench.inward(udp("192.168.0.1", target)).reason, "unknown")
        self.assertEqual(bench.inward(icmp("fe80::1", "ff02::1", 134)).reason, "unknown")
        self.assertEqual(blue.rx_packets, 2)

    def test_fragments(self) -> None:
        """Every part of a packet that was cut goes where the packet goes."""
        bench = Bench()
        blue = bench.peer(BLUE)
        first = bytearray(udp(WORLD, BLUE))
        first[6] = 0x20
        later = bytearray(ip4(WORLD, BLUE, 17, bytes(32)))
        later[7] = 3
        self.assertIs(bench.inward(bytes(first)).peer, blue)
        self.assertIs(bench.inward(bytes(later)).peer, blue)
        self.assertEqual(blue.tx_packets, 2)


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


class Local(SynchronousTestCase):
    """``tuntap-router-switch-local``."""

    def test_off_goes_through_the_host(self) -> None:
        """Without it, packets between peers go to the host, as in uWSGI."""
        bench = Bench()
        blue, red = bench.peer(BLUE), bench.peer(RED)
        self.assertEqual(bench.out(blue, udp(BLUE, RED)).kind, HOST)
        self.assertEqual((red.tx_packets, blue.rx_packets), (0, 1))

    def test_on_goes_past_it(self) -> None:
        """With it, they reach the other peer, counted on both sides."""
        bench = Bench(policy_for(local=True))
        blue, red = bench.peer(BLUE), bench.peer(RED)
        for number in range(1, 4):
            decision = bench.out(blue, udp(BLUE, RED))
            self.assertEqual((decision.kind, decision.peer), (PEER, red))
            self.assertEqual((blue.rx_packets, red.tx_packets), (number, number))
        self.assertEqual(bench.out(blue, udp(BLUE, WORLD)).kind, HOST)

    def test_link_local_goes_through_the_host(self) -> None:
        """An address that anybody may take for its own is no way past the host, which may have it itself."""
        bench = Bench(policy_for(local=True))
        blue, red = bench.peer(BLUE), bench.peer(RED)
        bench.out(red, router_solicitation("fe80::1"))
        self.assertEqual(bench.out(blue, icmp("fe80::2", "fe80::1", 128)).kind, HOST)

    def test_both_chains_are_asked(self) -> None:
        """A packet between peers has to pass the chain in too, and the rules of who gets it."""
        bench = Bench(policy_for(("deny 192.168.0.2 192.168.0.3 udp",), local=True))
        blue, red = bench.peer(BLUE), bench.peer(RED)
        bench.switch.offer_rules(red, [read_device_rule("in 192.168.0.2 any deny tcp dport 22")])
        for _ in range(2):
            self.assertEqual(bench.out(blue, udp(BLUE, RED)).reason, "denied")
            self.assertEqual(bench.out(blue, tcp(BLUE, RED, dport=22)).reason, "denied")
            self.assertIs(bench.out(blue, tcp(BLUE, RED)).peer, red)
        self.assertEqual((red.denied_in, blue.denied_out, bench.switch.denied_in), (4, 0, 4))

    def test_who_comes_and_goes(self) -> None:
        """What is remembered ends when the other peer comes or leaves."""
        bench = Bench(policy_for(local=True))
        blue = bench.peer(BLUE)
        self.assertEqual(bench.out(blue, udp(BLUE, RED)).kind, HOST)
        red = bench.peer(RED)
        self.assertIs(bench.out(blue, udp(BLUE, RED)).peer, red)
        bench.switch.detach(red)
        self.assertEqual(bench.out(blue, udp(BLUE, RED)).kind, HOST)


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


class Gateway(SynchronousTestCase):
    """Routes, and what comes in through the gateway."""

    ROUTES = ("any 10.0.0.0/8 127.0.0.1:5000", "192.168.0.3 10.9.0.0/16 127.0.0.1:6000")

    def test_the_first_route(self) -> None:
        """The first route that fits takes the packet and counts it."""
        bench = Bench(policy_for(routes=self.ROUTES), gateway=True)
        blue = bench.peer(BLUE)
        for _ in range(2):
            decision = bench.out(blue, udp(BLUE, "10.9.0.1"))
            self.assertEqual((decision.kind, decision.target), (GATEWAY, ("127.0.0.1", 5000)))
        self.assertEqual(bench.out(blue, udp(BLUE, WORLD)).kind, HOST)
        self.assertEqual([one.packets for one in bench.switch.policy.routes.rules], [2, 0])
        self.assertIn("to the gateway 127.0.0.1:5000, by 'any 10.0.0.0/8", str(decision))

    def test_without_a_gateway(self) -> None:
        """Routes mean nothing to a router without a gateway."""
        bench = Bench(policy_for(routes=self.ROUTES))
        blue = bench.peer(BLUE)
        self.assertEqual(bench.out(blue, udp(BLUE, "10.9.0.1")).kind, HOST)

    def test_inbound(self) -> None:
        """What comes through the gateway passes the chain in, and not the rules of the peer."""
        bench = Bench(policy_for(("deny 10.0.0.1 any",)), gateway=True)
        blue = bench.peer(BLUE)
        bench.switch.offer_rules(blue, [read_device_rule("in any any deny")])
        for _ in range(2):
            self.assertIs(bench.arrive(udp("10.0.0.2", BLUE)).peer, blue)
            self.assertEqual(bench.arrive(udp("10.0.0.1", BLUE)).reason, "denied")
            self.assertEqual(bench.arrive(udp("10.0.0.2", RED)).reason, "unknown")
            self.assertEqual(bench.arrive(b"\x45").reason, "runt")
            self.assertEqual(bench.inward(udp("10.0.0.2", BLUE)).reason, "denied")
        self.assertEqual(
            (bench.switch.gateway_packets, bench.switch.host_packets, blue.tx_packets), (8, 2, 2)
        )
        bench.switch.detach(blue)
        self.assertEqual(bench.arrive(udp("10.0.0.2", BLUE)).reason, "unknown")


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


def calls_of(act: Callable[[], object]) -> list[str]:
    """The calls and returns, of Python and of C, that *act* takes."""
    events: list[str] = []

    def note(frame: object, event: str, argument: object) -> None:
        events.append(event)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(before)
    return events


class Remembering(SynchronousTestCase):
    """Decisions are remembered, and there are never too many of them."""

    def test_a_peer_with_many_flows(self) -> None:
        """A peer that makes up flows fills no more than its own memory."""
        for local in (False, True):
            bench = Bench(policy_for(local=local))
            blue, red = bench.peer(BLUE), bench.peer(RED)
            bench.out(red, udp(RED, WORLD))
            for port in range(REMEMBERED + 10):
                bench.out(blue, udp(BLUE, WORLD, sport=port))
            self.assertLessEqual(len(blue.remembered), REMEMBERED)
            self.assertGreater(len(blue.remembered), 0)
            if not local:
                self.assertEqual(len(red.remembered), 1)
            self.assertEqual(blue.rx_packets, REMEMBERED + 10)

    def test_many_flows_to_a_peer(self) -> None:
        """Somebody outside who makes up flows to one peer does not touch what is remembered of another."""
        bench = Bench()
        blue, red = bench.peer(BLUE), bench.peer(RED)
        first = bench.inward(udp(WORLD, RED))
        for port in range(REMEMBERED + 10):
            bench.inward(udp(WORLD, BLUE, sport=port))
        self.assertIs(bench.inward(udp(WORLD, RED)), first)
        self.assertEqual((blue.tx_packets, red.tx_packets), (REMEMBERED + 10, 2))

    def test_all_is_forgotten_when_there_is_too_much(self) -> None:
        """A memory that is full starts anew, and decisions do not change by that."""
        bench = Bench(policy_for(local=True))
        blue = bench.peer(BLUE)
        bench.switch._memory.limit = 2
        for number in range(5):
            self.assertEqual(bench.out(blue, udp(BLUE, f"10.0.0.{number}")).kind, HOST)
            self.assertEqual(len(blue.remembered), 1 + number % 2)

    def test_what_is_not_plain(self) -> None:
        """A packet that opens or ends a connection is looked at each time."""
        bench = Bench()
        blue = bench.peer(BLUE)
        for _ in range(3):
            self.assertEqual(bench.out(blue, tcp(BLUE, WORLD, flags=SYN)).kind, HOST)
        self.assertEqual(blue.remembered, {})
        self.assertEqual(blue.rx_packets, 3)

    def test_the_price_does_not_grow(self) -> None:
        """A packet of a known flow takes the same calls with 300 rules and 300 peers as with one of each."""
        prices = []
        for many in (1, 300):
            rules = [f"deny 10.9.{n >> 8}.{n & 255} any tcp" for n in range(many)]
            bench = Bench(policy_for(rules, rules))
            peers = [bench.peer(f"172.16.{n >> 8}.{n & 255}") for n in range(many)]
            packet, end = udp("172.16.0.0", WORLD), len(udp("172.16.0.0", WORLD))
            ask, blue = bench.switch.from_peer, peers[0]
            ask(blue, packet, 0, end, 1.0)
            calls = calls_of(lambda: ask(blue, packet, 0, end, 1.0))  # noqa: B023
            prices.append(calls)
        self.assertEqual(prices[0], prices[1])
        self.assertLess(len(prices[0]), 24)


# ---- anything at all ---------------------------------------------------------------------------------------

NET = [BLUE, RED, GREEN, "192.168.0.5", WORLD, "10.0.0.1", "0.0.0.0", "224.0.0.1"]
NET6 = [BLUE6, RED6, WORLD6, "fe80::2", "::", "ff02::2"]
RULES = st.lists(
    st.sampled_from(
        [
            "deny",
            "allow",
            "deny any any udp",
            "deny 192.168.0.2 192.168.0.3",
            "allow any any established",
            "count any any udp",
            "log any any tcp",
            "allow any 8.8.8.8 udp dport 53",
            "deny any any tcp dport 22 log",
            "deny fd00::/16 any",
        ]
    ),
    max_size=5,
)
PACKETS = st.one_of(
    st.builds(udp, st.sampled_from(NET), st.sampled_from(NET), st.sampled_from([53, 4000])),
    st.builds(udp, st.sampled_from(NET6), st.sampled_from(NET6)),
    st.builds(
        tcp,
        st.sampled_from(NET),
        st.sampled_from(NET),
        st.just(4000),
        st.sampled_from([22, 80]),
        st.sampled_from([SYN, ACK, SYN | ACK, FIN | ACK]),
    ),
    st.builds(icmp, st.sampled_from(NET), st.sampled_from(NET), st.sampled_from([0, 3, 8])),
    st.builds(icmp, st.sampled_from(NET6), st.sampled_from(NET6), st.sampled_from([128, 129, 133])),
    st.binary(max_size=60),
)


class AnySwitch(RuleBasedStateMachine):
    """Peers come and go, packets of all kinds pass, and the rules change."""

    @initialize(local=st.booleans(), takeover=st.booleans(), gateway=st.booleans())
    def start(self, local: bool, takeover: bool, gateway: bool) -> None:
        self.local, self.takeover = local, takeover
        self.bench = Bench(self.make([], [], [], []), gateway=gateway)
        self.peers: list[Peer] = []
        self.sent: dict[int, int] = {}
        self.got: dict[int, int] = {}
        self.dropped: dict[str, int] = {}
        self.asked = 0
        self.verdicts = {HOST: 0, PEER: 0, GATEWAY: 0, DROP: 0}
        self.ruled = 0

    def make(self, inward: list[str], outward: list[str], limits: list[str], routes: list[str]) -> Policy:
        return policy_for(
            inward,
            outward,
            limits=limits,
            routes=routes,
            local=self.local,
            collision="takeover" if self.takeover else "refuse",
        )

    @precondition(lambda self: len(self.peers) < 8)
    @rule(known=st.lists(st.sampled_from([BLUE, RED, GREEN, BLUE6]), max_size=2))
    def connect(self, known: list[str]) -> None:
        self.peers.append(self.bench.peer(*known))

    @precondition(lambda self: self.peers)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        self.bench.switch.detach(data.draw(st.sampled_from(self.peers)))

    @precondition(lambda self: self.peers)
    @rule(data=st.data(), packet=PACKETS, times=st.integers(1, 3))
    def send(self, data: st.DataObject, packet: bytes, times: int) -> None:
        self.carry(data.draw(st.sampled_from(self.peers)), packet, times)

    @precondition(lambda self: any(peer.addresses for peer in self.peers))
    @rule(
        data=st.data(),
        make=st.sampled_from([udp, tcp, icmp]),
        other=st.sampled_from(NET),
        answered=st.booleans(),
        times=st.integers(1, 4),
    )
    def talk(
        self,
        data: st.DataObject,
        make: Callable[[str, str], bytes],
        other: str,
        answered: bool,
        times: int,
    ) -> None:
        peer = data.draw(st.sampled_from([one for one in self.peers if one.addresses]))
        source = show(data.draw(st.sampled_from(list(peer.addresses))))
        if ":" in source:
            other = WORLD6
        self.carry(peer, make(source, other), times)
        if answered:
            self.receive_all(make(other, source), times, gateway=False)

    def carry(self, peer: Peer, packet: bytes, times: int) -> None:
        for _ in range(times):
            decision = self.bench.out(peer, packet)
            self.sent[peer.number] = self.sent.get(peer.number, 0) + 1
            self.note(decision)
            if decision.kind in (HOST, PEER, GATEWAY):
                size = 4 if packet[0] >> 4 == 4 else 16
                src = packet[12:16] if size == 4 else packet[8:24]
                assert src in peer.addresses or src in peer.neighbours
                assert peer.attached

    @rule(packet=PACKETS, times=st.integers(1, 3), gateway=st.booleans())
    def receive(self, packet: bytes, times: int, gateway: bool) -> None:
        self.receive_all(packet, times, gateway=gateway)

    def receive_all(self, packet: bytes, times: int, *, gateway: bool) -> None:
        for _ in range(times):
            decision = (self.bench.arrive if gateway else self.bench.inward)(packet)
            assert decision.kind in (PEER, DROP)
            self.note(decision)

    def note(self, decision: Decision) -> None:
        self.asked += 1
        self.verdicts[decision.kind] += 1
        if decision.kind == DROP:
            self.dropped[decision.reason] = self.dropped.get(decision.reason, 0) + 1
        if decision.kind == PEER:
            assert decision.peer is not None and decision.peer.attached
            self.got[decision.peer.number] = self.got.get(decision.peer.number, 0) + 1

    @rule(
        inward=RULES,
        outward=RULES,
        limits=st.lists(st.sampled_from(["192.168.0.0/24 500 100", "fd00::/16 800 100 out"]), max_size=1),
        routes=st.lists(st.sampled_from(["any 10.0.0.0/8 127.0.0.1:5000"]), max_size=1),
    )
    def swap(self, inward: list[str], outward: list[str], limits: list[str], routes: list[str]) -> None:
        old = self.bench.switch.policy
        policy = self.make(inward, outward, limits, routes)
        self.bench.switch.swap(policy)
        for before, after in ((old.chain_in, policy.chain_in), (old.chain_out, policy.chain_out)):
            for text in {one.text for one in after.rules}:
                was = [one.packets for one in before.rules if one.text == text]
                now = [one.packets for one in after.rules if one.text == text]
                assert now[: len(was)] == was[: len(now)]
                assert not any(now[len(was) :])

    @precondition(lambda self: self.peers)
    @rule(data=st.data())
    def offer(self, data: st.DataObject) -> None:
        texts = data.draw(
            st.lists(
                st.sampled_from(
                    ["out any 10.0.0.0/8 deny", "in 8.8.8.8 any deny", "out any 8.8.8.8 route 127.0.0.1:5000"]
                ),
                max_size=3,
            )
        )
        self.bench.switch.offer_rules(data.draw(st.sampled_from(self.peers)), map(read_device_rule, texts))

    @rule(seconds=st.sampled_from([0.01, 0.5, 1.0, 6.0, 70.0]))
    def wait(self, seconds: float) -> None:
        self.bench.now += seconds

    @invariant()
    def every_packet_counts_once(self) -> None:
        if not hasattr(self, "bench"):
            return
        switch = self.bench.switch
        assert sum(self.verdicts.values()) == self.asked
        assert switch.drops == self.dropped
        assert switch.unknown_dst == self.dropped.get("unknown", 0)
        assert switch.denied_in + switch.denied_out == self.dropped.get("denied", 0)
        assert switch.host_packets + switch.gateway_packets == self.asked - sum(self.sent.values())
        for peer in self.peers:
            assert peer.rx_packets == self.sent.get(peer.number, 0)
            assert peer.tx_packets == self.got.get(peer.number, 0)
            assert peer.dropped + peer.denied_in + peer.denied_out == sum(peer.drops.values())

    @invariant()
    def an_address_has_one_owner(self) -> None:
        if not hasattr(self, "bench"):
            return
        attached = [peer for peer in self.peers if peer.attached]
        assert attached == list(self.bench.switch.peers.values())
        owned = [address for peer in attached for address in (*peer.addresses, *peer.neighbours)]
        assert len(owned) == len(set(owned))

    @invariant()
    def what_is_remembered_is_what_would_be_decided(self) -> None:
        if not hasattr(self, "bench"):
            return
        for peer in self.peers:
            assert peer.attached or not peer.remembered
            for key, decision in peer.remembered.items():
                assert key and (decision.peer is None or decision.peer.attached or decision.kind == DROP)


AnySwitch.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


class Anything(SynchronousTestCase):
    """Any order of anything."""

    def test_any_order(self) -> None:
        """Whatever happens in whatever order, nothing breaks, and each packet is counted once."""
        AnySwitch.TestCase("runTest").debug()

    def test_a_remembered_decision_is_the_one_taken_anew(self) -> None:
        """What the switch remembers is what a switch without memory decides."""
        packets = [
            make(src, dst)
            for make in (udp, tcp, icmp)
            for src in (BLUE, RED, WORLD)
            for dst in (BLUE, RED, WORLD, "10.0.0.1")
        ]
        for local in (False, True):
            first, second = (
                Bench(
                    policy_for(EXAMPLE_IN, ("deny any 10.0.0.0/8 udp", *EXAMPLE_OUT), local=local),
                    gateway=True,
                )
                for _ in range(2)
            )
            pairs = [(first.peer(one), second.peer(one)) for one in (BLUE, RED)]
            for _ in range(3):
                for packet in packets:
                    second.switch.swap(second.switch.policy)
                    for one, other in pairs:
                        self.assertEqual(str(first.out(one, packet)), str(second.out(other, packet)))
                    self.assertEqual(str(first.inward(packet)), str(second.inward(packet)))
            self.assertEqual(first.switch.drops, second.switch.drops)
            self.assertTrue(any(flow_key(packet, 0, len(packet)) for packet in packets))
