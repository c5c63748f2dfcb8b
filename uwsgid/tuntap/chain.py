"""A chain of rules: the first that fits and decides, decides; without one the packet may pass.

A chain only answers.  It counts nothing, since its answers are remembered: whoever asks counts every packet
on the rules of the answer (`Rule.count`).  An answer depends on `uwsgid.wire.ip.Facts`, and in a chain that
is `stateful` also on whether the packet belongs to a flow that was allowed, so that such an answer may be
remembered for `uwsgid.tuntap.flows.HOLD` seconds only.
"""

from __future__ import annotations

from collections.abc import Iterable

from uwsgid.tuntap.rules import ALLOW, Ranges, Rule
from uwsgid.wire.ip import Facts

_Row = tuple[int, int, int, int, int, bool, bool, Rule]


class Chain:
    """Rules in the order they were written.

    :ivar rules: all of them.
    :ivar stateful: whether some rule looks at flows.
    :ivar notes: whether some rule only counts or logs; only then `marks` has something to say.
    """

    __slots__ = ("_rows", "notes", "rules", "stateful")

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self.rules = tuple(rules)
        self.stateful = any(rule.established for rule in self.rules)
        self.notes = any(not rule.decides for rule in self.rules)
        self._rows: tuple[_Row, ...] = tuple(
            (
                rule.version,
                rule.src.mask,
                rule.src.value,
                rule.dst.mask,
                rule.dst.value,
                rule.looks_deeper,
                rule.decides,
                rule,
            )
            for rule in self.rules
        )

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
        version = facts.version
        src = int.from_bytes(facts.src, "big")
        dst = int.from_bytes(facts.dst, "big")
        for family, src_mask, src_value, dst_mask, dst_value, deeper, decides, rule in self._rows:
            if (
                src & src_mask == src_value
                and dst & dst_mask == dst_value
                and decides
                and (not family or family == version)
                and (not deeper or _fits(rule, facts, established))
            ):
                return rule
        return None

    def marks(self, facts: Facts, established: bool = False) -> tuple[Rule, ...]:
        """The rules that only count or log, and that the packet meets before one decides about it."""
        if not self.notes:
            return ()
        version = facts.version
        src = int.from_bytes(facts.src, "big")
        dst = int.from_bytes(facts.dst, "big")
        met: list[Rule] = []
        for family, src_mask, src_value, dst_mask, dst_value, deeper, decides, rule in self._rows:
            if (
                src & src_mask == src_value
                and dst & dst_mask == dst_value
                and (not family or family == version)
                and (not deeper or _fits(rule, facts, established))
            ):
                if decides:
                    break
                met.append(rule)
        return tuple(met)


def _fits(rule: Rule, facts: Facts, established: bool) -> bool:
    """Whether all but the addresses fits.

    A later fragment has neither ports nor types, and fits no rule that asks for them.
    """
    if rule.established and not established:
        return False
    if rule.protocols is not None and facts.protocol not in rule.protocols:
        return False
    if rule.sports is not None and not _within(facts.sport, rule.sports):
        return False
    if rule.dports is not None and not _within(facts.dport, rule.dports):
        return False
    if rule.types is not None and not _within(facts.icmp_type, rule.types):
        return False
    return rule.code < 0 or rule.code == facts.icmp_code


def _within(number: int, ranges: Ranges) -> bool:
    return any(first <= number <= last for first, last in ranges)
