"""Tests of `uwsgid.languages.python.imports`."""

from __future__ import annotations

import importlib
import sys

from tests.languages.python.support import AppTestCase
from uwsgid.config.settings import settings_of
from uwsgid.errors import AppError
from uwsgid.languages.python.imports import argv, import_all, map_aliases, try_module
from uwsgid.languages.python.options import PythonApps


class ArgvTests(AppTestCase):
    def test_words_are_split_at_blanks(self) -> None:
        """Quotes mean nothing, and the program is called uwsgi."""
        self.assertEqual(argv('one  "two three"'), ["uwsgi", "one", '"two', 'three"'])
        self.assertEqual(argv(""), ["uwsgi"])


class ImportTests(AppTestCase):
    def test_modules_and_files(self) -> None:
        """A slash or .py makes a file, whose module is named after its path."""
        self.write("warmx.py", "")
        path = self.write("sub/fill.conf", "here = __name__")
        self.assertEqual(import_all(["warmx", path], self.said.append), 0)
        self.assertIn("warmx", sys.modules)
        self.assertIn(path.replace("/", "_").replace(".", "_"), sys.modules)

    def test_a_failure_is_a_traceback_and_no_more(self) -> None:
        """The next one is imported all the same."""
        self.write("badx.py", "1/0")
        self.write("warmx.py", "")
        self.assertEqual(import_all(["badx", "/no/such.py", "warmx"], self.said.append), 2)
        self.assertIn("ZeroDivisionError: division by zero", self.said)
        self.assertIn("failed to open python file /no/such.py", self.all_said())
        self.assertIn("warmx", sys.modules)


class AliasTests(AppTestCase):
    def test_a_name_means_another_module(self) -> None:
        """Importing the one gives the other."""
        map_aliases([("myjson", "json")], self.said.append)
        self.assertIs(importlib.import_module("myjson"), sys.modules["json"])
        self.assertEqual(self.said, ['mapped virtual pymodule "myjson" to real pymodule "json"'])

    def test_a_name_means_a_file(self) -> None:
        """The file runs under that name."""
        path = self.write("conf.txt", "name = __name__")
        map_aliases([("siteconf", path)], self.said.append)
        self.assertEqual(importlib.import_module("siteconf").name, "siteconf")

    def test_a_module_that_can_not_be_imported_is_fatal(self) -> None:
        """The error says which alias and why, after the traceback."""
        self.write("badx.py", "1/0")
        error = self.assertRaises(AppError, map_aliases, [("a", "badx")], self.said.append)
        self.assertEqual(str(error), "pymodule-alias a=badx: unable to import badx: division by zero")
        self.assertIn("ZeroDivisionError: division by zero", self.said)
        self.assertRaises(AppError, map_aliases, [("a", "/no/such")], self.said.append)


class TryTests(AppTestCase):
    def attempt(self, text: str) -> int:
        return try_module(settings_of(text)[PythonApps], self.said.append)

    def test_it_says_whether_the_callable_is_there(self) -> None:
        """And the status says it too."""
        self.write("shopx.py", "application = len")
        self.assertEqual(self.attempt("test = shopx"), 0)
        self.assertEqual(self.attempt("test = shopx:app"), 1)
        self.assertEqual(
            self.said,
            [
                'found "application" in shopx',
                'unable to find "app" callable in file shopx; '
                "the option callable names another: callable = application",
            ],
        )

    def test_a_module_that_fails(self) -> None:
        """Its traceback is shown."""
        self.write("badx.py", "1/0")
        self.assertEqual(self.attempt("test = badx"), 1)
        self.assertEqual(self.said[-2:], ["ZeroDivisionError: division by zero", "unable to import badx"])
