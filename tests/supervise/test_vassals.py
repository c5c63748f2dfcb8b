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

    def test_simple(self) -> None:
        """Whatever the emperor decided about a vassal beyond its name wants a master."""
        self.assertTrue(VassalStart("a.ini", ("--ini", "a.ini"), {"A": "1"}, "/etc/vassals").is_simple)
        for more in (
            {"uid": 0},
            {"namespaces": 0x20000000},
            {"has_config": True},
            {"has_socket": True},
            {"home": "/srv"},
            {"program": "/bin/uwsgi"},
            {"adoptable": True},
        ):
            self.assertFalse(VassalStart("a.ini", **more).is_simple, more)

    def test_cut(self) -> None:
        """A text that was cut, or is another's, is our mistake."""
        text = VassalStart("a.ini").to_text()
        for wrong in (text[:-1], "[]", "{}", '{"argv":[],"colour":1}'):
            with self.assertRaises(InternalError):
                VassalStart.from_text(wrong)
