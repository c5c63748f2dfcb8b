"""Shows the statistics of a router to people: its chains with their counters, and who sends how much.

Everything here turns a document of `uwsgid.tuntap.report` into what rich can draw; `text_of` makes text of
that, for files and pipes.  Only ``uwsgid tuntap …`` imports this: no process that serves something pays for
rich.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TextIO

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

_CHAINS: Final = (
    ("in", "tuntap-router-firewall-in"),
    ("out", "tuntap-router-firewall-out"),
    ("routes", "tuntap-router-route"),
)
_UNITS: Final = ("", "k", "M", "G", "T", "P", "E")
#: Of a peer: name, whether it stands to the right, and what it says.
_COLUMNS: Final[tuple[tuple[str, bool, Callable[[dict[str, Any]], Text]], ...]] = (
    ("peer", False, lambda peer: Text(_name(peer))),
    ("device", False, lambda peer: Text(peer["device"] or "-")),
    ("uid", True, lambda peer: Text(str(peer["uid"]))),
    ("in", True, lambda peer: Text(_bits(peer["rates"]["tx"]))),
    ("packets/s", True, lambda peer: Text(str(peer["rates"]["tx_packets"]))),
    ("out", True, lambda peer: Text(_bits(peer["rates"]["rx"]))),
    ("packets/s", True, lambda peer: Text(str(peer["rates"]["rx_packets"]))),
    ("queue", True, lambda peer: Text(str(peer["queue"]))),
    ("denied", True, lambda peer: _trouble(peer["denied_in"] + peer["denied_out"])),
    ("dropped", True, lambda peer: _trouble(peer["dropped"])),
)
#: What a narrow terminal does without, the first of them first.
_SPARE: Final = ("uid", "queue", "packets/s", "device", "denied", "dropped")
_HEAD: Final = 5  #: lines above the peers: three of the router, one for trouble, the names of the columns
_WIDE: Final = 1 << 16  #: columns of a file, where no line is ever too long

_ACTIONS: Final = (("allow", "green"), ("deny", "red"))


def rules(said: dict[str, Any]) -> RenderableType:
    """All chains of a router, a rule a line, with how many packets and bytes each has counted."""
    parts: list[RenderableType] = []
    for key, option in _CHAINS:
        parts += (*_chain(option, said["chains"].get(key, ())), "")
    for peer in said["peers"]:
        if peer["rules"]:
            parts += (*_chain(f"tuntap-device-rule of {_name(peer)}", peer["rules"]), "")
    return Group(*parts[:-1])


def _chain(title: str, entries: Sequence[dict[str, Any]]) -> Iterator[RenderableType]:
    if not entries:
        yield Text(f"{title}: no rules")
        return
    yield Text(f"{title}:", "bold")
    table = _table()
    for name in ("packets", "bytes"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("rule", overflow="fold")
    table.add_column("", overflow="fold", style="dim")
    for entry in entries:
        rule = Text(entry["text"])
        for action, style in _ACTIONS:
            rule.highlight_words((action,), style)
        counters = (Text(str(entry[name])) for name in ("packets", "bytes"))
        table.add_row(*counters, rule, Text(entry.get("origin", "")))
    yield table


def top(said: dict[str, Any], room: int = 0, trouble: str = "") -> RenderableType:
    """The peers of a router, the busiest first, under what concerns all of them.

    :param room: lines there are; 0 for any number.
    :param trouble: why this is old.
    """
    router = said["router"]
    rates = router["rates"]
    device = Text(router["device"], "bold")
    place = f" at {router['socket'] or '-'} (pid {said['pid']}), {len(said['peers'])} peers"
    flow = (
        f"in {_bits(rates['tx'])} {rates['tx_packets']} packets/s, "
        f"out {_bits(rates['rx'])} {rates['rx_packets']} packets/s"
    )
    lost = f"denied in {router['denied_in']}, out {router['denied_out']}; dropped: {_drops(router['drops'])}"
    peers = sorted(said["peers"], key=_busy, reverse=True)
    # where not all have room, one line says how many are left out
    shown = peers[: max(room - _HEAD - 1, 0)] if 0 < room < len(peers) + _HEAD else peers
    parts: list[RenderableType] = [
        device.append(place, "not bold"),
        Text(flow),
        Text(lost),
        Text(trouble, "bold red"),
        _Peers(shown),
    ]
    if len(shown) < len(peers):
        parts.append(Text(f"and {len(peers) - len(shown)} more", "dim"))
    return Group(*parts)


class _Peers:
    """The table of some peers, with as many columns as there is room for."""

    def __init__(self, peers: Sequence[dict[str, Any]]) -> None:
        self._peers = peers

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for spared in range(len(_SPARE) + 1):
            table = self._table(_SPARE[:spared])
            if Measurement.get(console, options.update_width(_WIDE), table).maximum <= options.max_width:
                break
        yield table

    def _table(self, without: Sequence[str]) -> Table:
        columns = [column for column in _COLUMNS if column[0] not in without]
        table = _table()
        for name, right, _ in columns:
            table.add_column(name, justify="right" if right else "left", no_wrap=True)
        for peer in self._peers:
            table.add_row(*(say(peer) for _, _, say in columns))
        return table


def console_on(out: TextIO) -> Console:
    """A terminal as rich draws on it, where no text means more than it says."""
    return Console(file=out, highlight=False, markup=False, emoji=False)


def write(out: TextIO, shown: RenderableType) -> None:
    """Print it: in the colours and the width of a terminal, or as `text_of` where *out* is none."""
    if out.isatty():
        console_on(out).print(shown)
    else:
        out.write(text_of(shown))
    out.flush()


def text_of(shown: RenderableType) -> str:
    """What *shown* is without a terminal: lines of any length, without colours, and without blanks behind."""
    file = io.StringIO()
    console = Console(file=file, width=_WIDE, force_terminal=False, color_system=None, _environ={})
    console.print(shown, markup=False, emoji=False)
    return "".join(f"{line.rstrip()}\n" for line in file.getvalue().splitlines())


def _table() -> Table:
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")


def _trouble(count: int) -> Text:
    return Text(str(count), "red" if count else "")


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
