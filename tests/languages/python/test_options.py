"""Tests of `uwsgid.languages.python.options`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError
from uwsgid.languages.python.options import PythonApps


class PythonAppsTests(SynchronousTestCase):
    def test_aliases_of_options_mean_the_same(self) -> None:
        """The last one of them counts."""
        chosen = settings_of("module = a\nwsgi = b:c\nwsgi-file = x.py\nfile = y.py")[PythonApps]
        self.assertEqual((chosen.module, chosen.file, chosen.callable), ("b:c", "y.py", "application"))

    def test_imports_accumulate(self) -> None:
        """Under all their names, in order."""
        chosen = settings_of("import = a\npy-import = b.py\nshared-pyimport = c")[PythonApps]
        self.assertEqual((chosen.imports, chosen.shared_imports), (("a", "b.py"), ("c",)))

    def test_an_alias_needs_two_names(self) -> None:
        """Anything else is told with uWSGI's words."""
        self.assertEqual(settings_of("pymodule-alias = a=b.c")[PythonApps].aliases, (("a", "b.c"),))
        for text in ("a", "=b", "a="):
            error = self.assertRaises(ConfigError, settings_of, f"pymodule-alias = {text}")
            self.assertIn(f"invalid pymodule-alias syntax: '{text}'", str(error))

    def test_a_callable_has_a_name(self) -> None:
        """Parentheses alone are none."""
        for text in ("()", ""):
            error = self.assertRaises(ConfigError, settings_of, f"callable = {text}")
            self.assertIn("lines:1: callable: expected the name of a callable", str(error))
