"""What workers write to the board for each request."""

from __future__ import annotations

import threading

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.supervise.board import Board
from uwsgid.supervise.counting import Progress, Tally


class OneCoreTests(SynchronousTestCase):
    """A worker with one core."""

    def setUp(self) -> None:
        self.board = Board(slots=2, snapshot=16, apps=2)
        self.seat = 3
        self.progress = Progress(self.board, self.seat, 0, Tally(self.board, self.seat))

    def totals(self) -> tuple[int, int, int, int]:
        board, seat = self.board, self.seat
        return board.requests[seat], board.running_time[seat], board.avg_rt[seat], board.tx[seat]

    def test_in_progress(self) -> None:
        """From its beginning to its end a request is seen, with its start and the size of its snapshot."""
        board, seat = self.board, self.seat
        self.progress.begin(1234.5, 7)
        self.assertTrue(board.is_busy(seat))
        self.assertEqual((board.started[seat], board.request_size[seat]), (1234.5, 7))
        self.assertEqual(self.totals(), (0, 0, 0, 0))
        self.progress.end(-1, 10, 20)
        self.assertFalse(board.is_busy(seat))
        self.assertEqual(board.in_request[seat], 2)

    def test_totals(self) -> None:
        """Requests, time and bytes add up; the average is that of uWSGI."""
        for micros, sent in ((100, 5), (300, 7), (50, 1)):
            self.progress.begin(1.0, 0)
            self.progress.end(0, micros, sent)
        self.assertEqual(self.totals(), (3, 450, ((0 + 100) // 2 + 300) // 2 + 50 >> 1, 13))
        self.assertEqual(self.board.core_requests[self.seat], 3)

    def test_refused(self) -> None:
        """A request that nobody answered is over, and counts nowhere."""
        self.progress.begin(1.0, 0)
        self.progress.refuse()
        self.assertEqual((self.totals(), self.board.core_requests[self.seat]), ((0, 0, 0, 0), 0))
        self.assertFalse(self.board.is_busy(self.seat))

    def test_applications(self) -> None:
        """Each application has its count; those beyond max-apps, and nobody, have none."""
        for app in (0, 1, 1, 2, -1):
            self.progress.begin(1.0, 0)
            self.progress.end(app, 1, 1)
        first = self.seat * self.board.apps
        self.assertEqual(list(self.board.app_requests[first : first + 2]), [1, 2])
        self.assertEqual(sum(self.board.app_requests), 3)

    def test_others_are_left_alone(self) -> None:
        """No cell of another seat changes, nor one that this worker did not mean."""
        board, seat = self.board, self.seat
        board.deadline[seat], board.exceptions[seat], board.rejected[seat] = 9.5, 4, 2
        for other in range(board.seats):
            if other != seat:
                board.requests[other] = board.in_request[other] = board.core_requests[other] = 11
        board.snapshot_of(seat, 0)[:] = b"x" * 16
        self.progress.begin(1.0, 16)
        self.progress.end(0, 1, 1)
        self.assertEqual((board.deadline[seat], board.exceptions[seat], board.rejected[seat]), (9.5, 4, 2))
        self.assertEqual(bytes(board.snapshot_of(seat, 0)), b"x" * 16)
        self.assertEqual(board.requests[seat], 1)
        others = [other for other in range(board.seats) if other != seat]
        for column in (board.requests, board.in_request, board.core_requests):
            self.assertEqual([column[other] for other in others], [11] * len(others))

    def test_goes_on_where_another_was(self) -> None:
        """Whoever takes over a seat in the middle of its life counts on."""
        self.progress.begin(1.0, 0)
        self.progress.end(0, 10, 10)
        heir = Progress(self.board, self.seat, 0, Tally(self.board, self.seat))
        heir.begin(2.0, 0)
        heir.end(0, 10, 10)
        self.assertEqual(self.totals(), (2, 20, 7, 20))
        self.assertEqual(self.board.in_request[self.seat], 4)


class ManyCoresTests(SynchronousTestCase):
    """A worker with threads."""

    def test_cores_share_a_tally(self) -> None:
        """Threads lose nothing of what they count together, and each has its own progress."""
        board = Board(slots=1, cores=4, apps=1)
        seat, rounds = 1, 500
        tally = Tally(board, seat)

        def serve(core: int) -> None:
            progress = Progress(board, seat, core, tally)
            for number in range(rounds):
                progress.begin(float(number), core)
                progress.end(0, 2, 3)

        threads = [threading.Thread(target=serve, args=(core,)) for core in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((board.requests[seat], board.running_time[seat]), (4 * rounds, 8 * rounds))
        self.assertEqual((board.tx[seat], board.app_requests[seat]), (12 * rounds, 4 * rounds))
        cores = range(seat * 4, seat * 4 + 4)
        self.assertEqual([board.core_requests[core] for core in cores], [rounds] * 4)
        self.assertEqual([board.request_size[core] for core in cores], [0, 1, 2, 3])
        self.assertFalse(board.is_busy(seat))
