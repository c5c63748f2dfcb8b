"""Tests of `uwsgid.languages.python.virtualenv`."""

from __future__ import annotations

import json
import os
import sys
import textwrap
import venv
from pathlib import Path

from tests.languages.python.support import AppTestCase, run_python
from uwsgid.config.settings import settings_of
from uwsgid.errors import AppError
from uwsgid.languages.python.virtualenv import (
    PythonHome,
    enter,
    package_folders,
    put_in_front,
    read_pyvenv,
    version_of,
)

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"

#: Enters the environment HOME_OF_APP as a process of uwsgid does, with uwsgid's own Twisted imported.
ENTER = """
import json, os, sys
import twisted
from uwsgid.registry import Registry
from uwsgid.config.settings import settings_of
from uwsgid.languages.python.virtualenv import PythonHome, enter
said = []
settings = settings_of("home = " + os.environ["HOME_OF_APP"] + os.environ.get("MORE", ""))
enter(settings[PythonHome], said.append)
"""


class PathTests(AppTestCase):
    def test_each_match_is_put_in_front(self) -> None:
        """The last one is first, the current directory follows, and each has its line."""
        for name in ("lib1", "lib2"):
            (self.folder / name).mkdir()
        old = list(sys.path)
        put_in_front([f"{self.folder}/lib*", "/no/such"], self.said.append)
        self.assertEqual(sys.path, ["/no/such", f"{self.folder}/lib2", f"{self.folder}/lib1", ".", *old])
        self.assertEqual(self.said[0], f"added {self.folder}/lib1 to pythonpath.")

    def test_python_path_of_the_configuration(self) -> None:
        """PYTHONPATH that the configuration sets is followed, as far as Python did not do it itself."""
        old = list(sys.path)
        here, known = str(self.folder / "lib"), next(path for path in old if os.path.isabs(path))
        self.patch(os, "environ", {**os.environ, "PYTHONPATH": f"{here}::{known}:{here}/b:{here}"})
        enter(settings_of("pythonpath = /a")[PythonHome], self.said.append)
        self.assertEqual(sys.path, ["/a", ".", here, f"{here}/b", *old])

    def test_names_of_the_program(self) -> None:
        """sys.executable is what the options say."""
        self.patch(sys, "executable", sys.executable)
        enter(settings_of("py-programname = a\npy-executable = /x/python")[PythonHome], self.said.append)
        self.assertEqual(sys.executable, "/x/python")


class RefusalTests(AppTestCase):
    def refusal(self, home: Path) -> str:
        chosen = settings_of(f"virtualenv = {home}")[PythonHome]
        return str(self.assertRaises(AppError, enter, chosen, self.said.append))

    def test_a_home_that_is_no_directory(self) -> None:
        """The line is that of uWSGI 2.0."""
        self.assertEqual(self.refusal(self.folder / "x"), f"Python Home is not a directory: {self.folder}/x")

    def test_a_home_of_another_version(self) -> None:
        """The line names both versions and what to do."""
        (self.folder / "lib/python3.1/site-packages").mkdir(parents=True)
        said = self.refusal(self.folder)
        self.assertIn(f"made for Python 3.1, but uwsgid runs Python {HERE}", said)
        self.assertIn("install uwsgid for Python 3.1", said)

    def test_what_tells_the_version(self) -> None:
        """The folders of packages, then pyvenv.cfg in both its dialects, else nothing."""
        self.assertIsNone(version_of(self.folder, {}))
        self.assertEqual(version_of(self.folder, {"version": "3.9.2"}), "3.9")
        self.assertEqual(version_of(self.folder, {"version_info": "3.8.1.final.0"}), "3.8")
        for version in ("3.1", HERE):
            (self.folder / f"lib/python{version}").mkdir(parents=True)
        self.assertEqual(version_of(self.folder, {"version": "3.9.2"}), HERE)

    def test_pyvenv_is_read_without_regard_to_case_and_blanks(self) -> None:
        """And its absence is an empty table."""
        self.assertEqual(read_pyvenv(self.folder), {})
        self.write("pyvenv.cfg", "Home = /usr/bin\nversion=3.11\n\nrubbish\n")
        self.assertEqual(read_pyvenv(self.folder), {"home": "/usr/bin", "version": "3.11"})

    def test_folders_of_debian_count(self) -> None:
        """A home may be a whole installation."""
        (self.folder / "lib/python3/dist-packages").mkdir(parents=True)
        self.assertEqual(package_folders(self.folder), [f"{self.folder}/lib/python3/dist-packages"])


