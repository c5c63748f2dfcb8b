"""Keeping the wanted workers alive."""

from __future__ import annotations

import errno
import itertools
import signal

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.master.support import InstanceCase
from uwsgid.supervise.board import Phase
from uwsgid.supervise.child import Child
from uwsgid.supervise.exits import Exit
from uwsgid.testing import MemoryNursery
from uwsgid.wire.control import Ask, Leave, Loaded, LoadFailed, Pause, Resume


class Start(InstanceCase):
    """From nothing to serving."""

    def test_first_start(self) -> None:
        """Seed, spare, zygote and workers come into the world, and the board points to each worker."""
        self.begin("processes = 2")
        self.assertEqual([child.role for child in self.nursery.living()].count("seed"), 2)
        self.assertEqual(len(self.nursery.living("zygote")), 1)
        self.assertEqual(self.staff(), {1: [1], 2: [1]})
        self.assertTrue(self.workforce.all_ready)
        first = self.nursery.worker(1)
        self.assertEqual(self.logged()[0], f"spawned uWSGI worker 1 (pid: {first.pid}, cores: 1)")
        self.assertEqual(self.house.board.current[0], first.seat)
        self.check_board()

    def test_not_ready_before_everybody_is(self) -> None:
        """An instance whose worker still prepares itself is not ready."""
        self.prepare()
        self.nursery.gets_ready = False
        self.start()
        self.assertFalse(self.workforce.all_ready)
        for child in self.nursery.living("worker"):
            child.get_ready()
        self.run_for()
        self.assertTrue(self.workforce.all_ready)

    def test_need_app(self) -> None:
        """Without an application that is needed, the instance ends with 22 and says why."""
        self.prepare(need_app=True)
        self.nursery.load_error = "no module named shop"
        self.start()
        self.run_for(2)
        self.assertEqual(self.codes, [Exit.APP_FAILED])
        self.assertLogged("no module named shop")
        self.assertEqual(self.nursery.living(), [])

    def test_need_app_and_a_zygote_that_crashes(self) -> None:
        """A zygote that dies while it loads an application that is needed ends the instance."""
        self.prepare(need_app=True)
        self.nursery.loads = False
        self.start()
        self.nursery.zygote().die(signal.SIGSEGV)
        self.run_for(2)
        self.assertEqual(self.codes, [Exit.APP_FAILED])
        self.assertLogged("*** no app loaded. GAME OVER ***")

    def test_need_app_and_a_fork_that_fails(self) -> None:
        """A zygote that can not be forked is no missing application: it is tried again."""
        self.prepare(need_app=True)
        self.nursery.bears, self.nursery.refuses = False, True
        self.start()
        self.run_for(3)
        self.nursery.bears = True
        self.run_for(5)
        self.assertEqual((self.codes, self.staff()), ([], {1: [1], 2: [1]}))

    def test_crash_of_a_zygote_that_is_not_needed(self) -> None:
        """Without need-app, a zygote that dies while it loads is replaced, ever later."""
        self.prepare()
        self.nursery.loads = False
        self.start()
        for _ in range(4):
            self.nursery.zygote().die(signal.SIGSEGV)
            self.run_for(2)
        self.assertLogged("the zygote of generation 1 dies too fast: resting 1 seconds")
        self.nursery.zygote().load()
        self.run_for()
        self.assertEqual(self.staff(), {1: [1], 2: [1]})

    def test_lazy_worker_that_can_not_load(self) -> None:
        """With need-app, a worker that can not load the application at first ends the instance."""
        self.prepare("processes = 1\nlazy-apps", need_app=True)
        self.nursery.gets_ready = False
        self.start()
        self.nursery.worker(1).exit(Exit.APP_FAILED)
        self.run_for(2)
        self.assertEqual(self.codes, [Exit.APP_FAILED])
        self.assertLogged("*** no app loaded. GAME OVER ***")

    def test_lazy_worker_that_can_not_load_later(self) -> None:
        """Once somebody served, a worker that can not load is tried again."""
        self.prepare("processes = 2\nlazy-apps", need_app=True)
        self.nursery.gets_ready = False
        self.start()
        self.nursery.worker(1).get_ready()
        self.run_for()
        victim = self.nursery.worker(2)
        victim.exit(Exit.APP_FAILED)
        self.run_for()
        self.assertLogged(f"OOPS ! failed loading app in worker 2 (pid {victim.pid}) :( trying again...")
        self.assertEqual((self.codes, self.staff()), ([], {1: [1], 2: [1]}))

    def test_apps(self) -> None:
        """What the zygote loaded is known once its generation serves."""
        self.prepare()
        self.nursery.loads = False
        self.start()
        self.nursery.zygote().say(Loaded(1, 0, '[[0, 0, "/shop", 2, ""]]'))
        self.run_for()
        self.assertEqual([app.mountpoint for app in self.workforce.apps], ["/shop"])


