"""``for … endfor`` and ``if-… endif``: which lines of a configuration count, and how often.

A block repeats each of its lines, not the group of them: ``for = a b`` around two lines gives the first for
a and b, then the second for a and b.  In the values of those lines ``%(_)`` is the item, or what the
condition was about.  Blocks do not nest and are not confined to their file.

uWSGI asks a condition anew for each line of its block (core/logic.c), so that a line can end the truth of its
own condition; here a condition is asked once, when its block opens.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol

from uwsgid.config.directive import Directive
from uwsgid.config.facts import Facts
from uwsgid.errors import ConfigError

_ITEM: Final = "%(_)"
_MOST_TIMES: Final = 1_000_000


class World(Protocol):
    """What a condition may look at."""

    facts: Facts
    is_reload: bool

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment, with what ``early-envdir`` added."""

    def first(self, name: str) -> Directive | None:
        """The first directive of that name so far."""

    def text_of(self, uri: str) -> str:
        """The text of a file or another source; raises `ConfigError`."""


@dataclass(frozen=True, slots=True)
class Block:
    """An open block.

    :ivar items: a line is repeated for each; None leaves ``%(_)`` as it is.
    """

    opener: Directive
    items: tuple[str | None, ...]

    def lines(self, directive: Directive) -> Iterator[Directive]:
        """What becomes of a line inside the block."""
        for item in self.items:
            if item is None or directive.value is None:
                yield directive
            else:
                yield directive.with_value(directive.value.replace(_ITEM, item))

    def otherwise(self) -> Block:
        """The block after ``else``.

        :raises ConfigError: inside a ``for``, which has no other side.
        """
        if self.opener.name.startswith("for"):
            raise ConfigError(f'"else" belongs to an "if-…", the open block is {self}')
        return replace(self, items=() if self.items else (None,))

    def __str__(self) -> str:
        return f'"{self.opener.name}" of {self.opener.origin}'


def open_block(opener: Directive, world: World) -> Block:
    """The block that *opener* begins.

    :raises ConfigError: when its argument makes no sense.
    """
    value = opener.value or ""
    if opener.name in _LOOPS:
        return Block(opener, tuple(_LOOPS[opener.name](value, world)))
    holds, item = _CONDITIONS[_PLAIN.get(opener.name, opener.name).replace("if-not-", "if-")](value, world)
    if opener.name.startswith("if-not-"):
        holds = not holds
    return Block(opener, (item,) if holds else ())


def _words(value: str, world: World) -> Iterator[str]:
    return iter(word for word in value.split(" ") if word)


def _glob(pattern: str, world: World) -> Iterator[str]:
    found = sorted(glob.glob(pattern, root_dir=world.facts.cwd))
    if not found:
        yield pattern
    for path in found:
        is_directory = os.path.isdir(os.path.join(world.facts.cwd, path))
        yield path + "/" if is_directory and not path.endswith("/") else path


def _times(value: str, world: World) -> Iterator[str]:
    digits = value.strip()
    if not (digits.isascii() and digits.isdigit()) or int(digits) > _MOST_TIMES:
        raise ConfigError(f"for-times: expected a number up to {_MOST_TIMES}, got {value!r}")
    return (str(number) for number in range(1, int(digits) + 1))


def _readline(value: str, world: World) -> Iterator[str]:
    return (line.rstrip("\r") for line in world.text_of(value).removesuffix("\n").split("\n"))


_LOOPS: Final[Mapping[str, Callable[[str, World], Iterator[str]]]] = {
    "for": _words,
    "for-glob": _glob,
    "for-times": _times,
    "for-readline": _readline,
}

Answer = tuple[bool, str | None]


def _compare(found: str | None, wanted: str, compares: bool) -> Answer:
    return found is not None and (not compares or found == wanted), found


def _opt(value: str, world: World) -> Answer:
    name, equals, wanted = value.partition("=")
    first = world.first(name)
    # the original crashes on an option without any value; it is empty here
    return _compare(None if first is None else first.value or "", wanted, bool(equals))


def _env(value: str, world: World) -> Answer:
    name, equals, wanted = value.partition("=")
    return _compare(world.environ.get(name), wanted, bool(equals))


def _reload(value: str, world: World) -> Answer:
    return world.is_reload, None


def _readable(value: str, world: World) -> Answer:
    return os.access(os.path.join(world.facts.cwd, value), os.R_OK), value


def _file(value: str, world: World) -> Answer:
    return os.path.isfile(os.path.join(world.facts.cwd, value)), value


def _directory(value: str, world: World) -> Answer:
    return os.path.isdir(os.path.join(world.facts.cwd, value)), value


def _plugin(value: str, world: World) -> Answer:
    return value in world.facts.plugins, value


def _hostname(value: str, world: World) -> Answer:
    return world.facts.hostname == value, value


def _hostname_match(value: str, world: World) -> Answer:
    try:
        return re.search(value, world.facts.hostname) is not None, world.facts.hostname
    except re.error as error:
        raise ConfigError(f"if-hostname-match: {value!r} is no regular expression: {error}") from None


_CONDITIONS: Final[Mapping[str, Callable[[str, World], Answer]]] = {
    "if-opt": _opt,
    "if-env": _env,
    "if-reload": _reload,
    "if-exists": _readable,
    "if-file": _file,
    "if-dir": _directory,
    "if-plugin": _plugin,
    "if-hostname": _hostname,
    "if-hostname-match": _hostname_match,
}
_PLAIN: Final = {
    "ifenv": "if-env",
    "ifexists": "if-exists",
    "ifdir": "if-dir",
    "if-directory": "if-dir",
    "ifplugin": "if-plugin",
}
