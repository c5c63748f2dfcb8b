"""INI, line by line."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.formats import Ini


def pairs(text: str, section: str | None = None) -> list[tuple[str, str | None, int]]:
    return [
        (line.name, line.value, line.origin.line) for line in Ini.parse(text, "x.ini", section).directives
    ]


class IniTests(SynchronousTestCase):
    def test_lines(self) -> None:
        """Each line means what uWSGI makes of it."""
        for line, expected in (
            ("a = 1", ("a", "1")),
            ("a=1", ("a", "1")),
            ("\t a \t=\t 1 \t\r", ("a", "1")),
            ("a = b ; c", ("a", "b ; c")),
            ("a = b # c", ("a", "b # c")),
            ('a = "b"', ("a", '"b"')),
            ("a = b=c", ("a", "b=c")),
            ("a = \\", ("a", "\\")),
            ("a", ("a", "")),
            ("a =", ("a", "")),
            ("a b = c", ("a b", "c")),
            ("a = \u00e9\udcff", ("a", "\u00e9\udcff")),
        ):
            with self.subTest(line=line):
                self.assertEqual(pairs(f"[uwsgi]\n{line}\n"), [(*expected, 2)])

    def test_nothing(self) -> None:
        """Comments, blank lines and what stands before the first section do not count."""
        self.assertEqual(pairs("early = 1\n[uwsgi]\n; a = 1\n  # b = 1\n\n \r\nc = 1"), [("c", "1", 7)])

    def test_sections(self) -> None:
        """A section that stands twice is read twice, in order; others are left alone."""
        text = "[uwsgi]\na = 1\n[web]\nb = 1\n[uwsgi]\na = 2\n"
        self.assertEqual(pairs(text), [("a", "1", 2), ("a", "2", 6)])
        self.assertEqual(pairs(text, "web"), [("b", "1", 4)])
        self.assertEqual(pairs(text, ""), pairs(text))

    def test_missing_section(self) -> None:
        """A section that is not there is a warning in uWSGI's words."""
        self.assertEqual(
            Ini.parse("a = 1\n", "x.ini", "web").warnings,
            ('Can\'t find section "web" in INI configuration file x.ini',),
        )
        self.assertEqual(Ini.parse("[uwsgi]", "x.ini", None).warnings, ())

    def test_slips(self) -> None:
        """An unclosed bracket and a line without a name are told."""
        self.assertEqual(
            Ini.parse("[uwsgi\n= 3\n", "x.ini", None).warnings,
            (
                'x.ini:1: the section "[uwsgi" lacks its "]"',
                "x.ini:2: '= 3' has no name before its =, skipped",
            ),
        )
        self.assertEqual(pairs("[uwsgi] ; the main one\na = 1"), [("a", "1", 2)])

    @settings(deadline=None, max_examples=100)
    @given(st.text(alphabet="[]=;# a\tuwsgi\r\n", max_size=80))
    def test_any_text(self, text: str) -> None:
        """Every line that counts has a name and stands in the text."""
        lines = text.split("\n")
        for name, value, number in pairs(text):
            self.assertTrue(name)
            self.assertIn(name, lines[number - 1])
            self.assertIn(value or "", lines[number - 1])