class Deaths(InstanceCase):
    """Whoever dies is replaced."""

    def test_a_worker_that_had_served(self) -> None:
        """It is back at once, and the log has the line that operators know."""
        self.begin()
        victim = self.nursery.worker(2)
        self.house.board.requests[victim.seat] = 5
        self.logged()
        victim.die(signal.SIGSEGV)
        self.run_for()
        heir = self.nursery.worker(2)
        self.assertEqual(
            self.logged(),
            [
                f"DAMN ! worker 2 (pid: {victim.pid}) died, killed by signal 11 :( trying respawn ...",
                f"Respawned uWSGI worker 2 (new pid: {heir.pid})",
            ],
        )
        self.assertEqual(self.house.board.past_requests[1], 5)
        self.check_board()

    def test_a_worker_that_crashes_again_and_again(self) -> None:
        """One that dies before it served is born again at once, then ever later, up to forkbomb-delay."""
        self.prepare("processes = 1\nforkbomb-delay = 1")
        self.nursery.gets_ready = False
        self.start()
        births = []
        for _ in range(5):
            births.append(self.nursery.reactor.seconds())
            self.nursery.worker(1).die(signal.SIGSEGV)
            self.run_for()
            while not self.nursery.living("worker"):
                self.run_for(0.05)
        rests = [round(after - before, 1) for before, after in itertools.pairwise(births)]
        self.assertEqual(rests[0], 0)
        self.assertEqual(rests, sorted(rests))
        self.assertLogged("worker respawning too fast !!! i have to sleep a bit (1 seconds)...")

    def test_no_rest(self) -> None:
        """forkbomb-delay = 0 never rests."""
        self.prepare("processes = 1\nforkbomb-delay = 0")
        self.nursery.gets_ready = False
        self.start()
        for _ in range(6):
            self.nursery.worker(1).die(signal.SIGSEGV)
            self.run_for()
        self.assertEqual(self.nursery.reactor.seconds(), 0)

    def test_ready_and_dead(self) -> None:
        """A worker that dies within a second and without a request counts as a failure to start."""
        self.begin("processes = 1")
        for _ in range(2):
            self.nursery.worker(1).die(signal.SIGSEGV)
            self.run_for()
        self.assertEqual(self.nursery.living("worker"), [])
        self.run_for(0.3)
        self.assertEqual(len(self.nursery.living("worker")), 1)

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

    def test_no_seat_leaks(self) -> None:
        """Whatever becomes of it, a worker gives its seat back: born, not born, or refused."""
        self.begin("processes = 1")
        self.nursery.bears, self.nursery.refuses = False, True
        self.nursery.worker(1).die(signal.SIGKILL)
        self.run_for(10)
        self.check_board()
        self.nursery.refuses = False
        self.run_for(10)
        self.nursery.zygote().die(signal.SIGKILL)
        self.nursery.bears = True
        self.run_for(10)
        self.check_board()
        self.assertEqual(self.staff(), {1: [1]})

    def test_no_descriptor(self) -> None:
        """A worker that was born but can not be watched is as good as dead, and another one follows."""
        self.begin("processes = 1")
        self.nursery.kernel.fail("pidfd_open", errno.EMFILE)
        self.nursery.worker(1).die(signal.SIGKILL)
        self.run_for(3)
        self.assertTrue(self.workforce.all_ready)

    def test_brutal_reload_asked_by_a_worker(self) -> None:
        """Exit 31 asks for a brutal reload."""
        self.begin()
        self.nursery.worker(1).exit(Exit.BRUTAL)
        self.run_for()
        self.assertEqual(self.asked, ["brutal reload"])

    def test_what_applications_ask(self) -> None:
        """The words of an application reach the master, from workers and from zygotes."""
        self.begin()
        self.nursery.worker(1).say(Ask("reload"))
        self.nursery.zygote().say(Ask("stop"))
        self.run_for()
        self.assertEqual(sorted(self.asked), ["reload", "stop"])


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


