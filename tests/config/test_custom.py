"""Options that a configuration declares for itself."""

from __future__ import annotations

from tests.config.case import ReadingCase
from uwsgid.config.custom import CustomOption
from uwsgid.config.directive import Directive, Origin
from uwsgid.config.kinds import Takes
from uwsgid.errors import ConfigError

HERE = Origin("here", 1)


def lines(template: str, value: str | None) -> list[str]:
    return [str(line) for line in CustomOption("x", template).lines(Directive("x", value, HERE))]


class TemplateTests(ReadingCase):
    def test_arguments(self) -> None:
        """Arguments fill names and values; one that is missing stays."""
        self.assertEqual(lines("a=$1;b=$2 $1", "1  2"), ["a = 1", "b = 2 1"])
        self.assertEqual(lines("$1=$2", "k v"), ["k = v"])
        self.assertEqual(lines("a=$1-$2", "1"), ["a = 1-$2"])
        self.assertEqual(lines("a=$12", "1"), ["a = 12"])
        self.assertEqual(lines("a=$11", "1 2 3 4 5 6 7 8 9 10 11"), ["a = 11"])
        self.assertEqual(lines("a=$1", "$2 x"), ["a = $2"])
        self.assertEqual(lines("a=1;", None), ["a = 1"])

    def test_bad_item(self) -> None:
        """An item without ``=`` is an error that says what to write."""
        with self.assertRaisesRegex(ConfigError, "x: the item 'master' .* write master=true"):
            lines("a=1;master", None)

    def test_takes(self) -> None:
        """The option has a value on the command line if one of the first three arguments is used."""
        self.assertIs(CustomOption("x", "a=$2").takes, Takes.VALUE)
        self.assertIs(CustomOption("x", "a=b").takes, Takes.NOTHING)


class UseTests(ReadingCase):
    def test_real_lines(self) -> None:
        """What the option stands for follows it, expanded."""
        self.assertEqual(
            self.lines(
                "dir = /srv\n"
                "declare-option = app=http-socket=:$1;wsgi-file=%%(dir)/$2\n"
                "app = 80 x.py\n"
                "env = A\n"
            )[2:],
            ["app = 80 x.py", "http-socket = :80", "wsgi-file = /srv/x.py", "env = A"],
        )

    def test_on_the_command_line(self) -> None:
        """A custom option is one of the command line from its declaration on."""
        reading = self.read(
            "--declare-option",
            "port=http-socket=:$1",
            "--port",
            "80",
            "--declare-option",
            "quiet=env=Q",
            "--quiet",
        )
        self.assertEqual(reading.problems, ())
        self.assertIn("http-socket = :80", [str(line) for line in reading.directives])
        self.assertIn("env = Q", [str(line) for line in reading.directives])
        self.assertLessEqual({"port", "quiet"}, reading.set_placeholders)

    def test_built_in_wins(self) -> None:
        """Declaring the name of a built-in option changes nothing."""
        self.assertEqual(
            self.lines("declare-option = processes=env=$1\nprocesses = 3\n")[1:], ["processes = 3"]
        )

    def test_includes(self) -> None:
        """A custom option may load a file, whose lines land there."""
        self.write("sub.ini", "[uwsgi]\nenv = sub\n")
        self.assertEqual(
            self.lines("declare-option = use=include=$1.ini\nuse = sub\nenv = after\n")[1:],
            ["use = sub", "env = sub", "env = after"],
        )

    def test_declared_late(self) -> None:
        """declare-option2 declares when its turn comes."""
        self.assertEqual(self.lines("declare-option2 = e=env=$1\ne = 1\n")[1:], ["e = 1", "env = 1"])

    def test_loop(self) -> None:
        """A custom option that stands for itself is an error."""
        [problem] = self.problems("declare-option = a=b=$1\ndeclare-option = b=a=$1\na = 1\n")
        self.assertEqual(problem, "site.ini:4: config loop: option a -> option b -> option a")

    def test_bad_declaration(self) -> None:
        """A declaration without a template is an error."""
        self.assertEqual(
            self.problems("declare-option = nothing\n"),
            ["site.ini:2: invalid nothing syntax, must be newoption=template"],
        )
