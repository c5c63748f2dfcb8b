"""The declarations of all options, rendered: for the terminal, for the manual, for other programs.

Everything here is made from sections and from the table of uWSGI's options; nothing is written twice.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any, Final

from uwsgid.config.directive import Directive
from uwsgid.config.index import Index
from uwsgid.config.kinds import CHMOD, MEGABYTES, OCTAL, Flag, Kind, Takes, Texts
from uwsgid.config.known import KnownOption, Support
from uwsgid.config.section import Option, Section, flag, option, section

_COLUMN: Final = 34


@section("Configuration")
class Questions(Section):
    """What the server is asked about its configuration."""

    help: Flag = flag("help", "usage", "h", default=False, immediate=True, help="print this list and exit")
    version: Flag = flag("version", default=False, help="print the version and exit")
    get: Texts = option(
        "get", default=(), help="print the first value of this option, after all expansion, and exit"
    )
    show_config: Flag = flag(
        "show-config", default=False, help="print the whole configuration as it was understood"
    )
    dump_options: Flag = flag("dump-options", default=False, help="print the names of all options and exit")


# For the terminal ------------------------------------------------------------------------------------------


def help_text(names: Index, *, width: int = 80) -> str:
    """What ``--help`` prints: every option that does something, by topic.

    :param width: of the terminal, in characters.
    """
    lines = ["Usage: uwsgid [options...]"]
    for title, entries in _topics(names):
        lines += ["", f"{title}:"]
        for left, help in entries:
            lines += _two_columns(left, help, max(width, _COLUMN + 20))
    return "\n".join(lines) + "\n"


def _topics(names: Index) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    topics: dict[str, list[tuple[str, str]]] = {}
    for cls in names.sections:
        for declared in cls.options:
            topics.setdefault(cls.title, []).extend(_help_entries(names, declared))
    for row in names.rows():
        if row.support is Support.HONOURED and names.declared(row.name) is None:
            argument = _argument(row.takes, "value")
            topics.setdefault(row.group, []).append((_left(row.letters, row.names, argument), row.help))
    yield from topics.items()


def _help_entries(names: Index, declared: Option) -> Iterator[tuple[str, str]]:
    word = "value" if declared.kind.name in ("list", "text", "optional text") else declared.kind.name
    argument = _argument(declared.kind.takes, word)
    letters = tuple(letter for letter in declared.letters if names.by_letter(letter) == declared.name)
    yield _left(letters, _aliases(names, declared), argument), declared.help
    for name, help in declared.also.items():
        yield _left((), (name,), argument), help


def _aliases(names: Index, declared: Option) -> tuple[str, ...]:
    """The names of an option, with those that only the table of uWSGI's options has."""
    row = names.known(declared.name)
    more = row.names if row is not None else ()
    return tuple(
        name
        for name in dict.fromkeys((*declared.names, *more))
        if (found := names.declared(name)) is not None
        and found.option is declared
        and name not in declared.also
    )


def _argument(takes: Takes, word: str) -> str:
    return {Takes.NOTHING: "", Takes.MAYBE: f"[=<{word}>]", Takes.VALUE: f" <{word}>"}[takes]


def _left(letters: Iterable[str], spellings: Iterable[str], argument: str) -> str:
    words = [*(f"-{letter}" for letter in letters), *(f"--{name}" for name in spellings)]
    return ", ".join(words) + argument


def _two_columns(left: str, right: str, width: int) -> list[str]:
    lines = textwrap.wrap(
        right, width, initial_indent=" " * _COLUMN, subsequent_indent=" " * _COLUMN, break_on_hyphens=False
    )
    start = textwrap.wrap(
        left, width, initial_indent="  ", subsequent_indent="      ", break_on_hyphens=False
    )
    if not lines:
        return start
    if len(start) == 1 and len(start[0]) < _COLUMN:
        return [start[0].ljust(_COLUMN) + lines[0].lstrip(), *lines[1:]]
    return [*start, *lines]


def show_config(directives: Iterable[Directive]) -> str:
    """What ``--show-config`` prints: the configuration as one INI file (core/config.c, show_config)."""
    lines = [";uWSGI instance configuration", "[uwsgi]", *map(str, directives), ";end of configuration"]
    return "\n".join(lines) + "\n"


