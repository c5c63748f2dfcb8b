"""Hooks of the master's children."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.hooks import Phase
from uwsgid.hooks.fatal import DESTROY, run_or_destroy
from uwsgid.supervise.board import Board
from uwsgid.supervise.household import Household
from uwsgid.testing import MemoryKernel


class FatalTests(SynchronousTestCase):
    def test_destruction(self) -> None:
        """One that fails is the end of the instance: the master is told, and so is the log."""
        said: list[str] = []
        told: list[str] = []
        kernel = MemoryKernel()
        house = Household(
            settings_of("hook-post-fork = umount:/x"), kernel, said.append, Board(1), [], 1, 0.0
        )
        error = self.assertRaises(SystemExit, run_or_destroy, Phase.POST_FORK, house, told.append)
        self.assertEqual((error.code, told), (1, [DESTROY]))
        self.assertIn("hook-post-fork: umount: uwsgi_umount(): ", said[-2])
        self.assertEqual(said[-1], "FATAL hook failed, destroying instance")
        run_or_destroy(Phase.ACCEPTING, house, told.append)
        self.assertEqual(len(told), 1)
