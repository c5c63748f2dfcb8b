"""The blacklist and its queue, with uWSGI's arithmetic."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.emperor.throttle import Blacklist, Queue


class Blacklists(SynchronousTestCase):
    def setUp(self) -> None:
        self.blacklist = Blacklist(1000, 5000)

    def rest(self) -> float:
        item = self.blacklist.get("a.ini")
        assert item is not None
        return item.rest

    def test_arithmetic(self) -> None:
        """A millisecond first, a second more each time, and half of it at the top (core/emperor.c)."""
        said, rests = [], []
        for now in range(8):
            said.append(self.blacklist.failed("a.ini", 100 + now))
            rests.append(self.rest())
        self.assertEqual(rests, [1, 1001, 2001, 3001, 4001, 5000, 2500, 3500])
        self.assertEqual(
            said[2:7],
            [
                "[emperor] unloyal bad behaving vassal found: a.ini throttling it...",
                "",
                "",
                "",
                "[emperor] maximum throttle level for vassal a.ini reached !!!",
            ],
        )
        item = self.blacklist.get("a.ini")
        assert item is not None
        self.assertEqual((item.attempt, item.first, item.last, item.due), (7, 100, 107, 110.5))

    def test_due(self) -> None:
        """Whoever is not on it may start at any time."""
        self.assertEqual(self.blacklist.due("a.ini"), 0)
        self.blacklist.failed("a.ini", 100)
        self.assertEqual(self.blacklist.due("a.ini"), 100.001)
        self.assertIn("a.ini", self.blacklist)

    def test_encourage(self) -> None:
        """A changed configuration waits no longer than after a first failure; never longer than before."""
        for now in (100, 101, 102, 103):
            self.blacklist.failed("a.ini", now)
        self.blacklist.encourage("a.ini", 104)
        self.assertEqual(self.blacklist.due("a.ini"), 105)
        self.blacklist.encourage("a.ini", 104.5)
        self.assertEqual(self.blacklist.due("a.ini"), 105)
        self.blacklist.encourage("b.ini", 104)

    def test_forgive(self) -> None:
        """One or all are forgotten."""
        for name in ("a", "b", "c"):
            self.blacklist.failed(name, 1)
        self.blacklist.forgive("b")
        self.blacklist.forgive("z")
        self.assertEqual([item.name for item in self.blacklist], ["a", "c"])
        self.blacklist.forgive_all()
        self.assertEqual(list(self.blacklist), [])


class Queues(SynchronousTestCase):
    def test_gaps(self) -> None:
        """A tenth of the option lies between two starts; who comes alone waits for nobody."""
        queue = Queue(1000)
        self.assertEqual([round(queue.next(50), 3) for _ in range(3)], [50, 50.1, 50.2])
        self.assertEqual(queue.next(60), 60)
