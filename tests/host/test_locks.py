"""Locks that die with their holder."""

from __future__ import annotations

import os
import signal
import threading

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host.locks import Lock, LockTable


class Locks(SynchronousTestCase):
    """Between processes and threads."""

    def setUp(self) -> None:
        self.table = LockTable(("user 0", "thunder"))
        self.addCleanup(self.table.close)
        self.lock = self.table["thunder"]

    def holding_child(self, lock: Lock) -> int:
        """A child that holds *lock* until it is killed."""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                self.table.born()
                lock.acquire()
                os.write(writer, b"!")
                signal.pause()
            finally:
                os._exit(1)
        os.close(writer)
        os.read(reader, 1)
        os.close(reader)
        return pid

    def test_plain(self) -> None:
        """Who takes a lock holds it until the release."""
        self.assertEqual((self.lock.holder(), self.lock.is_locked()), (0, False))
        with self.lock:
            self.assertEqual(self.lock.holder(), os.getpid())
            self.assertFalse(self.table["user 0"].is_locked())
        self.assertFalse(self.lock.is_locked())

    def test_release_of_nothing(self) -> None:
        """Releasing what is not held is an error."""
        self.assertRaises(RuntimeError, self.lock.release)

    def test_table(self) -> None:
        """Locks keep their order and their names."""
        self.assertEqual([lock.name for lock in self.table.locks], ["user 0", "thunder"])
        self.assertIn("thunder", self.table)
        self.assertNotIn("rpc", self.table)

    def test_dead_holder(self) -> None:
        """A holder that is killed lets go, and somebody who waits gets the lock."""
        pid = self.holding_child(self.lock)
        self.assertEqual(self.lock.holder(), pid)
        self.assertFalse(self.lock.try_acquire())
        self.assertTrue(self.table["user 0"].try_acquire())
        self.table["user 0"].release()
        killer = threading.Timer(0.05, os.kill, (pid, signal.SIGKILL))
        killer.start()
        self.lock.acquire()
        self.lock.release()
        killer.join()
        os.waitpid(pid, 0)

    def test_threads(self) -> None:
        """Threads of one process exclude each other too."""
        got: list[bool] = []
        with self.lock:
            other = threading.Thread(target=lambda: got.append(self.lock.try_acquire()))
            other.start()
            other.join()
        self.assertEqual(got, [False])

    def test_newborn(self) -> None:
        """A child does not inherit its parent's lock, and can not take it."""
        with self.lock:
            pid = os.fork()
            if pid == 0:
                self.table.born()
                os._exit(0 if not self.lock.try_acquire() else 1)
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)

    def test_counting(self) -> None:
        """Four processes that add under the lock lose no addition."""
        counter = os.memfd_create("counter")
        self.addCleanup(os.close, counter)
        os.pwrite(counter, b"%08d" % 0, 0)
        children: list[int] = []
        for _ in range(4):
            pid = os.fork()
            if pid == 0:
                self.table.born()
                for _ in range(200):
                    with self.lock:
                        os.pwrite(counter, b"%08d" % (int(os.pread(counter, 8, 0)) + 1), 0)
                os._exit(0)
            children.append(pid)
        for pid in children:
            os.waitpid(pid, 0)
        self.assertEqual(int(os.pread(counter, 8, 0)), 800)
