"""JSON: the members of one object, in the order of the document.

A scanner of our own over the standard library's string scanner, because a configuration needs what
`json.loads` forgets: the line of each member, and members that are repeated.  It is strict: one document, no
trailing commas, no comments, no NaN.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from json import JSONDecodeError, decoder
from typing import ClassVar, Final

from uwsgid.config.directive import Directive, Origin
from uwsgid.config.formats.parsed import DEFAULT_SECTION, Parsed, refuse
from uwsgid.errors import ConfigError
from uwsgid.families import config_formats

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORDS: Final = {"true": "1", "false": "0", "null": "0"}
_DEEPEST: Final = 64
_scan_string: Callable[[str, int, bool], tuple[str, int]] = vars(decoder)["scanstring"]  # no stub has it


@dataclass(frozen=True, slots=True)
class _Value:
    """A value and where it starts.

    :ivar data: text for what an option can hold, a float's or object's members otherwise.
    """

    data: str | float | list[_Value] | list[tuple[_Value, _Value]]
    line: int
    is_object: bool = False


class _Scanner:
    """One pass over a document."""

    def __init__(self, text: str, source: str) -> None:
        self._text = text
        self._source = source
        self._at = 0
        self._line = 1
        self._counted = 0

    def document(self) -> _Value:
        value = self._value(0)
        self._skip()
        if self._at < len(self._text):
            raise self._error("the document goes on after its end")
        return value

    def _line_here(self) -> int:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def _error(self, text: str) -> ConfigError:
        return refuse(self._source, self._line_here(), f"JSON: {text}")

    def _skip(self) -> str:
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return self._text[self._at : self._at + 1]

    def _value(self, depth: int) -> _Value:
        first = self._skip()
        line = self._line_here()
        if depth > _DEEPEST:
            raise self._error("too many values inside each other")
        if first == "{":
            return _Value(self._members(depth), line, is_object=True)
        if first == "[":
            return _Value(self._items(depth), line)
        if first == '"':
            return _Value(self._string(), line)
        for word, meaning in _WORDS.items():
            if self._text.startswith(word, self._at):
                self._at += len(word)
                return _Value(meaning, line)
        if (number := _NUMBER.match(self._text, self._at)) is not None:
            self._at = number.end()
            return _Value(float(number[0]) if number[1] or number[2] else number[0], line)
        raise self._error(f"expected a value, found {first!r}" if first else "the document ends too early")

    def _string(self) -> str:
        try:
            text, self._at = _scan_string(self._text, self._at + 1, True)
        except JSONDecodeError as error:
            self._at = error.pos
            raise self._error(error.msg) from None
        return text

    def _items(self, depth: int) -> list[_Value]:
        items: list[_Value] = []
        self._at += 1
        if self._skip() == "]":
            self._at += 1
            return items
        while True:
            items.append(self._value(depth + 1))
            if self._next("]"):
                return items

    def _members(self, depth: int) -> list[tuple[_Value, _Value]]:
        members: list[tuple[_Value, _Value]] = []
        self._at += 1
        if self._skip() == "}":
            self._at += 1
            return members
        while True:
            if self._skip() != '"':
                raise self._error('expected a name in double quotes (or there is a "," too many)')
            name = _Value(self._string(), self._line_here())
            if self._skip() != ":":
                raise self._error('expected ":" after a name')
            self._at += 1
            members.append((name, self._value(depth + 1)))
            if self._next("}"):
                return members

    def _next(self, closer: str) -> bool:
        found = self._skip()
        if found not in (",", closer) or not found:
            raise self._error(f'expected "," or "{closer}"')
        self._at += 1
        return found == closer


@config_formats.member("json", "js")
class Json:
    """The members of an object called ``uwsgi``."""

    suffixes: ClassVar[tuple[str, ...]] = (".json", ".js")
    announcement: ClassVar[str] = "[uWSGI] getting JSON configuration from {file}"

    @staticmethod
    def parse(text: str, source: str, section: str | None, *, mode: str = "") -> Parsed:
        """The members of the object *section*; an array is one directive for each of its elements.

        :raises ConfigError: also for a float and for an object as a value, which uWSGI drops
            silently (core/json.c).
        """
        wanted = section or DEFAULT_SECTION
        document = _Scanner(text, source).document()
        found = [value for name, value in _members_of(document) if name.data == wanted and value.is_object]
        if not found:
            raise refuse(source, 0, f"you must define a object named {wanted} in your JSON data")
        directives: list[Directive] = []
        for name, value in _members_of(found[-1]):
            for item in value.data if isinstance(value.data, list) and not value.is_object else [value]:
                if not isinstance(item, _Value) or not isinstance(item.data, str):
                    kind = "a float" if isinstance(getattr(item, "data", None), float) else "an object"
                    raise refuse(source, value.line, f"{name.data}: an option can not hold {kind}")
                directives.append(Directive(str(name.data), item.data, Origin(source, item.line)))
        return Parsed(tuple(directives))


def _members_of(value: _Value) -> list[tuple[_Value, _Value]]:
    return [pair for pair in value.data if isinstance(pair, tuple)] if isinstance(value.data, list) else []
