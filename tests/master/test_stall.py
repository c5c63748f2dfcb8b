"""How late the reactor is."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.master.stall import Stall


class Lateness(SynchronousTestCase):
    def test_delay(self) -> None:
        """The last delay and the worst one are kept."""
        clock = Clock()
        stall = Stall(clock)
        stall.start()
        clock.advance(0.5)
        self.assertEqual((stall.last, stall.worst), (0.0, 0.0))
        clock.advance(2.5)
        self.assertEqual((stall.last, stall.worst), (2.0, 2.0))
        clock.advance(0.75)
        self.assertEqual((stall.last, stall.worst), (0.25, 2.0))

    def test_stop(self) -> None:
        """Nothing is left in the reactor; a stop before the start is none."""
        clock = Clock()
        stall = Stall(clock)
        stall.stop()
        stall.start()
        stall.stop()
        stall.stop()
        self.assertEqual(clock.getDelayedCalls(), [])
