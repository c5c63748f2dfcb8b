"""The numbers of the instance as lines of the log."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.supervise.test_rows import serving
from uwsgid.stats.summary import instance_lines
from uwsgid.supervise.rows import AppFacts


class SummaryTests(SynchronousTestCase):
    def test_of_the_instance(self) -> None:
        """The total, then each application of each worker between two rules."""
        board = serving(slots=2)
        board.requests[0], board.past_requests[1] = 7, 3
        board.app_requests[0] = 7
        self.assertEqual(
            list(instance_lines(board, [AppFacts(mountpoint="/shop")])),
            [
                "\tworkers total requests: 10",
                "-----------------",
                "\tworker 1 app 0 [/shop] requests: 7 exceptions: 0",
                "-----------------",
            ],
        )
