"""Perl and Ruby of other releases of Debian than this machine's; `tests.interpreters` runs all tests."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.interpreters import Unobtainable, obtain
from tests.live.support import ROOT

#: What takes all kinds of frames over the line of an interpreter, and asks the system for things.
FEW: Final = (
    "tests.live.test_psgi.BesideUwsgiTests.test_answers",
    "tests.live.test_psgi.AnswerTests.test_behind_the_last_byte",
    "tests.live.test_psgi.AnswerTests.test_functions",
    "tests.live.test_psgi.AnswerTests.test_harakiri_commit",
    "tests.live.test_psgi.BreakingTests.test_crash",
    "tests.live.test_psgi_io.ClientsTests.test_sockets",
    "tests.live.test_rack.BesideUwsgiTests.test_answers",
    "tests.live.test_rack.AnswerTests.test_http",
    "tests.live.test_rack.AnswerTests.test_streams",
    "tests.live.test_rack.AnswerTests.test_hijacked_for_long",
    "tests.live.test_rack.AnswerTests.test_functions",
    "tests.live.test_rack.BreakingTests.test_crash",
    "tests.live.test_ruby_frameworks.Rack3Tests.test_rack_3",
)


class OtherReleasesTests(SynchronousTestCase):
    """Applications meet what the manual says they may."""

    def served(self, release: str, interpreters: str) -> None:
        try:
            tree = obtain(release, small=True)
        except Unobtainable as error:
            raise SkipTest(str(error)) from None
        self.assertRegex(tree.versions(), interpreters)
        done = subprocess.run(
            tree.command([sys.executable, "-m", "tests.run", *FEW]),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            text=True,
        )
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_old(self) -> None:
        """The oldest Perl and Ruby that are supported serve, with the Rack of their time and with Rack 3."""
        self.served("bullseye", r"^Perl 5\.32\.\d+; Ruby 2\.7\.\d+, Rack 2\.1")

    def test_new(self) -> None:
        """So do newer ones, with Rack 3."""
        self.served("trixie", r"^Perl 5\.40\.\d+; Ruby 3\.3\.\d+, Rack 3\.1")
