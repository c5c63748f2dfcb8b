"""The runner of the tests: what a skipped test means."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.live.support import ROOT
from tests.spread import group_of

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
    def run_cases(self, *names: str, no_skips: str = "", jobs: int = 0) -> tuple[int, str]:
        """The status, and the last line."""
        folder = Path(self.mktemp())
        folder.mkdir(parents=True)
        (folder / "cases_of_run.py").write_text(CASES)
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.run",
                *(("--jobs", str(jobs)) if jobs else ()),
                *(f"cases_of_run.Cases.{name}" for name in names),
            ],
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

    def test_several_at_a_time(self) -> None:
        """Several processes come to the same verdict as one, and what they printed is all there."""
        names = ("test_passes", "test_skips", "test_fails")
        self.assertEqual(self.run_cases(*names, jobs=2), (1, "1 passed, 1 failed, 1 skipped"))
        self.assertIn("FailTest: 54 != 42", self.output)
        self.assertEqual(self.run_cases("test_passes", jobs=2), (0, "1 passed, 0 failed, 0 skipped"))

    def test_a_name_of_nothing(self) -> None:
        """A name that no test has fails the run, with one process and with several."""
        for jobs in (0, 2):
            code, verdict = self.run_cases("test_passed", jobs=jobs)
            self.assertEqual(code, 1)
            self.assertIn("1 failed", verdict)


class GroupTests(SynchronousTestCase):
    """What runs in one process."""

    def test_groups(self) -> None:
        """Packages, and the modules of the live tests."""
        self.assertEqual(group_of("tests.wire.test_uwsgi.DecoderTests.test_slices"), "tests.wire")
        self.assertEqual(group_of("tests.test_run.GroupTests.test_groups"), "tests.test_run")
        self.assertEqual(group_of("tests.live.test_boot.BootTests.test_it"), "tests.live.test_boot")
