"""The shared columns of the board."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.supervise.board import SEATS_PER_SLOT, Board, Phase


class BoardTests(SynchronousTestCase):
    def test_a_forked_child_writes_and_the_parent_reads(self) -> None:
        """What a child writes into its seat is seen by the process that made the board."""
        board = Board(slots=2)
        pid = os.fork()
        if pid == 0:
            board.requests[3] += 7
            board.deadline[3] = 1.5
            os._exit(0)
        os.waitpid(pid, 0)
        self.assertEqual((board.requests[3], board.deadline[3]), (7, 1.5))

    def test_seats_are_enough_for_three_generations(self) -> None:
        """Three workers of each slot can sit at a time, the fourth has to wait."""
        board = Board(slots=1)
        for _ in range(SEATS_PER_SLOT):
            seat = board.free_seat()
            assert seat is not None
            board.sit_down(seat, slot=1, generation=1, now=1.0)
        self.assertIsNone(board.free_seat())

    def test_standing_up_keeps_the_totals(self) -> None:
        """A worker that is gone still counts in the totals of its slot and of the instance."""
        board = Board(slots=2, cores=2)
        board.sit_down(0, slot=2, generation=1, now=1.0)
        board.current[1] = 0
        board.requests[0] = 5
        board.tx[0] = 100
        board.in_request[1] = 1
        board.stand_up(0)
        self.assertEqual(board.total_requests(), 5)
        self.assertEqual((board.past_requests[1], board.past_tx[1], board.current[1]), (5, 100, -1))
        self.assertEqual((board.requests[0], board.phase[0], board.in_request[1]), (0, Phase.EMPTY, 0))

    def test_busy_when_any_core_is(self) -> None:
        """A worker is busy while one of its cores is in a request, which is when its count is odd."""
        board = Board(slots=1, cores=3)
        self.assertFalse(board.is_busy(1))
        board.in_request[1 * 3 + 2] += 1
        self.assertTrue(board.is_busy(1))
        board.in_request[1 * 3 + 2] += 1
        self.assertFalse(board.is_busy(1))

    def test_snapshots_do_not_overlap(self) -> None:
        """Each core of each seat has bytes of its own."""
        board = Board(slots=1, cores=2, snapshot=16)
        for seat in range(board.seats):
            for core in range(2):
                board.snapshot_of(seat, core)[:] = bytes([seat * 2 + core]) * 16
        for seat in range(board.seats):
            for core in range(2):
                self.assertEqual(bytes(board.snapshot_of(seat, core)), bytes([seat * 2 + core]) * 16)
        self.assertEqual(list(board.requests), [0] * board.seats)
