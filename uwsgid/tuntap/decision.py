"""Decisions about packets, and what happens to peers: the words in which the switch speaks.

A `Decision` may be taken once and hold for many packets, so it says which rules count each of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from uwsgid.tuntap.networks import Target, show_target
from uwsgid.tuntap.peer import Peer
from uwsgid.tuntap.rules import Rule

if TYPE_CHECKING:
    from uwsgid.tuntap.chain import Chain
    from uwsgid.wire.ip import Facts

HOST: Final = 0  #: write it to the router's own device
PEER: Final = 1  #: send it to `Decision.peer`
GATEWAY: Final = 2  #: send it to `Decision.target`, as a datagram
DROP: Final = 3  #: forget it, for `Decision.reason`

FOREVER: Final = float("inf")


class Decision:
    """What is to become of a packet.

    :ivar kind: `HOST`, `PEER`, `GATEWAY` or `DROP`.
    :ivar peer: who gets it; of a packet that is dropped, who is to blame, or None.
    :ivar target: host and port, for `GATEWAY`.
    :ivar reason: the word it is counted under, for `DROP`.
    :ivar rule: the rule that decided; None where none did.
    :ivar rules: all rules that count it.
    :ivar log: whether one of them wants a line about it.
    :ivar plain: nothing but counting is to be done for it.
    :ivar until: when it has to be taken again.
    """

    __slots__ = ("kind", "log", "peer", "plain", "reason", "rule", "rules", "target", "until")

    def __init__(
        self,
        kind: int,
        peer: Peer | None = None,
        *,
        target: Target = ("", 0),
        reason: str = "",
        rules: tuple[Rule, ...] = (),
        rule: Rule | None = None,
        until: float = FOREVER,
    ) -> None:
        self.kind = kind
        self.peer = peer
        self.target = target
        self.reason = reason
        self.rule = rule
        self.rules = rules
        self.log = any(one.log for one in rules)
        self.plain = kind in (HOST, PEER) and not self.log
        self.until = until

    def __repr__(self) -> str:
        return f"<Decision {self}>"

    def __str__(self) -> str:
        """The verdict in words, as captures show it."""
        if self.kind == DROP:
            words = f"drop, {self.reason}"
        elif self.kind == GATEWAY:
            words = f"to the gateway {show_target(self.target)}"
        else:
            words = "to the host" if self.peer is None else f"to {self.peer.name}"
        return f"{words}, by {self.rule.text!r}" if self.rule is not None else words


@dataclass(frozen=True, slots=True)
class Learned:
    """A peer owns an address that it did not own before."""

    peer: Peer
    address: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """A peer may not stay: whoever holds its link has to close it.

    :ivar reason: ``collision``: somebody else owns its address; ``denied``: it may not own it.
    """

    peer: Peer
    reason: str


Event = Learned | Refused


class Path:
    """What is found out about one packet while it is looked at."""

    __slots__ = ("facts", "rule", "rules")

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.rule: Rule | None = None
        self.rules: tuple[Rule, ...] = ()

    def allows(self, chain: Chain | None, established: bool = False) -> bool:
        """Whether *chain* lets it pass."""
        if chain is None or not chain.rules:
            return True
        facts = self.facts
        self.rules += chain.marks(facts, established)
        allowed, rule = chain.decide(facts, established)
        self.take(rule)
        return allowed

    def take(self, rule: Rule | None) -> None:
        """*rule* decided."""
        if rule is not None:
            self.rule = rule
            self.rules += (rule,)
