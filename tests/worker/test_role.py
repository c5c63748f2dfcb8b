"""A worker from its birth to its farewell: what it gathers, says and leaves on the board."""

from __future__ import annotations

import os

from tests.worker.family import Child, FamilyCase
from uwsgid.families import loop_engines
from uwsgid.supervise.board import Phase
from uwsgid.supervise.exits import Exit
from uwsgid.supervise.household import Household
from uwsgid.wire.control import Ask, Leave, Loaded, LoadFailed, Ready
from uwsgid.worker.role import Worker

APP = """
import os, threading
import uwsgi

def hook():
    print("forked into worker", uwsgi.worker_id(), flush=True)

def farewell():
    print("farewell", flush=True)

uwsgi.post_fork_hook = hook
uwsgi.atexit = farewell

def application(environ, start_response):
    start_response("200 OK", [])
    path = environ["PATH_INFO"]
    if path == "/reload":
        uwsgi.reload()
    if path == "/lock":
        uwsgi.lock()
        locked = uwsgi.is_locked()
        uwsgi.unlock()
        return [str(locked).encode()]
    if path == "/cpus":
        return [str(sorted(os.sched_getaffinity(0))).encode()]
    if path == "/stack":
        return [str(threading.stack_size()).encode()]
    return [threading.current_thread().name.encode()]
"""


class RoleCase(FamilyCase):
    def worker(self, lines: str = "", *, slot: int = 1, seat: int = 0) -> tuple[Household, Child]:
        """A worker that loads for itself, without a zygote."""
        house = self.household(f"lazy-apps = 1\nwsgi-file = {self.app(APP)}\n{lines}")
        house.board.sit_down(seat, slot, 1, 0.0)
        child = self.fork(house, "bare worker", slot=slot, seat=seat)
        self.assertEqual(child.hear(Loaded).apps, 1)
        self.assertEqual(child.hear(Ready).pid, child.pid)
        return house, child

    def setUp(self) -> None:
        super().setUp()
        from uwsgid.families import languages, roles
        from uwsgid.request.mounts import Apps, Lookup
        from uwsgid.supervise.birth import Newborn

        def bare(newborn: Newborn) -> int:
            """What its zygote would have prepared comes first."""
            house = newborn.household
            house.apps = Apps(Lookup.from_settings(house.settings))
            house.languages = [member.part() for member in languages]
            for language in house.languages:
                language.initialize(
                    house.settings, house.say, lambda what: newborn.master.say(Ask(what)), house
                )
            return Worker(newborn).run()

        self.patch(roles, "_members", dict(roles._members))
        self.patch(roles, "_names", dict(roles._names))
        roles.member("bare worker")(bare)


class LifeTests(RoleCase):
    def test_a_life(self) -> None:
        """Hooks run at its ends, the board knows its phases, and the counters stay for the master."""
        house, child = self.worker()
        self.wait_for("forked into worker 1")
        self.assertEqual((house.board.phase[0], house.board.pid[0]), (Phase.READY, child.pid))
        self.assertEqual(self.fetch(), b"MainThread")
        child.say(Leave("a test"))
        self.assertEqual(child.wait(), Exit.END)
        self.wait_for("farewell")
        self.assertEqual((house.board.phase[0], house.board.requests[0]), (Phase.LEAVING, 1))

    def test_skip_atexit(self) -> None:
        """skip-atexit spares the functions of the module atexit, not uwsgi.atexit."""
        self.app("import atexit\natexit.register(print, 'at exit', flush=True)\n", "more.py")
        for line, count in (("skip-atexit = 1", 0), ("", 1)):
            self._said = ""
            _, child = self.worker(f"import = {self.folder}/more.py\n{line}")
            child.say(Leave("a test"))
            child.wait()
            self.wait_for("farewell")
            self.assertEqual(self.said().count("at exit"), count)

    def test_asking_the_master(self) -> None:
        """uwsgi.reload() in a worker is a word to the master."""
        _, child = self.worker()
        self.fetch("/reload")
        self.assertEqual(child.hear(Ask).what, "reload")

    def test_max_requests(self) -> None:
        """A worker that has served enough leaves with 0, and the board says that it meant to."""
        house, child = self.worker("max-requests = 2\nmin-worker-lifetime = 0")
        self.fetch()
        self.fetch()
        self.assertEqual(child.wait(), Exit.OK)
        self.assertEqual(house.board.phase[0], Phase.LEAVING)
        self.wait_for("The work of process")

    def test_the_second_worker(self) -> None:
        """A slot is a name, a seat is a row of the board."""
        house, child = self.worker(slot=2, seat=4)
        self.wait_for("forked into worker 2")
        self.assertEqual(house.board.pid[4], child.pid)
        self.assertEqual(house.board.pid[0], 0)


