"""What the reader of configurations asks about names.

The real answers come from `uwsgid.config.index`; a reading adds to them the options that a configuration
declares for itself with ``declare-option``, and the words of the configuration language, which are known
wherever there is a reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Protocol

from uwsgid.config.kinds import Takes


class OptionIndex(Protocol):
    """Which options exist."""

    def takes(self, name: str) -> Takes | None:
        """Whether the option has a value on the command line; None where nobody knows *name*."""

    def by_letter(self, letter: str) -> str | None:
        """The long name of a one-letter option."""

    def names(self) -> Iterable[str]:
        """Every long name."""

    def is_immediate(self, name: str) -> bool:
        """Whether the option acts while the configuration is read, before any expansion."""

    def nearest(self, name: str) -> tuple[str, ...]:
        """Names that *name* may be a slip of, the likeliest first."""


#: Options whose argument is a configuration, loaded at once, and its format; "" goes by the suffix.
LOADERS: Final[Mapping[str, str]] = {
    "ini": "ini",
    "xml": "xml",
    "xmlconfig": "xml",
    "yaml": "yaml",
    "yal": "yaml",
    "yml": "yaml",
    "json": "json",
    "js": "json",
    "config": "",
    "include": "",
}

#: ``for``, ``if-…`` and what else opens a block.  ``else`` stands between.
OPENERS: Final = frozenset(
    {
        "for",
        "for-glob",
        "for-times",
        "for-readline",
        "if-opt",
        "if-not-opt",
        "if-env",
        "ifenv",
        "if-not-env",
        "if-reload",
        "if-not-reload",
        "if-exists",
        "ifexists",
        "if-not-exists",
        "if-file",
        "if-not-file",
        "if-dir",
        "ifdir",
        "if-directory",
        "if-not-dir",
        "if-plugin",
        "ifplugin",
        "if-not-plugin",
        "if-hostname",
        "if-not-hostname",
        "if-hostname-match",
        "if-not-hostname-match",
    }
)
CLOSERS: Final = frozenset({"end", "endfor", "endif", "end-for", "end-if"})
#: Words without a value.
BARE: Final = CLOSERS | {"else", "if-reload", "if-not-reload", "strict", "end-blacklist", "end-whitelist"}
#: Words that act when they are met, so that no ``$()``, ``@()`` or ``%()`` is expanded in them.
IMMEDIATE: Final = (
    LOADERS.keys()
    | OPENERS
    | BARE
    | {
        "set",
        "set-placeholder",
        "set-ph",
        "resolve",
        "declare-option",
        "iprint",
        "exit",
        "blacklist",
        "whitelist",
        "fallback-config",
        "early-envdir",
        "inject-before",
        "inject-after",
    }
)
#: Words that act once the whole list is there.
LATE: Final = frozenset({"inherit", "declare-option2", "print"})
_MAYBE: Final = frozenset({"endfor", "endif", "end-for", "end-if", "exit"})
_LETTERS: Final = {"x": "xml", "y": "yaml", "j": "json", "S": "set"}


class Lexicon:
    """An `OptionIndex` that also knows the words of the language and the custom options of a reading."""

    def __init__(self, options: OptionIndex) -> None:
        self._options = options
        self._custom: dict[str, Takes] = {}

    def declare(self, name: str, takes: Takes) -> None:
        """Add a custom option.  A built-in one of the same name wins (core/uwsgi.c, build_options)."""
        self._custom.setdefault(name, takes)

    def takes(self, name: str) -> Takes | None:
        if (takes := self._options.takes(name)) is not None:
            return takes
        if name in self._custom:
            return self._custom[name]
        if name in _MAYBE:
            return Takes.MAYBE
        if name in BARE:
            return Takes.NOTHING
        return Takes.VALUE if name in IMMEDIATE or name in LATE else None

    def by_letter(self, letter: str) -> str | None:
        return self._options.by_letter(letter) or _LETTERS.get(letter)

    def names(self) -> Iterator[str]:
        yield from dict.fromkeys((*self._options.names(), *self._custom, *sorted(IMMEDIATE | LATE)))

    def is_immediate(self, name: str) -> bool:
        return name in IMMEDIATE or (name not in LATE and self._options.is_immediate(name))

    def is_custom(self, name: str) -> bool:
        """Whether *name* is a custom option and nothing else."""
        return name in self._custom and self._options.takes(name) is None

    def nearest(self, name: str) -> tuple[str, ...]:
        return self._options.nearest(name)
