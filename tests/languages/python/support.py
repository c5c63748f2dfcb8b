"""What the tests of applications in Python share: a folder of source files and a clean table of modules."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

#: The folder that holds the package uwsgid.
ROOT = Path(__file__).resolve().parents[3]


class AppTestCase(SynchronousTestCase):
    """A test with a folder of its own in front of ``sys.path``, and with the modules of before afterwards.

    :ivar said: the lines that were logged.
    """

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir(parents=True)
        self.said: list[str] = []
        self.patch(sys, "path", [str(self.folder), *sys.path])
        self.patch(sys, "argv", list(sys.argv))
        self.patch(sys, "dont_write_bytecode", True)
        modules = dict(sys.modules)
        self.addCleanup(lambda: [sys.modules.pop(name) for name in set(sys.modules) - set(modules)])
        self.addCleanup(sys.modules.update, modules)
        self.addCleanup(sys.path_importer_cache.clear)

    def write(self, name: str, text: str) -> str:
        """Make a file of the folder; its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return str(path)

    def all_said(self) -> str:
        return "\n".join(self.said)


def run_python(code: str, python: str = sys.executable, **environ: str) -> str:
    """What *code* prints in a fresh interpreter that can import uwsgid.

    :raises AssertionError: when it fails, with all it wrote.
    """
    done = subprocess.run(
        [python, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **environ},
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout
