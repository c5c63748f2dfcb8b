"""One configuration file: its name, its section, its text, its magic, its lines.

`Loader` remembers what the language wants remembered between files: the last file of each format
(``:section`` alone means that one), the first file (``%O``), what ``inject-before`` and ``inject-after`` add,
and the text of sources that can be read only once.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Final

from uwsgid.config.directive import Directive, Origin
from uwsgid.config.facts import Facts
from uwsgid.config.formats import Format, Parsed
from uwsgid.config.magic import Magic
from uwsgid.config.sources import fetch, has_scheme, scheme_of
from uwsgid.errors import ConfigError
from uwsgid.families import config_formats

_READ_ONCE: Final = ("fd://",)


@dataclass(frozen=True, slots=True)
class Target:
    """A section of a source, in a format.

    :ivar uri: the source as given, without its section.
    :ivar section: None where none was asked for; empty for ``file:``.
    :ivar format: the name of a member of ``config_formats``.
    """

    uri: str
    section: str | None
    format: str

    def key(self, facts: Facts) -> tuple[str, str]:
        """What tells this target from others, however its path is written."""
        if self.uri == "-" or has_scheme(self.uri):
            return self.uri, self.section or ""
        return os.path.normpath(os.path.join(facts.cwd, self.uri)), self.section or ""

    def __str__(self) -> str:
        return f"{self.uri}:{self.section}" if self.section else self.uri


def split_section(argument: str) -> tuple[str, str | None]:
    """The source and the section of ``file:section``.

    The last colon counts, in a URL only behind its last slash (core/ini.c).  The first one of
    ``call://module:function`` belongs to the call.
    """
    scheme = scheme_of(argument)
    after = argument.rfind("/") + 1 if scheme else 0
    if scheme in ("call", "callint"):
        after = argument.find(":", after) + 1 or len(argument)
    colon = argument.rfind(":", after)
    return (argument, None) if colon < 0 else (argument[:colon], argument[colon + 1 :])


def format_of(uri: str) -> str:
    """The format that answers for the suffix of *uri*, or ""."""
    for member in config_formats:
        if uri.endswith(member.part.suffixes):
            return member.name
    return ""


@dataclass(slots=True)
class Loader:
    """Reads configuration files for one reading.

    :ivar sources: the sources that were read, in order, paths made absolute.
    :ivar asked: the first of them as it was written.
    :ivar notices: the lines of the start-up log.
    :ivar fetch_failed: some source could not be read.
    """

    facts: Facts
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    asked: str = ""
    notices: list[str] = field(default_factory=list)
    fetch_failed: bool = False
    _last: dict[str, str] = field(default_factory=dict)
    _first: Magic | None = None
    _kept: dict[str, str] = field(default_factory=dict)

    def target(self, argument: str, kind: str = "") -> Target:
        """What *argument* points to.

        :param kind: the format; without it the suffix decides.
        :raises ConfigError: where no format answers for the suffix, or ``:section`` has no file before it.
        """
        uri, section = split_section(argument)
        if not uri:
            name = kind or "ini"
            if name not in self._last:
                raise ConfigError(
                    f"{argument!r} means a section of the last {name} file, and there is none yet"
                )
            return Target(self._last[name], section, name)
        name = kind or format_of(uri)
        if not name:
            known = " ".join(suffix for member in config_formats for suffix in member.part.suffixes)
            raise ConfigError(
                f"unable to load configuration from {argument}: no format answers for its suffix "
                f"(known: {known}); options like --ini take any name"
            )
        return Target(uri, section, name)

    def load(self, target: Target, *, is_first: bool, mode: str = "") -> Parsed:
        """The directives of *target*.

        :param is_first: the file counts for ``%O`` and the other capitals, if it is the first that does.
        :param mode: the value of the option ``mode``.
        :raises ConfigError: when the text can not be had or is wrong.
        """
        part: Format = config_formats[target.format]
        magic = Magic.for_source(target.uri, self.facts, section=target.section)
        if is_first and self._first is None:
            self._first = magic
        magic = Magic.for_source(target.uri, self.facts, section=target.section, first=self._first)
        self.notices.append(part.announcement.format(file=target.uri))
        if target.format == "xml" and target.section:
            self.notices.append(f"[uWSGI] using xml uwsgi id: {target.section}")
        pieces = [(uri, self.text_of(uri)) for uri in (*self.before, target.uri, *self.after)]
        self._last[target.format] = target.uri
        if len(pieces) == 1:
            return part.parse(magic.substitute(pieces[0][1]), target.uri, target.section, mode=mode)
        texts = [text if text.endswith("\n") else text + "\n" for _, text in pieces]
        parsed = part.parse(magic.substitute("".join(texts)), target.uri, target.section, mode=mode)
        counts = [(uri, text.count("\n")) for (uri, _), text in zip(pieces, texts, strict=True)]
        return Parsed(tuple(_placed(directive, counts) for directive in parsed.directives), parsed.warnings)

    def text_of(self, uri: str) -> str:
        """The text of a source, which is noted as read.

        :raises ConfigError: when it can not be had.
        """
        if uri in self._kept:
            return self._kept[uri]
        try:
            text = fetch(uri, self.facts)
        except ConfigError:
            # an emperor that sends nothing shall try again (core/io.c, uwsgi_open_and_read)
            self.fetch_failed = not uri.startswith("emperor://")
            raise
        if uri == "-" or uri.startswith(_READ_ONCE):
            self._kept[uri] = text
        plain = uri == "-" or scheme_of(uri)
        self.asked = self.asked or uri
        self.sources.append(uri if plain else os.path.join(self.facts.cwd, uri))
        return text


def _placed(directive: Directive, pieces: list[tuple[str, int]]) -> Directive:
    """*directive* with its line in the piece of text that it came from."""
    line = directive.origin.line
    for uri, lines in pieces:
        if line <= lines:
            return Directive(directive.name, directive.value, Origin(uri, line))
        line -= lines
    return directive
