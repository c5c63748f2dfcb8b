"""Rules of a device as uWSGI sends them: records of 24 bytes, with IPv4 addresses and no more.

A uwsgid that hands its device over sends the text of its rules instead, and may use all words.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

from uwsgid.tuntap.networks import ANY, Network
from uwsgid.tuntap.rules import ALLOW, DENY, ROUTE, DeviceRule, Rule
from uwsgid.wire import tunframe
from uwsgid.wire.tunframe import RuleRecord

_ACTIONS: Final = {tunframe.ALLOW: ALLOW, tunframe.DENY: DENY, tunframe.ROUTE: ROUTE}
_NUMBERS: Final = {name: number for number, name in _ACTIONS.items()}


def rules_of(records: Iterable[RuleRecord]) -> list[DeviceRule]:
    """The rules that *records* stand for.  Unknown actions and directions are skipped."""
    return [
        _rule_of(record)
        for record in records
        if record.action in _ACTIONS and record.direction in (tunframe.IN, tunframe.OUT)
    ]


def _rule_of(record: RuleRecord) -> DeviceRule:
    src = _network(record.src, record.src_mask)
    dst = _network(record.dst, record.dst_mask)
    action = _ACTIONS[record.action]
    inward = record.direction == tunframe.IN
    text = f"{'in' if inward else 'out'} {src} {dst} {action}"
    rule = Rule(action, text, src=src, dst=dst)
    if action == ROUTE:
        rule.target = (str(ipaddress.IPv4Address(record.target)), record.target_port)
        rule.text += f" {rule.target[0]}:{record.target_port}"
    return DeviceRule(inward, rule)


def _network(address: bytes, mask: bytes) -> Network:
    # a client of uWSGI neither masks the address nor makes the right mask (plugins/tuntap/common.c)
    bits = int.from_bytes(mask, "big")
    value = int.from_bytes(address, "big") & bits
    return Network(4, value, bits) if value else ANY


def record_of(rule: DeviceRule) -> RuleRecord:
    """The record that says the same as *rule*.

    :raises ValueError: where none does: for IPv6, and for more words than uWSGI knows.
    """
    inner = rule.rule
    target = inner.target or ("0.0.0.0", 0)
    if inner.version == 6 or ":" in target[0]:
        raise ValueError(f"{rule.text!r}: rules about IPv6 need a router that takes devices over")
    if inner.looks_deeper or inner.log:
        raise ValueError(f"{rule.text!r}: rules with more words need a router that takes devices over")
    return RuleRecord(
        direction=tunframe.IN if rule.inward else tunframe.OUT,
        src=inner.src.value.to_bytes(4, "big"),
        src_mask=inner.src.mask.to_bytes(4, "big"),
        dst=inner.dst.value.to_bytes(4, "big"),
        dst_mask=inner.dst.mask.to_bytes(4, "big"),
        action=_NUMBERS[inner.action],
        target=ipaddress.IPv4Address(target[0]).packed,
        target_port=target[1],
    )
