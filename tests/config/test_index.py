"""A name leads to the one declaration of it, or to what is known of it."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.index import Index, index
from uwsgid.config.kinds import Count, Flag, Seconds, Takes
from uwsgid.config.known import KnownOption, Support
from uwsgid.config.reading import OptionIndex
from uwsgid.config.section import Option, Section, flag, option, section
from uwsgid.config.settings import Strictness
from uwsgid.errors import InternalError


@section("Test", listed=False)
class Workers(Section):
    """So many."""

    processes: Count = option("processes", default=1, help="how many")
    timeout: Seconds = option("harakiri", "t", default=0, help="how long", implies=("own-flag",))
    own: Flag = flag("own-flag", default=False, help="ours", immediate=True)
    config: Flag = flag("own-config", "c", default=False, help="takes the letter of cgi-mode")


@section("Test", listed=False)
class Again(Section):
    """The same once more."""

    count: Count = option("processes", default=1, help="how many")


@section("Test", listed=False)
class Letter(Section):
    """A letter that is taken."""

    count: Count = option("another", "t", default=1, help="how many")


class IndexTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.names = Index([Workers])

    def test_is_an_option_index(self) -> None:
        """The reader of configurations can ask it."""
        asked: OptionIndex = self.names
        self.assertIs(asked.takes("harakiri"), Takes.VALUE)
        self.assertIs(asked.takes("own-flag"), Takes.NOTHING)
        self.assertIs(asked.takes("chmod-socket"), Takes.MAYBE)
        self.assertIsNone(asked.takes("max_requests"))

    def test_letters(self) -> None:
        """Letters of declared options go before those of uWSGI, which are there for all the others."""
        self.assertEqual(self.names.by_letter("t"), "harakiri")
        self.assertEqual(self.names.by_letter("c"), "own-config")
        self.assertEqual(self.names.by_letter("s"), "socket")
        self.assertEqual(self.names.by_letter("p"), "processes")
        self.assertIsNone(self.names.by_letter("%"))

    def test_aliases_of_uwsgi(self) -> None:
        """An alias that only uWSGI's table has means the declared option."""
        declared = self.names.declared("workers")
        assert declared is not None
        self.assertEqual((declared.section, declared.option.field), (Workers, "processes"))

    def test_lookup(self) -> None:
        """A name leads to a declaration, to a row of the table, or nowhere."""
        self.assertIsInstance(self.names.lookup("harakiri"), Option)
        self.assertIsInstance(self.names.lookup("spooler"), KnownOption)
        self.assertIsNone(self.names.lookup("nobody-knows"))
        self.assertIn("spooler", self.names)
        self.assertNotIn("nobody-knows", self.names)

    def test_support(self) -> None:
        """Declared is honoured; the rest is what the table says."""
        self.assertIs(self.names.support("workers"), Support.HONOURED)
        self.assertIs(self.names.support("include"), Support.HONOURED)
        self.assertIs(self.names.support("offload-threads"), Support.ACCEPTED)
        self.assertIs(self.names.support("chroot"), Support.REFUSED)
        self.assertIsNone(self.names.support("nobody-knows"))

    def test_immediate(self) -> None:
        """An option is immediate if its declaration or uWSGI says so."""
        self.assertTrue(self.names.is_immediate("own-flag"))
        self.assertTrue(self.names.is_immediate("include"))
        self.assertFalse(self.names.is_immediate("harakiri"))
        self.assertFalse(self.names.is_immediate("nobody-knows"))

    def test_implies(self) -> None:
        """What an option turns on is what it declares and what uWSGI's flags say."""
        self.assertEqual(self.names.implies("harakiri"), ("own-flag",))
        self.assertEqual(self.names.implies("stats"), ("master",))
        self.assertEqual(self.names.implies("nobody-knows"), ())

    def test_names(self) -> None:
        """Every name comes once."""
        names = list(self.names.names())
        self.assertEqual(len(names), len(set(names)))
        self.assertLessEqual({"own-flag", "workers", "chroot"}, set(names))

    def test_nearest(self) -> None:
        """A slip leads to the names it may be; underscores lead to the name with dashes."""
        self.assertEqual(self.names.nearest("max_requests"), ("max-requests",))
        self.assertIn("processes", self.names.nearest("proceses"))
        self.assertEqual(self.names.nearest("qqqqqqqqq"), ())

    def test_declared_twice(self) -> None:
        """Two sections that declare one name or one letter are a mistake of ours."""
        said = self.assertRaises(InternalError, Index, [Workers, Again])
        self.assertEqual(str(said), "the option 'processes' is declared twice: by Workers and by Again")
        said = self.assertRaises(InternalError, Index, [Workers, Letter])
        self.assertEqual(str(said), "-t is declared by 'harakiri' and by 'another'")

    def test_known_twice(self) -> None:
        """A name in two rows of the table is a mistake of ours."""
        rows = [KnownOption(("a1",), (), "flag", "", "1.9", "G", Support.ACCEPTED, "why", "what")] * 2
        self.assertEqual(len(list(Index([], rows[:1]).rows())), 1)
        other = KnownOption(("a1", "b1"), (), "flag", "", "1.9", "G", Support.ACCEPTED, "why", "what")
        self.assertRaises(InternalError, Index, [], [rows[0], other])

    def test_of_the_imported_sections(self) -> None:
        """The index of the house has the sections imported so far, and is made once."""
        self.assertIn(Strictness, index().sections)
        self.assertNotIn(Workers, index().sections)
        self.assertIs(index(), index())
