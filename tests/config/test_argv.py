"""The command line is read as getopt_long reads it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.config.case import Options
from uwsgid.config.argv import COMMAND_LINE, Item, Mistake, Positional, application_of, scan
from uwsgid.config.directive import Directive


def option(name: str, value: str | None = None) -> Directive:
    return Directive(name, value, COMMAND_LINE)


def scanned(*argv: str) -> list[Item]:
    return list(scan(argv, Options()))


class GrammarTests(SynchronousTestCase):
    def test_forms(self) -> None:
        """Every form of getopt_long gives the option and its value."""
        for argv, expected in (
            (["--processes", "4"], [option("processes", "4")]),
            (["--processes=4"], [option("processes", "4")]),
            (["--processes="], [option("processes", "")]),
            (["-p", "4"], [option("processes", "4")]),
            (["-p4"], [option("processes", "4")]),
            (["-Mp4"], [option("master"), option("processes", "4")]),
            (["-Mm"], [option("master"), option("memory-report")]),
            (["--processes", "--master"], [option("processes", "--master")]),
            (["--ugreen", "4"], [option("ugreen"), Positional("4")]),
            (["--ugreen=4"], [option("ugreen", "4")]),
            (["-u4"], [option("ugreen", "4")]),
            (["-u", "4"], [option("ugreen"), Positional("4")]),
            (["a", "--master", "b"], [Positional("a"), option("master"), Positional("b")]),
            (["--", "--master"], [Positional("--master")]),
            (["-"], [Positional("-")]),
            (["--env", "A=B=C"], [option("env", "A=B=C")]),
            (["--env=A=B"], [option("env", "A=B")]),
        ):
            with self.subTest(argv=argv):
                self.assertEqual(scanned(*argv), expected)

    def test_prefixes(self) -> None:
        """The beginning of one long name is that name, and a whole name is never ambiguous."""
        self.assertEqual(scanned("--proc=2"), [option("processes", "2")])
        self.assertEqual(scanned("--master"), [option("master")])
        [mistake] = scanned("--ma")
        self.assertEqual(
            mistake,
            Mistake("option --ma is ambiguous: it may mean --master, --master-fifo, --max-requests"),
        )

    def test_mistakes(self) -> None:
        """Each mistake says what is wrong and what to try, and the words after it are read."""
        for argv, text in (
            (["--procesess"], "unknown option --procesess; did you mean --processes?"),
            (["--nothing-like-it"], "unknown option --nothing-like-it; see --help"),
            (["--master=true"], "option --master takes no value, got 'true'; write --master alone"),
            (["--processes"], "option --processes needs a value; write --processes VALUE"),
            (["-p"], "option -p needs a value; write -p VALUE"),
            (["-Q"], "unknown option -Q; see --help"),
            (["-cheap"], "unknown option -c; did you mean --cheap?"),
            (["--=3"], "unknown option --; see --help"),
        ):
            with self.subTest(argv=argv):
                self.assertEqual(scanned(*argv), [Mistake(text)])
        self.assertEqual(len(scanned("--nope", "--master", "-Q", "-M")), 4)

    def test_word_after_unknown_option(self) -> None:
        """A word behind an unknown option may be its value, so it is marked."""
        self.assertEqual(scanned("--nope", "3")[1], Positional("3", doubtful=True))
        self.assertEqual(scanned("--master", "3")[1], Positional("3"))

    @settings(deadline=None, max_examples=200)
    @given(st.lists(st.text(alphabet="-=Mpuxa 4", max_size=8), max_size=6))
    def test_any_words(self, argv: list[str]) -> None:
        """Whatever the words are, they come out as options, words and mistakes."""
        for item in scanned(*argv):
            self.assertIsInstance(item, (Directive, Positional, Mistake))


class ApplicationTests(SynchronousTestCase):
    def test_magic_words(self) -> None:
        """Files and modules of Python are told by their looks."""
        for word, expected in (
            ("app.py", [("wsgi-file", "app.py")]),
            ("conf/app.wsgi", [("wsgi-file", "conf/app.wsgi")]),
            ("app.py:site", [("wsgi-file", "app.py"), ("callable", "site")]),
            ("shop.wsgi:application", [("module", "shop.wsgi:application")]),
            ("shop:app", [("module", "shop:app")]),
            ("shop", []),
            ("shop:", []),
            ("a/b:c", []),
        ):
            with self.subTest(word=word):
                found = [(line.name, line.value) for line in application_of(word)]
                if word == "shop.wsgi:application":  # could be both; a file of that suffix is likelier
                    expected = [("wsgi-file", "shop.wsgi"), ("callable", "application")]
                self.assertEqual(found, expected)
