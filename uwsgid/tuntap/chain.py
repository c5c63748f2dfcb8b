"""A chain of rules: the first that fits and decides, decides; without one the packet may pass.

A chain only answers.  It counts nothing, since its answers are remembered: whoever asks counts every packet
on the rules of the answer (`Rule.count`).  An answer depends on `uwsgid.wire.ip.Facts`, and in a chain that
is `stateful` also on whether the packet belongs to a flow that was allowed, so that such an answer may be
remembered for `uwsgid.tuntap.flows.HOLD` seconds only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from uwsgid.tuntap.rules import ALLOW, Rule, within
from uwsgid.wire.ip import Facts

#: A rule as it is compared: first and last destination port, masks and values of source and destination,
#: first and last source port, whether `_fits` has to be asked for the rest.
_Row = tuple[int, int, int, int, int, int, int, int, bool, Rule]

_OTHER: Final = -1  #: a protocol that no rule names
_NO_PORT: Final = -1  #: what `Facts` has where there is none
_LAST_PORT: Final = 65535


class Chain:
    """Rules in the order they were written.

    :ivar rules: all of them.
    :ivar stateful: whether some rule looks at flows.
    :ivar notes: whether some rule only counts or logs; only then `marks` has something to say.
    """

    __slots__ = ("_named", "_rows", "notes", "rules", "stateful")

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self.rules = tuple(rules)
        self.stateful = any(rule.established for rule in self.rules)
        self.notes = any(not rule.decides for rule in self.rules)
        # whoever sends packets of all protocols must not have a table made for each of them
        self._named = frozenset(number for rule in self.rules for number in rule.protocols or ())
        self._rows: dict[tuple[int, int], tuple[_Row, ...]] = {}

    def __len__(self) -> int:
        return len(self.rules)

    def decide(self, facts: Facts, established: bool) -> tuple[bool, Rule | None]:
        """Whether a packet may pass, and the rule that says so; None where no rule fits, which allows.

        A rule of the action ``route`` is no permission: see its `target`.

        :param established: whether it belongs to a flow that was allowed; read by stateful chains only.
        """
        rule = self.find(facts, established)
        if rule is None:
            return True, None
        return rule.action == ALLOW, rule

    def find(self, facts: Facts, established: bool = False) -> Rule | None:
        """The rule that decides about a packet."""
        for rule in self._fitting(facts, established):
            if rule.decides:
                return rule
        return None

    def marks(self, facts: Facts, established: bool = False) -> tuple[Rule, ...]:
        """The rules that only count or log, and that the packet meets before one decides about it."""
        if not self.notes:
            return ()
        met: list[Rule] = []
        for rule in self._fitting(facts, established):
            if rule.decides:
                break
            met.append(rule)
        return tuple(met)

    def _fitting(self, facts: Facts, established: bool) -> Iterator[Rule]:
        """The rules that fit a packet, in their order."""
        protocol = facts.protocol
        kind = (facts.version, protocol if protocol in self._named else _OTHER)
        rows = self._rows.get(kind)
        if rows is None:
            rows = self._rows[kind] = tuple(_rows(self.rules, *kind))
        src = int.from_bytes(facts.src, "big")
        dst = int.from_bytes(facts.dst, "big")
        sport, dport = facts.sport, facts.dport
        # plain comparisons of local names: a flood of new flows meets all rules with each packet
        for low, high, src_mask, src_value, dst_mask, dst_value, from_low, from_high, deeper, rule in rows:
            if (
                low <= dport <= high
                and src & src_mask == src_value
                and dst & dst_mask == dst_value
                and from_low <= sport <= from_high
                and (not deeper or _fits(rule, facts, established))
            ):
                yield rule


def _rows(rules: Iterable[Rule], version: int, protocol: int) -> Iterator[_Row]:
    """The rules that can fit packets of this version and protocol."""
    for rule in rules:
        if rule.version not in (0, version):
            continue
        if rule.protocols is not None and protocol not in rule.protocols:
            continue
        deeper = rule.types is not None or rule.code >= 0 or rule.established
        ends: list[int] = []
        for ranges in (rule.dports, rule.sports):
            if ranges is None:
                ends += (_NO_PORT, _LAST_PORT)
            else:
                ends += (min(first for first, _ in ranges), max(last for _, last in ranges))
                deeper = deeper or len(ranges) > 1
        low, high, from_low, from_high = ends
        src, dst = rule.src, rule.dst
        yield low, high, src.mask, src.value, dst.mask, dst.value, from_low, from_high, deeper, rule


def _fits(rule: Rule, facts: Facts, established: bool) -> bool:
    """Whether what a row does not tell fits.

    A later fragment has neither ports nor types, and fits no rule that asks for them.
    """
    if rule.established and not established:
        return False
    if rule.sports is not None and not within(facts.sport, rule.sports):
        return False
    if rule.dports is not None and not within(facts.dport, rule.dports):
        return False
    if rule.types is not None and not within(facts.icmp_type, rule.types):
        return False
    return rule.code < 0 or rule.code == facts.icmp_code
