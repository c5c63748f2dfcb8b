"""What every process inherits."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.supervise.board import Board
from uwsgid.supervise.household import Household
from uwsgid.testing import MemoryKernel


class Names(SynchronousTestCase):
    def named(self, config: str, what: str, own: str = "") -> list[tuple[str, ...]]:
        kernel = MemoryKernel()
        house = Household(settings_of(config), kernel, print, Board(1), (), 1, 0.0)
        house.name_process(what, own)
        return kernel.calls

    def test_short(self) -> None:
        """Without titles only the short name changes, so that the arguments stay visible."""
        self.assertEqual(self.named("", "worker 1"), [("set_process_name", "uwsgid worker 1")])

    def test_titles(self) -> None:
        """With auto-procname the title tells the role, or what the configuration calls it."""
        self.assertEqual(self.named("auto-procname", "worker 1"), [("set_process_title", "uWSGI worker 1")])
        self.assertEqual(
            self.named("procname = shop\nprocname-prefix = a-", "worker 1", "shop"),
            [("set_process_title", "a-shop")],
        )
