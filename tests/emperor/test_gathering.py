"""Code that is made once more."""

from __future__ import annotations

import gc
from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.emperor import gathering
from uwsgid.emperor._functions import FUNCTIONS
from uwsgid.emperor.gathering import gather


def _counter(first: int) -> Callable[[int], int]:
    def count(step: int) -> int:
        nonlocal first
        first += step
        return first

    return count


def _squares(most: int, *, odd: bool = False) -> list[int]:
    return [number * number for number in range(most) if not odd or number % 2]


class GatherTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.addCleanup(gathering._left_behind.clear)
        self.addCleanup(gc.unfreeze)

    def test_same_functions(self) -> None:
        """Functions, those within them, and closures that are there already do what they did before."""
        count, before = _counter(5), _squares.__code__
        count(1)
        names = ("_squares", "_counter.<locals>.count", "nobody")
        self.assertEqual(gather([(__name__, name) for name in names]), 2)
        self.assertIsNot(_squares.__code__, before)
        self.assertEqual(_squares.__code__, before)
        self.assertEqual((_squares(5), _squares(5, odd=True)), ([0, 1, 4, 9, 16], [1, 9]))
        self.assertEqual((count(2), _counter(1)(1)), (8, 2))

    def test_shared(self) -> None:
        """Functions that share their code share it afterwards."""
        one, other = _counter(1), _counter(2)
        self.assertEqual(gather([(__name__, "_counter.<locals>.count")]), 1)
        self.assertIs(one.__code__, other.__code__)

    def test_collector(self) -> None:
        """It is as it was, and what was out of its sight is so again."""
        gc.freeze()
        before = gc.get_freeze_count()
        gather([])
        self.assertTrue(gc.isenabled())
        self.assertGreaterEqual(gc.get_freeze_count(), before)


class FunctionsTests(SynchronousTestCase):
    def test_list(self) -> None:
        """Each function stands there once; those of the start of a vassal do, and no code of modules does."""
        self.assertEqual(len(FUNCTIONS), len(set(FUNCTIONS)))
        self.assertIn(("uwsgid.door.vassal", "live"), FUNCTIONS)
        self.assertIn(("uwsgid.worker.role", "Worker.run"), FUNCTIONS)
        self.assertEqual([name for _, name in FUNCTIONS if "<module>" in name], [])
