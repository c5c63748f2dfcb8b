"""What a terminal sends, as keys: bytes in, names of keys out.

Bytes are UTF-8, and what begins with an escape is a sequence of a VT100 and its heirs.  A sequence may come
in any number of pieces.  A window that changes its size is a key as well: ``CSI 8 ; rows ; columns t``, the
form in which terminals report their size, and in which `uwsgid.manhole.client` does.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_CONTROLS: Final = {
    "\x01": "home", "\x02": "left", "\x03": "interrupt", "\x04": "end of input", "\x05": "end",
    "\x06": "right", "\x08": "backspace", "\t": "tab", "\n": "enter", "\x0b": "cut to end",
    "\x0c": "clear", "\r": "enter", "\x0e": "down", "\x10": "up", "\x15": "cut to start",
    "\x17": "cut word", "\x19": "paste", "\x7f": "backspace",
}  # fmt: skip
_SEQUENCES: Final = {
    "[A": "up", "[B": "down", "[C": "right", "[D": "left", "[H": "home", "[F": "end",
    "OA": "up", "OB": "down", "OC": "right", "OD": "left", "OH": "home", "OF": "end",
    "[1~": "home", "[3~": "delete", "[4~": "end", "[7~": "home", "[8~": "end",
    "[1;5C": "next word", "[1;5D": "previous word", "f": "next word", "b": "previous word",
    "\x7f": "cut word", "d": "cut next word",
}  # fmt: skip
_LONGEST: Final = 32  #: characters of a sequence; whoever sends more sends no sequence
_MOST_COLUMNS: Final = 4096


@dataclass(frozen=True, slots=True)
class Resized:
    """The window has so many columns now."""

    columns: int


#: A printable character, the name of a key (which is longer than one character), or a new size.
Key = str | Resized


class Keys:
    """Reads keys from bytes."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._sequence: str | None = None
        self._last = ""

    def feed(self, data: bytes) -> Iterator[Key]:
        """The keys that *data* completes.  Those that mean nothing are left out."""
        for letter in self._decoder.decode(data):
            key = self._take(letter)
            if key:
                yield key

    def _take(self, letter: str) -> Key:
        last, self._last = self._last, letter
        if self._sequence is not None:
            return self._go_on(letter)
        if letter == "\x1b":
            self._sequence = ""
            return ""
        if letter == "\n" and last == "\r":
            return ""  # one key of a terminal that sends both
        return letter if letter.isprintable() else _CONTROLS.get(letter, "")

    def _go_on(self, letter: str) -> Key:
        so_far = (self._sequence or "") + letter
        is_open = so_far in ("[", "O") or (so_far[0] == "[" and letter in "0123456789;?")
        if is_open and len(so_far) < _LONGEST:
            self._sequence = so_far
            return ""
        self._sequence = None
        return _size(so_far) if so_far.endswith("t") else _SEQUENCES.get(so_far, "")


def _size(sequence: str) -> Key:
    words = sequence[1:-1].split(";")
    if len(words) == 3 and words[0] == "8" and all(word.isdecimal() for word in words):
        return Resized(max(1, min(int(words[2]), _MOST_COLUMNS)))
    return ""
