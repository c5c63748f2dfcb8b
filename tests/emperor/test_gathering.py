"""Code that is made once more."""

from __future__ import annotations

import gc
import inspect
import sys
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


class Shop:
    """Something with functions of every kind."""

    def __init__(self, price: int = 3) -> None:
        self._price = price

    def price(self, *, times: int = 1) -> int:
        """What it costs."""
        return self._price * times

    @property
    def half(self) -> float:
        """Half of that."""
        return self._price / 2

    @classmethod
    def cheap(cls) -> Shop:
        return cls(1)

    @staticmethod
    def words(name: str) -> str:
        return f"the shop of {name}"

    def with_changes(self) -> int:
        return self._price

    def _change(self, price: int) -> None:
        self._price = price

    changing = property(with_changes, _change)
    another = price


_FUNCTIONS_OF_SHOP = ("__init__", "price", "half", "cheap", "words", "with_changes")


def _lonely(number: int = 2, *, more: int = 1) -> int:
    return number + more


def _known() -> str:
    return "known to others"


_KNOWN = [_known]


class MoveTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.addCleanup(gathering._left_behind.clear)
        self.addCleanup(gathering._renamed.clear)
        self.addCleanup(gc.unfreeze)
        self.module = sys.modules[__name__]

    def test_methods(self) -> None:
        """Methods of every kind are others afterwards, and do and say what they did before."""
        before = {name: inspect.getattr_static(Shop, name) for name in _FUNCTIONS_OF_SHOP}
        old = Shop(5)
        functions = [gathering._within(before[name]) for name in _FUNCTIONS_OF_SHOP]
        self.assertEqual(gathering.move([self.module], [each for each in functions if each]), 6)
        for name in _FUNCTIONS_OF_SHOP:
            now = inspect.getattr_static(Shop, name)
            self.assertIsNot(now, before[name], name)
            self.assertIs(type(now), type(before[name]))
            self.assertEqual(now.__doc__, before[name].__doc__)
        self.assertIs(Shop.another, Shop.price)
        self.assertEqual(str(inspect.signature(Shop.price)), "(self, *, times: 'int' = 1) -> 'int'")
        self.assertEqual((old.price(times=2), old.half, Shop.cheap().price()), (10, 2.5, 1))
        self.assertEqual((Shop.words("Ann"), old.with_changes(), Shop().price()), ("the shop of Ann", 5, 3))
        old.changing = 7
        self.assertEqual(old.changing, 7)

    def test_functions_of_a_module(self) -> None:
        """One that only its module has is moved, one that others have is not."""
        names = globals()
        before = id(names["_lonely"]), id(names["_known"])
        functions = [names["_lonely"], names["_known"]]
        self.assertEqual(gathering.move([self.module], functions), 1)
        self.assertNotEqual(id(names["_lonely"]), before[0])
        self.assertEqual((id(names["_known"]), _KNOWN[0] is _known), (before[1], True))
        self.assertEqual((_lonely(), _lonely(3, more=4)), (3, 7))
        self.assertEqual(str(inspect.signature(_lonely)), "(number: 'int' = 2, *, more: 'int' = 1) -> 'int'")

    def test_constants(self) -> None:
        """Texts that are no names, bytes and tuples are made anew, and equal."""
        for constant in ("two words", b"bytes", ("two words", b"x", 1), "\udc80"):
            self.assertEqual(gathering._constant(constant), constant)
            self.assertIsNot(gathering._constant(constant), constant)
        for other in ("name", 3.5, None, "x y" * 200):
            self.assertIs(gathering._constant(other), other)

    def test_names_of_modules(self) -> None:
        """A module has its name once more, and only once."""
        namespace = {"__name__": "shop.front"}
        before = namespace["__name__"]
        gathering._name_anew(namespace)
        made = namespace["__name__"]
        self.assertEqual(made, before)
        self.assertIsNot(made, before)
        gathering._name_anew(namespace)
        self.assertIs(namespace["__name__"], made)


class FunctionsTests(SynchronousTestCase):
    def test_list(self) -> None:
        """Each function stands there once; those of the start of a vassal do, and no code of modules does."""
        self.assertEqual(len(FUNCTIONS), len(set(FUNCTIONS)))
        self.assertIn(("uwsgid.door.lone", "live_alone"), FUNCTIONS)
        self.assertIn(("uwsgid.worker.role", "Worker.run"), FUNCTIONS)
        self.assertEqual([name for _, name in FUNCTIONS if "<module>" in name], [])
