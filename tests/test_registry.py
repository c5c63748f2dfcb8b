"""Families and their members."""

from __future__ import annotations

import os
import sys

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import UnknownMember
from uwsgid.registry import Registry

MODULE = """
import {name}_family
@{name}_family.fruits.member("pear", "nashi")
def pear():
    '''Green.'''
"""


class PromiseTests(SynchronousTestCase):
    def setUp(self) -> None:
        folder = os.path.abspath(self.mktemp())
        os.mkdir(folder)
        with open(os.path.join(folder, "late_fruits.py"), "w") as file:
            file.write(MODULE.format(name="late"))
        self.patch(sys, "path", [folder, *sys.path])
        self.fruits: Registry[object] = Registry("fruit")
        self.fruits.member("apple")(len)
        self.fruits.promise("late_fruits", "pear", "nashi")
        family = type(sys)("late_family")
        family.fruits = self.fruits  # type: ignore[attr-defined]
        self.patch(sys, "modules", {**sys.modules, "late_family": family})

    def test_comes_when_asked_for(self) -> None:
        """A promised member is there by name, and imported by the first who asks for it."""
        self.assertIn("nashi", self.fruits)
        self.assertEqual(self.fruits.names(), ("apple", "nashi", "pear"))
        self.assertNotIn("late_fruits", sys.modules)
        self.assertEqual(self.fruits["nashi"].__doc__, "Green.")
        self.assertIn("late_fruits", sys.modules)
        self.assertEqual([one.name for one in self.fruits], ["apple", "pear"])

    def test_is_suggested(self) -> None:
        """A name that is nearly that of a promised member gets it as a suggestion."""
        error = self.assertRaises(UnknownMember, self.fruits.__getitem__, "peer")
        self.assertEqual(str(error), "there is no fruit called 'peer'; did you mean pear?")
