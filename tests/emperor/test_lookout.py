"""When the monitors look."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from tests.emperor.support import EmperorCase, MemoryMonitor
from uwsgid.emperor import lookout


class InThreads(EmperorCase):
    """Sources that take their time."""

    def setUp(self) -> None:
        super().setUp()
        self.pending: list[Deferred[Any]] = []
        self.patch(lookout, "deferToThreadPool", self.later)
        self.reactor.getThreadPool = lambda: None  # type: ignore[attr-defined]
        self.patch(MemoryMonitor, "waits", True)
        self.begin()
        self.poll()

    def later(self, reactor: object, pool: object, look: object) -> Deferred[Any]:
        self.pending.append(Deferred())
        return self.pending[-1]

    def test_one_at_a_time(self) -> None:
        """Nobody waits for them, and a look that is not over is not begun again."""
        self.run_for(10)
        self.assertEqual(len(self.pending), 1)
        self.monitor.put("a.ini")
        self.pending[0].callback(self.monitor.look())
        self.assertEqual(self.names, ["a.ini"])
        self.run_for(4)
        self.assertEqual(len(self.pending), 2)

    def test_failed(self) -> None:
        """One that fails is told, and looked at again."""
        self.pending[0].errback(Failure(OSError("no database")))
        self.assertLogged("no database")
        self.run_for(4)
        self.assertEqual(len(self.pending), 2)

    def test_too_late(self) -> None:
        """What is seen when all ends changes nothing."""
        self.emperor.end()
        self.monitor.put("a.ini")
        self.pending[0].callback(self.monitor.look())
        self.assertEqual(self.names, [])


class Mistakes(EmperorCase):
    def test_a_mistake(self) -> None:
        """A look that fails by a mistake of ours is told, and the next one comes."""
        self.begin()

        def look() -> None:
            raise ZeroDivisionError

        self.monitor.look = look  # type: ignore[method-assign]
        self.run_for(7)
        self.assertGreaterEqual(len([line for line in self.lines if "a look failed" in line]), 2)