class EngineTests(RoleCase):
    def test_threads(self) -> None:
        """With threads each core has a thread, and a stack of the size that is asked for."""
        _, child = self.worker("threads = 2\nthreads-stacksize = 512")
        self.assertTrue(self.fetch().startswith(b"uWSGI core "))
        self.assertEqual(self.fetch("/stack"), b"524288")
        child.say(Leave("a test"))
        self.assertEqual(child.wait(), Exit.END)

    def test_a_stack_that_is_too_small(self) -> None:
        """The least that the interpreter takes stands in for less."""
        self.worker("threads = 2\nthreads-stacksize = 1")
        self.assertEqual(self.fetch("/stack"), b"32768")

    def test_the_loop_that_is_named(self) -> None:
        """loop chooses the engine, whatever the threads."""
        self.worker("threads = 2\nloop = simple")
        self.assertEqual(self.fetch(), b"MainThread")
        self.assertIn("simple", loop_engines)

    def test_locks(self) -> None:
        """Locks of applications and the thunder lock come from the household."""
        house, _ = self.worker("thunder-lock = 1")
        self.assertEqual(self.fetch("/lock"), b"True")
        locks = house.locks
        assert locks is not None
        self.assertEqual([lock.name for lock in locks.locks], ["user 0", "thunder"])
        with locks["thunder"]:
            client = self.ask()
            client.settimeout(0.2)
            self.assertRaises(TimeoutError, client.recv, 1)
        client.settimeout(30)
        self.assertTrue(client.recv(1))

    def test_cpu_affinity(self) -> None:
        """cpu-affinity keeps the worker on its share of the CPUs."""
        allowed = sorted(os.sched_getaffinity(0))
        self.worker("cpu-affinity = 1", slot=2, seat=1)
        self.assertEqual(self.fetch("/cpus"), str([allowed[1 % len(allowed)]]).encode())
        self.wait_for("mapping worker 2 to CPUs:")


HOOKS = """
hook-post-fork = print:post-fork
hook-accepting = print:accepting
hook-accepting-once = print:once
hook-accepting1 = print:first worker
hook-accepting1-once = print:first worker, once
"""


class HookTests(RoleCase):
    def printed(self) -> list[str]:
        """What hooks printed since the last time, in order."""
        texts = [line.partition("print:")[2] for line in HOOKS.splitlines() if line]
        lines = [line for line in self.said().splitlines() if line in texts]
        self._said = ""
        return lines

    def fork_worker(self, house: Household, slot: int, seat: int, generation: int = 1) -> Child:
        house.board.sit_down(seat, slot, generation, 0.0)
        return self.fork(house, "bare worker", slot=slot, seat=seat, generation=generation)

    def end_worker(self, child: Child) -> None:
        child.say(Leave("a test"))
        child.wait()

    def test_order(self) -> None:
        """The hooks of a worker come in their order, those for once only once in a generation."""
        house, child = self.worker(HOOKS)
        everything = ["post-fork", "accepting", "once", "first worker", "first worker, once"]
        self.assertEqual(self.printed(), everything)
        self.end_worker(child)
        for slot, generation, expected in (
            (1, 1, ["post-fork", "accepting", "first worker"]),
            (2, 1, ["post-fork", "accepting", "once"]),
            (1, 2, everything),
        ):
            house.board.stand_up(0)
            again = self.fork_worker(house, slot, 0, generation)
            again.hear(Loaded)
            again.hear(Ready)
            self.assertEqual(self.printed(), expected)
            self.end_worker(again)

    def test_failure(self) -> None:
        """A worker whose hook fails asks for the end of the instance, and is not welcomed."""
        house = self.household(
            f"lazy-apps = 1\nwsgi-file = {self.app(APP)}\nhook-accepting-once = exec:exit 4"
        )
        child = self.fork_worker(house, 1, 0)
        child.hear(Loaded)
        self.assertEqual(child.hear(Ask).what, "destroy")
        self.assertEqual(child.wait(), Exit.ERROR)
        self.wait_for('hook-accepting-once: exec: command "exit 4" exited with non-zero code: 4')
        self.wait_for("FATAL hook failed, destroying instance")
        self.assertEqual(house.board.welcomed[0], 0)

    def test_failure_in_a_reload(self) -> None:
        """While older workers serve, a failure is only the end of the reload."""
        house = self.household(f"lazy-apps = 1\nwsgi-file = {self.app(APP)}\nexec-pre-app = false")
        house.board.sit_down(1, 1, 1, 0.0)
        house.board.phase[1] = Phase.READY
        child = self.fork_worker(house, 1, 0, generation=2)
        self.assertIn('command "false" exited with non-zero code: 1', child.hear(LoadFailed).reason)
        self.assertEqual(child.wait(), Exit.ERROR)
        self.assertNotIn("FATAL", self.said())
