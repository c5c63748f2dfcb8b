"""The editor, seen by a small terminal."""

from __future__ import annotations

import re
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.manhole.completion import Completion
from uwsgid.manhole.editor import END, INTERRUPT, Editor
from uwsgid.manhole.keys import Keys, Resized

PROMPT = ">>> "


class Screen:
    """A terminal, as far as the editor uses one.  Like a real one it waits at the margin for the next one."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.cells: dict[tuple[int, int], str] = {}
        self.row = self.column = 0
        self.waits = False

    def show(self, text: str) -> None:
        for part in re.findall(r"\x1b\[\d*[A-Z]|.", text, re.DOTALL):
            if part.startswith("\x1b"):
                self.obey(part[-1], int(part[2:-1] or 1))
            elif part == "\r":
                self.column, self.waits = 0, False
            elif part == "\n":
                self.row, self.waits = self.row + 1, False
            elif part != "\a":
                self.put(part)

    def obey(self, letter: str, count: int) -> None:
        self.waits = False
        if letter == "A":
            self.row -= count
        elif letter == "C":
            self.column = min(self.columns - 1, self.column + count)
        elif letter == "J":
            here = (self.row, self.column)
            self.cells = {at: cell for at, cell in self.cells.items() if at < here and count == 1}
        elif letter == "H":
            self.row = self.column = 0

    def put(self, letter: str) -> None:
        width = 0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF")
        if self.waits or self.column + width > self.columns:
            self.row, self.column, self.waits = self.row + 1, 0, False
        self.cells[self.row, self.column] = self.cells.get((self.row, self.column), "") * (not width) + letter
        self.column += width
        if self.column == self.columns:
            self.column, self.waits = self.columns - 1, True

    def text(self) -> str:
        return "".join(cell for _, cell in sorted(self.cells.items()))


class EditorTests(SynchronousTestCase):
    """Lines that are typed."""

    def begin(self, columns: int = 80, *candidates: str) -> None:
        self.screen = Screen(columns)
        self.editor = Editor(self.screen.show, lambda line: Completion(line.split(".")[-1], candidates))
        self.editor.press(Resized(columns))
        self.editor.begin(PROMPT)

    def type(self, text: str) -> list[str]:
        """The lines that *text* finishes."""
        found = [self.editor.press(key) for key in Keys().feed(text.encode())]
        return [line for line in found if line is not None]

    def test_a_line(self) -> None:
        """What is typed is shown, and returned with Enter."""
        self.begin()
        self.assertEqual(self.type("reload()"), [])
        self.assertEqual(self.screen.text(), ">>> reload()")
        self.assertEqual(self.type("\r"), ["reload()"])
        self.assertEqual((self.screen.row, self.screen.column), (1, 0))

    def test_editing(self) -> None:
        """Keys move, remove, cut and paste."""
        for typed, line in (
            ("abc\x1b[D\x1b[DX", "aXbc"),
            ("abc\x01X\x05Y", "XabcY"),
            ("abc\x7f\x7fX", "aX"),
            ("abc\x1b[H\x1b[3~", "bc"),
            ("abc\x01\x04", "bc"),
            ("one two three\x17", "one two "),
            ("one two\x1bb\x15", "two"),
            ("one two\x1bb\x0b", "one "),
            ("one two\x17\x01\x19 ", "two one "),
            ("one two\x01\x1bf!", "one! two"),
            ("one two\x01\x1bd", " two"),
            ("\t1", "    1"),
        ):
            self.begin()
            self.assertEqual(self.type(typed + "\r"), [line], typed)

    def test_history(self) -> None:
        """Up and down go through what was entered; what was being typed comes back."""
        self.begin()
        for line in ("one", "two", "two", "  "):
            self.type(line + "\r")
            self.editor.begin(PROMPT)
        self.assertEqual(self.editor.history, ["one", "two"])
        self.assertEqual(self.type("thr\x1b[A\x1b[A\x1b[A\x1b[B\x1b[B\x1b[Bee\r"), ["three"])
        self.editor.begin(PROMPT)
        self.assertEqual(self.type("\x1b[A\x1b[A\x1b[A\r"), ["one"])

    def test_interrupt_and_end(self) -> None:
        """Ctrl-C drops the line, Ctrl-D on an empty line is the end of it all."""
        self.begin()
        self.assertEqual(self.type("abc\x03"), [INTERRUPT])
        self.editor.begin(PROMPT)
        self.assertEqual(self.type("\x04"), [END])

    def test_completion(self) -> None:
        """What is sure is inserted, what is not is listed below the line."""
        self.begin(80, "status")
        self.assertEqual(self.type("w.st\t\r"), ["w.status"])
        self.begin(20, "reload", "reloads", "reload_chain")
        self.type("w.re\t\t")
        self.assertIn("reload_chain", self.screen.text())
        self.assertTrue(self.screen.text().endswith(">>> w.reload"))
        self.begin(80)
        self.assertEqual(self.type("x\t\r"), ["x"])

    def test_clear(self) -> None:
        """Ctrl-L leaves nothing but the line."""
        self.begin()
        self.type("abc\r")
        self.editor.begin(PROMPT)
        self.type("def\x0c")
        self.assertEqual(self.screen.text(), ">>> def")

    def test_too_long(self) -> None:
        """A line that does not end is not kept."""
        self.begin()
        self.editor._text = "x" * 16384
        self.editor.press("y")
        self.assertEqual(len(self.editor._text), 16384)

    @given(
        st.integers(5, 30),
        st.lists(
            st.one_of(
                st.text("ab 漢é", min_size=1, max_size=20),
                st.sampled_from(["\x1b[D", "\x1b[C", "\x01", "\x05", "\x7f", "\x17", "\x0b", "\x15", "\x19"]),
            ),
            max_size=25,
        ),
    )
    @settings(max_examples=150, deadline=None)
    def test_the_screen_shows_the_line(self, columns: int, typed: list[str]) -> None:
        """However narrow the window, the screen shows the line, and the cursor stands where it is edited."""
        self.begin(columns)
        for part in typed:
            self.type(part)
        editor = self.editor
        self.assertEqual(self.screen.text(), PROMPT + editor._text)
        expected = Screen(columns)
        expected.show(PROMPT + editor._text[: editor._at])
        if expected.waits:
            expected.show("\r\n")
        self.assertEqual((self.screen.row, self.screen.column), (expected.row, expected.column))
