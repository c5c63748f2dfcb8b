"""What a prompt knows: names, each with a value and a sentence, and ``help()``, which prints them."""

from __future__ import annotations

import inspect
import io
import pydoc
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

_WIDTH: Final = 100
_PLAIN: Final = getattr(pydoc, "plaintext")  # noqa: B009 - the stubs do not know it


@dataclass(frozen=True, slots=True)
class Name:
    """One name of a prompt.

    :ivar form: how it is written in a table, ``reload()`` for what is called.
    :ivar help: a sentence without a full stop.
    """

    form: str
    value: Any
    help: str

    @property
    def name(self) -> str:
        """As a statement writes it."""
        return self.form.partition("(")[0]


class View:
    """The base of what stands for a part of the instance: shows its properties, one a line."""

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if not name.startswith("_") and name != "explained"]

    def __repr__(self) -> str:
        names = [name for name, what in self._members() if isinstance(what, property)]
        width = max(map(len, names), default=0) + 2
        return "\n".join(f"{name.ljust(width)}{getattr(self, name)!r}" for name in names)

    def explained(self) -> str:
        """What it is, and each property and verb with its sentence."""
        rows = []
        for name, what in self._members():
            words = () if isinstance(what, property) else tuple(inspect.signature(what).parameters)[1:]
            form = name if isinstance(what, property) else f"{name}({', '.join(words)})"
            rows.append((form, inspect.getdoc(what) or ""))
        width = max((len(form) for form, _ in rows), default=0) + 2
        told = [f"{form.ljust(width)}{sentence.splitlines()[0]}" for form, sentence in rows]
        return "\n".join([inspect.getdoc(type(self)) or "", *told])

    def _members(self) -> list[tuple[str, Any]]:
        """Properties first, then verbs, those of the base first."""
        found = {
            name: what
            for cls in reversed(type(self).__mro__)
            if issubclass(cls, View) and cls is not View
            for name, what in vars(cls).items()
            if not name.startswith("_") and (callable(what) or isinstance(what, property))
        }
        return sorted(found.items(), key=lambda row: not isinstance(row[1], property))


class Help:
    """``help()`` prints what is here, ``help(thing)`` what Python knows of a thing."""

    def __init__(self, names: Iterable[Name]) -> None:
        self._names = tuple(names)

    def __call__(self, thing: Any = None) -> None:
        if thing is None or thing is self:
            print(self)
        elif isinstance(thing, View):
            print(thing.explained())
        else:
            print(pydoc.render_doc(thing, "%s", renderer=_PLAIN).rstrip())

    def __repr__(self) -> str:
        width = max(len(each.form) for each in self._names) + 2
        lines = []
        for each in self._names:
            lines += textwrap.wrap(
                each.help,
                _WIDTH,
                initial_indent=each.form.ljust(width),
                subsequent_indent=" " * width,
            )
        return "\n".join(lines)


def with_help(names: Iterable[Name]) -> tuple[Name, ...]:
    """*names*, and ``help()`` behind them."""
    found = (*names, Name("help()", None, "this table; help(thing) tells what Python knows of a thing"))
    return (*found[:-1], Name(found[-1].form, Help(found), found[-1].help))


def namespace(names: Iterable[Name]) -> dict[str, Any]:
    """The dictionary that statements run in; each session has its own."""
    return {each.name: each.value for each in names}


def table(rows: Iterable[Iterable[object]], heads: Iterable[str]) -> str:
    """Rows below their heads, in columns; numbers to the right."""
    whole = [list(map(str, heads)), *(list(map(str, row)) for row in rows)]
    widths = [max(len(row[at]) for row in whole) for at in range(len(whole[0]))]
    out = io.StringIO()
    numeric = [all(row[at].isdecimal() for row in whole[1:]) for at in range(len(widths))]
    for row in whole:
        cells = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        )
        out.write("  ".join(cells).rstrip() + "\n")
    return out.getvalue().rstrip("\n")
