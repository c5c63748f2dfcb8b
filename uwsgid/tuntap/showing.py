"""Shows the statistics of a router to people: its chains with their counters, and who sends how much.

Everything here turns a document of `uwsgid.tuntap.report` into text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

_CHAINS: Final = (
    ("in", "tuntap-router-firewall-in"),
    ("out", "tuntap-router-firewall-out"),
    ("routes", "tuntap-router-route"),
)
_UNITS: Final = ("", "k", "M", "G", "T", "P", "E")


def rules(said: dict[str, Any]) -> str:
    """All chains of a router, a rule a line, with how many packets and bytes each has counted."""
    parts: list[str] = []
    for key, option in _CHAINS:
        parts.append(_chain(option, said["chains"].get(key, ())))
    for peer in said["peers"]:
        if peer["rules"]:
            parts.append(_chain(f"tuntap-device-rule of {_name(peer)}", peer["rules"]))
    return "\n".join(parts)


def _chain(title: str, entries: Sequence[dict[str, Any]]) -> str:
    if not entries:
        return f"{title}: no rules\n"
    rows = [("packets", "bytes", "rule", "")]
    rows += [
        (str(entry["packets"]), str(entry["bytes"]), entry["text"], entry.get("origin", ""))
        for entry in entries
    ]
    return f"{title}:\n{table(rows, '>><<')}"


def top(said: dict[str, Any], height: int = 0) -> str:
    """The peers of a router, the busiest first, under what concerns all of them.

    :param height: lines there is room for; 0 for any number.
    """
    router = said["router"]
    rates = router["rates"]
    head = [
        f"{router['device']} at {router['socket'] or '-'} (pid {said['pid']}), {len(said['peers'])} peers",
        f"in {_bits(rates['tx'])} {rates['tx_packets']} packets/s, "
        f"out {_bits(rates['rx'])} {rates['rx_packets']} packets/s",
        f"denied in {router['denied_in']}, out {router['denied_out']}; dropped: {_drops(router['drops'])}",
        "",
    ]
    rows = [("peer", "device", "uid", "in", "packets/s", "out", "packets/s", "queue", "denied", "dropped")]
    for peer in sorted(said["peers"], key=_busy, reverse=True):
        rates = peer["rates"]
        rows.append(
            (
                _name(peer),
                peer["device"] or "-",
                str(peer["uid"]),
                _bits(rates["tx"]),
                str(rates["tx_packets"]),
                _bits(rates["rx"]),
                str(rates["rx_packets"]),
                str(peer["queue"]),
                str(peer["denied_in"] + peer["denied_out"]),
                str(peer["dropped"]),
            )
        )
    if height:
        rows = rows[: max(height - len(head), 1)]
    return "\n".join(head) + "\n" + table(rows, "<<>>>>>>>>")


def table(rows: Sequence[Sequence[str]], sides: str) -> str:
    """Rows of texts as columns, each as wide as its widest text.

    :param sides: ``<`` or ``>`` for each column: where its texts stand.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines: Iterable[str] = (
        "  ".join(
            text.ljust(width) if side == "<" else text.rjust(width)
            for text, width, side in zip(row, widths, sides, strict=True)
        ).rstrip()
        for row in rows
    )
    return "".join(line + "\n" for line in lines)


def _name(peer: dict[str, Any]) -> str:
    return peer["addr"] or peer["label"] or f"peer {peer['id']}"


def _busy(peer: dict[str, Any]) -> tuple[int, int]:
    rates = peer["rates"]
    return rates["rx"] + rates["tx"], rates["rx_packets"] + rates["tx_packets"]


def _drops(drops: dict[str, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in drops.items()) or "nothing"


def _bits(rate: int) -> str:
    """Bytes a second as bits a second, such as ``9.4 Gbit/s``."""
    value, unit = float(rate * 8), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return (
        f"{value:.0f} {_UNITS[unit]}bit/s" if value >= 100 or not unit else f"{value:.1f} {_UNITS[unit]}bit/s"
    )
