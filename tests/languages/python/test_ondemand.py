"""Tests of `uwsgid.languages.python.ondemand`."""

from __future__ import annotations

import os
from functools import partial

from tests.languages.python.support import AppTestCase
from uwsgid.languages.python.ondemand import load_on_demand, target_of
from uwsgid.languages.python.targets import FileTarget, ModuleTarget
from uwsgid.request.mounts import App, Apps


class TargetTests(AppTestCase):
    def test_what_variables_name(self) -> None:
        """The script is stronger than the module, and that than the file."""
        vars = {"UWSGI_FILE": "/a.py"}
        self.assertEqual(target_of(vars, "app"), FileTarget("/a.py", "app"))
        vars |= {"UWSGI_MODULE": "m", "UWSGI_CALLABLE": "c"}
        self.assertEqual(target_of(vars, "app"), ModuleTarget("m", "c"))
        vars |= {"UWSGI_SCRIPT": "s:x"}
        self.assertEqual(target_of(vars, "app"), ModuleTarget("s", "x"))
        self.assertIsNone(target_of({"UWSGI_CALLABLE": "c"}, "app"))


class LoadTests(AppTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.apps = Apps()
        self.apps.on_demand = partial(
            load_on_demand, apps=self.apps, callable="application", say=self.said.append
        )

    def ask(self, **vars: str) -> App | None:
        return self.apps.find(vars, magic=True)

    def test_it_is_loaded_once(self) -> None:
        """The second request finds it at its mountpoint."""
        path = self.write("shop.py", "def application(e, s): return []")
        first = self.ask(SCRIPT_NAME="/shop", UWSGI_FILE=path)
        assert first is not None
        self.assertEqual((first.mountpoint, first.id), ("/shop", 0))
        self.assertIs(self.ask(SCRIPT_NAME="/shop", UWSGI_FILE=path), first)

    def test_a_failure_is_logged(self) -> None:
        """Nobody answers then."""
        self.assertIsNone(self.ask(SCRIPT_NAME="/shop", UWSGI_MODULE="no_such_module_here"))
        self.assertIn("unable to load app 0 (mountpoint='/shop')", self.said[-1])

    def test_its_directory_holds_while_it_is_loaded(self) -> None:
        """And not any longer, even where there is no such directory."""
        before = os.getcwd()
        path = self.write("shop.py", "import os; here = os.getcwd(); application = len")
        self.ask(SCRIPT_NAME="/a", UWSGI_FILE=path, UWSGI_CHDIR="/")
        self.assertEqual(os.getcwd(), before)
        self.assertIn("ready", self.said[-1])
        self.ask(SCRIPT_NAME="/b", UWSGI_FILE=path, UWSGI_CHDIR=f"{self.folder}/none")
        self.assertEqual(self.said[1], f"chdir(): No such file or directory: {self.folder}/none")

    def test_a_home_of_its_own_can_not_be_had(self) -> None:
        """The log says why nothing was loaded."""
        self.assertIsNone(self.ask(UWSGI_MODULE="json", UWSGI_PYHOME="/srv/env"))
        self.assertIn("it wants the Python home /srv/env", self.said[0])
