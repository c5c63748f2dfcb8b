"""The tally: what is counted of packets that go nowhere, by reason and by whom it concerns.

Nothing is dropped without being counted.  A drop by a rule is a denial, and is counted as one towards a peer
or from it; any other drop has a word of its own, and is counted with the peer that is to blame, if one is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uwsgid.tuntap.decision import DROP, Decision

if TYPE_CHECKING:
    from uwsgid.tuntap.peer import Peer
    from uwsgid.wire.ip import Buffer


class Tally:
    """Counts the drops of one switch.

    :ivar drops: all packets that were dropped, by reason.
    :ivar unknown_dst: packets to nobody.
    :ivar denied_in: packets to peers that met a rule.
    :ivar denied_out: packets from peers that met one.
    """

    __slots__ = ("_dropped", "denied_in", "denied_out", "drops", "unknown_dst")

    def __init__(self) -> None:
        self.drops: dict[str, int] = {}
        self.unknown_dst = 0
        self.denied_in = 0
        self.denied_out = 0
        self._dropped: dict[str, Decision] = {}

    def lose(self, peer: Peer | None, reason: str, size: int = 0) -> None:
        """A packet could not be delivered as it was decided.

        :param peer: whose it was; None for the host.
        :param size: bytes of a packet that was on its way to *peer*, which is not counted as sent then.
        """
        if peer is not None and size:
            peer.tx_packets -= 1
            peer.tx_bytes -= size
        self._count_drop(peer, reason, inward=True)

    def refuse(self, peer: Peer | None, buffer: Buffer, start: int, end: int, reason: str) -> None:
        """A packet that can not be asked about, for a virtio header or a sender that nobody accepts."""
        self._count_drop(peer, reason, inward=True)

    def _drop(self, peer: Peer | None, reason: str) -> Decision:
        """Drop a packet for a reason that is not remembered."""
        self._count_drop(peer, reason, inward=peer is None)
        decision = self._dropped.get(reason)
        if decision is None:
            decision = self._dropped[reason] = Decision(DROP, reason=reason)
        return decision

    def _count_drop(self, peer: Peer | None, reason: str, *, inward: bool) -> None:
        self.drops[reason] = self.drops.get(reason, 0) + 1
        if reason == "unknown":
            self.unknown_dst += 1
        if reason != "denied":
            if peer is not None:
                peer.count_drop(reason)
            return
        if inward:
            self.denied_in += 1
        else:
            self.denied_out += 1
        if peer is not None:
            peer.count_denial(inward)
