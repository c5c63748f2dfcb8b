"""How a line can go on."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.manhole.completion import Completion, complete


class Thing:
    """Has attributes."""

    size = 1
    sides = (1, 2)
    _hidden = 3

    @property
    def broken(self) -> int:
        raise ValueError

    def __getitem__(self, at: Any) -> Thing:
        return self


NAMES: dict[str, Any] = {"thing": Thing(), "things": {"a": Thing(), 1: Thing()}, "reload": print}


class CompletionTests(SynchronousTestCase):
    def candidates(self, line: str) -> tuple[str, ...]:
        return complete(NAMES, line).candidates

    def test_names(self) -> None:
        """Names, builtins and keywords."""
        self.assertEqual(self.candidates("rel"), ("reload",))
        self.assertEqual(self.candidates("x = thi"), ("thing", "things"))
        self.assertEqual(self.candidates("whi"), ("while",))
        self.assertIn("print", self.candidates("pri"))

    def test_attributes(self) -> None:
        """Attributes of names, of their attributes and of their items; hidden ones when asked for."""
        self.assertEqual(self.candidates("thing.si"), ("sides", "size"))
        self.assertEqual(self.candidates("thing.sides.co"), ("count",))
        self.assertEqual(self.candidates("things['a'].si"), ("sides", "size"))
        self.assertEqual(self.candidates('f(things["a"].siz'), ("size",))
        self.assertEqual(self.candidates("things[1].siz"), ("size",))
        self.assertNotIn("_hidden", self.candidates("thing."))
        self.assertEqual(self.candidates("thing._hid"), ("_hidden",))

    def test_nothing(self) -> None:
        """Calls are not made, and what can not be looked up has no attributes."""
        for line in ("thing().si", "nobody.x", "thing.broken.x", "things['b'].x", "1 + ", "(1).re"):
            self.assertEqual([name for name in self.candidates(line) if name == "size"], [], line)
        self.assertEqual(self.candidates("thing.broken.x"), ())
        self.assertEqual(self.candidates("thing().si"), ())

    def test_common(self) -> None:
        """What all candidates begin with is what is inserted."""
        self.assertEqual(complete(NAMES, "th").common, "thing")
        self.assertEqual(Completion("x").common, "x")
        self.assertEqual(Completion("", ("ab", "ac", "abd")).common, "a")
