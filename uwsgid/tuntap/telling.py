"""The lines that a switch writes, and the many that it does not.

Whoever floods a router with nonsense must not flood its log as well.  There is at most one line a second
about the packets of one peer, and one about those of nobody; and about peers that come, collide or begin with
nonsense, and come again, there are at most `MOST` a second.  What was left out is told with the next line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from uwsgid.tuntap.decision import Decision
from uwsgid.wire.ip import Buffer, look, show_end

if TYPE_CHECKING:
    from uwsgid.tuntap.peer import Peer

QUIET: Final = 1.0  #: seconds between two lines about the packets of a peer
MOST: Final = 100  #: lines a second about peers that come and go


class Teller:
    """Writes lines to the log of a router.

    :param say: takes one.
    """

    __slots__ = ("_announced", "_quiet_until", "_say", "_unannounced", "_unsaid", "_window")

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._quiet_until = 0.0
        self._unsaid = 0
        self._window = 0.0
        self._announced = 0
        self._unannounced = 0

    def is_hushed(self, peer: Peer | None, now: float) -> bool:
        """Whether there was a line about *peer* within this second; then this one counts as unsaid."""
        if peer is None:
            if now < self._quiet_until:
                self._unsaid += 1
                return True
        elif now < peer.quiet_until:
            peer.unsaid += 1
            return True
        elif not peer.quiet_until and not self._has_room(now):
            # its first line; each connection is another peer
            self._unannounced += 1
            return True
        return False

    def complain(self, peer: Peer | None, now: float, text: str) -> None:
        """Write a line about a packet of *peer*, who is not hushed."""
        if peer is None:
            unsaid, self._unsaid = self._unsaid, 0
            self._quiet_until = now + QUIET
        else:
            self._announced += not peer.quiet_until
            unsaid, peer.unsaid = peer.unsaid, 0
            peer.quiet_until = now + QUIET
        self._write(text, unsaid)

    def tell(
        self, peer: Peer | None, decision: Decision, buffer: Buffer, start: int, end: int, now: float
    ) -> None:
        """Write a line about a packet, because a rule with ``log`` wants one."""
        if self.is_hushed(peer, now):
            return
        facts = look(buffer, start, end)
        ends = f"{show_end(facts.src, facts.sport)} -> {show_end(facts.dst, facts.dport)}"
        rule = next(rule for rule in decision.rules if rule.log)
        more = "" if rule is decision.rule else f", logged by {rule.text!r}"
        self.complain(peer, now, f"{ends}, protocol {facts.protocol}, {facts.length} bytes: {decision}{more}")

    def announce(self, now: float, text: str) -> None:
        """Write a line about a peer that comes or has to leave."""
        if not self._has_room(now):
            self._unannounced += 1
            return
        self._announced += 1
        unsaid, self._unannounced = self._unannounced, 0
        self._write(text, unsaid)

    def _has_room(self, now: float) -> bool:
        """Whether there is room for another line about peers that come and go."""
        if now >= self._window + 1:
            self._window = now
            self._announced = 0
        return self._announced < MOST

    def _write(self, text: str, unsaid: int) -> None:
        more = f" (and {unsaid} before, unsaid)" if unsaid else ""
        self._say(f"[tuntap-router] {text}{more}")
