"""Those who make workers, and births that go wrong."""

from __future__ import annotations

import signal

from tests.master.support import InstanceCase
from uwsgid.supervise.exits import Exit
from uwsgid.wire.control import Pause


class Mothers(InstanceCase):
    """Seeds and zygotes that die are replaced."""

    def test_the_zygote(self) -> None:
        """Workers go on without their zygote, and a new one bears the next."""
        self.begin()
        workers = self.nursery.living("worker")
        self.nursery.zygote().die(signal.SIGKILL)
        self.run_for(0.1)
        self.assertEqual(self.nursery.living("worker"), workers)
        self.nursery.worker(1).die(signal.SIGKILL)
        self.run_for(0.1)
        self.assertEqual(self.staff(), {1: [1], 2: [1]})
        self.assertLogged("the zygote of generation 1")

    def test_the_first_zygote(self) -> None:
        """Who boot forked for it becomes the zygote of the first generation; the seed bears the next one."""
        self.prepare()
        sleeper = self.nursery.sleeper()
        self.workforce.start(self.nursery.seed(), sleeper)
        self.run_for(0.1)
        (first,) = self.nursery.living("zygote")
        self.assertEqual((first.pid, first.generation, self.staff()), (sleeper[1], 1, {1: [1], 2: [1]}))
        first.die(signal.SIGKILL)
        self.run_for(0.1)
        (second,) = self.nursery.living("zygote")
        self.assertNotEqual(second.pid, sleeper[1])

    def test_a_first_zygote_that_never_woke(self) -> None:
        """One that was killed in its sleep is replaced."""
        self.prepare()
        sleeper = self.nursery.sleeper()
        self.nursery.children[-1].die(signal.SIGKILL)
        self.workforce.start(self.nursery.seed(), sleeper)
        self.run_for(1)
        self.assertEqual(self.staff(), {1: [1], 2: [1]})

    def test_the_zygote_and_a_worker_together(self) -> None:
        """The worker waits for the zygote, and is born as soon as that has loaded."""
        self.begin("processes = 1")
        self.nursery.loads = False
        self.nursery.zygote().die(signal.SIGKILL)
        self.nursery.worker(1).die(signal.SIGKILL)
        self.run_for(5)
        self.assertEqual(self.nursery.living("worker"), [])
        self.nursery.zygote().load()
        self.run_for(5)
        self.assertEqual(self.staff(), {1: [1]})

    def test_a_zygote_that_can_not_load_again(self) -> None:
        """Where the application is broken now, workers go on, the log says why, and it is tried again."""
        self.begin(need_app=True)
        self.nursery.load_error = "not today"
        self.nursery.zygote().die(signal.SIGKILL)
        self.run_for(5)
        self.assertEqual((self.staff(), self.codes), ({1: [1], 2: [1]}, []))
        self.assertLogged("is gone: not today")
        self.nursery.load_error = ""
        self.run_for(5)
        self.nursery.worker(1).die(signal.SIGKILL)
        self.run_for()
        self.assertEqual(self.staff(), {1: [1], 2: [1]})

    def test_the_seed(self) -> None:
        """The spare takes over, plants a spare of its own, and reloads go on."""
        self.begin()
        old, spare = self.nursery.living("seed")
        old.die(signal.SIGKILL)
        self.run_for(0.1)
        self.assertEqual(len(self.nursery.living("seed")), 2)
        self.assertIn(spare, self.nursery.living("seed"))
        self.assertLogged("is gone, its spare takes over")
        self.workforce.reload()
        self.run_for()
        self.assertEqual(self.staff(), {1: [2], 2: [2]})

    def test_the_spare(self) -> None:
        """A dead spare is replaced."""
        self.begin()
        self.nursery.living("seed")[1].die(signal.SIGKILL)
        self.run_for(0.1)
        self.assertEqual(len(self.nursery.living("seed")), 2)
        self.assertLogged("the spare seed")

    def test_a_spare_that_can_not_be_forked(self) -> None:
        """It is tried again, ever later, and never in a loop."""
        self.begin()
        self.nursery.bears, self.nursery.refuses = False, True
        self.nursery.living("seed")[1].die(signal.SIGKILL)
        self.run_for(20)
        self.nursery.bears = True
        self.run_for(5)
        self.assertEqual(len(self.nursery.living("seed")), 2)

    def test_both_seeds(self) -> None:
        """Without any seed the workers go on, and a new process image is asked for, once."""
        self.begin()
        workers = self.nursery.living("worker")
        for seed in self.nursery.living("seed"):
            seed.die(signal.SIGKILL)
        self.run_for(5)
        self.assertEqual(self.asked, ["reexec"])
        self.assertEqual(self.nursery.living("worker"), workers)


