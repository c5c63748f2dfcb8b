"""for and if: which lines count, and how often."""

from __future__ import annotations

from tests.config.case import ReadingCase
from uwsgid.config.lexicon import OPENERS


class LoopTests(ReadingCase):
    def test_line_major(self) -> None:
        """A loop repeats each line, not the group."""
        self.assertEqual(
            self.lines("for = a  b\nenv = 1%(_)\nenv = 2%(_)\nendfor\nenv = %(_)\n"),
            ["env = 1a", "env = 1b", "env = 2a", "env = 2b", "env = %(_)"],
        )

    def test_only_values(self) -> None:
        """``%(_)`` is replaced in values, not in names."""
        self.assertEqual(self.lines("for = a\nx%(_) = %(_)%(_)\nendfor\n"), ["x%(_) = aa"])

    def test_times(self) -> None:
        """for-times counts from 1."""
        self.assertEqual(self.lines("for-times = 3\nenv = %(_)\nendfor\n"), ["env = 1", "env = 2", "env = 3"])
        self.assertEqual(self.lines("for-times = 0\nenv = %(_)\nendfor\n"), [])
        self.assertIn("site.ini:2: for-times: expected a number", self.problems("for-times = x\nend=\n")[0])

    def test_glob(self) -> None:
        """for-glob gives paths in order, directories with a slash, and the pattern where nothing matches."""
        self.write("apps/b.ini", "")
        self.write("apps/a.ini", "")
        self.write("apps/c.ini/x", "")
        self.assertEqual(
            self.lines("for-glob = apps/*.ini\nenv = %(_)\nendfor\nfor-glob = no*\nenv = %(_)\nendfor\n"),
            ["env = apps/a.ini", "env = apps/b.ini", "env = apps/c.ini/", "env = no*"],
        )

    def test_readline(self) -> None:
        """for-readline gives the lines of a file."""
        self.write("hosts", "a\r\nb\n")
        self.assertEqual(self.lines("for-readline = hosts\nenv = %(_)\nendfor\n"), ["env = a", "env = b"])
        self.assertIn("unable to read nowhere", self.problems("for-readline = nowhere\nenv = 1\nendfor\n")[0])

    def test_include_in_a_loop(self) -> None:
        """A loop may include a file for each item; the item is replaced before the file is opened."""
        self.write("a.ini", "[uwsgi]\nenv = %n %(_)\n")
        self.write("b.ini", "[uwsgi]\nenv = %n\n")
        self.assertEqual(self.lines("for = a b\ninclude = %(_).ini\nendfor\n"), ["env = a %(_)", "env = b"])

    def test_every_closer(self) -> None:
        """All five closers close every block."""
        for closer in ("end", "endfor", "endif", "end-for", "end-if"):
            with self.subTest(closer=closer):
                self.assertEqual(
                    self.lines(f"for = a b\nenv = %(_)\n{closer} =\nenv = c\n"),
                    ["env = a", "env = b", "env = c"],
                )