def dump_options(names: Index) -> str:
    """What ``--dump-options`` prints: every name that has an effect, one a line."""
    honoured = (name for name in names.names() if names.support(name) is Support.HONOURED)
    return "".join(f"{name}\n" for name in sorted(honoured))


def get_option(directives: Iterable[Directive], name: str) -> str | None:
    """What ``--get`` prints: the first value of *name*; None where it is absent or has none."""
    return next((directive.value for directive in directives if directive.name == name), None)


# For the manual --------------------------------------------------------------------------------------------

_STATES: Final = {
    Support.HONOURED: "honoured",
    Support.ACCEPTED: "accepted without effect",
    Support.REFUSED: "refused",
}


def reference_rst(names: Index) -> str:
    """The page of all options, in reStructuredText: what is honoured, then what becomes of all the others."""
    return "\n".join([*_options_rst(names), *_compatibility_rst(names)]).rstrip() + "\n"


def _options_rst(names: Index) -> Iterator[str]:
    titles: dict[str, list[type[Section]]] = {}
    for cls in names.sections:
        titles.setdefault(cls.title, []).append(cls)
    for title, sections in titles.items():
        yield from _heading(title, "=")
        for cls in sections:
            yield from (inspect.cleandoc(cls.__doc__ or "").split("\n\n")[0], "")
            for declared in cls.options:
                yield from _option_rst(names, declared)


def _option_rst(names: Index, declared: Option) -> Iterator[str]:
    words = [*_aliases(names, declared), *(f"-{letter}" for letter in declared.letters)]
    yield ", ".join(f"``{word}``" for word in words)
    yield f"    {_sentence(declared.help)}"
    yield ""
    yield f"    :Value: {declared.kind.expected if declared.kind.takes is not Takes.NOTHING else 'on or off'}"
    if declared.kind.many:
        yield "    :Repeated: every occurrence adds to the list"
    yield f"    :Default: {_default(declared.kind, declared.default)}"
    if implied := names.implies(declared.name):
        yield f"    :Turns on: {', '.join(f'``{name}``' for name in implied)}"
    row = names.known(declared.name)
    yield f"    :Since: {f'uWSGI {row.since}' if row is not None else 'uwsgid only'}"
    if declared.note:
        yield f"    :Note: {_sentence(declared.note)}"
    yield ""
    for name, help in declared.also.items():
        yield from (f"``{name}``", f"    {_sentence(help)}", "")


def _sentence(text: str) -> str:
    names_an_option = "-" in text.split(" ", 1)[0]
    start = text[:1] if names_an_option else text[:1].upper()
    return start + text[1:] + ("" if text.endswith(".") else ".")


def _default(kind: Kind, value: Any) -> str:
    if value is None or value == "" or value == ():
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if kind in (OCTAL, CHMOD):
        return f"``{value:03o}``"
    if kind is MEGABYTES:
        return f"{value >> 20} MB"
    if isinstance(value, tuple):
        return ", ".join(f"``{item}``" for item in value)
    return f"``{value}``"


def _compatibility_rst(names: Index) -> Iterator[str]:
    yield from _heading("Every option of uWSGI", "=")
    yield "What becomes of each name that uWSGI 1.9.16, 2.0 or 2.1 knows."
    yield ""
    groups: dict[str, list[KnownOption]] = {}
    for row in names.rows():
        groups.setdefault(row.group, []).append(row)
    for group, rows in groups.items():
        yield from _heading(f"{group}: compatibility", "-")
        yield from (".. list-table::", "    :header-rows: 1", "    :widths: 40 10 20 30", "")
        yield from _row_rst("Option", "Since", "State", "Meaning, and why")
        for row in rows:
            state = names.support(row.name) or row.support
            why = row.help if state is Support.HONOURED else f"{row.help}; {row.reason}"
            spelled = (*row.names, *(f"-{letter}" for letter in row.letters))
            yield from _row_rst(
                ", ".join(f"``{word}``" for word in spelled), row.since, _STATES[state], _sentence(why)
            )
        yield ""


def _heading(title: str, line: str) -> tuple[str, str, str]:
    return title, line * len(title), ""


def _row_rst(first: str, *others: str) -> Iterator[str]:
    yield f"    * - {first}"
    yield from (f"      - {cell}" for cell in others)
