"""The pretended kernel behaves where it matters."""

from __future__ import annotations

import os
import signal

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.testing import Executed, Exited, MemoryKernel


class World(SynchronousTestCase):
    """Files, users, sockets and processes in memory."""

    def setUp(self) -> None:
        self.kernel = MemoryKernel()

    def test_only_root_changes(self) -> None:
        """An ordinary user keeps its identity, root gives it away for good."""
        self.assertRaises(PermissionError, self.kernel.setuid, 0)
        self.assertRaises(PermissionError, self.kernel.setgroups, [])
        root = MemoryKernel(uid=0)
        root.setuid(33)
        self.assertRaises(PermissionError, root.setuid, 0)
        self.assertEqual((root.getuid(), root.names()), (33, ["setuid"]))

    def test_forks(self) -> None:
        """A fork plays the child unless it was given a pid."""
        self.kernel.forks = [12]
        self.assertEqual([self.kernel.fork(), self.kernel.fork()], [12, 0])
        self.assertEqual((self.kernel.getpid(), self.kernel.getppid()), (4712, 4711))

    def test_ends(self) -> None:
        """exit and exec leave the test by an exception that tells what happened."""
        self.assertEqual(self.assertRaises(Exited, self.kernel.exit, 17).code, 17)
        executed = self.assertRaises(Executed, self.kernel.execve, "/bin/x", ["x", "-v"], {"A": "1"})
        self.assertEqual((executed.arguments, executed.environment), (("x", "-v"), {"A": "1"}))

    def test_children(self) -> None:
        """A child is reaped once, by pidfd or by pid."""
        pidfd = self.kernel.pidfd_open(20)
        self.assertIsNone(self.kernel.waitid(pidfd))
        self.kernel.pidfd_send_signal(pidfd, signal.SIGTERM)
        self.kernel.ended = {20: (os.CLD_EXITED, 0)}
        self.assertEqual(self.kernel.waitid(pidfd), (20, os.CLD_EXITED, 0))
        self.assertIsNone(self.kernel.reap(20))
        self.assertEqual(self.kernel.calls, [("kill", "20", "15"), ("reap", "20")])
