"""The master as a whole: what each order does, and that every way out is the end."""

from __future__ import annotations

import errno
import os
import signal
from functools import partial
from typing import cast

from twisted.internet.defer import Deferred, fail

from tests.master.support import InstanceCase
from uwsgid.logs.setup import Logs
from uwsgid.master.inheritance import Inheritance
from uwsgid.master.service import Master
from uwsgid.supervise.exits import Exit
from uwsgid.testing import Executed
from uwsgid.wire.control import Ask


class FakeLogs:
    """Writes down what is asked of the log."""

    pipe = None

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.pipeline = self

    def check_size(self) -> None:
        self.calls.append("check_size")

    def reopen(self) -> None:
        self.calls.append("reopen")

    def rotate(self) -> None:
        self.calls.append("rotate")

    def drain(self) -> None:
        self.calls.append("drain")

    def restore(self) -> None:
        self.calls.append("restore")


def _note(fired: list[str], name: str, result: object) -> None:
    fired.append(name)


class MasterCase(InstanceCase):
    """A master over children in memory.

    :ivar executed: the new process images.
    """

    master: Master

    def build(self, config: str = "processes = 2") -> None:
        """Make the master; the reactor does not run yet."""
        self.prepare(config)
        self.logs = FakeLogs()
        self.executed: list[Executed] = []
        self.source = self.mktemp()
        self.change("one")
        seed, pid = self.nursery.seed()
        left = Inheritance(
            household=self.house,
            logs=cast(Logs, self.logs),
            say=self.lines.append,
            seed=seed,
            seed_pid=pid,
            argv=("--ini", "site.ini"),
            cwd="/srv/shop",
            sources=(self.source,),
            environ={},
            no_server=False,
            removals=(("pidfile", "/run/shop.pid"),),
            write_pidfiles=lambda: self.lines.append("pidfiles"),
        )
        self.master = Master(left, self.nursery.reactor, self.codes.append)
        self.workforce = self.master.workforce
        self.patch(self.master.signals, "install", lambda: None)
        self.patch(self.master._undertaker, "install", lambda: None)
        self.addCleanup(self.nursery.reactor.removeAll)

    def serve(self, config: str = "processes = 2") -> None:
        """Make the master and have it serve."""
        self.build(config)
        self.master.startService()
        self.run_for(0.1)

    def change(self, text: str) -> None:
        """Change the file of the configuration."""
        with open(self.source, "w") as file:
            file.write(text)

    def check_says(self, usable: bool, *lines: str) -> None:
        """Let the check of a changed configuration come to this result at once."""
        self.patch(self.master._reexec, "check", lambda verdict: verdict(usable, list(lines)))

    def run_to_exec(self, seconds: float = 3) -> Executed:
        """Time passes until the process becomes another one."""
        execve = self.nursery.kernel.execve

        def note(*arguments: object) -> None:
            try:
                execve(*arguments)  # type: ignore[arg-type]
            except Executed as image:
                self.executed.append(image)

        self.patch(self.nursery.kernel, "execve", note)
        self.run_for(seconds)
        self.assertEqual(len(self.executed), 1, self.lines)
        return self.executed[0]


class Hooks(MasterCase):
    """What the configuration wants of the master on the way."""

    def test_at_the_start_and_at_the_end(self) -> None:
        """The start has its actions, and the end has its own, before goodbye."""
        self.serve(
            "hook-master-start = print:begun\nhook-as-user-atexit = print:over\n"
            "hook-as-user-atexit = exit:3\nhook-as-user-atexit = print:never"
        )
        self.assertIn("begun", self.lines)
        self.master.stop()
        self.run_for(2)
        self.assertEqual(self.codes, [0])
        self.assertLess(self.lines.index("over"), self.lines.index("goodbye to uWSGI."))
        self.assertNotIn("never", self.lines)

    def test_destruction(self) -> None:
        """Where an action fails, be it in a worker, everybody ends at once, with code 1."""
        self.serve("hook-master-start = umount:/nowhere")
        self.run_for(2)
        self.assertEqual(self.codes, [1])
        self.assertLogged("FATAL hook failed, destroying instance")

    def test_destruction_by_a_worker(self) -> None:
        """A worker whose hooks fail asks for that."""
        self.serve()
        self.nursery.living("worker", 1)[0].say(Ask("destroy"))
        self.run_for(2)
        self.assertEqual(self.codes, [1])

    def test_touch(self) -> None:
        """A touched file has its action done with the other checks."""
        self.serve("hook-touch = /switch print:touched")
        self.nursery.kernel.add_file("/switch")
        self.run_for(2)
        self.assertIn("touched", self.lines)


