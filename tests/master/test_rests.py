"""Resting before the next try."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.master.rests import Rests
from uwsgid.supervise.backoff import Backoff


class Rest(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.rests = Rests(self.clock, Backoff(first=1.0, most=4.0))
        self.woken: list[str] = []

    def test_rows(self) -> None:
        """Each failure in a row makes the rest longer, for whoever failed; one success ends the row."""
        for seconds in (0.0, 1.0, 2.0, 4.0, 4.0):
            self.rests.failed(1)
            self.assertEqual((self.rests.due(1), self.rests.due(2)), (seconds, 0.0))
        self.rests.did_well(1)
        self.rests.did_well(2)
        self.assertEqual(self.rests.due(1), 0.0)

    def test_timer(self) -> None:
        """Whoever rests is woken once, even where it is sent to rest again meanwhile."""
        self.rests.rest("a", 2.0, lambda: self.woken.append("first"))
        self.clock.advance(1)
        self.rests.rest("a", 2.0, lambda: self.woken.append("second"))
        self.assertIn("a", self.rests)
        self.assertNotIn("b", self.rests)
        self.clock.advance(1)
        self.assertNotIn("a", self.rests)
        self.clock.advance(9)
        self.assertEqual(self.woken, ["first"])

    def test_again_from_the_call(self) -> None:
        """Whoever wakes may go to rest again."""
        self.rests.rest("a", 1.0, lambda: self.rests.rest("a", 1.0, lambda: self.woken.append("late")))
        self.clock.advance(1)
        self.clock.advance(1)
        self.assertEqual(self.woken, ["late"])

    def test_end(self) -> None:
        """Nobody wakes after the end."""
        self.rests.rest("a", 1.0, lambda: self.woken.append("never"))
        self.rests.end()
        self.clock.advance(2)
        self.assertEqual((self.woken, self.clock.getDelayedCalls()), ([], []))
