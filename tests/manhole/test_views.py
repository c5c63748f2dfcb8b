"""What statements look at."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.manhole.names import View
from uwsgid.manhole.views import BoardView, LogView, Rows, SettingsView, Worker, Workers, moment
from uwsgid.supervise.board import Board, Phase
from uwsgid.supervise.processes import Processes
from uwsgid.supervise.rows import AppFacts

#: Sections have to be imported before a configuration is read.
SECTIONS = (Processes,)


class BoardCase(SynchronousTestCase):
    """A board with a worker in slot 2."""

    def setUp(self) -> None:
        self.board = Board(2)
        self.board.sit_down(4, 2, 3, 1.0)
        self.board.current[1] = 4
        self.board.pid[4], self.board.phase[4], self.board.requests[4] = 77, Phase.READY, 5
        self.workers = Workers(self.board, lambda slot: Worker(self.board, slot, lambda: [AppFacts()]))


class WorkerTests(BoardCase):
    def test_values(self) -> None:
        """A worker tells what the board knows."""
        worker = self.workers[2]
        self.assertEqual((worker.slot, worker.pid, worker.status, worker.generation), (2, 77, "idle", 3))
        self.assertEqual(
            (worker.requests, worker.exceptions, worker.harakiris, worker.respawns), (5, 0, 0, 0)
        )
        self.assertEqual((worker.rss, worker.tx, worker.avg_rt, worker.working_on), (0, 0, 0, []))
        self.assertEqual((worker.born, worker.apps[0]["id"]), (moment(1), 0))
        self.assertRegex(repr(worker), r"^slot +2\npid +77\n")

    def test_nobody(self) -> None:
        """A slot without a worker has zeros."""
        worker = self.workers[1]
        self.assertEqual((worker.pid, worker.generation, worker.born, worker.working_on), (0, 0, "-", []))

    def test_all(self) -> None:
        """There are as many as there are slots, by number from 1, and a table of them."""
        self.assertEqual([worker.slot for worker in self.workers], [1, 2])
        self.assertEqual(len(self.workers), 2)
        for slot in (0, 3, -1, "1"):
            error = self.assertRaises(IndexError, self.workers.__getitem__, slot)
            self.assertIn("workers 1 to 2", str(error))
        self.assertRegex(repr(self.workers), r"^worker +pid +status.*\n +1 .*\n +2 +77 +idle +3 +5")

    def test_directory(self) -> None:
        """Tab shows what there is to be used."""
        self.assertEqual([name for name in dir(self.workers[1]) if name.startswith("_")], [])
        self.assertIn("working_on", dir(self.workers[1]))
        self.assertEqual((repr(View()), View().explained().splitlines()[1:]), ("", []))

    def test_explained(self) -> None:
        """Each property has a line with its sentence."""
        self.assertRegex(
            self.workers[1].explained(), r"(?s)^One worker: .*\nslot +Its number, from 1\.\npid "
        )


class BoardViewTests(BoardCase):
    def test_columns(self) -> None:
        """Columns are tuples, which nobody can write to."""
        view = BoardView(self.board)
        self.assertEqual(view.requests, (0, 0, 0, 0, 5, 0))
        self.assertEqual(view.slots, 2)
        self.assertRaises(AttributeError, getattr, view, "map")
        self.assertRaises(AttributeError, getattr, view, "_used")
        self.assertIn("requests", dir(view))
        self.assertNotIn("map", dir(view))
        self.assertRegex(repr(view), r"\n +4 +2 +77  ready +3 +5  no$")


class SettingsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.view: Any = SettingsView(settings_of("processes = 4\nthing = 1\nthing = 2\nmaster\nown = x"))

    def test_what_holds(self) -> None:
        """Attributes are what holds, written or not."""
        self.assertEqual((self.view.processes, self.view.threads), (4, 1))
        error = self.assertRaises(AttributeError, getattr, self.view, "procesess")
        self.assertIn("did you mean", str(error))
        self.assertRaises(AttributeError, getattr, self.view, "_x")
        self.assertIn("max_requests", dir(self.view))

    def test_what_was_written(self) -> None:
        """Items are what was written, also what nobody knows."""
        self.assertEqual((self.view["processes"], self.view["own"], self.view["master"]), ("4", "x", True))
        self.assertEqual(self.view["thing"], ["1", "2"])
        self.assertEqual(list(self.view), ["processes", "thing", "master", "own"])
        self.assertTrue("thing" in self.view and "threads" not in self.view)
        self.assertIn(
            "settings.max_requests is what holds",
            str(self.assertRaises(KeyError, lambda: self.view["max-requests"])),
        )
        self.assertIn("processes = 4", repr(self.view))


class OtherTests(SynchronousTestCase):
    def test_log(self) -> None:
        """Each line of what is logged is a line of the log."""
        said: list[str] = []
        log = LogView(said.append)
        log("a", 1)
        log("b\nc")
        self.assertEqual(said, ["a 1", "b", "c"])
        self.assertIn("writes a line", repr(log))

    def test_rows(self) -> None:
        """Rows show themselves as a table, and say when there is none."""
        rows = Rows(lambda: [{"id": 1, "name": "a"}], "nothing")
        self.assertEqual((len(rows), rows[0]["name"], repr(rows)), (1, "a", "id  name\n 1  a"))
        self.assertEqual(repr(Rows(lambda: [], "nothing")), "nothing")
