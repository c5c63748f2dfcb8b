"""The switch under anything at all: each packet is counted once, and no memory changes a decision."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from twisted.trial.unittest import SynchronousTestCase

from tests.tuntap.packets import ACK, FIN, SYN, icmp, tcp, udp
from tests.tuntap.switches import (
    BLUE,
    BLUE6,
    EXAMPLE_IN,
    EXAMPLE_OUT,
    GREEN,
    RED,
    RED6,
    WORLD,
    WORLD6,
    Bench,
    policy_for,
)
from uwsgid.tuntap.decision import Decision
from uwsgid.tuntap.peer import Peer
from uwsgid.tuntap.policy import Policy
from uwsgid.tuntap.rules import read_device_rule
from uwsgid.tuntap.switch import DROP, GATEWAY, HOST, PEER
from uwsgid.wire.ip import flow_key, show

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
