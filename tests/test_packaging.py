"""What a user installs is what was built: the wheel, in an environment with nothing else in it.

The wheel here is the pure one, which every machine can build; `make compiled` proves the other.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from uwsgid._version import __version__

ROOT: Final = Path(__file__).parent.parent
SOURCES: Final = (".ci", "uwsgid", "twisted", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")


class WheelTests(SynchronousTestCase):
    """One build and one installation serve all tests."""

    folder: Path
    wheel: Path
    bin: Path

    def setUp(self) -> None:
        if not hasattr(WheelTests, "wheel"):
            WheelTests.folder = Path(tempfile.mkdtemp(prefix="uwsgid-wheel-"))
            atexit.register(shutil.rmtree, WheelTests.folder, ignore_errors=True)
            WheelTests.wheel = self.build(WheelTests.folder)
            WheelTests.bin = self.install(WheelTests.folder, WheelTests.wheel)

    def run_quietly(self, *command: str | Path, **environ: str) -> str:
        """The output of a program that has to succeed."""
        done = subprocess.run(
            [str(word) for word in command],
            cwd=self.folder,
            env={
                **{key: value for key, value in os.environ.items() if not key.startswith("PYTHON")},
                **environ,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def build(self, folder: Path) -> Path:
        """A wheel from a copy of the sources, so that the checkout stays as it is."""
        source = folder / "source"
        source.mkdir()
        unwanted = shutil.ignore_patterns("__pycache__", "*.cache")
        for name in SOURCES:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, source / name, ignore=unwanted)
            else:
                shutil.copy(ROOT / name, source / name)
        command = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, source)
        self.run_quietly(*command, UWSGID_PURE="1")
        (wheel,) = folder.glob("*.whl")
        return wheel

    def install(self, folder: Path, wheel: Path) -> Path:
        """An environment with the wheel and what it asks for; its folder of programs."""
        self.run_quietly(sys.executable, "-m", "venv", folder / "env")
        self.run_quietly(folder / "env" / "bin" / "pip", "install", "--quiet", wheel)
        return folder / "env" / "bin"

    def test_contents(self) -> None:
        """The wheel has every module, the scripts of other languages, twistd's plugin and the type marker,
        and nothing of Twisted's own."""
        names = set(zipfile.ZipFile(self.wheel).namelist())
        modules = {str(path.relative_to(ROOT)) for path in (ROOT / "uwsgid").rglob("*.py")}
        scripts = {
            str(path.relative_to(ROOT))
            for ending in ("pl", "rb")
            for path in (ROOT / "uwsgid").rglob(f"*.{ending}")
        }
        self.assertIn("uwsgid/languages/perl/psgi.pl", scripts)
        self.assertEqual((modules | scripts) - names, set())
        self.assertIn("uwsgid/py.typed", names)
        self.assertTrue(self.wheel.name.endswith("-none-any.whl"), self.wheel.name)
        self.assertEqual([name for name in names if name.endswith(".so")], [])
        self.assertEqual(
            {name for name in names if name.startswith("twisted/")}, {"twisted/plugins/uwsgid_plugin.py"}
        )
        self.assertEqual({name.split("/")[0] for name in names if "-" not in name}, {"uwsgid", "twisted"})

    def test_nothing_is_left_behind(self) -> None:
        """A build leaves no folder from which the next one would take modules that are no more."""
        self.assertFalse((self.folder / "source" / "build").exists())

    def test_twistd(self) -> None:
        """twistd knows the command."""
        self.assertIn("uwsgid", self.run_quietly(self.bin / "twistd", "--help"))
        self.assertIn("--http-socket", self.run_quietly(self.bin / "twistd", "uwsgid", "--help"))

    def test_console_script(self) -> None:
        """So does a shell."""
        self.assertIn(__version__, self.run_quietly(self.bin / "uwsgid", "--version"))
        self.assertIn("--http-socket", self.run_quietly(self.bin / "uwsgid", "--help"))

    def test_module(self) -> None:
        """So does Python."""
        self.assertIn(__version__, self.run_quietly(self.bin / "python", "-m", "uwsgid", "--version"))

    def test_check(self) -> None:
        """uwsgid check has nothing to say about a good config."""
        config = self.folder / "site.ini"
        config.write_text("[uwsgi]\nhttp-socket = 127.0.0.1:0\nwsgi-file = app.py\nmaster = true\n")
        self.run_quietly(self.bin / "uwsgid", "check", config)


class NeedsTests(SynchronousTestCase):
    """What pip is asked to fetch before it builds."""

    def needs(self, **environ: str) -> list[str]:
        """The answer of the build backend, in an environment with these variables."""
        code = "import json, build_backend; print(json.dumps(build_backend.get_requires_for_build_wheel()))"
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT / ".ci"), **environ},
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        needed: list[str] = json.loads(done.stdout.splitlines()[-1])
        return needed

    def test_pure(self) -> None:
        """With UWSGID_PURE nothing is needed to compile, so that an installation without mypy succeeds."""
        self.assertEqual([name for name in self.needs(UWSGID_PURE="1") if "mypy" in name], [])

    def test_without_compiler(self) -> None:
        """Nor is it where the compiler that is named does not exist."""
        self.assertEqual([name for name in self.needs(CC="/nonexistent/cc -O2") if "mypy" in name], [])
