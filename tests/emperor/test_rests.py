"""Those who rest, by a clock of a test."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.emperor.rests import Rests


class RestsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = Clock()
        self.back: list[str] = []
        self.rests = Rests(self.reactor, self.reactor.seconds, 1000, 5000, self.back.append)

    def fail_twice(self, *names: str) -> None:
        for name in names:
            for _ in range(2):
                self.rests.blacklist.failed(name, self.reactor.seconds())

    def test_who_need_not(self) -> None:
        """Whoever is not on the blacklist does not rest."""
        self.assertFalse(self.rests.begin("a.ini"))
        self.assertNotIn("a.ini", self.rests)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_until_its_turn(self) -> None:
        """One rests for as long as the blacklist says; it is told when that is over."""
        self.fail_twice("a.ini")
        self.assertTrue(self.rests.begin("a.ini"))
        self.reactor.pump([0.9, 0])
        self.assertEqual((self.back, "a.ini" in self.rests), ([], True))
        self.reactor.pump([0.2, 0])
        self.assertEqual((self.back, "a.ini" in self.rests), (["a.ini"], False))

    def test_one_after_the_other(self) -> None:
        """Those whose rests are over together come back a tenth of the throttle apart."""
        self.fail_twice("a.ini", "b.ini", "c.ini")
        for name in ("a.ini", "b.ini", "c.ini"):
            self.rests.begin(name)
        counts = []
        self.reactor.advance(1.001)
        for _ in range(3):
            self.reactor.advance(0)
            counts.append(len(self.back))
            self.reactor.advance(0.1)
        self.assertEqual((counts, self.back), ([1, 2, 3], ["a.ini", "b.ini", "c.ini"]))

    def test_broken_off(self) -> None:
        """A rest that is broken off is over, and nobody is told, also where one only waits for its turn."""
        self.fail_twice("a.ini", "b.ini", "c.ini")
        for name in ("a.ini", "b.ini", "c.ini"):
            self.rests.begin(name)
        self.rests.break_off("b.ini")
        self.rests.break_off("nobody.ini")
        self.reactor.advance(1.001)
        self.assertEqual(self.rests.break_off_all(), ["c.ini"])
        self.assertEqual((self.back, self.reactor.getDelayedCalls()), (["a.ini"], []))
