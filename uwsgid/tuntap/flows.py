"""Which conversations were allowed, so that their answers may pass: the match ``established``.

A flow begins with a packet that some rule allowed and that may begin one: a SYN, a datagram, an echo request.
It ends in silence, TCP also by FIN and RST.  Nothing here trusts the other side: a SYN is no answer, and
whoever sends many first packets can push out only flows that nobody has answered yet, as long as there are
any.

The table never grows beyond its limit, and no call looks at more than a few entries.  Fragments behind the
first have no ports; they belong to a flow whose first fragment between the same two addresses came just
before.  Reports of ICMP that something could not be delivered pass to whoever takes part in any flow.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from uwsgid.tuntap.rules import ICMP, ICMP6, TCP, UDP
from uwsgid.wire.ip import Facts

#: Seconds for which an answer of `FlowTable.seen` may be remembered; shorter than every time-out.
HOLD: Final = 5.0

_FRAGMENTS: Final = 4096
_FRAGMENT_TIME: Final = 30.0

_ECHO: Final = {ICMP: (8, 0), ICMP6: (128, 129)}
_REPORTS: Final = {ICMP: (3, 11, 12), ICMP6: (1, 2, 3, 4)}


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds of silence after which a flow is forgotten.

    :ivar opening: TCP that nobody has answered.
    :ivar open: TCP; two hours and four minutes are the least of RFC 5382, REQ-5.
    :ivar closing: TCP after a FIN.
    :ivar closed: TCP after a RST.
    :ivar other: all other protocols.
    """

    opening: float = 60.0
    open: float = 7440.0
    closing: float = 120.0
    closed: float = 10.0
    udp: float = 60.0
    icmp: float = 30.0
    other: float = 60.0


class _Flow:
    """One conversation, between a lower and a higher end."""

    __slots__ = ("answered", "closed", "ends", "fins", "forward", "until")

    def __init__(self, forward: bool, ends: tuple[bytes, bytes]) -> None:
        self.forward = forward  #: whether the lower end began it
        self.ends = ends
        self.answered = False
        self.closed = False
        self.fins = 0
        self.until = 0.0


class FlowTable:
    """The flows that were allowed.

    :param limit: how many there may be; the oldest of those that nobody answered leave first.
    """

    def __init__(self, limit: int = 65536, timeouts: Timeouts | None = None) -> None:
        self.limit = limit
        self.timeouts = timeouts if timeouts is not None else Timeouts()
        self._young: OrderedDict[bytes, _Flow] = OrderedDict()
        self._answered: OrderedDict[bytes, _Flow] = OrderedDict()
        self._ends: dict[bytes, int] = {}
        self._fragments: OrderedDict[bytes, float] = OrderedDict()

    def __len__(self) -> int:
        """Flows in the table, those included whose time is over and that nobody has missed yet."""
        return len(self._young) + len(self._answered)

    def seen(self, facts: Facts, now: float) -> bool:
        """Whether a packet is part of a flow that was allowed, or an answer to one.

        :param now: seconds of any clock that does not go back.
        """
        if facts.fragment and not facts.first:
            return self._fragments.get(_pair(facts), now) > now
        if facts.icmp_type in _REPORTS.get(facts.protocol, ()):
            return facts.dst in self._ends
        key, forward = _key(facts)
        flow = self._living(key, now)
        if flow is None:
            return False
        if facts.protocol == TCP:
            begins = facts.syn and not facts.ack
            return not begins or (flow.forward == forward and not flow.closed and not flow.fins)
        echo = _ECHO.get(facts.protocol)
        if echo is not None:
            return facts.icmp_type == echo[0 if flow.forward == forward else 1]
        return True

    def note(self, facts: Facts, now: float) -> None:
        """A packet was allowed: it begins a flow or keeps one alive."""
        if facts.fragment and not facts.first:
            return
        if facts.protocol in _ECHO and facts.icmp_type not in _ECHO[facts.protocol]:
            return
        key, forward = _key(facts)
        flow = self._living(key, now)
        begins = facts.syn and not facts.ack
        if flow is not None and begins and (flow.closed or flow.fins):
            self._forget(key)
            flow = None
        if flow is None:
            if not _may_begin(facts):
                return
            flow = self._begin(key, forward, facts, now)
        elif forward != flow.forward and not flow.answered:
            flow.answered = True
            del self._young[key]
            self._answered[key] = flow
        else:
            (self._answered if flow.answered else self._young).move_to_end(key)
        flow.until = now + self._patience(flow, facts, forward)
        if facts.fragment:
            self._note_fragment(facts, now)

    # The table -----------------------------------------------------------------------------------------

    def _living(self, key: bytes, now: float) -> _Flow | None:
        flow = self._answered.get(key) or self._young.get(key)
        if flow is not None and flow.until <= now:
            self._forget(key)
            return None
        return flow

    def _begin(self, key: bytes, forward: bool, facts: Facts, now: float) -> _Flow:
        self._make_room(now)
        ends = (facts.src, facts.dst)
        for end in ends:
            self._ends[end] = self._ends.get(end, 0) + 1
        flow = self._young[key] = _Flow(forward, ends)
        return flow

    def _make_room(self, now: float) -> None:
        for table in (self._young, self._answered):
            if table:
                oldest = next(iter(table))
                if table[oldest].until <= now:
                    self._forget(oldest)
        while len(self) >= self.limit:
            self._forget(next(iter(self._young or self._answered)))

    def _forget(self, key: bytes) -> None:
        flow = self._young.pop(key, None) or self._answered.pop(key)
        for end in flow.ends:
            left = self._ends[end] - 1
            if left:
                self._ends[end] = left
            else:
                del self._ends[end]

    def _note_fragment(self, facts: Facts, now: float) -> None:
        pair = _pair(facts)
        self._fragments[pair] = now + _FRAGMENT_TIME
        self._fragments.move_to_end(pair)
        if len(self._fragments) > _FRAGMENTS:
            self._fragments.popitem(last=False)

    def _patience(self, flow: _Flow, facts: Facts, forward: bool) -> float:
        times = self.timeouts
        if facts.protocol == UDP:
            return times.udp
        if facts.protocol in _ECHO:
            return times.icmp
        if facts.protocol != TCP:
            return times.other
        if facts.rst:
            flow.closed = True
        if facts.fin:
            flow.fins |= 1 if forward else 2
        if flow.closed:
            return times.closed
        if flow.fins:
            return times.closing
        return times.open if flow.answered else times.opening


def _may_begin(facts: Facts) -> bool:
    """Whether a packet without a flow makes one.

    The middle of a TCP connection may: this router was started after it, and a rule allowed the packet.
    """
    if facts.protocol == TCP:
        return not (facts.rst or facts.fin or (facts.syn and facts.ack))
    echo = _ECHO.get(facts.protocol)
    return echo is None or facts.icmp_type == echo[0]


def _key(facts: Facts) -> tuple[bytes, bool]:
    """The flow of a packet, the same for both directions, and whether it comes from the lower end."""
    if facts.sport >= 0 and facts.dport >= 0:
        low = facts.src + facts.sport.to_bytes(2, "big")
        high = facts.dst + facts.dport.to_bytes(2, "big")
    else:
        low, high = facts.src, facts.dst
    forward = low <= high
    if not forward:
        low, high = high, low
    return facts.protocol.to_bytes(1, "big") + low + high, forward


def _pair(facts: Facts) -> bytes:
    return facts.protocol.to_bytes(1, "big") + facts.src + facts.dst
