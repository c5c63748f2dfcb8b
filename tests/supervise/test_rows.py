"""The numbers of a worker slot."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.supervise.board import Board, Phase
from uwsgid.supervise.rows import API_KEYS, AppFacts, api_rows, app_rows, status_of, totals, worker_row


def serving(slots: int = 1, cores: int = 1) -> Board:
    """A board where worker 1 serves at seat 0."""
    board = Board(slots, cores)
    board.sit_down(0, slot=1, generation=1, now=1700000000.5)
    board.pid[0] = 4711
    board.phase[0] = Phase.READY
    board.current[0] = 0
    board.respawns[0] = 1
    return board


class RowTests(SynchronousTestCase):
    def test_a_serving_worker(self) -> None:
        """The row says who serves, since when and how much."""
        board = serving()
        board.requests[0], board.tx[0], board.running_time[0], board.avg_rt[0] = 7, 1234, 15230, 1800
        row = worker_row(board, 1)
        self.assertEqual(
            {key: row[key] for key in ("id", "pid", "accepting", "requests", "delta_requests", "status")},
            {"id": 1, "pid": 4711, "accepting": 1, "requests": 7, "delta_requests": 7, "status": "idle"},
        )
        self.assertEqual((row["last_spawn"], row["tx"], row["avg_rt"]), (1700000000, 1234, 1800))

    def test_totals_survive_a_reload(self) -> None:
        """Gone and leaving workers of the slot count in its totals, only the serving one in delta."""
        board = serving()
        board.requests[0], board.past_requests[0] = 5, 100
        board.sit_down(1, slot=1, generation=2, now=1700000010.0)
        board.requests[1] = 2
        board.current[0] = 1
        row = worker_row(board, 1)
        self.assertEqual((row["requests"], row["delta_requests"]), (107, 2))
        board.stand_up(0)
        self.assertEqual(totals(board, 1)[0], 107)

    def test_a_slot_that_never_had_a_worker_has_the_id_0(self) -> None:
        """Exporters skip such slots by that, as in 1.9.16."""
        board = Board(slots=1)
        board.cheaped[0] = 1
        row = worker_row(board, 1)
        self.assertEqual((row["id"], row["pid"], row["status"], row["accepting"]), (0, 0, "cheap", 0))
        board.respawns[0] = 1
        self.assertEqual(worker_row(board, 1)["id"], 1)

    def test_status(self) -> None:
        """A paused worker that still works is busy, one without work is paused."""
        board = serving(cores=2)
        self.assertEqual(status_of(board, 1), "idle")
        board.in_request[1] += 1
        self.assertEqual(status_of(board, 1), "busy")
        board.paused[0] = 1
        self.assertEqual(status_of(board, 1), "busy")
        board.in_request[1] += 1
        self.assertEqual(status_of(board, 1), "pause")

    def test_apps(self) -> None:
        """Each application has the numbers that the worker who serves has counted for it."""
        board = serving()
        board.app_requests[0], board.app_exceptions[0], board.app_requests[1] = 7, 2, 3
        rows = app_rows(board, 1, [AppFacts(mountpoint="/shop"), AppFacts(id=1), AppFacts(id=board.apps)])
        self.assertEqual(
            [(row["mountpoint"], row["requests"], row["exceptions"]) for row in rows],
            [("/shop", 7, 2), ("", 3, 0), ("", 0, 0)],
        )

    def test_what_applications_see(self) -> None:
        """workers() has one entry a slot, with the keys of uWSGI in its order."""
        rows = api_rows(serving(slots=3), [AppFacts()])
        self.assertEqual(len(rows), 3)
        self.assertEqual(tuple(rows[0]), API_KEYS)
