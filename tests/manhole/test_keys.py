"""Bytes of a terminal to keys."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.manhole.keys import Key, Keys, Resized

TYPED = "aé漢\x03\x1b[A\x1bOB\x1b[1;5C\x7f\x1b[3~\x1bb\r\n\x1b[8;24;100tz".encode()
PRESSED: list[Key] = [
    "a", "é", "漢", "interrupt", "up", "down", "next word", "backspace", "delete", "previous word", "enter",
    Resized(100), "z",
]  # fmt: skip


class KeysTests(SynchronousTestCase):
    def test_any_slicing(self) -> None:
        """A key means the same however its bytes are cut."""
        for size in (1, 2, 3, len(TYPED)):
            keys, found = Keys(), []
            for start in range(0, len(TYPED), size):
                found += list(keys.feed(TYPED[start : start + size]))
            self.assertEqual(found, PRESSED)

    def test_what_means_nothing(self) -> None:
        """Unknown sequences and control characters are passed over, and what follows counts."""
        self.assertEqual(list(Keys().feed(b"\x00\x1b[99;1~\x1b[Z\x1b\x1b\x07b")), ["b"])
        self.assertEqual(list(Keys().feed(b"\x1b[8;x;yt")), [";", "y", "t"])

    def test_no_end(self) -> None:
        """A sequence that does not end is cut off."""
        self.assertIn("a", list(Keys().feed(b"\x1b[" + b"1" * 1000 + b"xa")))

    @given(st.binary(max_size=200))
    @settings(max_examples=100, deadline=None)
    def test_anything(self, data: bytes) -> None:
        """Whatever comes, keys are printable characters, names, or sizes."""
        for key in Keys().feed(data):
            self.assertTrue(isinstance(key, Resized) or len(key) > 1 or key.isprintable())