class ConditionTests(ReadingCase):
    def answer(self, opener: str, *, is_reload: bool = False) -> str | None:
        """The value of a line ``%(_)`` inside the block, or None where the block does not count."""
        self.write("site.ini", f"[uwsgi]\nknown = 7\nbare =\n{opener}\nenv = %(_)\nendif\n")
        reading = self.read("--master", "--ini", "site.ini", environ={"HERE": "there"}, is_reload=is_reload)
        self.assertEqual(reading.problems, ())
        found = reading.first("env")
        return found.value if found is not None else None

    def test_every_form(self) -> None:
        """Each condition holds when it should, and ``%(_)`` is what it was about."""
        self.write("file", "")
        self.write("dir/file", "")
        missing = self.directory + "/missing"
        for opener, expected in (
            ("if-opt = known", "7"),
            ("if-opt = known=7", "7"),
            ("if-opt = known=8", None),
            ("if-opt = master", ""),
            ("if-opt = nobody", None),
            ("if-not-opt = known", None),
            ("if-not-opt = known=8", "7"),
            ("if-not-opt = nobody", "%(_)"),
            ("if-not-opt = nobody=1", "%(_)"),
            ("if-env = HERE", "there"),
            ("if-env = HERE=there", "there"),
            ("if-env = HERE=else", None),
            ("ifenv = HERE", "there"),
            ("if-not-env = HERE", None),
            ("if-not-env = NOWHERE", "%(_)"),
            ("if-not-env = HERE=else", "there"),
            ("if-exists = file", "file"),
            ("if-exists = dir", "dir"),
            ("ifexists = file", "file"),
            (f"if-exists = {missing}", None),
            (f"if-not-exists = {missing}", missing),
            ("if-not-exists = file", None),
            ("if-file = file", "file"),
            ("if-file = dir", None),
            ("if-not-file = dir", "dir"),
            ("if-not-file = file", None),
            ("if-dir = dir", "dir"),
            ("ifdir = dir", "dir"),
            ("if-directory = dir", "dir"),
            ("if-dir = file", None),
            ("if-not-dir = file", "file"),
            ("if-not-dir = dir", None),
            ("if-plugin = python", "python"),
            ("ifplugin = python", "python"),
            ("if-plugin = v8", None),
            ("if-not-plugin = v8", "v8"),
            ("if-not-plugin = python", None),
            ("if-hostname = green", "green"),
            ("if-hostname = blue", None),
            ("if-not-hostname = blue", "blue"),
            ("if-not-hostname = green", None),
            ("if-hostname-match = ^gr", "green"),
            ("if-hostname-match = ^bl", None),
            ("if-not-hostname-match = ^bl", "green"),
            ("if-not-hostname-match = ^gr", None),
            ("if-reload = true", None),
            ("if-not-reload = true", "%(_)"),
        ):
            with self.subTest(opener=opener):
                self.assertEqual(self.answer(opener), expected)

    def test_every_opener_is_tried(self) -> None:
        """No opener is left out of these tests."""
        with open(__file__) as file:
            text = file.read()
        self.assertEqual([name for name in OPENERS if f"{name} = " not in text], [])

    def test_reload(self) -> None:
        """if-reload looks at how the process began."""
        self.assertEqual(self.answer("if-reload = true", is_reload=True), "%(_)")
        self.assertIsNone(self.answer("if-not-reload = true", is_reload=True))

    def test_else(self) -> None:
        """else is the other side of an if."""
        text = "if-env = {0}\nenv = yes\nelse =\nenv = no\nendif\nenv = after\n"
        environ = {"SET": "1"}
        self.assertEqual(self.lines(text.format("SET"), environ=environ), ["env = yes", "env = after"])
        self.assertEqual(self.lines(text.format("UNSET"), environ=environ), ["env = no", "env = after"])

    def test_asked_once(self) -> None:
        """A condition is asked when its block opens, so a line can not end it for the next one."""
        self.assertEqual(
            self.lines("if-not-opt = processes\nprocesses = 1\nenv = x\nendif\n"),
            ["processes = 1", "env = x"],
        )

    def test_only_what_came_before(self) -> None:
        """if-opt sees what is already in the list."""
        self.assertEqual(self.lines("if-opt = processes\nenv = x\nendif\nprocesses = 1\n"), ["processes = 1"])


class MistakeTests(ReadingCase):
    def test_nested(self) -> None:
        """A block inside a block is an error that names both."""
        [problem] = self.problems("for = a b\nif-env = HOME\nendfor\n")
        self.assertEqual(
            problem,
            "site.ini:3: recursive logic in options is not supported (option = if-env); "
            '"for" of site.ini:2 is still open',
        )

    def test_nested_by_include(self) -> None:
        """A file that is included inside a block can not have a block of its own, as in 1.9.16."""
        self.write("sub.ini", "[uwsgi]\nfor = a\nenv = 1\nendfor\n")
        [problem] = self.problems("for = a\ninclude = sub.ini\nendfor\n")
        self.assertIn("sub.ini:2: recursive logic", problem)

    def test_unclosed(self) -> None:
        """A block that is open at the end is an error at its opener."""
        self.assertEqual(
            self.problems("env = a\nfor = a b\nenv = %(_)\n"), ['site.ini:3: unclosed "for" block']
        )

    def test_block_across_files(self) -> None:
        """A block is not confined to its file."""
        self.write("open.ini", "[uwsgi]\nfor = a b\n")
        self.assertEqual(self.lines("include = open.ini\nenv = %(_)\nendfor\n"), ["env = a", "env = b"])

    def test_stray_words(self) -> None:
        """A closer without a block is a warning, an else without an if is an error."""
        self.write("a.ini", "[uwsgi]\nendif =\n")
        self.assertEqual(self.read("a.ini").warnings, ('a.ini:2: "endif" closes nothing',))
        self.assertEqual(self.problems("else =\n"), ['site.ini:2: "else" without an open "if-…"'])
        self.assertIn("belongs to an", self.problems("for = a\nelse =\nendfor\n")[0])

    def test_bad_pattern(self) -> None:
        """A pattern that is none is an error."""
        self.assertIn("no regular expression", self.problems("if-hostname-match = (\nendif\n")[0])
