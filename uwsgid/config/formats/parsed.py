"""What a format makes of a text, and how the place of a mistake is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Protocol

from uwsgid.config.directive import Directive, Origin
from uwsgid.errors import ConfigError

DEFAULT_SECTION: Final = "uwsgi"


@dataclass(frozen=True, slots=True)
class Parsed:
    """The lines of one section.

    :ivar warnings: what to tell the user, in full sentences with the place.
    """

    directives: tuple[Directive, ...]
    warnings: tuple[str, ...] = ()


class Format(Protocol):
    """A member of the family ``config_formats``."""

    suffixes: ClassVar[tuple[str, ...]]
    """What the names of its files end with."""

    announcement: ClassVar[str]
    """The line of the start-up log, with ``{file}`` in it."""

    @staticmethod
    def parse(text: str, source: str, section: str | None, *, mode: str = "") -> Parsed:
        """The directives of a section of *text*.

        :param source: names the text in origins and messages.
        :param section: None for the default one.
        :param mode: the value of the option ``mode``, if it is set by now.
        :raises ConfigError: where the text is not of this format; the error says the line.
        """


def missing_section(section: str, kind: str, source: str) -> str:
    """uWSGI's warning for a file without the wanted section (core/ini.c)."""
    return f'Can\'t find section "{section}" in {kind} configuration file {source}'


def refuse(source: str, line: int, text: str) -> ConfigError:
    """An error at a line."""
    return ConfigError(f"{Origin(source, line)}: {text}")