class Start(MasterCase):
    def test_lines(self) -> None:
        """The first lines say who the master is and what TERM means."""
        self.serve()
        self.assertEqual(self.lines[0], "spawned uWSGI master process (pid: 1)")
        self.assertIn("SIGTERM stops this instance gracefully", self.lines[1])
        self.assertEqual(self.staff(), {1: [1], 2: [1]})

    def test_after_a_reload(self) -> None:
        """A new image of an instance says so."""
        self.build()
        self.house.is_reload = True
        self.master.startService()
        self.assertEqual(self.lines[0], "gracefully (RE)spawned uWSGI master process (pid: 1)")

    def test_pipe_that_can_not_be_made(self) -> None:
        """A master FIFO over a precious file ends the instance with a clear line and the code 1."""
        path = self.mktemp()
        with open(path, "w") as file:
            file.write("precious")
        self.serve(f"master-fifo = {path}")
        self.run_for(2)
        self.assertEqual(self.codes, [1])
        self.assertLogged(f"master-fifo: {path} exists and is no named pipe")
        self.assertTrue(os.path.exists(path))

    def test_no_server(self) -> None:
        """no-server ends when everything is loaded."""
        self.build()
        self.master._inheritance.no_server = True
        self.master.startService()
        self.run_for(3)
        self.assertEqual(self.codes, [0])

    def test_checks_go_on(self) -> None:
        """A mistake in one check is told with its traceback, and the others, and the next ones, go on."""
        self.serve()

        def fail() -> None:
            raise ZeroDivisionError("oops")

        self.patch(self.master.watchdog, "look", fail)
        self.run_for(3)
        self.assertLogged("ZeroDivisionError: oops")
        self.assertGreaterEqual(self.logs.calls.count("check_size"), 3)

    def test_orphans(self) -> None:
        """Processes that nobody knows are buried with a line."""
        self.serve()
        self.nursery.kernel.ended[999] = (os.CLD_EXITED, 3)
        self.nursery.kernel.ended[998] = (os.CLD_KILLED, 9)
        self.run_for(3)
        self.assertLogged("subprocess 999 exited with code 3")
        self.assertLogged("subprocess 998 exited by signal 9")


