"""How a value stands in the line of a request.

What a client sends must not forge lines, so control characters of any value are written as ``\\xNN``.  Values
are latin-1 text, as WSGI keeps them, and leave as the bytes they came as.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def escape(text: str) -> str:
    """*text* without control characters."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found.group()):02x}", text)


def latin(value: object) -> str:
    """*value* as latin-1 text: what an application made of any other characters becomes their UTF-8 bytes."""
    text = value if type(value) is str else str(value)
    if text.isascii():
        return text
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape" if _lone_bytes(text) else "replace").decode("latin-1")
    return text


def _lone_bytes(text: str) -> bool:
    return all(not 0xD800 <= code <= 0xDFFF or 0xDC80 <= code <= 0xDCFF for code in map(ord, text))


class Clock:
    """The time of day as text, made once a second."""

    def __init__(self, make: Callable[[int], str]) -> None:
        self._make = make
        self._second = -1
        self._text = ""

    def at(self, second: int) -> str:
        """The text of *second* of unix."""
        if second != self._second:
            # the text first: another thread may read between the two
            text = self._make(second)
            self._text, self._second = text, second
            return text
        return self._text
