"""The round of checks."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.master.checkround import CheckRound
from uwsgid.testing import MemoryReactor


class CheckRoundTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = MemoryReactor()
        self.lines: list[str] = []
        self.looked: list[str] = []

    def begin(self, interval: int) -> CheckRound:
        looks = (lambda: self.looked.append("first"), self.fail_now, lambda: self.looked.append("last"))
        made = CheckRound(self.reactor, interval, self.lines.append, *looks)
        made.start()
        return made

    def fail_now(self) -> None:
        raise ZeroDivisionError("oops")

    def test_interval(self) -> None:
        """Each interval has one round, the first of them not at once; after the stop there is none."""
        checks = self.begin(3)
        self.reactor.advance(2)
        self.assertEqual(self.looked, [])
        self.reactor.pump([1, 3])
        self.assertEqual(self.looked, ["first", "last"] * 2)
        checks.stop()
        self.reactor.advance(9)
        self.assertEqual((self.looked, self.reactor.getDelayedCalls()), (["first", "last"] * 2, []))

    def test_no_interval(self) -> None:
        """An interval of 0 is a second."""
        self.begin(0).stop()
        self.begin(0)
        self.reactor.advance(1)
        self.assertEqual(self.looked, ["first", "last"])

    def test_a_mistake(self) -> None:
        """A look that fails is told with its traceback, and the next ones follow."""
        self.begin(1)
        self.reactor.advance(1)
        self.assertIn("ZeroDivisionError: oops", self.lines[0])
        self.assertEqual(self.looked[-1], "last")

    def test_never_begun(self) -> None:
        """A round that never began may be stopped."""
        CheckRound(self.reactor, 1, self.lines.append).stop()
        self.assertEqual(self.reactor.getDelayedCalls(), [])