class Ends(MasterCase):
    def test_gracefully(self) -> None:
        """The last line is goodbye; the end is told once; nothing is left in the reactor."""
        self.serve()
        self.master.stop()
        self.run_for(3)
        self.assertEqual((self.codes, self.lines[-1]), ([0], "goodbye to uWSGI."))
        self.assertIn("graceful shutdown triggered...", self.lines)
        self.assertEqual((self.nursery.reactor.getDelayedCalls(), self.nursery.reactor.readers), ([], []))

    def test_brutally(self) -> None:
        """Workers get INT."""
        self.serve()
        workers = self.nursery.living("worker")
        self.master.stop_brutally()
        self.assertEqual([worker.signals for worker in workers], [[signal.SIGINT]] * 2)
        self.run_for(3)
        self.assertEqual(self.codes, [0])
        self.assertIn("SIGINT/SIGQUIT received...killing workers...", self.lines)

    def test_detonation(self) -> None:
        """What the instance can not be without is gone: it ends brutally with 1, also during a reload."""
        for before in (lambda: None, self.reload):
            self.serve("processes = 2\ncheck-mount = /srv")
            before()
            workers = self.nursery.living("worker")
            self.master.detonate()
            self.assertTrue(all(worker.signals[-1:] == [signal.SIGINT] for worker in workers))
            self.run_for(3)
            self.assertEqual(self.codes, [1])

    def reload(self) -> None:
        self.master.start_anew()

    def test_service(self) -> None:
        """stopService fires when everybody is gone, asked for before, during or after the stop, and twice."""
        for stop_first in (False, True):
            self.serve()
            self.nursery.leaves = False
            if stop_first:
                self.master.stop()
            fired: list[str] = []
            for name in ("first", "second"):
                self.master.stopService().addCallback(partial(_note, fired, name))
            self.run_for(0.1)
            self.assertEqual(fired, [])
            self.nursery.leaves = True
            for worker in self.nursery.living("worker"):
                worker.exit(Exit.END)
            self.run_for(3)
            self.assertEqual((fired, self.codes), (["first", "second"], [0]))
            self.successResultOf(self.master.stopService())

    def test_service_before_the_reactor_runs(self) -> None:
        """An instance that is stopped before it began begins nothing."""
        self.build()
        self.master.startService()
        self.successResultOf(self.master.stopService())
        self.run_for(3)
        self.assertEqual((self.codes, self.nursery.living("zygote")), ([0], []))

    def test_vacuum(self) -> None:
        """vacuum removes what boot left."""
        self.build("processes = 1\nvacuum")
        self.nursery.kernel.add_file("/run/shop.pid")
        self.master.startService()
        self.run_for(0.1)
        self.master.stop()
        self.run_for(3)
        self.assertLogged("VACUUM: pidfile removed.")
        self.assertNotIn("/run/shop.pid", self.nursery.kernel.files)


