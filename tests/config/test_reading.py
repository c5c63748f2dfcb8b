"""All sources, in their order, as one list."""

from __future__ import annotations

from dataclasses import replace

from tests.config.case import ReadingCase
from uwsgid.config.index import Index
from uwsgid.config.section import declared_sections
from uwsgid.config.settings import judge_reading


class OrderTests(ReadingCase):
    def test_first_and_last(self) -> None:
        """A reference takes the first entry of a name; all of them stay in the list."""
        self.assertEqual(
            self.lines("a = 1\na = 2\nb = %(a)\nprocesses = 1\nprocesses = 2\n"),
            ["a = 1", "a = 2", "b = 1", "processes = 1", "processes = 2"],
        )

    def test_positional_file_comes_last(self) -> None:
        """A positional file is read after all options, wherever it stands."""
        self.write("site.ini", "[uwsgi]\nprocesses = 2\n")
        for argv in (("site.ini", "--processes", "4"), ("--processes", "4", "site.ini")):
            values = [line.value for line in self.read(*argv).directives]
            self.assertEqual(values, ["4", "2"])

    def test_named_file_stands_where_it_is_named(self) -> None:
        """A file of an option is read at its place."""
        self.write("site.ini", "[uwsgi]\nprocesses = 2\n")
        values = [line.value for line in self.read("--ini", "site.ini", "--processes", "4").directives]
        self.assertEqual(values, ["site.ini", "2", "4"])

    def test_sources_in_order(self) -> None:
        """Environment, program name, command line, positionals, inherited."""
        self.write("late.ini", "[uwsgi]\nenv = late\n")
        self.write("pos.ini", "[uwsgi]\nenv = positional\n")
        self.facts = replace(self.facts, binary="/usr/bin/uwsgi_rack_psgi")
        reading = self.read(
            "--inherit", "late.ini", "pos.ini", "--env", "cli", "app.py", environ={"UWSGI_ENV": "environment"}
        )
        self.assertEqual(reading.problems, ())
        self.assertEqual(
            [f"{line.name} {line.value}" for line in reading.directives],
            [
                "env environment",
                "plugin rack",
                "plugin psgi",
                "inherit late.ini",
                "env cli",
                "env positional",
                "wsgi-file app.py",
                "env late",
            ],
        )
        self.assertEqual(str(reading.directives[-1].origin), "late.ini:2")

    def test_process_title_space(self) -> None:
        """A word in brackets is room for the title of the process."""
        self.assertEqual(self.read("[          ]").problems, ())

    def test_positional_that_is_nothing(self) -> None:
        """A word that is neither configuration nor application is an error, once."""
        [problem] = self.read("something").problems
        self.assertTrue(problem.startswith("command line: unable to load configuration from something"))
        self.assertEqual(
            self.read("--procs", "3").problems,
            ("command line: unknown option --procs; did you mean --processes?",),
        )
        self.assertIn("means a section of the last ini file", self.read(":web").problems[0])


