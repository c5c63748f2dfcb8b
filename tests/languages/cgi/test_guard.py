"""The guard ends what its worker can not end any more."""

from __future__ import annotations

import os
import signal
import subprocess

from twisted.trial.unittest import SynchronousTestCase

from tests.languages.cgi.support import PATIENCE
from uwsgid.languages.cgi.guard import Guard, survivors


class GuardTests(SynchronousTestCase):
    def group(self) -> subprocess.Popen[bytes]:
        """A process that ignores TERM, in a session of its own."""
        process = subprocess.Popen(
            ["/bin/sh", "-c", "trap '' TERM; echo; read never"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdout is not None
        process.stdout.read(1)
        assert process.stdin is not None
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_what_is_left(self) -> None:
        """Notes say who came and who went, in this order."""
        self.assertEqual(survivors((12,), [b"+13", b"-12", b"+14"]), {13, 14})
        self.assertEqual(survivors((), [b"-12", b"+12"]), {12})

    def test_ends_the_groups_that_are_left(self) -> None:
        """When the worker's end of the pipe closes, groups that it has are killed, others are not."""
        guard = Guard()
        left, done = self.group(), self.group()
        guard.take(left.pid)
        guard.take(done.pid)
        guard.drop(done.pid)
        guard.close()
        self.assertEqual(left.wait(PATIENCE), -signal.SIGKILL)
        self.assertIsNone(done.poll())
        os.killpg(done.pid, signal.SIGKILL)

    def test_knows_a_child_before_it_runs(self) -> None:
        """A child tells the guard itself, so that none is missed however early its parent dies."""
        guard = Guard()
        process = subprocess.Popen(
            ["/bin/sh", "-c", "read never"],
            stdin=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=guard.take_me,
        )
        assert process.stdin is not None
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        guard.close()
        self.assertEqual(process.wait(PATIENCE), -signal.SIGKILL)

    def test_is_deaf(self) -> None:
        """Signals that are meant for workers do not end it."""
        guard = Guard()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(guard.pid, number)
        left = self.group()
        guard.take(left.pid)
        guard.close()
        self.assertEqual(left.wait(PATIENCE), -signal.SIGKILL)

    def test_keeps_no_descriptors(self) -> None:
        """It has the pipe and the log, and nothing else that somebody waits for the end of."""
        reader, writer = os.pipe()
        guard = Guard()
        try:
            os.close(writer)
            guard.take(2**22 + 1)  # nobody's; the guard has closed what is not its own once it reads
            self.assertEqual(os.read(reader, 1), b"")
        finally:
            guard.close()
            os.close(reader)
