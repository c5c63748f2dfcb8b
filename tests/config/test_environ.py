"""Options in the environment, and the environment in files."""

from __future__ import annotations

import os

from tests.config.case import Options, ReadingCase
from uwsgid.config.environ import NOT_OPTIONS, environment_options, read_envdir
from uwsgid.errors import ConfigError


class EnvironmentTests(ReadingCase):
    def test_names(self) -> None:
        """Names are lower-cased with dashes, in the order of the environment, and empty values count."""
        environ = {"UWSGI_MAX_REQUESTS": "5", "HOME": "/", "UWSGI_CHEAP": "", "UWSGI_PIVOT_ROOT": "a b"}
        self.assertEqual(
            [(line.name, line.value) for line in environment_options(environ, Options())],
            [("max-requests", "5"), ("cheap", ""), ("pivot_root", "a b")],
        )

    def test_not_options(self) -> None:
        """What uWSGI's processes tell each other is no option."""
        names = (*NOT_OPTIONS, "UWSGI_VASSAL_PROCESSES", "UWSGI_", "UWSGID_PROCESSES")
        self.assertIn("UWSGI_RELOADS", names)
        environ = dict.fromkeys(names, "1")
        self.assertEqual(list(environment_options(environ, Options())), [])

    def test_command_line_comes_later(self) -> None:
        """``UWSGI_MAX_REQUESTS=5`` is ``max-requests = 5``, and the command line comes after it."""
        reading = self.read("--max-requests", "6", environ={"UWSGI_MAX_REQUESTS": "5"})
        self.assertEqual([str(line) for line in reading.directives], ["max-requests = 5", "max-requests = 6"])
        self.assertEqual(str(reading.directives[0].origin), "environment, UWSGI_MAX_REQUESTS")

    def test_files_by_environment(self) -> None:
        """A file named in the environment is loaded before the command line."""
        self.write("a.ini", "[uwsgi]\nenv = file\n")
        reading = self.read("--env", "cli", environ={"UWSGI_INI": "a.ini"})
        self.assertEqual([line.value for line in reading.directives], ["a.ini", "file", "cli"])


class EnvdirTests(ReadingCase):
    def test_files(self) -> None:
        """A file is a variable; blanks at its end go, a NUL is a newline, an empty file unsets."""
        self.write("env/A", "one \n\n")
        self.write("env/B", b"x\0y")
        self.write("env/C", "")
        self.write("env/.hidden", "no")
        os.mkdir(os.path.join(self.directory, "env", "D"))
        self.assertEqual(
            read_envdir(os.path.join(self.directory, "env")), {"A": "one", "B": "x\ny", "C": None}
        )

    def test_missing(self) -> None:
        """A directory that is not there is an error."""
        with self.assertRaisesRegex(ConfigError, "nowhere: No such file"):
            read_envdir(os.path.join(self.directory, "nowhere"))

    def test_early(self) -> None:
        """``$()`` and conditions see early-envdir."""
        self.write("env/COLOUR", "red")
        self.write("env/HOME", "")
        where = os.path.join(self.directory, "env")
        self.assertEqual(
            self.lines(
                f"env = $(COLOUR) $(HOME)\nearly-envdir = {where}\nif-env = COLOUR\nenv = %(_)\nendif\n",
                environ={"HOME": "/root"},
            ),
            ["env = red $(HOME)", f"early-envdir = {where}", "env = red"],
        )
