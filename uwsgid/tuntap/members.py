"""The members of a switch: who is attached, which addresses are theirs, and by which rules they live.

Peers come and go, learn addresses, send rules about themselves, and have to leave where they may not stay.
Whatever changes here makes some remembered decisions void, and only those (`uwsgid.tuntap.memory`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from uwsgid.tuntap.chain import Chain
from uwsgid.tuntap.decision import Event, Learned, Refused
from uwsgid.tuntap.holders import Holders
from uwsgid.tuntap.memory import Memory
from uwsgid.tuntap.peer import MAX_ADDRESSES, Peer, learnable
from uwsgid.tuntap.rules import DeviceRule, Rule
from uwsgid.tuntap.tally import Tally
from uwsgid.tuntap.telling import Teller
from uwsgid.wire.ip import show

if TYPE_CHECKING:
    from uwsgid.tuntap.flows import FlowTable
    from uwsgid.tuntap.policy import Policy


class Members(Tally):
    """The peers of one switch.

    :param policy: the rules it goes by; see `swap`.
    :param say: takes lines for the log.
    :param clock: seconds, the same as the ``now`` of all calls.
    :ivar peers: all that are attached, by number.
    :ivar events: what the router has to hear of; it empties the list.
    :ivar flows: the flows that were allowed; None where no rule asks for them.
    """

    __slots__ = ("_clock", "_holders", "_memory", "_teller", "events", "flows", "peers", "policy")

    def __init__(self, policy: Policy, say: Callable[[str], None], clock: Callable[[], float]) -> None:
        super().__init__()
        self.policy = policy
        self.flows: FlowTable | None = policy.flows
        self.peers: dict[int, Peer] = {}
        self.events: list[Event] = []
        self._teller = Teller(say)
        self._clock = clock
        self._holders = Holders()
        self._memory = Memory()

    def attach(self, peer: Peer) -> bool:
        """Somebody connected.  Addresses that the peer already has become its own.

        :returns: whether it may stay; if not, there is an event `Refused` too.
        """
        peer.attached = True
        peer.since = self._clock()
        self.peers[peer.number] = peer
        known = list(peer.addresses)[:MAX_ADDRESSES]
        peer.addresses.clear()
        # all of them first, so that who may not stay takes nothing over from others
        for address in known:
            if not learnable(address) or not self.policy.access.permits(peer.uid, peer.gid, address):
                self._announce(f"{show(address)} is not for {peer.name}")
                self._refuse(peer, "denied")
                return False
        return all(self._claim(peer, address) for address in known)

    def detach(self, peer: Peer) -> None:
        """Somebody left.  A second call does nothing."""
        peer.attached = False
        self.peers.pop(peer.number, None)
        for address in self._holders.release(peer):
            self._memory.forget(address)
        peer.remembered.clear()

    def offer_rules(self, peer: Peer, rules: Iterable[DeviceRule]) -> None:
        """The peer sent rules about itself; they replace those it sent before."""
        inward: list[Rule] = []
        outward: list[Rule] = []
        for one in rules:
            (inward if one.inward else outward).append(one.rule)
        peer.chain_in = Chain(inward) if inward else None
        peer.chain_out = Chain(outward) if outward else None
        peer.remembered.clear()
        for address in (*peer.addresses, *peer.neighbours):
            self._memory.forget(address)

    def swap(self, policy: Policy) -> None:
        """Go by another policy from the next packet on.

        Rules that are in both count on, established flows stay, and so do peers, unless they may not own
        their addresses any more.
        """
        old = self.policy
        for before, after in (
            (old.chain_in, policy.chain_in),
            (old.chain_out, policy.chain_out),
            (old.routes, policy.routes),
        ):
            _count_on(before, after)
        self.policy = policy
        if policy.flows is None or self.flows is None:
            self.flows = policy.flows
        self._forget_all()
        for peer in list(self.peers.values()):
            if all(policy.access.permits(peer.uid, peer.gid, address) for address in peer.addresses):
                self._limit(peer)
            else:
                self._announce(f"{peer.name} may not own its address any more")
                self._refuse(peer, "denied")

    def _claim(self, peer: Peer, address: bytes) -> bool:
        """Make *address* the peer's own, to which there is no objection but its owner."""
        loser = self._holders.claim(peer, address, self.policy)
        if loser is not None:
            self._announce(f"detected ip collision for {show(address)}")
            self._refuse(loser, "collision")
            if loser is peer:
                return False
        self._memory.forget(address)
        if address in peer.addresses:
            self._limit(peer)
            self.events.append(Learned(peer, address))
            label = f" ({peer.label})" if peer.label else ""
            self._announce(f"registered new peer {show(address)}{label}")
        return True

    def _announce(self, text: str) -> None:
        self._teller.announce(self._clock(), text)

    def _refuse(self, peer: Peer, reason: str) -> None:
        self.detach(peer)
        peer.refused = reason
        self.events.append(Refused(peer, reason))

    def _limit(self, peer: Peer) -> None:
        """Give *peer* the limits of its addresses.  Where they are what they were, its debts stay."""
        inward = outward = None
        for address in peer.addresses:
            first, second = self.policy.limits.buckets(address)
            inward, outward = inward or first, outward or second
        old = peer.limit_in
        if old is None or inward is None or (old.rate, old.burst) != (inward.rate, inward.burst):
            peer.limit_in = inward
        old = peer.limit_out
        if old is None or outward is None or (old.rate, old.burst) != (outward.rate, outward.burst):
            peer.limit_out = outward

    def _forget_all(self) -> None:
        self._memory.forget_all(peer.remembered for peer in self.peers.values())


def _count_on(before: Chain, after: Chain) -> None:
    """Give the rules of *after* the counters of those with the same text in *before*, in their order."""
    known: dict[str, list[Rule]] = {}
    for rule in before.rules:
        known.setdefault(rule.text, []).append(rule)
    for rule in after.rules:
        same = known.get(rule.text)
        if same:
            counted = same.pop(0)
            rule.packets, rule.bytes = counted.packets, counted.bytes
