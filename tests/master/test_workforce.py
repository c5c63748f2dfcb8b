"""Keeping the wanted workers alive."""

from __future__ import annotations

import errno
import itertools
import signal

from tests.master.support import InstanceCase
from uwsgid.supervise.board import Phase
from uwsgid.supervise.exits import Exit
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

    def test_nobody_for_the_end(self) -> None:
        """Who leaves for a signal that is about to stop the master as well has no successor."""
        self.begin("processes = 2")
        self.end_is_near = True
        self.nursery.worker(1).exit(Exit.END)
        self.run_for(3)
        self.assertEqual(self.staff(), {2: [1]})
        self.end_is_near = False
        self.workforce.proceed()
        self.run_for(3)
        self.assertEqual(self.staff(), {2: [1], 1: [1]})

    def test_a_mistake_in_the_configuration(self) -> None:
        """What the configuration asks for and can not be had ends the instance with the zygote's code."""
        self.prepare()
        self.nursery.loads = False
        self.start()
        self.nursery.zygote().say(LoadFailed("no /nix", Exit.ERROR))
        self.run_for(2)
        self.assertEqual(self.codes, [Exit.ERROR])
        self.assertLogged("no /nix")

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
        self.nursery.zygote().say(Loaded(1, 0, "\0".join(("0", "0", "/shop", "2", "", ""))))
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

    def test_a_slot_that_never_had_a_worker(self) -> None:
        """With no processes nobody says goodbye."""
        self.prepare("processes = 1")
        self.workforce.wanted.clear()
        self.start()
        self.assertEqual(list(self.house.board.cheaped), [1])
        self.assertNotIn("uWSGI worker 1 cheaped.", self.logged())

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

    def test_brutally_and_again(self) -> None:
        """Who is still there is told again: a signal just before a call that waits is not heard."""
        self.begin("processes = 1")
        old = self.nursery.worker(1)
        self.nursery.leaves = False
        self.workforce.replace_workers(brutally=True)
        self.run_for()
        self.workforce.insist()
        self.assertEqual(old.signals, [signal.SIGINT] * 2)
        old.exit(Exit.END)
        self.run_for()
        self.workforce.insist()
        self.assertEqual(old.signals, [signal.SIGINT] * 2)

    def test_recycled_by_itself(self) -> None:
        """A worker that says itself that its work is done is no crash."""
        self.begin("processes = 1")
        old = self.nursery.worker(1)
        self.house.board.phase[old.seat] = Phase.LEAVING
        old.exit(Exit.OK)
        self.run_for()
        self.assertLogged(f"worker 1 killed successfully (pid: {old.pid})")
        self.assertEqual(self.staff(), {1: [1]})
