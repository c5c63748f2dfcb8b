"""What dead vassals left behind."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.emperor.undertaker import Undertaker
from uwsgid.testing import MemoryProcesses


class UndertakerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = Clock()
        self.kernel = MemoryProcesses()
        self.undertaker = Undertaker(self.reactor, self.kernel, lambda: {500})

    def dead(self, *pids: int) -> None:
        for pid in pids:
            self.kernel.end(pid, 0, 0)

    def test_strangers(self) -> None:
        """A dead child that nobody knows is buried when it was seen twice; one that somebody knows is not."""
        self.dead(500, 600)
        self.undertaker.look_later()
        self.undertaker.look_later()
        self.assertEqual(len(self.reactor.getDelayedCalls()), 1)
        self.reactor.advance(1)
        self.assertEqual(sorted(self.kernel.zombie_children()), [500, 600])
        self.reactor.advance(1)
        self.assertEqual(self.kernel.zombie_children(), [500])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_nobody(self) -> None:
        """Where nobody was spared there is no second look."""
        self.dead(500)
        self.undertaker.look_later()
        self.reactor.advance(1)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_stopped(self) -> None:
        """At the end nobody looks any more."""
        self.undertaker.stop()
        self.undertaker.look_later()
        self.undertaker.stop()
        self.assertEqual(self.reactor.getDelayedCalls(), [])
