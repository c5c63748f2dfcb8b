"""What a process does before it forks many children."""

from __future__ import annotations

import gc
import os
import sys

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host import sharing


class SettleTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.addCleanup(sharing._fillers.clear)
        self.addCleanup(gc.unfreeze)

    def test_nothing_is_left_to_collect(self) -> None:
        """Whatever is there is out of the collector's sight afterwards, and cycles are gone before."""
        before = gc.get_freeze_count()
        cycle: list[object] = []
        cycle.append(cycle)
        del cycle
        sharing.settle()
        self.assertGreater(gc.get_freeze_count(), before)
        self.assertEqual(gc.get_count()[2], 0)

    def test_new_objects_have_pages_of_their_own(self) -> None:
        """In a child, hardly any new object lies in a page that was there before the fork."""
        sharing.settle()
        told, tell = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                pools = {id(thing) >> 14 for fillers in sharing._fillers for thing in fillers}
                fresh = [bytes(number % 300 + 40) for number in range(5000)]
                os.write(tell, b"%d" % sum(id(thing) >> 14 in pools for thing in fresh))
            finally:
                os._exit(0)
        os.close(tell)
        with os.fdopen(told, "rb") as answer:
            found = int(answer.read())
        os.waitpid(pid, 0)
        self.assertLess(found, 500)

    def test_sizes(self) -> None:
        """Fillers have the size of the places that they take, in steps of sixteen bytes."""
        for size in range(16, 513, 16):
            thing = sharing._maker(size)()
            self.assertTrue(size - 16 < sys.getsizeof(thing) <= size, (size, thing))

    def test_again(self) -> None:
        """A second call takes only what was freed since the first."""
        sharing.settle()
        first = sum(map(len, sharing._fillers))
        sharing.settle()
        second = sum(map(len, sharing._fillers)) - first
        self.assertLess(second, max(first, 1000))


class ForgetTests(SynchronousTestCase):
    def test_names_are_let_go(self) -> None:
        """The table of lookups holds no name afterwards that was looked up before."""
        name = "".join(("looked", "_", "up"))
        kind = type("Kind", (), {name: 1})
        before = sys.getrefcount(name)
        getattr(kind, sys.intern(name))
        self.assertGreater(sys.getrefcount(name), before)
        sharing.forget()
        self.assertEqual(sys.getrefcount(name), before)