class ReloadOrders(MasterCase):
    def test_plain(self) -> None:
        """HUP makes a new generation in the same process."""
        self.serve()
        self.master.reload()
        self.run_for(1)
        self.assertEqual(self.staff(), {1: [2], 2: [2]})
        self.assertIn("...gracefully killing workers...", self.lines)

    def test_chain(self) -> None:
        """A second chain reload meanwhile is only said."""
        self.serve()
        self.nursery.gets_ready = False
        self.master.reload_chain()
        self.master.reload_chain()
        self.assertLogged("chain reload is already running")
        self.nursery.gets_ready = True
        self.run_for(1)
        self.assertEqual(self.staff(), {1: [2], 2: [2]})

    def test_exit_on_reload(self) -> None:
        """exit-on-reload ends, gracefully or brutally."""
        for order in ("reload", "reload_brutally"):
            self.serve("exit-on-reload")
            getattr(self.master, order)()
            self.run_for(3)
            self.assertEqual(self.codes, [0])
            self.assertIn("uWSGI: GAME OVER (insert coin)", self.lines)

    def test_workers(self) -> None:
        """Workers are replaced within their generation."""
        self.serve()
        before = [worker.pid for worker in self.nursery.living("worker")]
        self.master.reload_workers()
        self.run_for(1)
        self.assertEqual(self.staff(), {1: [1], 2: [1]})
        self.master.reload_workers_brutally()
        self.run_for(1)
        after = [worker.pid for worker in self.nursery.living("worker")]
        self.assertEqual((set(before) & set(after), self.staff()), (set(), {1: [1], 2: [1]}))

    def test_brutal_without_an_interpreter(self) -> None:
        """Where no new image can be started, a brutal reload is one of the workers, and nobody stops."""
        self.serve()
        self.patch(self.master._reexec, "obstacle", lambda: "uid 99 can not execute python")
        self.logged()
        self.master.reload_brutally()
        self.run_for(1)
        self.assertIn(
            "uid 99 can not execute python; the workers start anew, the configuration stays", self.logged()
        )
        self.assertEqual((self.codes, self.executed, sorted(self.staff())), ([], [], [1, 2]))

    def test_brutal(self) -> None:
        """A brutal reload executes a new image, in the folder where the instance was started."""
        self.serve()
        self.master.reload_brutally()
        image = self.run_to_exec()
        self.assertEqual(image.arguments[1:], ("-m", "uwsgid", "--ini", "site.ini"))
        self.assertEqual((self.nursery.kernel.cwd, self.codes), ("/srv/shop", []))
        self.assertIn("binary reloading uWSGI...", self.lines)
        self.assertNotIn("goodbye to uWSGI.", self.lines)
        self.assertEqual(self.logs.calls[-1], "restore")

    def test_changed_config(self) -> None:
        """A changed configuration that can be used is started anew with, gracefully."""
        self.serve()
        self.check_says(True)
        self.change("two!")
        workers = self.nursery.living("worker")
        self.master.reload()
        self.assertEqual([worker.signals for worker in workers], [[], []])
        self.run_to_exec()

    def test_a_change_for_gateways(self) -> None:
        """A change that gateways carry out themselves is no reason for a new image; the next one may be."""
        self.serve()
        takes = [True, False]
        self.patch(self.master.gateways, "take_changes", lambda: takes.pop(0))
        self.check_says(True)
        self.change("two!")
        self.master.reload()
        self.assertLogged("the configuration changed: the gateways take it over")
        self.assertFalse(self.workforce.stopping)
        self.master.reload()
        self.assertEqual(takes, [False])
        self.change("three")
        self.master.reload()
        self.run_to_exec()

    def test_the_last_commands(self) -> None:
        """exec-as-user-atexit runs once, at the end and before a new image, when everybody is gone."""
        for order in ("stop", "reload_brutally"):
            self.serve("exec-as-user-atexit = bye")
            self.patch(os, "access", lambda path, mode: True)
            getattr(self.master, order)()
            if order == "stop":
                self.run_for(3)
            else:
                self.run_to_exec()
            calls = [call for call in self.nursery.kernel.calls if call[0] == "run_command"]
            self.assertEqual(calls, [("run_command", "/bin/sh", "bye")], order)
            self.assertEqual(self.nursery.living(), [])

    def test_unusable_config(self) -> None:
        """One that can not be used changes nothing; the next reload is an ordinary one."""
        self.serve()
        self.check_says(False, "site.ini:3: harakiri: expected a number")
        self.change("two!")
        self.master.reload()
        self.run_for(1)
        self.assertIn("site.ini:3: harakiri: expected a number", self.lines)
        self.assertEqual(self.staff(), {1: [1], 2: [1]})
        self.master.reload()
        self.run_for(1)
        self.assertEqual(self.staff(), {1: [2], 2: [2]})

    def test_reloads_during_the_check(self) -> None:
        """One check at a time; what changed during it is checked after it."""
        self.serve()
        checks: list[object] = []
        self.patch(self.master._reexec, "check", checks.append)
        self.change("two!")
        self.master.reload()
        self.change("three")
        self.master.reload()
        self.master.reload()
        self.assertEqual(len(checks), 1)
        self.master._reload_config(False, [])
        self.assertEqual(len(checks), 2)
        self.master._reload_config(True, [])
        self.run_to_exec()

    def test_refused(self) -> None:
        """Where the kernel refuses the new image, the instance ends with the code 1 and says why."""
        self.serve()
        self.nursery.kernel.fail("execve", errno.ENOENT)
        self.master.reload_brutally()
        self.run_for(3)
        self.assertEqual(self.codes, [1])
        self.assertLogged("no new process image can be started: [Errno 2] No such file or directory")

    def test_statistics_that_do_not_stop_well(self) -> None:
        """The new image does not wait for a service that fails to stop."""
        self.serve()
        self.patch(self.master.statistics, "stopService", self._fail)
        self.master.reload_brutally()
        self.run_to_exec()

    def _fail(self) -> Deferred[None]:
        return fail(ZeroDivisionError("oops"))


