"""The words of the language are known wherever there is a reader."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.config.case import Options
from uwsgid.config.index import Index
from uwsgid.config.kinds import Takes
from uwsgid.config.lexicon import CLOSERS, IMMEDIATE, LATE, Lexicon
from uwsgid.config.section import declared_sections


class LexiconTests(SynchronousTestCase):
    def test_words(self) -> None:
        """The language has its own words, with and without values."""
        lexicon = Lexicon(Options())
        for name, takes, immediate in (
            ("ini", Takes.VALUE, True),
            ("inherit", Takes.VALUE, False),
            ("print", Takes.VALUE, False),
            ("exit", Takes.MAYBE, True),
            ("endif", Takes.MAYBE, True),
            ("if-reload", Takes.NOTHING, True),
            ("umask", Takes.VALUE, True),
            ("processes", Takes.VALUE, False),
            ("nobody", None, False),
        ):
            with self.subTest(name=name):
                self.assertIs(lexicon.takes(name), takes)
                self.assertEqual(lexicon.is_immediate(name), immediate)
        self.assertEqual([lexicon.by_letter(letter) for letter in "Sxp?"], ["set", "xml", "processes", None])

    def test_custom_options(self) -> None:
        """A declared option is known, unless it is a built-in one."""
        lexicon = Lexicon(Options())
        lexicon.declare("site", Takes.VALUE)
        lexicon.declare("master", Takes.VALUE)
        self.assertIs(lexicon.takes("site"), Takes.VALUE)
        self.assertIs(lexicon.takes("master"), Takes.NOTHING)
        self.assertTrue(lexicon.is_custom("site"))
        self.assertFalse(lexicon.is_custom("master"))
        self.assertIn("site", set(lexicon.names()))

    def test_all_are_known_to_uwsgi(self) -> None:
        """Every word of the language is in the index of the real options, except ``end``."""
        index = Index(declared_sections())
        unknown = {name for name in IMMEDIATE | LATE if index.takes(name) is None}
        self.assertEqual(unknown, CLOSERS & {"end"})
        late = {name for name in LATE if index.is_immediate(name)}
        self.assertEqual(late, set())
