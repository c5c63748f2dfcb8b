"""The names that are made first."""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from uwsgid._names import NAMES


class NamesTests(SynchronousTestCase):
    def test_first(self) -> None:
        """They are made before any other module of ours is imported, or one of Twisted's."""
        shown = subprocess.run(
            [sys.executable, "-c", "import sys, uwsgid; print(*sys.modules)"],
            capture_output=True,
            check=True,
            text=True,
        ).stdout.split()
        ours = [name for name in shown if name.startswith(("uwsgid.", "twisted"))]
        self.assertEqual(ours[0], "uwsgid._names")

    def test_names(self) -> None:
        """Each is a name, stands there once, and is the very one that code uses."""
        self.assertEqual(len(NAMES), len(set(NAMES)))
        self.assertEqual([name for name in NAMES if not name.isidentifier()], [])
        self.assertTrue(all(sys.intern(name) is name for name in NAMES))
        self.assertIn("name_process", NAMES)
