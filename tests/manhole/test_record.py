"""What the log is told."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.manhole.record import PIECE, Record, escaped


class RecordTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.said: list[str] = []

    def test_a_session(self) -> None:
        """Who came, each line, and one end."""
        record = Record(self.said.append, "unix:/run/a", " of worker 2")
        record.login("root (uid 0, pid 7)")
        record.line("workers")
        record.line("")
        record.logout("left")
        record.logout("again")
        name = self.said[0].partition(":")[0]
        self.assertRegex(name, r"^manhole session \d+ of worker 2$")
        self.assertEqual(
            self.said,
            [f"{name}: root (uid 0, pid 7) at unix:/run/a", f"{name}> workers", f"{name}: over (left)"],
        )

    def test_who_never_came_in(self) -> None:
        """A refusal names the reason, and has no end."""
        record = Record(self.said.append, "unix:/run/a")
        record.refused("mallory\n", "no key")
        record.logout()
        self.assertEqual(self.said, [r"manhole: refused mallory\n at unix:/run/a: no key"])

    def test_a_long_line(self) -> None:
        """All of a long line is told, in pieces that can be told from other lines."""
        Record(self.said.append, "").line("x" * (PIECE + 5))
        self.assertRegex(self.said[0], rf"^manhole session \d+> x{{{PIECE}}}$")
        self.assertRegex(self.said[1], r"^manhole session \d+\+ xxxxx$")

    @given(st.text(max_size=50))
    @settings(max_examples=100, deadline=None)
    def test_nothing_is_obeyed(self, text: str) -> None:
        """Whatever was typed, a line of the log is one line that can be shown."""
        self.assertTrue(escaped(text).isprintable())

    def test_what_is_shown(self) -> None:
        """Letters of all languages stay what they are."""
        self.assertEqual(escaped("naïve 漢\x1b[2J\u202e\udc80"), r"naïve 漢\x1b[2J\u202e\udc80")