class Stopping(InstanceCase):
    """The end, by whatever way."""

    def test_gracefully(self) -> None:
        """Workers are told, then zygote and seeds, and the end is told once."""
        self.begin()
        self.nursery.leaves = False
        self.workforce.stop(gracefully=True)
        self.run_for(5)
        told = [child for child in self.nursery.living() if child.told]
        self.assertEqual([child.role for child in told], ["worker", "worker"])
        self.assertEqual([child.signals for child in told], [[], []])
        self.nursery.leaves = True
        for child in told:
            child.exit(Exit.END)
        self.run_for(5)
        self.assertEqual((self.codes, self.nursery.living()), ([0], []))
        self.assertLogged("worker 1 buried after 5 seconds")
        self.assertEqual(self.nursery.reactor.getDelayedCalls(), [])

    def test_brutally(self) -> None:
        """Workers get INT."""
        self.begin()
        workers = self.nursery.living("worker")
        self.workforce.stop(gracefully=False, code=3)
        self.assertEqual([worker.signals for worker in workers], [[signal.SIGINT]] * 2)
        self.run_for(2)
        self.assertEqual((self.codes, self.nursery.living()), ([3], []))

    def test_brutally_after_gracefully(self) -> None:
        """A second, brutal order hastens the first; the exit code stays."""
        self.begin()
        self.nursery.leaves = False
        self.workforce.stop(gracefully=True)
        self.run_for(1)
        self.nursery.leaves = True
        self.workforce.stop(gracefully=False, code=9)
        self.run_for(2)
        self.assertEqual(self.codes, [0])

    def test_deaf_zygote(self) -> None:
        """A zygote that does not hear is killed."""
        self.begin("processes = 1")
        zygote = self.nursery.zygote()
        self.nursery.leaves = False
        self.workforce.stop(gracefully=True)
        self.nursery.worker(1).exit(Exit.END)
        self.run_for(0.5)
        self.assertTrue(zygote.alive)
        self.run_for(1)
        self.assertEqual((zygote.signals, self.codes), ([signal.SIGKILL], [0]))

    def test_during_a_reload(self) -> None:
        """Both generations go, and nobody is born any more."""
        self.begin()
        self.nursery.gets_ready = False
        self.workforce.reload()
        self.run_for()
        self.assertEqual(self.staff(), {1: [1, 2], 2: [1, 2]})
        self.workforce.stop(gracefully=True)
        self.run_for(3)
        self.assertEqual((self.codes, self.nursery.living()), ([0], []))

    def test_while_resting(self) -> None:
        """Nobody wakes up after a stop."""
        self.prepare("processes = 1")
        self.nursery.gets_ready = False
        self.start()
        for _ in range(2):
            self.nursery.worker(1).die(signal.SIGSEGV)
            self.run_for()
        self.workforce.stop(gracefully=True)
        self.run_for(10)
        self.assertEqual((self.codes, self.nursery.living()), ([0], []))

    def test_with_births_on_the_way(self) -> None:
        """A worker that nobody ever bears does not hold the end up."""
        self.begin("processes = 1")
        self.nursery.bears = False
        self.nursery.worker(1).die(signal.SIGKILL)
        self.run_for()
        self.nursery.leaves = False
        self.workforce.stop(gracefully=True)
        self.run_for(5)
        self.assertEqual((self.codes, self.nursery.living()), ([0], []))

    def test_before_the_start(self) -> None:
        """An instance that never began ends at once."""
        self.prepare()
        self.workforce.stop(gracefully=True)
        self.assertEqual(self.codes, [0])

    def test_orders_after_a_stop_change_nothing(self) -> None:
        """Reload, more, fewer and want are not heard any more."""
        self.begin()
        self.nursery.leaves = False
        self.workforce.stop(gracefully=True)
        self.workforce.reload()
        self.workforce.want((1, 2))
        self.assertFalse(self.workforce.more() or self.workforce.fewer())
        self.assertIsNone(self.workforce.turnover)
        self.assertEqual(self.workforce.wanted, set())


