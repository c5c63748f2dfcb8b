"""Reloads of a whole instance."""

from __future__ import annotations

import signal

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.master.support import InstanceCase
from uwsgid.supervise.child import Child
from uwsgid.supervise.exits import Exit
from uwsgid.testing import MemoryNursery
from uwsgid.wire.control import LoadFailed


class Reloads(InstanceCase):
    """Two generations."""

    def test_plain(self) -> None:
        """The new generation is complete before the first of the old one goes."""
        self.begin()
        self.nursery.gets_ready = False
        old = self.nursery.living("worker")
        self.workforce.reload()
        self.run_for()
        self.nursery.worker(1).get_ready()
        self.run_for()
        self.assertFalse(any(child.told for child in old))
        self.assertEqual(self.house.board.current[0], old[0].seat)
        self.nursery.worker(2).get_ready()
        self.run_for()
        self.assertEqual(self.staff(), {1: [2], 2: [2]})
        self.assertEqual([child.generation for child in self.nursery.living("zygote")], [2])
        self.assertLogged("worker 1 buried after 0 seconds")
        self.check_board()

    def test_that_fails_to_load(self) -> None:
        """The old generation stays, and the next reload works."""
        self.begin()
        workers = self.nursery.living("worker")
        self.nursery.load_error = "no module named shop"
        self.workforce.reload()
        self.run_for()
        self.assertLogged(
            "*** reload failed: no module named shop; the workers of generation 1 go on serving ***"
        )
        self.assertEqual(self.nursery.living("worker"), workers)
        self.nursery.load_error = ""
        self.workforce.reload()
        self.run_for()
        self.assertEqual(self.staff(), {1: [3], 2: [3]})

    def test_with_an_application_that_fails(self) -> None:
        """One of several applications that can not be loaded makes a reload fail, too."""
        self.begin()
        self.nursery.loads = False
        self.workforce.reload()
        self.run_for()
        self.nursery.zygote().load(failed=1)
        self.run_for()
        self.assertLogged("reload failed: 1 of its applications can not be loaded")
        self.assertEqual((self.staff(), self.workforce.generation), ({1: [1], 2: [1]}, 1))
        self.assertEqual(len(self.nursery.living("zygote")), 1)

    def test_lazy_worker_says_why(self) -> None:
        """With lazy-apps the reason of a failed reload is the worker's."""
        self.begin("processes = 2\nlazy-apps")
        self.nursery.gets_ready = False
        self.workforce.reload()
        self.run_for()
        worker = self.nursery.worker(1)
        worker.say(LoadFailed("line 7: oops"))
        worker.exit(Exit.APP_FAILED)
        self.run_for()
        self.assertLogged("*** reload failed: its worker 1 ended before it could serve (line 7: oops)")
        self.assertEqual(self.staff(), {1: [1], 2: [1]})
        self.check_board()

    def test_board_after_a_failure(self) -> None:
        """A new worker that was ready and is discarded leaves the board pointing to the old one."""
        self.begin()
        old = self.nursery.worker(1)
        self.nursery.gets_ready = False
        self.workforce.reload()
        self.run_for()
        self.nursery.worker(1).get_ready()
        self.run_for()
        self.nursery.worker(2).exit(1)
        self.run_for()
        self.assertEqual(self.staff(), {1: [1], 2: [1]})
        self.assertEqual(self.house.board.current[0], old.seat)

    def test_asked_twice(self) -> None:
        """A reload asked for during a reload follows it, once."""
        self.begin()
        self.nursery.gets_ready = False
        self.workforce.reload()
        self.workforce.reload()
        self.workforce.reload()
        self.nursery.gets_ready = True
        self.run_for()
        self.assertEqual(self.staff(), {1: [3], 2: [3]})
        self.assertEqual(self.workforce.reloads, 2)

    def test_asked_while_the_first_generation_loads(self) -> None:
        """A reload asked for before anybody serves follows the first loading."""
        self.prepare()
        self.nursery.loads = False
        self.start()
        self.workforce.reload()
        self.nursery.loads = True
        self.nursery.zygote().load()
        self.run_for()
        self.assertEqual(self.staff(), {1: [2], 2: [2]})

    def test_old_worker_dies_meanwhile(self) -> None:
        """It is replaced by one of its own generation, as the new one does not serve yet."""
        self.begin()
        self.nursery.gets_ready = False
        self.workforce.reload()
        self.run_for()
        self.nursery.gets_ready = True
        old = self.nursery.living("worker", 1)[0]
        self.house.board.requests[old.seat] = 1
        old.die(signal.SIGKILL)
        self.run_for()
        self.assertEqual(sorted(self.staff()[1]), [1, 2])
        self.assertEqual(len(self.accepting(1)), 1)

    def test_new_zygote_dies(self) -> None:
        """A reload whose zygote dies fails."""
        self.begin()
        self.nursery.gets_ready = False
        self.workforce.reload()
        self.run_for()
        self.nursery.zygote().die(signal.SIGKILL)
        self.run_for(1)
        self.assertLogged("reload failed: its zygote ended (exited by signal 9)")
        self.assertEqual(self.staff(), {1: [1], 2: [1]})
        self.check_board()

    def test_no_seat(self) -> None:
        """A reload waits for a seat until somebody who takes long to leave is gone."""
        self.begin("processes = 1")
        self.nursery.leaves = False
        for _ in range(3):
            self.workforce.reload()
            self.run_for()
        self.assertEqual(self.staff(), {1: [1, 2, 3]})
        self.run_for(10)
        self.nursery.living("worker")[0].exit(Exit.END)
        self.run_for()
        self.assertEqual(self.staff(), {1: [2, 3, 4]})
        self.assertEqual(self.workforce.generation, 4)

    def test_chain(self) -> None:
        """One slot at a time: the next only when the new one accepts and the old one is gone."""
        self.begin("processes = 3\nlazy-apps")
        self.nursery.leaves = self.nursery.gets_ready = False
        self.workforce.reload(chain=True)
        for slot in (1, 2, 3):
            self.run_for()
            self.assertEqual([len(self.staff()[other]) for other in (1, 2, 3)].count(2), 1)
            old, new = self.nursery.living("worker", slot)
            self.assertFalse(old.told)
            new.get_ready()
            self.run_for()
            self.assertTrue(old.told)
            self.assertEqual(len(self.nursery.living("worker")), 4)
            old.exit(Exit.END)
        self.run_for()
        self.assertEqual(self.staff(), {1: [2], 2: [2], 3: [2]})
        self.assertLogged("chain reloading complete")

    def test_chain_whose_zygote_dies(self) -> None:
        """A chain that has begun to serve goes on with the next zygote of its generation."""
        self.begin("processes = 3")
        self.nursery.leaves = False
        self.workforce.reload(chain=True)
        self.run_for()
        self.nursery.zygote().die(signal.SIGKILL)
        self.nursery.leaves = True
        self.nursery.living("worker", 1)[0].exit(Exit.END)
        self.run_for(2)
        self.assertEqual(self.staff(), {1: [2], 2: [2], 3: [2]})
        self.assertIsNone(self.workforce.turnover)

    def test_chain_without_a_seat(self) -> None:
        """A chain that finds no seat waits for one."""
        self.begin("processes = 1")
        self.nursery.leaves = False
        for _ in range(2):
            self.workforce.reload()
            self.run_for()
        self.workforce.reload(chain=True)
        self.run_for()
        self.nursery.living("worker")[0].exit(Exit.END)
        self.run_for()
        self.nursery.leaves = True
        for child in self.nursery.living("worker"):
            if child.told:
                child.exit(Exit.END)
        self.run_for()
        self.assertEqual(self.staff(), {1: [4]})

    @settings(deadline=None, max_examples=150)
    @given(st.data())
    def test_never_less_than_before(self, data: st.DataObject) -> None:
        """Whatever happens in whatever order, nobody who accepts goes before a successor accepts."""
        chain = data.draw(st.booleans())
        self.begin("processes = 3\nforkbomb-delay = 0")
        nursery = self.nursery
        nursery.gets_ready = nursery.leaves = nursery.loads = nursery.bears = False
        self.workforce.reload(chain=chain)
        turnover = self.workforce.turnover
        assert turnover is not None
        dismiss = self.workforce.dismiss

        def dismiss_checked(child: Child, reason: str) -> None:
            slots = {child.slot} if chain else {1, 2, 3}
            for slot in slots:
                ready = [heir for heir in self.workforce.workers(slot) if heir.is_ready]
                self.assertIn(turnover.generation, [heir.generation for heir in ready])
            dismiss(child, reason)

        self.patch(self.workforce, "dismiss", dismiss_checked)
        for _ in range(data.draw(st.integers(0, 25))):
            _something_happens(nursery, data)
            for _ in range(data.draw(st.integers(0, 3))):
                nursery.step()
            nursery.reactor.advance(0)
        nursery.gets_ready = nursery.leaves = nursery.loads = nursery.bears = True
        for child in nursery.living():
            while child.orders:
                child.deliver()
            if child.told:
                child.exit(Exit.END)
            elif child.role == "zygote":
                child.load()
            elif child.role == "worker" and child not in self.accepting(child.slot):
                child.get_ready()
        self.run_for(10)
        self.assertIsNone(self.workforce.turnover)
        generation = self.workforce.generation
        self.assertEqual(self.staff(), {1: [generation], 2: [generation], 3: [generation]})
        self.assertTrue(self.workforce.all_ready)
        self.check_board()
        nursery.close()


def _something_happens(nursery: MemoryNursery, data: st.DataObject) -> None:
    """A step in the life of one child: an answer, a death, a word."""
    child = data.draw(st.sampled_from(nursery.living()), "who")
    if child.role != "worker":
        if child.orders:
            if child.role == "zygote" and data.draw(st.integers(0, 4), "fate") == 0:
                child.deliver(tell=False)
                child.die(signal.SIGKILL)
            else:
                child.deliver()
        elif child.role == "zygote" and child.generation > 1:
            child.load()
    elif child.told:
        child.exit(Exit.END)
    elif data.draw(st.integers(0, 9), "fate") == 0:
        child.die(signal.SIGKILL)
    elif nursery.board is not None and nursery.board.pid[child.seat] != child.pid:
        child.get_ready()
