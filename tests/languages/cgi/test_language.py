"""CGI as a language: what it says at start, and what it is where nobody asked for it."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.languages.python.support import run_python
from uwsgid.config.settings import settings_of
from uwsgid.languages.cgi.language import MODIFIER, Cgi
from uwsgid.request.mounts import Apps


class LanguageTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.said: list[str] = []

    def test_says_what_is_mounted(self) -> None:
        """The lines at start are uWSGI's."""
        Cgi().initialize(settings_of("cgi = /srv/cgi\ncgi = /p=/srv/p"), self.said.append)
        self.assertEqual(
            self.said, ["initialized CGI path: /srv/cgi", "initialized CGI mountpoint: /p = /srv/p"]
        )

    def test_a_directory_that_is_missing(self) -> None:
        """It may come later, with a warning now; under cgi-optimize it is the end."""
        config = f"cgi = {self.folder}/none"
        outcome = Cgi().load(settings_of(config), Apps(), self.said.append)
        self.assertIsNone(outcome.exit_code)
        self.assertIn("WARNING", self.said.pop())
        outcome = Cgi().load(settings_of(f"{config}\ncgi-optimize = true"), Apps(), self.said.append)
        self.assertEqual(
            (outcome.exit_code, outcome.reason), (1, f"unable to find CGI path {self.folder}/none")
        )

    def test_answers_where_it_is_asked_for(self) -> None:
        """A worker with scripts has a handler and a guard, any other has neither; alone it answers all."""
        other = Apps()
        other.add("", object())
        for config, apps, modifiers in (
            ("", Apps(), []),
            (f"cgi = {self.folder}", other, [MODIFIER]),
            (f"cgi = {self.folder}", Apps(), [0, MODIFIER]),
            (f"cgi = {self.folder}\ndynamic-apps = :80", Apps(), [MODIFIER]),
        ):
            serving: Any = SimpleNamespace(settings=settings_of(config), say=self.said.append, apps=apps)
            language = Cgi()
            language.post_fork(serving)
            self.assertEqual(list(language.handlers(serving)), modifiers)
            if language._guard is not None:
                language._guard.close()
        self.assertRaises(ChildProcessError, os.waitpid, -1, os.WNOHANG)

    def test_costs_nothing_where_nobody_asks(self) -> None:
        """Its import brings in the options and no more of its folder."""
        code = """
            import sys, uwsgid.languages.cgi.language
            print(sorted(name for name in sys.modules if name.startswith("uwsgid.languages.")))
        """
        names = ["uwsgid.languages.cgi", "uwsgid.languages.cgi.language", "uwsgid.languages.cgi.options"]
        self.assertEqual(run_python(code).strip(), str(names))
