"""How children end."""

from __future__ import annotations

import os
import select
import signal

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import KernelError
from uwsgid.host.children import (
    Child,
    ExitStatus,
    Orphans,
    exit_status,
    send_signal,
    status_of,
    watch_child,
)
from uwsgid.host.kernel import Kernel
from uwsgid.testing import MemoryKernel


class Statuses(SynchronousTestCase):
    """What waitid tells."""

    def test_kinds(self) -> None:
        """An exit has a code, a death a signal."""
        self.assertEqual(status_of(os.CLD_EXITED, 17), ExitStatus(code=17))
        self.assertEqual(status_of(os.CLD_KILLED, 9), ExitStatus(signal=9))
        self.assertEqual(status_of(os.CLD_DUMPED, 11), ExitStatus(signal=11, core_dumped=True))

    def test_text(self) -> None:
        """A status prints as the log lines end."""
        self.assertEqual(str(ExitStatus(code=1)), "exited with code 1")
        self.assertEqual(str(ExitStatus(signal=11, core_dumped=True)), "exited by signal 11 (core dumped)")
        self.assertEqual(ExitStatus(signal=9).signal_name, "SIGKILL")
        self.assertEqual((ExitStatus(code=1).signal_name, ExitStatus(signal=99).signal_name), ("", ""))


class OrphanSweep(SynchronousTestCase):
    """Zombies that nobody knows."""

    def test_seen_twice(self) -> None:
        """An unknown zombie is reaped at the second sweep, a known one never."""
        kernel = MemoryKernel()
        kernel.ended = {10: (os.CLD_EXITED, 0), 11: (os.CLD_KILLED, 9)}
        orphans = Orphans(kernel)
        self.assertEqual(orphans.sweep({10}), [])
        self.assertEqual(orphans.sweep({10}), [(11, ExitStatus(signal=9))])
        self.assertEqual(orphans.sweep({10}), [])
        self.assertEqual(list(kernel.ended), [10])

    def test_claimed_meanwhile(self) -> None:
        """A zombie whose supervisor appears between two sweeps is left to it."""
        kernel = MemoryKernel()
        kernel.ended = {10: (os.CLD_EXITED, 0)}
        orphans = Orphans(kernel)
        orphans.sweep(())
        self.assertEqual(orphans.sweep({10}), [])


class Real(SynchronousTestCase):
    """On Linux."""

    def child(self, code: int = 0, wait: bool = False) -> int:
        pid = os.fork()
        if pid == 0:
            if wait:
                signal.pause()
            os._exit(code)
        return pid

    def watch(self, pid: int) -> Child:
        child = watch_child(Kernel(), pid)
        self.addCleanup(os.close, child.pidfd)
        return child

    def test_exit_code(self) -> None:
        """The pidfd becomes readable, and the status holds the code."""
        child = self.watch(self.child(17))
        self.assertEqual(select.select([child.pidfd], [], [], 10)[0], [child.pidfd])
        self.assertEqual(exit_status(Kernel(), child), ExitStatus(code=17))
        self.assertRaises(KernelError, exit_status, Kernel(), child)

    def test_signal(self) -> None:
        """A running child has no status; a killed one tells the signal."""
        kernel, child = Kernel(), self.watch(self.child(wait=True))
        self.assertIsNone(exit_status(kernel, child))
        self.assertTrue(send_signal(kernel, child, signal.SIGKILL))
        select.select([child.pidfd], [], [], 10)
        self.assertEqual(exit_status(kernel, child), ExitStatus(signal=9))
        self.assertFalse(send_signal(kernel, child, signal.SIGKILL))

    def test_no_such_process(self) -> None:
        """Watching nobody is an error."""
        pid = self.child()
        os.waitpid(pid, 0)
        self.assertIn("pidfd_open()", str(self.assertRaises(KernelError, watch_child, Kernel(), pid)))

    def test_zombies_without_proc(self) -> None:
        """Where /proc is missing, or another pid namespace's, orphans are buried all the same."""

        def refuse(path: str) -> str:
            raise FileNotFoundError(2, "No such file or directory", path)

        for answer in (refuse, lambda path: "4711"):
            self.patch(os, "readlink", answer)
            pids = {self.child(3), self.child(4)}
            for pid in pids:
                pidfd = os.pidfd_open(pid)
                select.select([pidfd], [], [], 10)
                os.close(pidfd)
            orphans, buried = Orphans(Kernel()), set[int]()
            for _ in range(6):
                buried |= {pid for pid, _ in orphans.sweep(())}
            self.assertLessEqual(pids, buried)
            self.assertFalse(pids & set(Kernel.zombie_children()))

    def test_zombies_are_seen(self) -> None:
        """A child that ended is listed as a zombie until it is reaped, a running one is not."""
        kernel = Kernel()
        running = self.child(wait=True)
        child = self.watch(self.child(3))
        select.select([child.pidfd], [], [], 10)
        try:
            zombies = kernel.zombie_children()
            self.assertIn(child.pid, zombies)
            self.assertNotIn(running, zombies)
            orphans = Orphans(kernel)
            orphans.sweep({running})
            self.assertIn((child.pid, ExitStatus(code=3)), orphans.sweep({running}))
        finally:
            os.kill(running, signal.SIGKILL)
            os.waitpid(running, 0)
