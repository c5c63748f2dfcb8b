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
