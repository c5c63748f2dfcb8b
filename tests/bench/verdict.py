"""What a benchmark prints: tables, figures, and whether its promises hold."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Bar:
    """A promise: ``value`` stays at or below ``bar``, or at or above it."""

    name: str
    value: float
    bar: float
    at_least: bool = False

    @property
    def holds(self) -> bool:
        return self.value >= self.bar if self.at_least else self.value <= self.bar


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, so that it can be quoted as it is."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in (head, ["-" * width for width in widths], *rows)
    ]
    return "\n".join(lines)


def report(bench: str, figures: Mapping[str, Any], bars: Sequence[Bar]) -> int:
    """Print the bars, and all figures as the last line.

    :returns: an exit status, 1 where a bar does not hold.
    """
    print()
    for bar in bars:
        relation = "at least" if bar.at_least else "at most"
        print(f"{'holds ' if bar.holds else 'BROKEN'}  {bar.name}: {bar.value:.2f}, {relation} {bar.bar:g}")
    listed = [
        {"name": bar.name, "value": round(bar.value, 4), "bar": bar.bar, "holds": bar.holds} for bar in bars
    ]
    print(json.dumps({"bench": bench, "figures": figures, "bars": listed}), flush=True)
    return 0 if all(bar.holds for bar in bars) else 1