class IncludeTests(ReadingCase):
    def test_spliced(self) -> None:
        """Included lines stand where the include is."""
        self.write("sub.ini", "[uwsgi]\nenv = sub\n[web]\nenv = web\n")
        self.assertEqual(
            self.lines("env = 1\ninclude = sub.ini\nenv = 2\nini = sub.ini:web\n"),
            ["env = 1", "env = sub", "env = 2", "env = web"],
        )

    def test_section_of_the_same_file(self) -> None:
        """``ini = :section`` is another section of this file."""
        self.assertEqual(
            self.lines("env = 1\nini = :two\n[two]\nenv = 2\nini = :three\n[three]\nenv = 3\n"),
            ["env = 1", "env = 2", "env = 3"],
        )

    def test_directory_of_the_included_file(self) -> None:
        """``%d`` in an included file is that of the included file."""
        self.write("conf/sub.ini", "[uwsgi]\nenv = %d\n")
        self.assertEqual(
            self.lines("include = %dconf/sub.ini\nenv = %n\n"),
            [f"env = {self.directory}/conf/", "env = site"],
        )

    def test_not_expanded(self) -> None:
        """An immediate option sees magic variables and no placeholders."""
        self.write("x.ini", "[uwsgi]\nenv = x\n")
        self.assertEqual(self.lines(f"dir = {self.directory}\ninclude = %dx.ini\n")[1:], ["env = x"])
        for name in ("%(dir)/x.ini", "$(HOME)/x.ini"):
            [problem] = self.problems(f"dir = {self.directory}\ninclude = {name}\n")
            self.assertIn(f"unable to read {name}", problem)
        self.assertEqual(self.lines("n = 1\numask = %(n)\n"), ["n = 1", "umask = %(n)"])

    def test_relative_to_the_current_directory(self) -> None:
        """A name that is right beside the file, but not here, is an error that says so."""
        self.write("conf/sub.ini", "")
        self.write("conf/main.ini", "[uwsgi]\ninclude = sub.ini\n")
        reading = self.read("--ini", f"{self.directory}/conf/main.ini")
        self.assertEqual(
            reading.problems,
            (
                f"{self.directory}/conf/main.ini:2: unable to read sub.ini: No such file or directory; names"
                " are relative to the current directory, %dsub.ini is the one beside this file",
            ),
        )
        self.assertTrue(reading.fetch_failed)

    def test_loops(self) -> None:
        """A file that leads back to itself is an error that shows the way."""
        self.write("b.ini", "[uwsgi]\ninclude = c.ini\n")
        self.write("c.ini", "[uwsgi]\ninclude = ./a.ini\n")
        self.write("a.ini", "[uwsgi]\ninclude = b.ini\nenv = a\n")
        reading = self.read("a.ini")
        self.assertEqual(reading.problems, ("c.ini:2: config loop: a.ini -> b.ini -> c.ini -> ./a.ini",))
        self.assertEqual(reading.first("env").value, "a")  # type: ignore[union-attr]
        self.write("self.ini", "[uwsgi]\ninherit = self.ini\n")
        self.assertEqual(self.read("self.ini").problems, ("self.ini:2: config loop: self.ini -> self.ini",))
        self.write("same.ini", "[uwsgi]\nini = :a\n[a]\nini = :a\n")
        self.assertEqual(
            self.read("same.ini").problems, ("same.ini:4: config loop: same.ini:a -> same.ini:a",)
        )

    def test_too_deep(self) -> None:
        """Files that include each other without an end are stopped."""
        for number in range(70):
            self.write(f"{number}.ini", f"[uwsgi]\ninclude = {number + 1}.ini\n")
        [problem] = self.read("0.ini").problems
        self.assertIn("more than 64 configurations inside each other", problem)

    def test_twice_is_no_loop(self) -> None:
        """The same file may be included twice."""
        self.write("sub.ini", "[uwsgi]\nenv = sub\n")
        self.assertEqual(self.lines("include = sub.ini\ninclude = sub.ini\n"), ["env = sub", "env = sub"])

    def test_without_a_name(self) -> None:
        """A loader needs the name of a file."""
        self.assertEqual(
            self.problems("include =\n"),
            ["site.ini:2: include: expected the name of a configuration, got none"],
        )


