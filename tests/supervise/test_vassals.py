"""How a vassal begins."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import InternalError
from uwsgid.supervise.vassals import VassalStart


class Starts(SynchronousTestCase):
    def test_round_trip(self) -> None:
        """A start comes back from its text, names that are no UTF-8 included."""
        start = VassalStart(
            "a\udce4.ini",
            ("--ini", "a\udce4.ini"),
            {"A": "ü"},
            "/etc",
            1,
            2,
            3,
            True,
            True,
            "/srv",
            "/bin/w",
            True,
        )
        text = start.to_text()
        self.assertTrue(text.isascii())
        self.assertEqual(VassalStart.from_text(text), start)

    def test_cut(self) -> None:
        """A text that was cut, or is another's, is our mistake."""
        text = VassalStart("a.ini").to_text()
        for wrong in (text[:-1], "[]", "{}", '{"argv":[],"colour":1}'):
            with self.assertRaises(InternalError):
                VassalStart.from_text(wrong)
