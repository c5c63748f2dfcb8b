"""What the text of an option may be, and what it becomes.

A kind is the metadata of an ``Annotated`` type, so that the annotation of a field tells the truth to mypy
and to the parser at once::

    timeout: Seconds = option("harakiri", "t", default=0, help="…")

The names follow uWSGI's table of argument kinds; unlike uWSGI, text that is not wholly a value of the kind is
an error (uWSGI's ``atoi`` takes ``30s`` for 30 and ``soon`` for 0).
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from uwsgid.config.directive import Directive
from uwsgid.errors import ConfigError

TRUE: Final = frozenset({"true", "on", "yes", "1", ""})
FALSE: Final = frozenset({"false", "off", "no", "0"})


class Takes(enum.Enum):
    """Whether an option has a value on the command line."""

    NOTHING = "nothing"
    MAYBE = "maybe"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Kind:
    """How the value of an option is read.

    :ivar name: as in the reference, for example ``seconds``.
    :ivar expected: completes "expected …" in an error.
    :ivar parse: text to value; raises `ValueError` where the text is none.  Its message, if it has one,
        replaces "expected …".
    :ivar bare: the value of the option without text, where `takes` allows that.
    :ivar many: each occurrence adds one value; without it the last occurrence wins.
    :ivar spreads: of a kind with `many`: `parse` makes several values, each of which is added.
    :ivar reads_directive: `parse` gets the whole `Directive`; for fields that several options feed.
    """

    name: str
    expected: str
    parse: Callable[[Any], Any]
    takes: Takes = Takes.VALUE
    bare: Any = None
    many: bool = False
    spreads: bool = False
    reads_directive: bool = False

    def convert(self, directive: Directive) -> Any:
        """The value of *directive*.

        :raises ConfigError: ``shop.ini:14: harakiri: expected a number of seconds, got 'soon'``.
        """
        if self.reads_directive:
            given: Any = directive
        elif directive.value is None:
            if self.takes is Takes.VALUE:
                raise ConfigError(
                    f"{directive.origin}: {directive.name}: expected {self.expected}, got no value"
                )
            return self.bare
        elif directive.value == "" and self.takes is Takes.MAYBE:
            return self.bare  # a key alone in a file is an empty text
        else:
            given = directive.value
        try:
            return self.parse(given)
        except ValueError as error:
            said = str(error) or f"expected {self.expected}, got {directive.value!r}"
            raise ConfigError(f"{directive.origin}: {directive.name}: {said}") from None


def _flag(text: str) -> bool:
    word = text.strip().lower()
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise ValueError


def _whole(low: int, high: int | None = None, scale: int = 1) -> Callable[[str], int]:
    def parse(text: str) -> int:
        digits = text.strip()
        if not (digits.lstrip("-").isascii() and digits.removeprefix("-").isdigit()):
            raise ValueError
        number = int(digits)
        if number < low:
            raise ValueError(f"{number} is too small, the least is {low}")
        if high is not None and number > high:
            raise ValueError(f"{number} is too large, the most is {high}")
        return number * scale

    return parse


def _octal(text: str) -> int:
    if not (3 <= len(text) <= 4) or any(digit not in "01234567" for digit in text):
        raise ValueError
    return int(text, 8)


def _chmod(text: str) -> int:
    # uWSGI takes "1", what a bare flag becomes in its files, for 666 (core/socket.c)
    return 0o666 if text.lower() in ("1", "true", "") else _octal(text)


def _csv(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.split(",") if item.strip())


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ValueError
    return name, value


def _text(text: str) -> str:
    return text


FLAG: Final = Kind("flag", "true or false", _flag, Takes.NOTHING, bare=True)
INTEGER: Final = Kind("integer", "a whole number", _whole(0))
SIGNED: Final = Kind("signed integer", "a whole number, maybe negative", _whole(-(2**31), 2**31 - 1))
U16: Final = Kind("integer up to 65535", "a whole number up to 65535", _whole(0, 65535))
COUNT: Final = Kind("positive integer", "a whole number from 1", _whole(1))
OPTIONAL_INTEGER: Final = Kind("optional integer", "a whole number", _whole(0), Takes.MAYBE, bare=1)
BYTES: Final = Kind("bytes", "a number of bytes", _whole(0))
SECONDS: Final = Kind("seconds", "a number of seconds", _whole(0))
MEGABYTES: Final = Kind("megabytes", "a number of megabytes", _whole(0, scale=1 << 20))
OCTAL: Final = Kind("octal mode", "three octal digits", _octal)
CHMOD: Final = Kind("optional octal mode", "three octal digits", _chmod, Takes.MAYBE, bare=0o666)
TEXT: Final = Kind("text", "some text", _text)
OPTIONAL_TEXT: Final = Kind("optional text", "some text", _text, Takes.MAYBE, bare="")
TEXTS: Final = Kind("list", "some text", _text, many=True)
OPTIONAL_TEXTS: Final = Kind("list", "some text", _text, Takes.MAYBE, bare="", many=True)
CSV: Final = Kind("comma-separated list", "names separated by commas", _csv)
CSVS: Final = Kind(
    "list, also separated by commas", "names separated by commas", _csv, many=True, spreads=True
)
PAIRS: Final = Kind("name=value list", "name=value", _pair, many=True)

Flag = Annotated[bool, FLAG]
Integer = Annotated[int, INTEGER]
SignedInteger = Annotated[int, SIGNED]
Short = Annotated[int, U16]
Count = Annotated[int, COUNT]
OptionalInteger = Annotated[int, OPTIONAL_INTEGER]
Bytes = Annotated[int, BYTES]
Seconds = Annotated[int, SECONDS]
Megabytes = Annotated[int, MEGABYTES]  #: the value is in bytes
Octal = Annotated[int, OCTAL]
Chmod = Annotated[int, CHMOD]
Text = Annotated[str, TEXT]
OptionalText = Annotated[str, OPTIONAL_TEXT]
Texts = Annotated[tuple[str, ...], TEXTS]
OptionalTexts = Annotated[tuple[str, ...], OPTIONAL_TEXTS]
Csv = Annotated[tuple[str, ...], CSV]
Csvs = Annotated[tuple[str, ...], CSVS]
Pairs = Annotated[tuple[tuple[str, str], ...], PAIRS]
