"""A line as it is typed: moving, cutting, remembering, completing, and how all of that looks.

The editor knows no socket and no terminal.  Keys go in (`uwsgid.manhole.keys`), what the terminal has to show
comes out through a callable, and a finished line is returned.  It draws with a handful of sequences that
every terminal knows, and never more than the line, which may be as long as several rows.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Final

from uwsgid.manhole.completion import Completion
from uwsgid.manhole.keys import Resized

#: What `Editor.press` returns for Ctrl-C, and for Ctrl-D on an empty line.
INTERRUPT: Final = "\x03"
END: Final = "\x04"

_INDENT: Final = "    "
_MOST_LINES: Final = 1000  #: of the history
_LONGEST: Final = 16384  #: characters of a line; a terminal sends no more in earnest


class Editor:
    """One line after the other.

    :param show: takes what the terminal is to show.
    :param complete: tells how a text can go on.
    :ivar history: the lines that were entered, the latest last.
    """

    def __init__(self, show: Callable[[str], None], complete: Callable[[str], Completion]) -> None:
        self._show = show
        self._complete = complete
        self.history: list[str] = []
        self._columns = 80
        self._prompt = ""
        self._text = ""
        self._at = 0
        self._row = 0  # of the cursor, below the row of the prompt
        self._place = 0  # in the history
        self._kept = ""  # what was being typed before the history was entered
        self._cut = ""

    def begin(self, prompt: str) -> None:
        """Show *prompt* and start with an empty line."""
        self._prompt, self._text, self._at, self._row = prompt, "", 0, 0
        self._place, self._kept = len(self.history), ""
        self._draw()

    def press(self, key: str | Resized) -> str | None:
        """Take a key.  The line, where it finishes one; else None."""
        if isinstance(key, Resized):
            self._columns = key.columns
            return None
        if len(key) == 1:
            self._insert(key)
            return None
        match key:
            case "enter":
                return self._finish()
            case "interrupt":
                self._leave()
                self._show("^C\r\n")
                return INTERRUPT
            case "end of input":
                if not self._text:
                    self._show("\r\n")
                    return END
                self._remove(self._at, self._at + 1)
            case "tab":
                self._go_on()
            case "up":
                self._recall(self._place - 1)
            case "down":
                self._recall(self._place + 1)
            case "clear":
                self._show("\x1b[H\x1b[2J")
                self._row = 0
                self._draw()
            case _:
                self._edit(key)
        return None

    def _edit(self, key: str) -> None:
        match key:
            case "left":
                self._to(self._at - 1)
            case "right":
                self._to(self._at + 1)
            case "home":
                self._to(0)
            case "end":
                self._to(len(self._text))
            case "previous word":
                self._to(self._word(-1))
            case "next word":
                self._to(self._word(1))
            case "backspace":
                if self._at:
                    self._remove(self._at - 1, self._at)
            case "delete":
                self._remove(self._at, self._at + 1)
            case "cut word":
                self._remove(self._word(-1), self._at, keep=True)
            case "cut next word":
                self._remove(self._at, self._word(1), keep=True)
            case "cut to end":
                self._remove(self._at, len(self._text), keep=True)
            case "cut to start":
                self._remove(0, self._at, keep=True)
            case "paste":
                self._insert(self._cut)

    def _finish(self) -> str:
        self._leave()
        self._show("\r\n")
        if self._text.strip() and self.history[-1:] != [self._text]:
            self.history.append(self._text)
            del self.history[:-_MOST_LINES]
        return self._text

    def _leave(self) -> None:
        """Put the cursor behind the line."""
        if self._at != len(self._text):
            self._to(len(self._text))

    def _insert(self, text: str) -> None:
        if len(self._text) + len(text) > _LONGEST:
            self._show("\a")
            return
        at_end = self._at == len(self._text)
        self._text = self._text[: self._at] + text + self._text[self._at :]
        self._at += len(text)
        if at_end and len(text) == 1 and self._cell(self._prompt + self._text)[1] and _width(text) == 1:
            self._show(text)  # nothing else changes
        else:
            self._draw()

    def _remove(self, start: int, end: int, *, keep: bool = False) -> None:
        if keep and self._text[start:end]:
            self._cut = self._text[start:end]
        self._text = self._text[:start] + self._text[end:]
        self._at = start
        self._draw()

    def _to(self, at: int) -> None:
        self._at = max(0, min(at, len(self._text)))
        self._draw()

    def _word(self, step: int) -> int:
        """Where the word begins before the cursor, or ends after it."""
        at, text = self._at, self._text
        if step < 0:
            while at and not text[at - 1].isalnum():
                at -= 1
            while at and text[at - 1].isalnum():
                at -= 1
        else:
            while at < len(text) and not text[at].isalnum():
                at += 1
            while at < len(text) and text[at].isalnum():
                at += 1
        return at

    def _recall(self, place: int) -> None:
        if not 0 <= place <= len(self.history):
            return
        if self._place == len(self.history):
            self._kept = self._text
        self._place = place
        self._text = self.history[place] if place < len(self.history) else self._kept
        self._at = len(self._text)
        self._draw()

    def _go_on(self) -> None:
        before = self._text[: self._at]
        if not before.strip():
            self._insert(_INDENT)
            return
        found = self._complete(before)
        added = found.common[len(found.begun) :]
        if added:
            self._insert(added)
        elif len(found.candidates) > 1:
            self._list(found.candidates)
        else:
            self._show("\a")

    def _list(self, candidates: tuple[str, ...]) -> None:
        """Show *candidates* below the line, and the line again below them."""
        at = self._at
        self._to(len(self._text))
        width = max(map(len, candidates)) + 2
        many = max(1, (self._columns - 1) // width)
        for start in range(0, len(candidates), many):
            row = "".join(name.ljust(width) for name in candidates[start : start + many])
            self._show(f"\r\n{row.rstrip()}")
        self._show("\r\n")
        self._row = 0
        self._to(at)

    def _cell(self, text: str) -> tuple[int, int]:
        """The row and the column behind *text*."""
        row = column = 0
        for letter in text:
            width = _width(letter)
            if column + width > self._columns:
                row, column = row + 1, 0
            column += width
        return (row + 1, 0) if column >= self._columns else (row, column)

    def _draw(self) -> None:
        whole = self._prompt + self._text
        shown = f"\x1b[{self._row}A" if self._row else ""
        shown += f"\r\x1b[J{whole}"
        last, column = self._cell(whole)
        if whole and not column:
            shown += "\r\n"  # a terminal waits at the margin until there is more
        self._row, column = self._cell(self._prompt + self._text[: self._at])
        if last > self._row:
            shown += f"\x1b[{last - self._row}A"
        if self._at < len(self._text):
            shown += "\r" + (f"\x1b[{column}C" if column else "")
        self._show(shown)


def _width(letter: str) -> int:
    """The columns that a character takes."""
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
