"""The ways out: every one of them is the end, or a new process image."""

from __future__ import annotations

import errno
import os
import signal
from functools import partial

from twisted.internet.defer import Deferred, fail

from tests.master.whole import MasterCase
from uwsgid.supervise.exits import Exit


def _note(fired: list[str], name: str, result: object) -> None:
    fired.append(name)


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
            self.master.departure.detonate()
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


class Images(MasterCase):
    """What happens on the way to a new image."""

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
        self.master.reloads.judge(True, [])
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
        self.master.departure.start_anew()
        self.run_for(3)
        self.assertEqual((self.codes, self.executed), ([Exit.APP_FAILED], []))
