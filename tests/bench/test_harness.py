"""What benchmarks have in common."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from tests.bench.harness import run_what_is_installed


class EnvironmentTests(SynchronousTestCase):
    def test_path(self) -> None:
        """Contestants run what is installed, wherever the benchmark itself is run from."""
        self.patch(os, "environ", {"PYTHONPATH": "/tree", "HOME": "/"})
        run_what_is_installed()
        self.assertEqual(os.environ, {"HOME": "/"})
