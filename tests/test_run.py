"""The runner of the tests: what a skipped test means."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.live.support import ROOT

CASES = """
from twisted.trial.unittest import SkipTest, SynchronousTestCase

class Cases(SynchronousTestCase):
    def test_passes(self):
        self.assertEqual(6 * 7, 42)

    def test_skips(self):
        raise SkipTest("for want of a nail")

    def test_fails(self):
        self.assertEqual(6 * 9, 42)
"""


class RunTests(SynchronousTestCase):
    def run_cases(self, *names: str, no_skips: str) -> tuple[int, str]:
        """The status, and the last line."""
        folder = Path(self.mktemp())
        folder.mkdir(parents=True)
        (folder / "cases_of_run.py").write_text(CASES)
        done = subprocess.run(
            [sys.executable, "-m", "tests.run", *(f"cases_of_run.Cases.{name}" for name in names)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{folder.resolve()}", "UWSGID_NO_SKIPS": no_skips},
            capture_output=True,
            text=True,
        )
        self.output = done.stdout
        return done.returncode, done.stdout.splitlines()[-1]

    def test_skips(self) -> None:
        """A skipped test is counted, and a failure where everything has to be there."""
        names = ("test_passes", "test_skips")
        self.assertEqual(self.run_cases(*names, no_skips=""), (0, "1 passed, 0 failed, 1 skipped"))
        self.assertEqual(self.run_cases(*names, no_skips="1"), (1, "1 passed, 1 failed, 0 skipped"))
        self.assertIn("for want of a nail", self.output)

    def test_failures(self) -> None:
        """A test that fails fails the run."""
        self.assertEqual(self.run_cases("test_passes", "test_fails", no_skips="")[0], 1)
