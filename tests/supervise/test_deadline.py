"""Harakiri: options and the test."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.supervise.board import Board
from uwsgid.supervise.deadline import Harakiri, overdue


class Overdue(SynchronousTestCase):
    def test_idle(self) -> None:
        """A worker without a request is never late."""
        self.assertIsNone(overdue(Board(slots=1, cores=2), 0, 1e9))

    def test_strictly_later(self) -> None:
        """A deadline is missed after it, not at it."""
        board = Board(slots=1)
        board.deadline[0] = 5.0
        self.assertEqual([overdue(board, 0, now) for now in (4.9, 5.0, 5.1)], [None, None, 0])

    def test_first_core_that_is_late(self) -> None:
        """Each core has a deadline of its own, and neighbours on the board do not matter."""
        board = Board(slots=2, cores=3)
        board.deadline[1 * 3 + 2] = 5.0
        self.assertEqual([overdue(board, seat, 6.0) for seat in (0, 1, 2)], [None, 2, None])
        board.deadline[1 * 3 + 1] = 5.5
        self.assertEqual(overdue(board, 1, 6.0), 1)


class Options(SynchronousTestCase):
    def test_defaults(self) -> None:
        """No harakiri without the option; the graceful signal is TERM."""
        options = settings_of("")[Harakiri]
        self.assertEqual((options.timeout, options.graceful_timeout, options.graceful_signal), (0, 0, 15))

    def test_short(self) -> None:
        """The values arrive as numbers."""
        options = settings_of("harakiri = 30\nharakiri-queue-threshold = 5\nharakiri-verbose")[Harakiri]
        self.assertEqual((options.timeout, options.queue_threshold, options.verbose), (30, 5, True))
