"""A tap: it stands between whoever moves packets and the switch that decides, while somebody captures.

While nobody does, there is no tap, and a packet costs what it always costs.

What is decided about a packet is not always what becomes of it: a queue may be full, a kernel may refuse.  So
a packet that is to be delivered is held until it is known to be, which is when the next one is asked about,
or `Tap.settle` comes.  If it was lost instead, it is shown as what it is then, a packet that was dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from uwsgid.tuntap.decision import DROP, Decision

if TYPE_CHECKING:
    from uwsgid.tuntap.capture import Capture
    from uwsgid.tuntap.peer import Peer
    from uwsgid.wire.ip import Buffer


class Decider(Protocol):
    """What a tap stands before: the switch."""

    def from_peer(self, peer: Peer, buffer: Buffer, start: int, end: int, now: float) -> Decision:
        """Decide about a packet of *peer*."""

    def from_host(self, buffer: Buffer, start: int, end: int, now: float) -> Decision:
        """Decide about a packet of the host."""

    def from_gateway(self, buffer: Buffer, start: int, end: int, now: float) -> Decision:
        """Decide about a packet of the gateway."""

    def lose(self, peer: Peer | None, reason: str, size: int = 0) -> None:
        """The packet that was decided about last could not be delivered."""

    def refuse(self, peer: Peer | None, buffer: Buffer, start: int, end: int, reason: str) -> None:
        """There is nothing to decide about a packet."""


class Tap:
    """Asks the switch, and shows the captures what it said.

    :param later: has something called as soon as the packets at hand are moved.
    :ivar captures: who wants to see it.
    """

    __slots__ = ("_held", "_later", "_switch", "captures")

    def __init__(self, switch: Decider, later: Callable[[Callable[[], None]], object]) -> None:
        self._switch = switch
        self._later = later
        self._held: tuple[bytes, bool, Decision, Peer | None] | None = None
        self.captures: list[Capture] = []

    def from_peer(self, peer: Peer, buffer: Buffer, start: int, end: int, now: float) -> Decision:
        """As `uwsgid.tuntap.switch.Switch.from_peer`."""
        decision = self._switch.from_peer(peer, buffer, start, end, now)
        self._see(buffer, start, end, False, decision, peer)
        return decision

    def from_host(self, buffer: Buffer, start: int, end: int, now: float) -> Decision:
        """As `uwsgid.tuntap.switch.Switch.from_host`."""
        decision = self._switch.from_host(buffer, start, end, now)
        self._see(buffer, start, end, True, decision, None)
        return decision

    def from_gateway(self, buffer: Buffer, start: int, end: int, now: float) -> Decision:
        """As `uwsgid.tuntap.switch.Switch.from_gateway`."""
        decision = self._switch.from_gateway(buffer, start, end, now)
        self._see(buffer, start, end, True, decision, None)
        return decision

    def lose(self, peer: Peer | None, reason: str, size: int = 0) -> None:
        """As `uwsgid.tuntap.switch.Switch.lose`."""
        self._switch.lose(peer, reason, size)
        held, self._held = self._held, None
        if held is not None:
            packet, inward, decision, sender = held
            lost = Decision(DROP, peer, reason=reason)
            self._show(packet, 0, len(packet), inward, lost, sender, decision)

    def refuse(self, peer: Peer | None, buffer: Buffer, start: int, end: int, reason: str) -> None:
        """As `uwsgid.tuntap.switch.Switch.refuse`."""
        self._switch.refuse(peer, buffer, start, end, reason)
        self._see(buffer, start, end, peer is None, Decision(DROP, peer, reason=reason), peer)

    def settle(self) -> None:
        """The packet that was asked about last was delivered, if nobody said otherwise."""
        held, self._held = self._held, None
        if held is not None:
            packet, inward, decision, sender = held
            self._show(packet, 0, len(packet), inward, decision, sender)

    def _see(
        self, buffer: Buffer, start: int, end: int, inward: bool, decision: Decision, sender: Peer | None
    ) -> None:
        if self._held is not None:
            self.settle()
        elif decision.kind != DROP:
            self._later(self.settle)
        if decision.kind == DROP:
            self._show(buffer, start, end, inward, decision, sender)
        else:
            # the buffer is somebody else's, and has the next packet soon
            self._held = bytes(memoryview(buffer)[start:end]), inward, decision, sender

    def _show(
        self,
        buffer: Buffer,
        start: int,
        end: int,
        inward: bool,
        decision: Decision,
        sender: Peer | None,
        way: Decision | None = None,
    ) -> None:
        for capture in self.captures:
            capture.show(buffer, start, end, inward, decision, sender, way)
