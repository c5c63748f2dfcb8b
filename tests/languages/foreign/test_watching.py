"""Tests of uwsgid.languages.foreign.watching."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.languages.foreign.language import Plan
from uwsgid.languages.foreign.watching import Watcher


class WatcherTests(SynchronousTestCase):
    """What changed files lead to."""

    def test_change(self) -> None:
        """A file that changed is told, and the master asked for a reload, once."""
        file = Path(self.mktemp())
        file.write_text("one")
        said: list[str] = []
        asked: list[str] = []
        plan = Plan("Tongue", "app", "uwsgi-tongue", 99, (), "tongue", (), (), "", watch=1)
        watcher = Watcher(plan, lambda: [str(file)], said.append, asked.append)
        watcher.look()
        self.assertEqual((said, asked), ([], []))
        os.utime(file, (1, 1))
        watcher.look()
        watcher.look()
        self.assertEqual(said, [f"[uwsgi-tongue-auto-reloader] module/file {file} has been modified"])
        self.assertEqual(asked, ["reload"])
