"""What the live tests are built on: to look at processes that end when it suits them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil

from tests.live.daemon import title_of
from tests.live.support import LiveCase, descriptors, examine, is_leaving, wait_until


class ExamineTests(LiveCase):
    """Processes that live, and processes that do not for long."""

    def sleeper(self) -> psutil.Process:
        """A process that ends with the test."""
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        process = psutil.Process(child.pid)
        # the kernel lets the parent go on before it knows the arguments of the new program
        wait_until(lambda: "sleep" in title_of(process), "its title")
        return process

    def end(self, process: psutil.Process) -> None:
        """Kill a process, and leave it for its parent."""
        process.kill()
        wait_until(lambda: process.status() == psutil.STATUS_ZOMBIE, "its end")

    def test_answers(self) -> None:
        """What is found in each process that lives is told by its pid."""
        one, two = self.sleeper(), self.sleeper()
        self.assertEqual(examine([one, two], lambda process: process.pid + 1), {
            one.pid: one.pid + 1, two.pid: two.pid + 1,
        })  # fmt: skip

    def test_a_failure_names_the_process(self) -> None:
        """What fails about a process that lives fails, with its pid, its title and the reason."""
        one = self.sleeper()

        def look(process: psutil.Process) -> None:
            self.assertEqual(process.pid, 0, "not the one")

        with self.assertRaisesRegex(AssertionError, rf"process {one.pid} \(.*sleep.*not the one"):
            examine([one], look)
        with self.assertRaisesRegex(AssertionError, rf"process {one.pid} .*FileNotFoundError"):
            examine([one], lambda process: os.readlink(f"/proc/{process.pid}/nothing"))

    def test_one_that_ends(self) -> None:
        """A process that ends while it is looked at does not count, whatever was found or raised."""
        stays, raises, answers = self.sleeper(), self.sleeper(), self.sleeper()

        def look(process: psutil.Process) -> str:
            if process == stays:
                return "lives"
            self.end(process)
            return "ended" if process == answers else os.readlink(f"/proc/{process.pid}/cwd")

        self.assertEqual(examine([raises, answers, stays], look), {stays.pid: "lives"})

    def test_one_that_is_gone(self) -> None:
        """Nor does one that ended before, collected by its parent or not."""
        stays, zombie, gone = self.sleeper(), self.sleeper(), self.sleeper()
        self.end(zombie)
        gone.kill()
        os.waitpid(gone.pid, 0)
        self.assertEqual([is_leaving(each) for each in (stays, zombie, gone)], [False, True, True])
        self.assertEqual(list(examine([zombie, gone, stays], psutil.Process.uids)), [stays.pid])

    def test_nobody(self) -> None:
        """Where nobody could be looked at nothing was shown, and that is a failure."""
        zombie = self.sleeper()
        self.end(zombie)
        with self.assertRaisesRegex(AssertionError, "no process lived long enough"):
            examine([zombie], lambda process: True)

    def test_a_daemon(self) -> None:
        """A daemon gives what is found in itself and all that it started, and signals reach all of them."""
        daemon = self.run_daemon(["/bin/sh", "-c", "sleep 600 & sleep 600 & echo two; wait"])
        daemon.wait_for("two")
        self.assertEqual(daemon.named("sh").pid, daemon.pid)
        names = daemon.examine(lambda process: str(process.name()))
        self.assertEqual(sorted(names.values()), ["sh", "sleep", "sleep"])
        daemon.signal_all(signal.SIGKILL)
        self.assertEqual(daemon.wait(), -signal.SIGKILL)
        wait_until(lambda: not daemon.survivors(), "nobody is left")

    def test_descriptors(self) -> None:
        """What a process has open is told with where it leads to."""
        with open(self.path("file"), "w") as file:
            found = dict(descriptors(os.getpid()))
            self.assertEqual(found[self.path("file")].st_ino, os.fstat(file.fileno()).st_ino)
        self.assertNotIn(self.path("file"), dict(descriptors(os.getpid())))
