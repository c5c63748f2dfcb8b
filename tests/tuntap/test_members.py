"""The members of a switch: who owns which address, who has to leave, and what a change of rules does."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.tuntap.packets import tcp, udp
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
from uwsgid.tuntap.decision import Learned, Refused
from uwsgid.tuntap.peer import Peer
from uwsgid.tuntap.policy import Policy
from uwsgid.tuntap.switch import HOST, PEER
from uwsgid.wire.ip import read_address


class Registration(SynchronousTestCase):
    """A peer owns the address of the first packet that it sends."""

    def test_learns_the_address_of_a_vassal(self) -> None:
        """The first packet tells where a peer lives, and packets to that address reach it."""
        bench = Bench()
        blue = bench.peer()
        self.assertEqual(bench.inward(udp(WORLD, BLUE)).reason, "unknown")
        self.assertEqual(bench.out(blue, udp(BLUE, WORLD)).kind, HOST)
        self.assertEqual(bench.events(), [Learned(blue, read_address(BLUE))])
        self.assertEqual(bench.said, [f"[tuntap-router] registered new peer {BLUE} (fd: 1)"])
        for _ in range(3):
            back = bench.inward(udp(WORLD, BLUE))
            self.assertEqual((back.kind, back.peer), (PEER, blue))

    def test_a_denied_packet_registers_nobody(self) -> None:
        """A first packet that the chain denies leaves the peer without an address."""
        bench = Bench(policy_for(outward=("deny 192.168.0.2 8.8.8.8",)))
        blue = bench.peer()
        for _ in range(2):
            self.assertEqual(bench.out(blue, udp(BLUE, WORLD)).reason, "denied")
        self.assertEqual((addresses(blue), bench.events()), ([], []))
        self.assertEqual(bench.out(blue, udp(BLUE, "1.1.1.1")).kind, HOST)
        self.assertEqual(addresses(blue), packed(BLUE))

    def test_both_versions(self) -> None:
        """A peer has an address of IPv4 and one of IPv6, in whatever order they come."""
        bench = Bench()
        blue = bench.peer()
        self.assertEqual(bench.out(blue, udp(BLUE6, WORLD6)).kind, HOST)
        self.assertEqual(bench.out(blue, udp(BLUE, WORLD)).kind, HOST)
        self.assertEqual(addresses(blue), packed(BLUE6, BLUE))
        self.assertIs(bench.inward(udp(WORLD6, BLUE6)).peer, blue)
        self.assertIs(bench.inward(tcp(WORLD, BLUE)).peer, blue)

    def test_known_beforehand(self) -> None:
        """A peer whose address is known is reached before it says anything."""
        bench = Bench()
        blue = bench.peer(BLUE, BLUE6)
        self.assertEqual(bench.events(), [Learned(blue, one) for one in packed(BLUE, BLUE6)])
        self.assertIs(bench.inward(udp(WORLD, BLUE)).peer, blue)
        self.assertEqual(bench.out(blue, udp(RED, WORLD)).reason, "spoofed")

    def test_assigned_addresses_are_all(self) -> None:
        """Where credentials tell the address, none is learnt."""
        bench = Bench(policy_for(assigns=True))
        blue = bench.peer(BLUE)
        self.assertEqual(bench.out(blue, udp(BLUE6, WORLD6)).reason, "spoofed")
        self.assertEqual(addresses(blue), packed(BLUE))

    def test_leaving(self) -> None:
        """Who leaves is not reached any more, and the address is free at once."""
        bench = Bench()
        blue, red = bench.peer(), bench.peer()
        bench.out(blue, udp(BLUE, WORLD))
        self.assertEqual(bench.inward(udp(WORLD, BLUE)).kind, PEER)
        bench.switch.detach(blue)
        bench.switch.detach(blue)
        self.assertEqual(bench.inward(udp(WORLD, BLUE)).reason, "unknown")
        self.assertEqual(bench.out(blue, udp(BLUE, WORLD)).reason, "unattached")
        self.assertEqual(bench.out(red, udp(BLUE, WORLD)).kind, HOST)
        self.assertIs(bench.inward(udp(WORLD, BLUE)).peer, red)

    def test_many_come_and_go(self) -> None:
        """Of 500 peers that connect and leave nothing is left."""
        bench = Bench(policy_for(local=True))
        stays = bench.peer(GREEN)
        for number in range(500):
            peer = bench.peer()
            bench.out(peer, udp(f"10.1.{number >> 8}.{number & 255}", GREEN))
            bench.out(peer, udp(f"10.1.{number >> 8}.{number & 255}", WORLD))
            bench.switch.detach(peer)
        self.assertEqual(list(bench.switch.peers.values()), [stays])
        self.assertIs(bench.inward(udp(WORLD, GREEN)).peer, stays)


class Collision(SynchronousTestCase):
    """Two peers with one address."""

    def test_the_holder_stays(self) -> None:
        """Who comes second with an address has to leave, whoever connected first."""
        for order in ((0, 1), (1, 0)):
            bench = Bench()
            peers = [bench.peer(), bench.peer()]
            holder, claimant = peers[order[0]], peers[order[1]]
            bench.out(holder, udp(BLUE, WORLD))
            bench.events()
            self.assertEqual(bench.out(claimant, udp(BLUE, WORLD)).reason, "collision")
            self.assertEqual(bench.events(), [Refused(claimant, "collision")])
            self.assertIn(f"[tuntap-router] detected ip collision for {BLUE}", bench.said)
            self.assertEqual(claimant.refused, "collision")
            self.assertIs(bench.inward(udp(WORLD, BLUE)).peer, holder)
            self.assertEqual(bench.out(claimant, udp(BLUE, WORLD)).reason, "unattached")
            self.assertEqual(bench.out(holder, udp(BLUE, WORLD)).kind, HOST)
            self.assertEqual(bench.events(), [])

    def test_takeover_as_in_1_9_16(self) -> None:
        """With ``takeover`` the last who claims an address gets it, and the older peer has to leave."""
        for order in ((0, 1), (1, 0)):
            bench = Bench(policy_for(collision="takeover"))
            peers = [bench.peer(), bench.peer()]
            holder, claimant = peers[order[0]], peers[order[1]]
            bench.out(holder, udp(BLUE, WORLD))
            self.assertIs(bench.inward(udp(WORLD, BLUE)).peer, holder)
            bench.events()
            self.assertEqual(bench.out(claimant, udp(BLUE, WORLD)).kind, HOST)
            self.assertEqual(
                bench.events(), [Refused(holder, "collision"), Learned(claimant, read_address(BLUE))]
            )
            self.assertIs(bench.inward(udp(WORLD, BLUE)).peer, claimant)
            self.assertEqual(bench.out(holder, udp(BLUE, WORLD)).reason, "unattached")
            self.assertEqual(bench.events(), [])

    def test_known_beforehand(self) -> None:
        """A peer that says its address while attaching is refused at once, if somebody has it."""
        bench = Bench()
        blue = bench.peer(BLUE)
        thief = Peer(9, "fd: 9")
        thief.addresses[read_address(BLUE)] = None
        self.assertFalse(bench.switch.attach(thief))
        self.assertIn(Refused(thief, "collision"), bench.events())
        self.assertEqual(list(bench.switch.peers.values()), [blue])

    def test_who_may_not_stay_takes_nothing(self) -> None:
        """A newcomer with an address that is not for it takes over none of the others before it has to go."""
        bench = Bench(policy_for(collision="takeover", allowed=(BLUE, RED)))
        blue = bench.peer(BLUE)
        bench.events()
        thief = bench.peer(BLUE, GREEN)
        self.assertEqual(bench.events(), [Refused(thief, "denied")])
        self.assertTrue(blue.attached)
        self.assertIs(bench.inward(udp(WORLD, BLUE)).peer, blue)
        self.assertFalse(thief.attached)

    def test_a_resident_is_not_refused(self) -> None:
        """A peer that lives here and tries the other address of a neighbour loses no more than the packet."""
        bench = Bench()
        blue, red = bench.peer(BLUE, BLUE6), bench.peer(RED)
        bench.events()
        self.assertEqual(bench.out(red, udp(BLUE6, WORLD6)).reason, "spoofed")
        self.assertEqual(bench.events(), [])
        self.assertIs(bench.inward(udp(WORLD6, BLUE6)).peer, blue)
        self.assertEqual(bench.out(red, udp(RED, WORLD)).kind, HOST)


class Swap(SynchronousTestCase):
    """Another policy, in one piece."""

    def test_the_next_packet_obeys(self) -> None:
        """What was remembered is decided anew, in both directions."""
        bench = Bench()
        blue = bench.peer(BLUE)
        self.assertEqual(bench.out(blue, udp(BLUE, WORLD)).kind, HOST)
        self.assertEqual(bench.inward(udp(WORLD, BLUE)).kind, PEER)
        bench.switch.swap(policy_for(("deny",), ("deny",)))
        self.assertEqual(bench.out(blue, udp(BLUE, WORLD)).reason, "denied")
        self.assertEqual(bench.inward(udp(WORLD, BLUE)).reason, "denied")
        bench.switch.swap(Policy())
        self.assertEqual(bench.out(blue, udp(BLUE, WORLD)).kind, HOST)
        self.assertEqual(bench.inward(udp(WORLD, BLUE)).kind, PEER)

    def test_unchanged_rules_count_on(self) -> None:
        """A rule that is in both policies keeps its counters, wherever it stands; twins keep their order."""
        old = ("deny any 10.0.0.1", "allow any 8.8.8.8", "allow any any udp", "allow any any udp")
        bench = Bench(policy_for(outward=old))
        blue = bench.peer(BLUE)
        for target in ("10.0.0.1", WORLD, WORLD, "1.1.1.1"):
            bench.out(blue, udp(BLUE, target))
        new = policy_for(
            outward=("allow any 8.8.8.8", "allow any any udp", "deny any 10.0.0.2", "allow any any udp")
        )
        bench.switch.swap(new)
        self.assertEqual([one.packets for one in new.chain_out.rules], [2, 1, 0, 0])
        bench.out(blue, udp(BLUE, WORLD))
        self.assertEqual([one.packets for one in new.chain_out.rules], [3, 1, 0, 0])
        self.assertEqual(new.chain_out.rules[0].bytes, 3 * len(udp(BLUE, WORLD)))

    def test_flows_stay(self) -> None:
        """Established flows survive, as long as rules still ask for flows."""
        rules = ("allow any any established", "deny")
        bench = Bench(policy_for(rules))
        blue = bench.peer(BLUE)
        bench.out(blue, udp(BLUE, WORLD))
        bench.switch.swap(policy_for(("count", *rules)))
        self.assertEqual(bench.inward(udp(WORLD, BLUE, 53, 4000)).kind, PEER)
        bench.switch.swap(Policy())
        self.assertIsNone(bench.switch.flows)
        bench.switch.swap(policy_for(rules))
        self.assertEqual(bench.inward(udp(WORLD, BLUE, 53, 4000)).reason, "denied")

    def test_who_may_not_stay(self) -> None:
        """Who may not own its address any more has to leave; the others stay."""
        bench = Bench()
        blue, red = bench.peer(BLUE), bench.peer(RED)
        bench.events()
        bench.switch.swap(policy_for(allowed=("192.168.0.3",)))
        self.assertEqual(bench.events(), [Refused(blue, "denied")])
        self.assertEqual(bench.inward(udp(WORLD, BLUE)).reason, "unknown")
        self.assertIs(bench.inward(udp(WORLD, RED)).peer, red)