class Precedence(MasterCase):
    """A stop is a stop."""

    def test_reload_during_a_stop(self) -> None:
        """Whatever reload is asked for, and whenever the check ends, the instance stops."""
        self.serve()
        checks: list[object] = []
        self.patch(self.master._reexec, "check", checks.append)
        self.change("two!")
        self.master.reload()
        self.nursery.leaves = False
        self.master.stop()
        self.master.reload()
        self.master.reload_brutally()
        self.master.start_anew()
        self.master._reload_config(True, [])
        for worker in self.nursery.living("worker"):
            worker.exit(Exit.END)
        self.run_for(3)
        self.assertEqual((self.codes, self.executed), ([0], []))

    def test_stop_during_a_reload(self) -> None:
        """A stop that comes while a new image is prepared wins."""
        self.serve()
        self.nursery.leaves = False
        self.master.start_anew()
        self.master.stop()
        self.nursery.leaves = True
        self.master.stop_brutally()
        self.run_for(3)
        self.assertEqual((self.codes, self.executed), ([0], []))

    def test_brutal_reload_hastens_a_graceful_one(self) -> None:
        """It does not wait for requests in progress any more."""
        self.serve()
        self.nursery.leaves = False
        self.master.start_anew()
        self.run_for(1)
        self.nursery.leaves = True
        self.master.reload_brutally()
        self.run_to_exec()

    def test_failed_start_anew(self) -> None:
        """An instance that ends for want of an application does not become a new image."""
        self.serve()
        self.workforce.stop(gracefully=False, code=Exit.APP_FAILED)
        self.master._after_stop = self.master._execute
        self.run_for(3)
        self.assertEqual((self.codes, self.executed), ([Exit.APP_FAILED], []))


class Others(MasterCase):
    """The remaining letters."""

    def test_letters(self) -> None:
        """Each letter of the FIFO that concerns workers has an order."""
        self.build()
        self.assertEqual("".join(sorted(self.master.orders())), "+-BCLPQRWclpqrsw")

    def test_log(self) -> None:
        """l and L concern the log, P the pid files."""
        self.serve()
        for letter in "lLP":
            self.master.orders()[letter]()
        self.assertEqual([call for call in self.logs.calls if call[0] == "r"], ["reopen", "rotate"])
        self.assertIn("pidfiles", self.lines)

    def test_how_many(self) -> None:
        """Bounds are said."""
        self.serve()
        self.master.one_more()
        self.assertLogged("there is no slot for another worker")
        self.master.one_less()
        self.master.one_less()
        self.assertLogged("the last worker stays")

    def test_cheap(self) -> None:
        """C sends everybody home; somebody who connects brings all back, + one."""
        self.serve()
        self.master.become_cheap()
        self.run_for(0.1)
        self.assertEqual(self.staff(), {})
        self.assertIn("cheap mode enabled: waiting for socket connection...", self.lines)
        self.master.one_more()
        self.run_for(0.1)
        self.assertEqual(self.staff(), {1: [1]})
        self.master._wake_up()
        self.run_for(0.1)
        self.assertEqual(self.staff(), {1: [1], 2: [1]})

    def test_pause_and_statistics(self) -> None:
        """p pauses, s tells numbers."""
        self.serve()
        self.master.toggle_pause()
        self.assertTrue(self.workforce.paused)
        self.logged()
        self.master.say_statistics()
        self.assertTrue(self.lines)

    def test_what_applications_ask(self) -> None:
        """uwsgi.reload() and uwsgi.stop() reach the master; other words are ignored."""
        self.serve()
        self.nursery.worker(1).say(Ask("dance"))
        self.nursery.worker(1).say(Ask("reload"))
        self.run_for(1)
        self.assertEqual(self.staff(), {1: [2], 2: [2]})
        self.nursery.worker(1).say(Ask("stop"))
        self.run_for(3)
        self.assertEqual(self.codes, [0])

    def test_without_seeds(self) -> None:
        """When both seeds are gone, workers finish what they have, then a new image begins."""
        self.serve()
        workers = self.nursery.living("worker")
        for seed in self.nursery.living("seed"):
            seed.die(signal.SIGKILL)
        self.run_to_exec()
        self.assertEqual([worker.signals for worker in workers], [[], []])
