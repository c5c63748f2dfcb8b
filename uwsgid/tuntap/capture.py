"""Captures: what crosses the router, and what became of each packet, for Wireshark.

Whoever captures gets a copy of every packet that fits a filter, verdict included.  The hot loop knows nothing
of it: while somebody captures, the three questions to the switch are asked through a `Tap`, and when nobody
does, they are asked directly again.

A filter is written as a firewall rule without its action, ``10.0.0.0/8 any tcp dport 80``; the word
``dropped`` before it, or alone, leaves out what was delivered.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from uwsgid.tuntap.chain import Chain
from uwsgid.tuntap.decision import DROP, Decision
from uwsgid.tuntap.rules import read_rule
from uwsgid.wire import pcapng
from uwsgid.wire.ip import BadPacket, Buffer, look

if TYPE_CHECKING:
    from uwsgid.tuntap.peer import Peer
    from uwsgid.tuntap.switch import Switch

DROPPED: Final = "dropped"


class Filter:
    """Which packets somebody wants to see.

    :param text: the filter; empty for all packets.
    :raises ValueError: with the reason, where it is none.
    """

    def __init__(self, text: str) -> None:
        words = text.split()
        self.dropped = words[:1] == [DROPPED]
        rest = " ".join(words[self.dropped :])
        self._chain = Chain((read_rule(f"allow {rest}"),)) if rest else None

    def wants(self, decision: Decision, buffer: Buffer, start: int, end: int) -> bool:
        """Whether the packet fits.  What is no proper packet fits only where nothing is asked of it."""
        if self.dropped and decision.kind != DROP:
            return False
        if self._chain is None:
            return True
        try:
            return self._chain.find(look(buffer, start, end)) is not None
        except BadPacket:
            return False


class Capture:
    """One who captures.

    :param write: takes bytes of the pcapng stream; answers whether there was room for them.
    :ivar missed: packets for which there was none.
    """

    def __init__(self, write: Callable[[bytes], bool], name: str, filter: Filter) -> None:
        self._write = write
        self._filter = filter
        self.missed = 0
        write(pcapng.section("uwsgid tuntap router") + pcapng.interface(name))

    def see(
        self, direction: int, decision: Decision, whose: str, buffer: Buffer, start: int, end: int
    ) -> None:
        """A packet was decided about."""
        if end <= start or not self._filter.wants(decision, buffer, start, end):
            return
        block = pcapng.packet(
            memoryview(buffer)[start:end],
            time.time_ns(),
            comment=f"{whose}: {decision}",
            direction=direction,
        )
        if not self._write(block):
            self.missed += 1


class Tap:
    """Asks the switch, and shows the answers to all who capture."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self.captures: list[Capture] = []

    def from_peer(self, peer: Peer, buffer: Buffer, start: int, end: int, now: float) -> Decision:
        """As `Switch.from_peer`."""
        decision = self._switch.from_peer(peer, buffer, start, end, now)
        self._show(pcapng.OUT, decision, f"from {peer.name}", buffer, start, end)
        return decision

    def from_host(self, buffer: Buffer, start: int, end: int, now: float) -> Decision:
        """As `Switch.from_host`."""
        decision = self._switch.from_host(buffer, start, end, now)
        self._show(pcapng.IN, decision, "from the host", buffer, start, end)
        return decision

    def from_gateway(self, buffer: Buffer, start: int, end: int, now: float) -> Decision:
        """As `Switch.from_gateway`."""
        decision = self._switch.from_gateway(buffer, start, end, now)
        self._show(pcapng.IN, decision, "from the gateway", buffer, start, end)
        return decision

    def _show(
        self, direction: int, decision: Decision, whose: str, buffer: Buffer, start: int, end: int
    ) -> None:
        for capture in self.captures:
            capture.see(direction, decision, whose, buffer, start, end)