class HowMany(InstanceCase):
    """TTIN, TTOU and cheap mode."""

    def test_bounds(self) -> None:
        """Never more than processes, never less than one."""
        self.begin("processes = 2")
        self.assertFalse(self.workforce.more())
        self.assertTrue(self.workforce.fewer())
        self.assertFalse(self.workforce.fewer())
        self.run_for()
        self.assertEqual(self.staff(), {1: [1]})
        self.assertTrue(self.workforce.more())
        self.run_for()
        self.assertEqual(self.staff(), {1: [1], 2: [1]})
        self.check_board()

    def test_lines(self) -> None:
        """A worker that is not wanted any more says goodbye as a cheaped one, once."""
        self.begin("processes = 2")
        worker = self.nursery.worker(2)
        self.logged()
        self.workforce.fewer()
        self.run_for()
        self.assertEqual(
            self.logged(),
            [
                f"Gracefully killing worker 2 (pid: {worker.pid})...",
                f"worker 2 killed successfully (pid: {worker.pid})",
                "uWSGI worker 2 cheaped.",
            ],
        )
        self.assertEqual(list(self.house.board.cheaped), [0, 1])
        self.workforce.more()
        self.run_for()
        self.assertEqual(list(self.house.board.cheaped), [0, 0])

    def test_fewer_during_a_reload(self) -> None:
        """A slot that is not wanted any more does not hold up a reload, nor make it fail."""
        for ready in (False, True):
            self.begin("processes = 3")
            self.nursery.gets_ready = False
            self.workforce.reload()
            self.run_for()
            if ready:
                self.nursery.worker(3).get_ready()
                self.run_for()
            self.workforce.fewer()
            self.run_for()
            for slot in (1, 2):
                self.nursery.worker(slot).get_ready()
            self.run_for()
            self.assertEqual(self.staff(), {1: [2], 2: [2]})
            self.assertEqual((self.workforce.reloads, self.workforce.turnover), (1, None))
            self.check_board()

    def test_more_during_a_reload(self) -> None:
        """A slot that is wanted meanwhile changes its generation, too."""
        self.begin("processes = 2")
        self.workforce.fewer()
        self.run_for()
        self.nursery.gets_ready = False
        self.workforce.reload()
        self.run_for()
        self.workforce.more()
        self.run_for()
        for child in self.nursery.living("worker"):
            if not self.accepting(child.slot) or child not in self.accepting(child.slot):
                child.get_ready()
        self.run_for()
        self.assertEqual(self.staff(), {1: [2], 2: [2]})
        self.assertIsNone(self.workforce.turnover)

    def test_cheap_mode(self) -> None:
        """Nobody is wanted, then everybody; a reload in between needs no worker."""
        self.begin("processes = 2")
        self.workforce.want(())
        self.run_for()
        self.assertEqual(self.staff(), {})
        self.workforce.reload()
        self.run_for()
        self.assertEqual(self.workforce.generation, 2)
        self.workforce.want((1, 2))
        self.run_for()
        self.assertEqual(self.staff(), {1: [2], 2: [2]})


class Pauses(InstanceCase):
    """TSTP."""

    def test_toggle(self) -> None:
        """All workers are told, and those born meanwhile, too."""
        self.begin("processes = 1")
        self.workforce.pause()
        self.nursery.worker(1).die(signal.SIGKILL)
        self.run_for()
        self.assertEqual(self.nursery.worker(1).heard, [Pause()])
        self.workforce.pause()
        self.run_for()
        self.assertEqual(self.nursery.worker(1).heard, [Pause(), Resume()])
        self.assertLogged("*** PAUSE (press start to resume, if you do not have a joypad send SIGTSTP) ***")
        self.assertLogged("*** (SIGTSTP received) resuming workers ***")


class Replacing(InstanceCase):
    """Workers go, their generation stays."""

    def test_workers_reload(self) -> None:
        """Successors do not wait until a busy worker is gone."""
        self.begin("processes = 1")
        old = self.nursery.worker(1)
        self.nursery.leaves = False
        self.workforce.replace_workers()
        self.run_for()
        self.assertEqual(old.heard, [Leave("worker reload")])
        self.assertEqual(len(self.accepting(1)), 1)
        old.exit(Exit.END)
        self.run_for()
        self.assertEqual(self.staff(), {1: [1]})
        self.assertLogged(f"worker 1 killed successfully (pid: {old.pid})")

    def test_brutally(self) -> None:
        """Brutally, they get INT."""
        self.begin("processes = 1")
        old = self.nursery.worker(1)
        self.workforce.replace_workers(brutally=True)
        self.run_for()
        self.assertEqual((old.signals, self.staff()), ([signal.SIGINT], {1: [1]}))

    def test_recycled_by_itself(self) -> None:
        """A worker that says itself that its work is done is no crash."""
        self.begin("processes = 1")
        old = self.nursery.worker(1)
        self.house.board.phase[old.seat] = Phase.LEAVING
        old.exit(Exit.OK)
        self.run_for()
        self.assertLogged(f"worker 1 killed successfully (pid: {old.pid})")
        self.assertEqual(self.staff(), {1: [1]})


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

    @settings(deadline=None, max_examples=200)
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
            elif child.role == "zygote" and child.generation == self.workforce.generation + 1:
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