class InheritTests(ReadingCase):
    def test_at_the_end(self) -> None:
        """Inherited lines come after everything else, expanded."""
        self.write("late.ini", "[uwsgi]\nprocesses = %(n)\nenv = $(COLOUR) %n\n")
        self.assertEqual(
            self.lines("inherit = late.ini\nn = 3\nprocesses = 1\n", environ={"COLOUR": "red"}),
            ["n = 3", "processes = 1", "processes = 3", "env = red late"],
        )

    def test_name_is_expanded(self) -> None:
        """inherit is not immediate, so its name is expanded."""
        self.write("late.ini", "[uwsgi]\nenv = late\n")
        self.assertEqual(self.lines("f = late\ninherit = %(f).ini\n"), ["f = late", "env = late"])

    def test_inherits_in_turn(self) -> None:
        """What is inherited may inherit and include."""
        self.write("a.ini", "[uwsgi]\ninherit = b.ini\ninclude = c.ini\nenv = a\n")
        self.write("b.ini", "[uwsgi]\nenv = b\n")
        self.write("c.ini", "[uwsgi]\nenv = c\n")
        self.assertEqual(self.lines("inherit = a.ini\n"), ["env = c", "env = a", "env = b"])

    def test_problems_are_located(self) -> None:
        """A mistake in an inherited file has its place."""
        self.write("a.ini", "[uwsgi]\nfor = a\n")
        self.assertEqual(self.problems("inherit = a.ini\n"), ['a.ini:2: unclosed "for" block'])
        self.assertEqual(
            self.problems("inherit = b.ini\n"),
            ["site.ini:2: unable to read b.ini: No such file or directory"],
        )


class ExpansionTests(ReadingCase):
    def test_passes(self) -> None:
        """Environment, then files, then references; each may give what the next expands."""
        self.write("name", "%(n)\r\n")
        self.write("two\n", "")
        self.assertEqual(
            self.lines("n = 5\nenv = $(AT)\nenv = %(later)\nlater = $(AT)\n", environ={"AT": "@(name)"}),
            ["n = 5", "env = 5", "env = 5", "later = 5"],
        )

    def test_log_format_survives(self) -> None:
        """What nobody knows stays, except magic letters."""
        self.assertEqual(
            self.lines("log-format = %(uri) %(method) %%d\nfoo = a%zb\nenv = $(UNSET)\n"),
            ["log-format = %(uri) %(method) %d", "foo = ab", "env = $(UNSET)"],
        )

    def test_unreadable_file(self) -> None:
        """A file that can not be read is nothing, and a warning."""
        self.write("site.ini", "[uwsgi]\nenv = <@(nowhere)>\n")
        reading = self.read("site.ini")
        self.assertEqual(str(reading.directives[0]), "env = <>")
        self.assertEqual(
            reading.warnings, ("@(nowhere) is nothing: unable to read nowhere: No such file or directory",)
        )

    def test_command_line_has_no_magic(self) -> None:
        """Magic variables are for files, placeholders for all."""
        reading = self.read("--set", "a=1", "--env", "%d%(a)$(HOME)", environ={"HOME": "/h"})
        self.assertEqual(reading.first("env").value, "%d1/h")  # type: ignore[union-attr]

    def test_recursion(self) -> None:
        """Values that refer to each other are errors, with their places."""
        self.assertEqual(
            self.problems("a = %(b)\nb = %(a)\nc = %(c)x\n"),
            [
                "site.ini:2: recursive placeholder: b",
                "site.ini:3: recursive placeholder: a",
                "site.ini:4: recursive placeholder: c",
            ],
        )

    def test_all_at_once(self) -> None:
        """One reading tells all mistakes."""
        self.write("bad.json", "{")
        problems = self.problems("include = bad.json\ninclude = no.ini\nset = x\nfor = a\nif-env = b\n")
        self.assertEqual(len(problems), 5)


class SettingsTests(ReadingCase):
    def test_strict_first(self) -> None:
        """strict before a placeholder line refuses it, but not what set made."""
        self.write("site.ini", "[uwsgi]\nstrict = true\nname = x\n")
        judged = judge_reading(self.read("site.ini"), Index(declared_sections()))
        self.assertEqual(len(judged.problems), 1)
        self.assertIn("site.ini:3: name", judged.problems[0])
        self.write(
            "site.ini", "[uwsgi]\nstrict = true\nset-ph = name=x\ndeclare-option = y=print=$1\ny = 1\n"
        )
        judged = judge_reading(self.read("site.ini"), Index(declared_sections()))
        self.assertEqual(judged.problems, ())
