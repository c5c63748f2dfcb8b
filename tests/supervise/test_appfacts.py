"""What is told of applications."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.supervise.appfacts import describe_apps, read_apps
from uwsgid.supervise.rows import AppFacts


class TableTests(SynchronousTestCase):
    def apps(self) -> list[Any]:
        return [
            SimpleNamespace(id=0, modifier1=0, mountpoint="", startup_time=0.9, chdir=None),
            SimpleNamespace(id=1, modifier1=5, mountpoint="/a\n b", startup_time=3.2, chdir="/srv/ü"),
        ]

    def test_there_and_back(self) -> None:
        """What is told arrives, seconds as whole ones."""
        self.assertEqual(
            read_apps(describe_apps(self.apps())),
            (AppFacts(0, 0, "", 0, ""), AppFacts(1, 5, "/a\n b", 3, "/srv/ü")),
        )
        self.assertEqual(read_apps(describe_apps([])), ())

    def test_cut(self) -> None:
        """A text that was too long for its record tells of the first applications."""
        self.assertEqual(read_apps(describe_apps(self.apps())[:-3]), (AppFacts(0, 0, "", 0, ""),))
