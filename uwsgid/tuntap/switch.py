"""The switch: whose packet it is, whether it may pass, and where to.

It decides and counts; it moves nothing.  Whoever reads a packet asks `Switch.from_peer`, `Switch.from_host`
or `Switch.from_gateway` and carries out the `Decision`; a packet that then can not be delivered comes back by
`Switch.lose`, and one that can not even be asked about by `Switch.refuse`.  Time is an argument, and nothing
here waits.

A packet from a peer passes these, in this order:

1. It has to be a proper packet (`uwsgid.wire.ip.look`).
2. Its source has to be the peer's own, or one that the peer may come to own by it.
3. The chain ``tuntap-router-firewall-out``.
4. Only now an address is learnt, so that a packet that was denied registers nobody.
5. The rules that the peer sent about itself, which may send it to the gateway.
6. The routes to the gateway.
7. With ``tuntap-router-switch-local``, if another peer owns the destination: the chain
   ``tuntap-router-firewall-in`` and that peer's rules; it then never sees the host.
8. The limits of who sends it, and of who gets it.

A peer learns one address of IPv4 and one of IPv6.  It can own more where the router knew them beforehand, or
where ``tuntap-router-allow`` names them for its user; see `uwsgid.tuntap.holders`.  How peers come and go is
told by `uwsgid.tuntap.members`, and what is counted of drops by `uwsgid.tuntap.tally`.

Apart from its size, nothing of a packet but its `uwsgid.wire.ip.flow_key` has a say in its decision.  So a
decision is remembered under that key, and costs one look into a dict, however many rules and peers there are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from uwsgid.tuntap.decision import DROP, GATEWAY, HOST, PEER, Decision, Learned, Path, Refused
from uwsgid.tuntap.flows import HOLD
from uwsgid.tuntap.members import Members
from uwsgid.tuntap.memory import REMEMBERED
from uwsgid.tuntap.peer import Peer, is_link_local
from uwsgid.tuntap.rules import ROUTE, Rule
from uwsgid.wire.ip import BadPacket, Buffer, flow_key, look, show

if TYPE_CHECKING:
    from uwsgid.tuntap.memory import Table
    from uwsgid.tuntap.policy import Policy

__all__ = ["DROP", "GATEWAY", "HOST", "PEER", "Decision", "Learned", "Refused", "Switch"]


class Switch(Members):
    """The switch of one router.

    :param policy: the rules it goes by, until another one is swapped in.
    :param say: takes lines for the log.
    :param clock: seconds, the same as the ``now`` of all calls.
    :param gateway: whether the router has a UDP gateway; routes mean nothing without.
    :ivar host_packets: what came from the router's own device.
    :ivar gateway_packets: what came through the gateway.
    """

    __slots__ = ("_from_host", "gateway", "gateway_bytes", "gateway_packets", "host_bytes", "host_packets")

    def __init__(
        self,
        policy: Policy,
        say: Callable[[str], None],
        clock: Callable[[], float],
        *,
        gateway: bool = False,
    ) -> None:
        super().__init__(policy, say, clock)
        self.gateway = gateway
        self.host_packets = 0
        self.host_bytes = 0
        self.gateway_packets = 0
        self.gateway_bytes = 0
        self._from_host = self._memory.from_host

    # ---- hot path, watched by bench-tuntap -------------------------------------------------------------

    def from_peer(self, peer: Peer, buffer: Buffer, start: int, end: int, now: float) -> Decision:
        """Decide about a packet that *peer* sent, which stands in ``buffer[start:end]``."""
        key = flow_key(buffer, start, end)
        decision = peer.remembered.get(key)
        if decision is None or decision.until < now:
            return self._judge_from_peer(peer, key, buffer, start, end, now)
        size = end - start
        peer.rx_packets += 1
        peer.rx_bytes += size
        for rule in decision.rules:
            rule.packets += 1
            rule.bytes += size
        if decision.plain and decision.peer is None and peer.limit_out is None:
            return decision
        return self._carry_out(peer, decision, buffer, start, end, now)

    def from_host(self, buffer: Buffer, start: int, end: int, now: float) -> Decision:
        """Decide about a packet that the router's own device gave, which stands in ``buffer[start:end]``."""
        key = flow_key(buffer, start, end)
        decision = self._from_host.get(key)
        if decision is None or decision.until < now:
            return self._judge_from_host(key, buffer, start, end, now)
        size = end - start
        self.host_packets += 1
        self.host_bytes += size
        for rule in decision.rules:
            rule.packets += 1
            rule.bytes += size
        target = decision.peer
        if decision.plain and target is not None and target.limit_in is None:
            target.tx_packets += 1
            target.tx_bytes += size
            return decision
        return self._carry_out(None, decision, buffer, start, end, now)

    # ---- end of the hot path ---------------------------------------------------------------------------

    def from_gateway(self, buffer: Buffer, start: int, end: int, now: float) -> Decision:
        """Decide about a packet that came through the gateway: as `from_host`, without the rules of peers."""
        key = flow_key(buffer, start, end)
        decision = self._memory.from_gateway.get(key)
        if decision is None or decision.until < now:
            return self._judge_from_gateway(key, buffer, start, end, now)
        size = end - start
        self.gateway_packets += 1
        self.gateway_bytes += size
        for rule in decision.rules:
            rule.count(size)
        return self._carry_out(None, decision, buffer, start, end, now)

    def _judge_from_peer(
        self, peer: Peer, key: bytes, buffer: Buffer, start: int, end: int, now: float
    ) -> Decision:
        peer.rx_packets += 1
        peer.rx_bytes += max(end - start, 0)
        if not peer.attached:
            return self._drop(peer, "unattached")
        try:
            facts = look(buffer, start, end)
        except BadPacket as bad:
            if not self._teller.is_hushed(peer, now):
                self._teller.complain(peer, now, f"dropped a packet of {peer.name}: {bad}")
            return self._drop(peer, bad.reason)
        src = facts.src
        mine = src in peer.addresses or src in peer.neighbours
        if not mine:
            reason = self._holders.objection(peer, src, self.policy)
            if reason:
                if reason == "spoofed" and not self._teller.is_hushed(peer, now):
                    text = f"dropped a packet of {peer.name} with the source {show(src)}"
                    self._teller.complain(peer, now, text)
                return self._drop(peer, reason)
        flows, policy = self.flows, self.policy
        path = Path(facts)
        established = flows is not None and policy.chain_out.stateful and flows.seen(facts, now)
        if not path.allows(policy.chain_out, established):
            decision = Decision(DROP, peer, reason="denied", rules=path.rules, rule=path.rule)
        elif not mine and not self._claim(peer, src):
            return self._drop(peer, "collision")
        else:
            decision = self._direct(peer, path, now)
        return self._keep(peer, peer.remembered, key, decision, path, buffer, start, end, now)

    def _direct(self, peer: Peer, path: Path, now: float) -> Decision:
        """Where a packet of *peer* goes, which the chain for all has let pass."""
        facts, policy, flows = path.facts, self.policy, self.flows
        if not path.allows(peer.chain_out):
            rule = path.rule
            if rule is None or rule.action != ROUTE:
                return Decision(DROP, peer, reason="denied", rules=path.rules, rule=rule)
            return self._away(peer, path, rule, checked=True)
        if self.gateway and policy.routes.rules:
            route = policy.routes.find(facts)
            if route is not None:
                path.take(route)
                return self._away(peer, path, route, checked=False)
        holder = self._holders.of(facts.dst)
        if holder is not None and policy.switch_local and not is_link_local(facts.dst):
            return self._towards(holder, path, now, own_rules=True)
        if flows is not None and holder is None:
            # else it comes back from the host, and must not be known there before the other chain allowed it
            flows.note(facts, now)
        return Decision(HOST, rules=path.rules, rule=path.rule)

    def _away(self, peer: Peer, path: Path, rule: Rule, *, checked: bool) -> Decision:
        """To the gateway, if there is one and it may be used for that.

        uWSGI sends to whatever target a peer asks for; here it has to be among those of the configuration.
        """
        target = rule.target
        if target is None or not self.gateway or (checked and target not in self.policy.targets):
            return Decision(DROP, peer, reason="target", rules=path.rules, rule=rule)
        return Decision(GATEWAY, target=target, rules=path.rules, rule=rule)

    def _judge_from_host(self, key: bytes, buffer: Buffer, start: int, end: int, now: float) -> Decision:
        self.host_packets += 1
        self.host_bytes += max(end - start, 0)
        return self._judge_inward(self._from_host, key, buffer, start, end, now, own_rules=True)

    def _judge_from_gateway(self, key: bytes, buffer: Buffer, start: int, end: int, now: float) -> Decision:
        self.gateway_packets += 1
        self.gateway_bytes += max(end - start, 0)
        return self._judge_inward(self._memory.from_gateway, key, buffer, start, end, now, own_rules=False)

    def _judge_inward(
        self, table: Table, key: bytes, buffer: Buffer, start: int, end: int, now: float, *, own_rules: bool
    ) -> Decision:
        try:
            facts = look(buffer, start, end)
        except BadPacket as bad:
            return self._drop(None, bad.reason)
        path = Path(facts)
        decision = self._towards(self._holders.of(facts.dst), path, now, own_rules=own_rules)
        return self._keep(None, table, key, decision, path, buffer, start, end, now)

    def _towards(self, holder: Peer | None, path: Path, now: float, *, own_rules: bool) -> Decision:
        """Whether a packet may reach *holder*."""
        facts, flows, chain = path.facts, self.flows, self.policy.chain_in
        established = flows is not None and chain.stateful and flows.seen(facts, now)
        if not path.allows(chain, established):
            return Decision(DROP, holder, reason="denied", rules=path.rules, rule=path.rule)
        if holder is None:
            return Decision(DROP, reason="unknown", rules=path.rules, rule=path.rule)
        if own_rules and not path.allows(holder.chain_in):
            return Decision(DROP, holder, reason="denied", rules=path.rules, rule=path.rule)
        if flows is not None:
            flows.note(facts, now)
        return Decision(PEER, holder, rules=path.rules, rule=path.rule)

    # ---- what is remembered ----------------------------------------------------------------------------

    def _keep(
        self,
        peer: Peer | None,
        table: Table,
        key: bytes,
        decision: Decision,
        path: Path,
        buffer: Buffer,
        start: int,
        end: int,
        now: float,
    ) -> Decision:
        """Remember a decision, if it will be the same for the next packet of its flow, and carry it out."""
        size = end - start
        for rule in decision.rules:
            rule.count(size)
        if self.flows is not None:
            decision.until = now + HOLD
        memory = self._memory
        if memory.is_full:
            self._forget_all()
        if not key:
            pass
        elif peer is None:
            # packets to nobody are asked about each time, so that nobody can fill the memory with them
            if decision.peer is not None:
                memory.keep_for(path.facts.dst, table, key, decision)
        else:
            if len(table) >= REMEMBERED:
                table.clear()
            if self.policy.switch_local:
                memory.keep_for(path.facts.dst, table, key, decision)
            else:
                table[key] = decision
        return self._carry_out(peer, decision, buffer, start, end, now)

    def _carry_out(
        self, peer: Peer | None, decision: Decision, buffer: Buffer, start: int, end: int, now: float
    ) -> Decision:
        """What is left to do for a packet, besides what is counted of any.

        :param peer: who sent it; None for the host and the gateway.
        """
        target, size = decision.peer, end - start
        if decision.log:
            self._teller.tell(peer or target, decision, buffer, start, end, now)
        if decision.kind == DROP:
            self._count_drop(target, decision.reason, inward=peer is None or peer is not target)
            return decision
        if peer is not None:
            bucket = peer.limit_out
            if bucket is not None and not bucket.take(size, now):
                return self._drop(peer, "limit")
        if decision.kind == PEER and target is not None:
            bucket = target.limit_in
            if bucket is not None and not bucket.take(size, now):
                return self._drop(target, "limit")
            target.tx_packets += 1
            target.tx_bytes += size
        return decision
