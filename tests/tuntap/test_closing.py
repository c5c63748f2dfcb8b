"""Tests of `uwsgid.tuntap.closing`."""

from __future__ import annotations

import os
import threading

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.tuntap import closing
from uwsgid.tuntap.closing import Closer


class CloserTests(SynchronousTestCase):
    def test_nobody_waits(self) -> None:
        """However long a descriptor takes, who has it closed goes on at once; all are closed in order."""
        go, done = threading.Event(), threading.Event()
        closed: list[int] = []

        def close(fd: int) -> None:
            go.wait(5)
            closed.append(fd)
            if fd == 1003:
                done.set()

        self.patch(closing, "close_now", close)
        closer = Closer()
        for fd in (1001, 1002, 1003):
            closer.close(fd)
        self.assertEqual(closed, [])
        go.set()
        self.assertTrue(done.wait(5))
        self.assertEqual(closed, [1001, 1002, 1003])

    def test_it_is_closed(self) -> None:
        """The other end of a pipe sees it; what is no descriptor does no harm."""
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        closer = Closer()
        for fd in (-1, writer):
            closer.close(fd)
        self.assertEqual(os.read(reader, 1), b"")

    def test_many_that_hang(self) -> None:
        """Of descriptors that hang only a few do so at a time, and all are closed in the end."""
        go, closed = threading.Event(), threading.Semaphore(0)
        hanging: list[int] = []

        def close(fd: int) -> None:
            hanging.append(fd)
            go.wait(10)
            closed.release()

        self.patch(closing, "close_now", close)
        before = threading.active_count()
        closer = Closer(4)
        for fd in range(1000, 1100):
            closer.close(fd)
        self.assertLessEqual(threading.active_count() - before, 4)
        self.assertLessEqual(len(hanging), 4)
        go.set()
        for _ in range(100):
            self.assertTrue(closed.acquire(timeout=10))
        self.assertEqual(sorted(hanging), list(range(1000, 1100)))

    def test_no_thread_to_be_had(self) -> None:
        """Where there is no thread for it, a descriptor waits for the next one."""
        ends = [os.pipe() for _ in range(2)]
        for reader, _ in ends:
            self.addCleanup(os.close, reader)
        closer, thread = Closer(), threading.Thread

        def none_left(*_: object, **_more: object) -> threading.Thread:
            raise RuntimeError("can't start new thread")

        self.patch(threading, "Thread", none_left)
        closer.close(ends[0][1])
        self.patch(threading, "Thread", thread)
        closer.close(ends[1][1])
        self.assertEqual([os.read(reader, 1) for reader, _ in ends], [b"", b""])
