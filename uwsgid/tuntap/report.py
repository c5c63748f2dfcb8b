"""The document of a router's stats server: uWSGI's keys in uWSGI's order, and behind them what is ours.

Every number is an integer, a flag is 0 or 1, and nothing is null, as in the statistics of the instance.
Rates are per second, over the time since somebody looked before, if that was a second ago or more.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from uwsgid._version import __version__
from uwsgid.tuntap.chain import Chain
from uwsgid.tuntap.peer import Peer
from uwsgid.tuntap.rules import Rule
from uwsgid.tuntap.switch import Switch
from uwsgid.wire.ip import show

LEAST_SPAN: Final = 1.0  #: seconds that a rate is taken over, at least

_Numbers = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RouterFacts:
    """What there is to say of a router besides what its switch knows.

    :ivar device: the name of its tun device.
    :ivar socket: where peers attach.
    :ivar gateway: the address of its UDP gateway; empty for none.
    """

    device: str
    socket: str = ""
    gateway: str = ""
    pid: int = field(default_factory=os.getpid)
    uid: int = field(default_factory=os.getuid)
    gid: int = field(default_factory=os.getgid)
    cwd: str = field(default_factory=os.getcwd)
    version: str = __version__


class Rates:
    """How fast counters grow, from one look at them to the next."""

    def __init__(self) -> None:
        self._when = 0.0
        self._before: Mapping[int, _Numbers] = {}
        self._latest: tuple[float, Mapping[int, _Numbers]] | None = None

    def look(
        self, numbers: Mapping[int, _Numbers], born: Mapping[int, float], now: float
    ) -> dict[int, _Numbers]:
        """The rates of some counters, in whole units a second.

        :param numbers: the counters, as they are now.
        :param born: when each of them was 0; what was not there the last time is measured from there.
        """
        if self._latest is None:
            self._latest = (now, numbers)
        elif now - self._latest[0] >= LEAST_SPAN:
            self._when, self._before = self._latest
            self._latest = (now, numbers)
        rates = {}
        for number, counters in numbers.items():
            before = self._before.get(number)
            span = now - (born[number] if before is None else self._when)
            start = before or (0,) * len(counters)
            rates[number] = tuple(
                int(max(counter - was, 0) / max(span, LEAST_SPAN))
                for counter, was in zip(counters, start, strict=True)
            )
        return rates


class Report:
    """Writes the document of one router.

    :param queued: bytes that wait for a peer.
    """

    def __init__(
        self, facts: RouterFacts, switch: Switch, *, queued: Callable[[Peer], int] = lambda peer: 0
    ) -> None:
        self.facts = facts
        self._switch = switch
        self._queued = queued
        self._rates = Rates()

    def text(self, now: float, *, minified: bool = False) -> bytes:
        """The document as JSON: with tabs, as uWSGI's, or without any blanks.

        :param now: seconds of the switch's clock.
        """
        indent = None if minified else "\t"
        return json.dumps(self.document(now), indent=indent, separators=(",", ":")).encode("ascii")

    def document(self, now: float) -> dict[str, Any]:
        """The document."""
        facts, switch = self.facts, self._switch
        peers = [switch.peers[number] for number in sorted(switch.peers)]
        rates = self._rates.look(
            {peer.number: _counters(peer) for peer in peers}, {peer.number: peer.since for peer in peers}, now
        )
        policy = switch.policy
        return {
            "version": facts.version,
            "pid": facts.pid,
            "uid": facts.uid,
            "gid": facts.gid,
            "cwd": _text(facts.cwd),
            "peers": [self._peer(peer, rates[peer.number], now) for peer in peers],
            "router": {
                "device": _text(facts.device),
                "socket": _text(facts.socket),
                "gateway": _text(facts.gateway),
                "unknown_dst": switch.unknown_dst,
                "denied_in": switch.denied_in,
                "denied_out": switch.denied_out,
                "host_packets": switch.host_packets,
                "host_bytes": switch.host_bytes,
                "gateway_packets": switch.gateway_packets,
                "gateway_bytes": switch.gateway_bytes,
                "flows": len(switch.flows) if switch.flows is not None else 0,
                "switch_local": int(policy.switch_local),
                "collision": policy.collision,
                "drops": _by_reason(switch.drops),
                "rates": _rates(_sum(rates.values())),
            },
            "chains": {
                "in": _chain(policy.chain_in),
                "out": _chain(policy.chain_out),
                "routes": _chain(policy.routes),
            },
        }

    def _peer(self, peer: Peer, rates: _Numbers, now: float) -> dict[str, Any]:
        address = peer.address
        first = address if len(address) == 4 else b""
        rx, tx, rx_packets, tx_packets = _counters(peer)
        return {
            "addr": show(address),
            # the four bytes as the C router's processor reads them (plugins/tuntap)
            "addr_32": int.from_bytes(first, sys.byteorder),
            "uid": max(peer.uid, 0),
            "gid": max(peer.gid, 0),
            "pid": peer.pid,
            "tx": tx,
            "rx": rx,
            "dropped": peer.dropped,
            "tx_packets": tx_packets,
            "rx_packets": rx_packets,
            "denied_in": peer.denied_in,
            "denied_out": peer.denied_out,
            "spoofed": peer.spoofed,
            "invalid": peer.invalid,
            "queue": self._queued(peer),
            "rules": [
                *(_rule(rule, direction="in") for rule in _rules(peer.chain_in)),
                *(_rule(rule, direction="out") for rule in _rules(peer.chain_out)),
            ],
            "id": peer.number,
            "label": _text(peer.label),
            "device": _text(peer.device),
            "addresses": [show(one) for one in peer.addresses],
            "age": int(now - peer.since),
            "limit_in": int(peer.limit_in.rate) if peer.limit_in is not None else 0,
            "limit_out": int(peer.limit_out.rate) if peer.limit_out is not None else 0,
            "drops": _by_reason(peer.drops),
            "rates": _rates(rates),
        }


def _counters(peer: Peer) -> _Numbers:
    return (
        peer.rx_bytes + peer.header * peer.rx_packets + peer.extra_rx,
        peer.tx_bytes + peer.header * peer.tx_packets,
        peer.rx_packets,
        peer.tx_packets,
    )


def _sum(rates: Iterable[_Numbers]) -> _Numbers:
    return tuple(map(sum, zip(*rates, strict=True))) or (0, 0, 0, 0)


def _rates(numbers: _Numbers) -> dict[str, int]:
    return dict(zip(("rx", "tx", "rx_packets", "tx_packets"), numbers, strict=True))


def _by_reason(drops: Mapping[str, int]) -> dict[str, int]:
    return {reason: drops[reason] for reason in sorted(drops)}


def _rules(chain: Chain | None) -> tuple[Rule, ...]:
    return () if chain is None else chain.rules


def _chain(chain: Chain) -> list[dict[str, Any]]:
    return [_rule(rule, origin=_text(rule.origin)) for rule in chain.rules]


def _rule(rule: Rule, **more: str) -> dict[str, Any]:
    return {**more, "text": _text(rule.text), "packets": rule.packets, "bytes": rule.bytes}


def _text(text: str) -> str:
    """*text* without the lone surrogates by which Python keeps the bytes of odd file names."""
    return os.fsencode(text).decode("utf-8", "replace")
