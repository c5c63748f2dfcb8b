"""The end of one child process."""

from __future__ import annotations

import os
import signal

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import KernelError
from uwsgid.host import Kernel
from uwsgid.host.children import ExitStatus
from uwsgid.supervise.exitwatch import ExitWatch
from uwsgid.testing import MemoryProcesses, MemoryReactor


class InMemory(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor, self.kernel = MemoryReactor(), MemoryProcesses()
        self.kernel.running.add(7)
        self.ends: list[ExitStatus] = []

    def watch(self) -> ExitWatch:
        found = ExitWatch(self.reactor, self.kernel, 7, self.ends.append)
        self.addCleanup(found.connectionLost, None)
        return found

    def test_end(self) -> None:
        """The end is told once, and nothing is watched any more."""
        self.watch()
        self.assertFalse(self.reactor.poll())
        self.kernel.end(7, 17, 0)
        self.assertTrue(self.reactor.poll())
        self.assertFalse(self.reactor.poll())
        self.assertEqual((self.ends, self.reactor.readers), ([ExitStatus(code=17)], []))

    def test_ended_before(self) -> None:
        """A child that ended between fork and watch is told like any other."""
        self.kernel.end(7, None, signal.SIGSEGV)
        self.watch()
        self.reactor.poll()
        self.assertEqual(self.ends, [ExitStatus(signal=11)])

    def test_nobody(self) -> None:
        """A pid that nobody has is an error."""
        with self.assertRaises(KernelError):
            ExitWatch(self.reactor, self.kernel, 8, self.ends.append)

    def test_false_alarm(self) -> None:
        """A wake-up without an end changes nothing."""
        watch = self.watch()
        watch.doRead()
        self.assertEqual((self.ends, self.reactor.readers), ([], [watch]))

    def test_no_child(self) -> None:
        """The end of a process that is no child of ours is told without a status, by its pidfd."""
        pidfd = self.kernel.pidfd_open(7)
        watch = ExitWatch(self.reactor, self.kernel, 7, self.ends.append, pidfd)
        self.assertEqual(watch.fileno(), pidfd)
        self.kernel.fail("waitid", 10)
        self.kernel.end(7, 3, 0)
        self.reactor.poll()
        self.assertEqual(self.ends, [ExitStatus()])

    def test_reaped_by_somebody(self) -> None:
        """Where an application's waitpid was faster, the end is told without a status."""
        watch = self.watch()
        self.kernel.fail("waitid", 10)
        watch.doRead()
        self.assertEqual(self.ends, [ExitStatus()])

    def test_signals(self) -> None:
        """A signal goes to the very process; after its end to nobody, whoever has the number then."""
        sent: list[tuple[int, int]] = []
        self.kernel.signalled = lambda pid, number: sent.append((pid, number))
        watch = self.watch()
        watch.signal(signal.SIGUSR2)
        self.kernel.end(7, 0, 0)
        watch.signal(signal.SIGKILL)
        self.reactor.poll()
        self.kernel.running.add(7)
        watch.signal(signal.SIGKILL)
        self.assertEqual(sent, [(7, signal.SIGUSR2)])

    def test_no_permission(self) -> None:
        """A signal that is refused is told."""
        watch = self.watch()
        self.kernel.fail("pidfd_send_signal", 1)
        self.assertRaises(PermissionError, self.kernel._maybe_fail, "pidfd_send_signal")
        self.kernel.signalled = self._refuse
        error = self.assertRaises(KernelError, watch.signal, signal.SIGUSR2)
        self.assertIn("Operation not permitted", str(error))

    def _refuse(self, pid: int, number: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    def test_closed_once(self) -> None:
        """Giving up twice closes the descriptor once: its number may be somebody else's by then."""
        watch = self.watch()
        number = watch.fileno()
        watch.connectionLost(None)
        again = os.dup(0)
        self.addCleanup(os.close, again)
        self.assertEqual(again, number)
        watch.connectionLost(None)
        os.fstat(again)
        self.assertEqual(watch.fileno(), -1)


class Real(SynchronousTestCase):
    def test_pidfd(self) -> None:
        """A real process, a real signal, a real pidfd."""
        reactor, ends = MemoryReactor(), list[ExitStatus]()
        pid = os.fork()
        if pid == 0:
            signal.pause()
            os._exit(0)
        watch = ExitWatch(reactor, Kernel(), pid, ends.append)
        try:
            self.assertFalse(reactor.poll())
        finally:
            watch.signal(signal.SIGKILL)
        while not reactor.poll():
            pass
        self.assertEqual(ends, [ExitStatus(signal=signal.SIGKILL)])
        self.assertRaises(ChildProcessError, os.waitpid, pid, 0)
