"""The switch: whose packets they are, where they go, and what of that is remembered."""

from __future__ import annotations

import sys
from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from tests.tuntap.packets import SYN, icmp, ip4, ip6, router_solicitation, tcp, udp
from tests.tuntap.switches import (
    BLUE,
    BLUE6,
    GREEN,
    RED,
    WORLD,
    WORLD6,
    Bench,
    addresses,
    packed,
    policy_for,
)
from uwsgid.tuntap.decision import Refused
from uwsgid.tuntap.memory import REMEMBERED
from uwsgid.tuntap.peer import MAX_ADDRESSES, MAX_NEIGHBOURS
from uwsgid.tuntap.rules import read_device_rule
from uwsgid.tuntap.switch import DROP, GATEWAY, HOST, PEER


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