class Births(InstanceCase):
    """Answers that come late, twice or never."""

    def test_ready_before_the_answer(self) -> None:
        """A worker that is heard before the answer of its zygote is known by what it says itself."""
        self.begin("processes = 1")
        self.nursery.bears = False
        self.nursery.worker(1).die(signal.SIGKILL)
        self.run_for()
        self.nursery.zygote().deliver(tell=False)
        self.run_for()
        self.assertTrue(self.workforce.all_ready)
        self.assertEqual(self.nursery.worker(1).pid, self.house.board.pid[self.house.board.current[0]])

    def test_zygote_dies_with_an_order(self) -> None:
        """An order that died with the zygote frees its seat and is repeated."""
        self.begin("processes = 1")
        self.nursery.bears = False
        self.nursery.worker(1).die(signal.SIGKILL)
        self.run_for()
        self.assertEqual(len(self.nursery.zygote().orders), 1)
        self.nursery.zygote().die(signal.SIGKILL)
        self.nursery.bears = True
        self.run_for(3)
        self.check_board()
        self.assertEqual(self.staff(), {1: [1]})

    def test_zygote_dies_after_the_fork(self) -> None:
        """A worker whose zygote died before it could answer is kept, and has its seat for itself."""
        self.begin("processes = 1")
        self.nursery.bears = self.nursery.gets_ready = False
        self.nursery.worker(1).die(signal.SIGKILL)
        self.run_for()
        zygote = self.nursery.zygote()
        worker = zygote.deliver(tell=False)
        zygote.die(signal.SIGKILL)
        self.nursery.bears = True
        self.run_for(3)
        self.assertEqual(self.nursery.living("worker"), [worker])
        self.check_board()
        worker.get_ready()
        self.run_for()
        self.assertTrue(self.workforce.all_ready)
        worker.die(signal.SIGKILL)
        self.nursery.gets_ready = True
        self.run_for(1)
        self.assertTrue(self.workforce.all_ready)

    def test_last_words(self) -> None:
        """What a child said just before its end is heard, in whatever order the reactor sees the two."""
        for unread in (False, True):
            self.begin(need_app=True)
            self.nursery.loads = False
            self.workforce.reload()
            self.run_for()
            zygote = self.nursery.zygote()
            if unread:
                self.nursery.leaves = False
                self.workforce.supervisor.children[-1].say(Pause())
            # the pidfd is looked at first
            self.nursery.reactor.readers.sort(key=lambda reader: reader.logPrefix() == "control")
            zygote.load(reason="line 3: not today")
            self.nursery.reactor.poll()
            self.nursery.leaves = True
            self.run_for()
            self.assertLogged("*** reload failed: line 3: not today")

    def test_killed_before_its_birth(self) -> None:
        """Whoever shall be killed and is not born yet is killed at its birth."""
        self.begin("processes = 1")
        self.nursery.bears = self.nursery.leaves = False
        self.workforce.reload()
        self.run_for()
        seed = self.nursery.living("seed")[0]
        self.workforce.stop(gracefully=True)
        self.nursery.leaves = True
        self.nursery.worker(1).exit(Exit.END)
        self.nursery.leaves = False
        self.run_for(0.5)
        born = seed.deliver()
        self.run_for(3)
        self.assertFalse(born.alive)
        self.assertEqual(self.codes, [0])
