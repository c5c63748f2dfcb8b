"""When a worker goes: its limits, held against a clock and a probe that the test sets."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.host import Memory, MemoryProbe
from uwsgid.request.serving import Farewell
from uwsgid.supervise.board import Board, Phase
from uwsgid.supervise.exits import Exit
from uwsgid.worker.leave import measuring, recycling


class Probe(MemoryProbe):
    """Tells a size that the test sets, and counts how often it was asked."""

    def __init__(self) -> None:
        self.size = Memory(rss=1 << 20, vsz=1 << 20)
        self.asked = 0

    def read(self) -> Memory:
        self.asked += 1
        return self.size


class LeaveTests(SynchronousTestCase):
    def worker(self, lines: str, slot: int = 1) -> None:
        self.board = Board(2)
        self.farewell = Farewell()
        self.probe = Probe()
        self.said: list[str] = []
        self.now = 1000.0
        self.after = recycling(
            settings_of(lines),
            self.board,
            slot,
            0,
            self.farewell,
            self.said.append,
            lambda: self.now,
        )
        self.measure = measuring(settings_of(lines), self.board, 0, self.probe)

    def serve(self, requests: int = 1) -> None:
        for _ in range(requests):
            self.board.requests[0] += 1
            if self.measure is not None:
                self.measure()
            if self.after is not None:
                self.after(0)

    def test_no_limit(self) -> None:
        """Without limits nothing is measured and nobody goes."""
        self.worker("max-requests = 9")
        self.assertIsNone(self.measure)
        self.worker("")
        self.now += 1e9
        self.serve(5)
        self.assertEqual((self.farewell.due, self.probe.asked), (False, 0))

    def test_max_requests(self) -> None:
        """A worker that is old enough goes after its last request, says so once, and means no crash."""
        self.worker("max-requests = 3")
        self.now += 10
        self.serve(2)
        self.assertFalse(self.farewell.due)
        self.serve(2)
        self.assertEqual((self.farewell.due, self.farewell.code), (True, Exit.OK))
        self.assertEqual(self.board.phase[0], Phase.LEAVING)
        self.assertEqual(len(self.said), 1)
        self.assertRegex(self.said[0], r"^\.\.\.The work of process \d+ is done\. Seeya!$")

    def test_max_requests_delta(self) -> None:
        """Worker 3 may do twice the delta more."""
        self.worker("max-requests = 3\nmax-requests-delta = 2\nmin-worker-lifetime = 0", slot=3)
        self.serve(6)
        self.assertFalse(self.farewell.due)
        self.serve()
        self.assertTrue(self.farewell.due)

    def test_min_worker_lifetime(self) -> None:
        """A young worker goes on; its next request after that age is the last."""
        self.worker("max-requests = 3\nmin-worker-lifetime = 20")
        self.now += 19.9
        self.serve(9)
        self.assertFalse(self.farewell.due)
        self.now += 0.1
        self.serve()
        self.assertTrue(self.farewell.due)

    def test_reload_on_rss(self) -> None:
        """A worker whose resident memory reaches the limit goes."""
        self.worker("reload-on-rss = 2\nmin-worker-lifetime = 0")
        self.serve()
        self.assertFalse(self.farewell.due)
        self.assertEqual((self.board.rss[0], self.board.vsz[0]), (1 << 20, 1 << 20))
        self.probe.size = Memory(rss=2 << 20, vsz=9 << 20)
        self.serve()
        self.assertTrue(self.farewell.due)
        self.assertEqual((self.board.rss[0], self.board.vsz[0]), (2 << 20, 9 << 20))

    def test_reload_on_as(self) -> None:
        """A worker whose address space reaches the limit goes, once it is old enough."""
        self.worker("reload-on-as = 2")
        self.probe.size = Memory(rss=1, vsz=2 << 20)
        self.serve()
        self.assertFalse(self.farewell.due)
        self.now += 10
        self.serve()
        self.assertTrue(self.farewell.due)

    def test_measured_for_others(self) -> None:
        """memory-report and the evil limits, which the master watches, only measure."""
        for line in ("memory-report = true", "evil-reload-on-rss = 1", "evil-reload-on-as = 1"):
            self.worker(f"{line}\nmin-worker-lifetime = 0")
            self.serve()
            self.assertEqual((self.farewell.due, self.board.rss[0]), (False, 1 << 20), line)

    def test_the_first_reason_stands(self) -> None:
        """A worker that was told to go already keeps its reason."""
        self.worker("max-requests = 1\nmin-worker-lifetime = 0")
        self.farewell.bid(Exit.RELOAD, "a signal")
        self.serve()
        self.assertEqual((self.farewell.code, self.said), (Exit.RELOAD, []))
