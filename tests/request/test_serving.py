"""What a worker serves with."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.request.serving import Farewell


class FarewellTests(SynchronousTestCase):
    def test_the_first_reason_stands(self) -> None:
        """A worker that has to go already does not change its mind about why."""
        farewell = Farewell()
        farewell.bid(17, "reload")
        farewell.bid(0, "enough requests")
        self.assertEqual((farewell.due, farewell.code, farewell.reason), (True, 17, "reload"))
