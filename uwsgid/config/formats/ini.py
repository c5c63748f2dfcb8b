"""INI: ``name = value`` lines under ``[section]``.

No quotes, no escapes, no continued lines and no comments behind a value: ``a = b ; c`` is ``b ; c``, as in
uWSGI (core/ini.c).  Sections that stand more than once are read one after the other.
"""

from __future__ import annotations

from typing import ClassVar, Final

from uwsgid.config.directive import Directive, Origin
from uwsgid.config.formats.parsed import DEFAULT_SECTION, Parsed, missing_section
from uwsgid.families import config_formats

_BLANK: Final = " \t\r"


@config_formats.member("ini")
class Ini:
    """Lines of ``name = value`` in sections."""

    suffixes: ClassVar[tuple[str, ...]] = (".ini",)
    announcement: ClassVar[str] = "[uWSGI] getting INI configuration from {file}"

    @staticmethod
    def parse(text: str, source: str, section: str | None, *, mode: str = "") -> Parsed:
        """The lines of *section*; one that is absent is a warning."""
        wanted = section or DEFAULT_SECTION
        directives: list[Directive] = []
        warnings: list[str] = []
        current: str | None = None
        seen = False
        for number, raw in enumerate(text.split("\n"), 1):
            line = raw.strip(_BLANK)
            if not line or line[0] in ";#":
                continue
            origin = Origin(source, number)
            if line[0] == "[":
                current, bracket, _ = line[1:].partition("]")
                seen = seen or current == wanted
                if not bracket:
                    warnings.append(f'{origin}: the section "{line}" lacks its "]"')
                continue
            if current != wanted:
                continue
            name, _, value = line.partition("=")
            name = name.rstrip(_BLANK)
            if name:
                directives.append(Directive(name, value.lstrip(_BLANK), origin))
            else:
                warnings.append(f"{origin}: {line!r} has no name before its =, skipped")
        if not seen:
            warnings.append(missing_section(wanted, "INI", source))
        return Parsed(tuple(directives), tuple(warnings))
