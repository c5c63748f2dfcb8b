"""Who works where."""

from __future__ import annotations

import errno
import socket

from tests.master.support import InstanceCase
from uwsgid.master.roster import Roster
from uwsgid.supervise.board import Phase


class Rosters(InstanceCase):
    def roster(self) -> Roster:
        return Roster(self.house.board, self.workforce.supervisor)

    def test_workers(self) -> None:
        """Seeds and zygotes are no workers."""
        self.begin("processes = 2")
        self.assertEqual([child.slot for child in self.roster().workers()], [1, 2])
        self.assertEqual([child.slot for child in self.roster().workers(2)], [2])
        self.assertEqual(self.roster().others(1, 1), [])
        self.assertEqual(len(self.roster().others(1, 2)), 1)

    def test_vacancies(self) -> None:
        """A slot is vacant without a worker, with one that leaves, with one of a generation to come."""
        self.begin("processes = 1")
        roster = self.roster()
        self.assertFalse(roster.is_vacant(1, 1))
        self.assertTrue(roster.is_vacant(1, 0))
        self.assertFalse(roster.is_vacant(1, 2))
        self.nursery.leaves = False
        roster.workers()[0].life.leave("enough")
        self.assertTrue(roster.is_vacant(1, 1))
        self.assertFalse(roster.all_accept([1]))
        self.assertTrue(roster.all_accept([]))

    def test_no_descriptor(self) -> None:
        """A worker that can not be asked for gives its seat back."""
        self.begin("processes = 1")

        def refuse(*arguments: object) -> tuple[socket.socket, socket.socket]:
            raise OSError(errno.EMFILE, "Too many open files")

        patch = self.patch(socket, "socketpair", refuse)
        self.nursery.worker(1).die(9)
        self.run_for(0.1)
        self.assertLogged("worker 1 can not be made: Too many open files")
        self.assertEqual(set(self.house.board.phase), {Phase.EMPTY})
        patch.restore()
        self.run_for(1)
        self.assertEqual(self.staff(), {1: [1]})

    def test_lived(self) -> None:
        """A worker has lived when it was ready and served, or was ready and grew a second old."""
        self.begin("processes = 1")
        roster, (child,) = self.roster(), self.roster().workers()
        board = self.house.board
        self.assertEqual([roster.has_lived(child, now) for now in (0.9, 1.0)], [False, True])
        board.requests[child.seat] = 1
        self.assertTrue(roster.has_lived(child, 0.1))
        board.requests[child.seat] = 0
        board.in_request[child.seat] = 1
        self.assertTrue(roster.has_lived(child, 0.1))
        child.was_ready = False
        self.assertFalse(roster.has_lived(child, 99))
