"""prefix, suffix and nl."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.families import log_encoders
from uwsgid.logs.encoders.affixes import nl, prefix, suffix


class AffixTests(SynchronousTestCase):
    """Text around a record."""

    def test_prefix(self) -> None:
        """The text stands before the record, with all its spaces."""
        self.assertEqual(prefix(" A ")(b"line\n"), b" A line\n")

    def test_suffix(self) -> None:
        """The text stands behind the record, and so behind its newline."""
        self.assertEqual(suffix(" B")(b"line\n"), b"line\n B")

    def test_nl(self) -> None:
        """A newline is added, whether there is one or not."""
        self.assertEqual(nl("")(b"line"), b"line\n")
        self.assertEqual(nl("")(b"line\n"), b"line\n\n")

    def test_nl_ignores_arguments_as_in_1_9_16(self) -> None:
        """What stands behind nl means nothing."""
        self.assertEqual(nl("really")(b"line"), b"line\n")

    def test_no_text(self) -> None:
        """Without a text the record stays as it is."""
        self.assertEqual(prefix("")(b"line\n"), b"line\n")
        self.assertEqual(suffix("")(b"line\n"), b"line\n")

    def test_text_is_utf8(self) -> None:
        """A text is written as UTF-8, and bytes that are none as they stood in the configuration."""
        self.assertEqual(prefix("ü\udcff")(b"x"), b"\xc3\xbc\xffx")

    def test_family(self) -> None:
        """They are members of the family by uWSGI's names."""
        for name, part in (("prefix", prefix), ("suffix", suffix), ("nl", nl)):
            self.assertIs(log_encoders[name], part)

    @settings(deadline=None, max_examples=50)
    @given(st.binary(), st.text(st.characters(exclude_categories=["Cs"])))
    def test_any_record(self, record: bytes, text: str) -> None:
        """Nothing of the record is lost, whatever it is."""
        self.assertEqual(prefix(text)(record), text.encode() + record)
        self.assertEqual(suffix(text)(record), record + text.encode())
