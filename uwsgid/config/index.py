"""Which option a name means: the sections' declarations first, then the table of all names of uWSGI.

The reader of configurations asks for the little it needs (`takes`, `by_letter`, `is_immediate`), settings and
the reference ask for the rest.  Nothing here knows what an option does.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from uwsgid.config.kinds import Takes
from uwsgid.config.known import KNOWN, KnownOption, Support
from uwsgid.config.section import Option, Section, declared_sections
from uwsgid.errors import InternalError


@dataclass(frozen=True, slots=True)
class Declared:
    """An option and the section that declares it."""

    section: type[Section]
    option: Option


class Index:
    """All option names that uwsgid knows.

    A name that a section does not repeat, but that uWSGI has as an alias of a declared one, means the
    declared option as well.

    :param sections: where the options are declared.
    :param known: the table of uWSGI's options.
    :raises InternalError: when two declarations use the same name or letter.
    :ivar listed: the sections as a set.
    """

    def __init__(self, sections: Iterable[type[Section]], known: Iterable[KnownOption] = KNOWN) -> None:
        self.sections = tuple(sections)
        self.listed = frozenset(self.sections)
        self._declared: dict[str, Declared] = {}
        self._known: dict[str, KnownOption] = {}
        self._letters: dict[str, str] = {}
        for section in self.sections:
            for option in section.options:
                self._declare(Declared(section, option))
        for row in known:
            self._note(row)

    def _declare(self, declared: Declared) -> None:
        option = declared.option
        for name in option.spellings():
            self._claim(self._declared, name, declared)
        for letter in option.letters:
            taken = self._letters.setdefault(letter, option.name)
            if taken != option.name:
                raise InternalError(f"-{letter} is declared by {taken!r} and by {option.name!r}")

    @staticmethod
    def _claim(table: dict[str, Declared], name: str, declared: Declared) -> None:
        first = table.setdefault(name, declared)
        if first is not declared:
            raise InternalError(
                f"the option {name!r} is declared twice: "
                f"by {first.section.__qualname__} and by {declared.section.__qualname__}"
            )

    def _note(self, row: KnownOption) -> None:
        target = next((self._declared[name] for name in row.names if name in self._declared), None)
        for name in row.names:
            if self._known.setdefault(name, row) is not row:
                raise InternalError(f"the option {name!r} stands twice in the table of known options")
            if target is not None and name not in target.option.also:
                self._declared.setdefault(name, target)
        for letter in row.letters:
            self._letters.setdefault(letter, target.option.name if target else row.name)

    # What the reader of configurations asks ------------------------------------------------------------

    def takes(self, name: str) -> Takes | None:
        """Whether the option has a value on the command line; None where nobody knows *name*."""
        if (declared := self._declared.get(name)) is not None:
            return declared.option.kind.takes
        row = self._known.get(name)
        return row.takes if row is not None else None

    def by_letter(self, letter: str) -> str | None:
        """The long name of a one-letter option."""
        return self._letters.get(letter)

    def names(self) -> Iterator[str]:
        """Every long name, declared ones first."""
        yield from self._declared
        yield from (name for name in self._known if name not in self._declared)

    def is_immediate(self, name: str) -> bool:
        """Whether the option acts while the configuration is read, before any expansion."""
        if (declared := self._declared.get(name)) is not None and declared.option.immediate:
            return True
        row = self._known.get(name)
        return row is not None and row.immediate

    # What settings and the reference ask ---------------------------------------------------------------

    def __contains__(self, name: str) -> bool:
        return name in self._declared or name in self._known

    def lookup(self, name: str) -> Option | KnownOption | None:
        """The declaration of *name*, or else what is known of it, or None."""
        declared = self._declared.get(name)
        return declared.option if declared is not None else self._known.get(name)

    def declared(self, name: str) -> Declared | None:
        """The declaration of *name* with its section."""
        return self._declared.get(name)

    def known(self, name: str) -> KnownOption | None:
        """What the table of uWSGI's options says about *name*."""
        return self._known.get(name)

    def rows(self) -> Iterator[KnownOption]:
        """The table of uWSGI's options, in its order."""
        return iter(dict.fromkeys(self._known.values()))

    def implies(self, name: str) -> tuple[str, ...]:
        """The options that *name* turns on: those it declares and those of uWSGI's flags."""
        declared = self._declared.get(name)
        row = self._known.get(name)
        return tuple(
            dict.fromkeys(
                (*(declared.option.implies if declared else ()), *(row.implies if row is not None else ()))
            )
        )

    def support(self, name: str) -> Support | None:
        """What uwsgid does with *name*; None where nobody knows it."""
        if name in self._declared:
            return Support.HONOURED
        row = self._known.get(name)
        return row.support if row is not None else None

    def nearest(self, name: str) -> tuple[str, ...]:
        """Up to three names that *name* may be a slip of, the likeliest first.

        A name with underscores whose form with dashes exists is that one and nothing else.
        """
        dashed = name.lower().replace("_", "-")
        if dashed in self:
            return (dashed,)
        return tuple(difflib.get_close_matches(dashed, list(self.names()), n=3, cutoff=0.75))


@functools.lru_cache(maxsize=8)
def _index_of(sections: tuple[type[Section], ...]) -> Index:
    return Index(sections)


def index() -> Index:
    """The index of the sections imported so far.

    :raises InternalError: when two of them declare the same name.
    """
    return _index_of(declared_sections())