class HomeTests(AppTestCase):
    """With a real environment that holds a Twisted of its own, in an interpreter of its own."""

    def setUp(self) -> None:
        super().setUp()
        self.home = self.folder / "env"
        venv.create(self.home, with_pip=False, symlinks=True)
        self.packages = self.home / f"lib/python{HERE}/site-packages"
        self.write(f"{self.packages}/twisted/__init__.py", "__version__ = '1.0 of the app'")
        self.write(f"{self.packages}/onlyhere.py", "import twisted\nseen = twisted.__version__")
        self.write(f"{self.packages}/more.pth", "import sys; sys.pth_was_run = True\n")

    def run_there(self, code: str, **environ: str) -> object:
        out = run_python(ENTER + textwrap.dedent(code), HOME_OF_APP=str(self.home), **environ)
        return json.loads(out)

    def test_the_application_imports_its_own_version(self) -> None:
        """Although uwsgid had imported another one."""
        self.assertEqual(
            self.run_there("import onlyhere; print(json.dumps(onlyhere.seen))"), "1.0 of the app"
        )

    def test_what_only_uwsgid_has_is_not_there(self) -> None:
        """Neither in sys.modules nor on sys.path, namespace packages included."""
        found = self.run_there("""
            import importlib.util
            names = ("zope", "automat", "psutil")
            print(json.dumps([bool(importlib.util.find_spec(name)) for name in names]))
        """)
        self.assertEqual(found, [False, False, False])

    def test_uwsgid_stays_usable(self) -> None:
        """Its modules can be imported still, and those that use hidden ones go on."""
        found = self.run_there("""
            import uwsgid.request.mounts, importlib
            registry = Registry("x")
            registry.member("a")(lambda: None)
            for name in [name for name in sys.modules if name.partition(".")[0] == "uwsgid"]:
                del sys.modules[name]
            importlib.import_module("uwsgid._version")
            print(json.dumps("a" in registry))
        """)
        self.assertIs(found, True)

    def test_the_interpreter_says_where_it_lives(self) -> None:
        """sys.prefix, sys.executable and VIRTUAL_ENV; and both lines are logged."""
        found = self.run_there(
            "names = [sys.prefix, sys.executable, os.environ['VIRTUAL_ENV']]\n"
            "print(json.dumps([*names, sys.pth_was_run, said]))"
        )
        home = str(self.home)
        lines = [f"PEP 405 virtualenv detected: {home}", f"Set PythonHome to {home}"]
        self.assertEqual(found, [home, home + "/bin/python", home, True, lines])

    def test_no_site(self) -> None:
        """Packages are found and .pth files are not run."""
        found = self.run_there(
            "import onlyhere; print(json.dumps([onlyhere.seen, hasattr(sys, 'pth_was_run')]))",
            MORE="\nno-site = true",
        )
        self.assertEqual(found, ["1.0 of the app", False])

    def test_our_own_environment_is_no_move(self) -> None:
        """Nothing is hidden where home is where uwsgid lives already."""
        code = ENTER + "print(json.dumps('zope.interface' in sys.modules and sys.prefix))"
        found = json.loads(run_python(code, HOME_OF_APP=sys.prefix))
        self.assertEqual(os.path.realpath(found), os.path.realpath(sys.prefix))
