"""Records on their way out of a process."""

from __future__ import annotations

import contextlib
import os
import socket

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.logs.writing import writer


class WriterTests(SynchronousTestCase):
    def test_a_gone_reader_hurts_nobody(self) -> None:
        """Writing to a pipe that nobody reads, or to a closed descriptor, raises nothing."""
        reader, end = os.pipe()
        os.close(reader)
        write = writer(end)
        write(b"lost\n")
        os.close(end)
        write(b"lost\n")

    def test_a_record_too_long_for_the_pipe_is_cut(self) -> None:
        """What is too long for one datagram leaves in pieces instead of being lost."""
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(mine.close)
        self.addCleanup(theirs.close)
        mine.setblocking(False)
        theirs.setblocking(False)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 40000)
        room = theirs.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        writer(theirs.fileno())(b"x" * (room + 1))
        self.assertEqual(mine.recv(1 << 20), b"x" * 8192)

    def test_what_is_lost_is_counted(self) -> None:
        """Records that nobody takes are dropped, and the next one that is taken comes after their number."""
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(mine.close)
        self.addCleanup(theirs.close)
        theirs.setblocking(False)
        write = writer(theirs.fileno())
        taken = 0
        with contextlib.suppress(BlockingIOError):
            while theirs.send(b"x" * 1000):
                taken += 1
        write(b"one\n")
        write(b"two\n")
        for _ in range(taken):
            mine.recv(1000)
        write(b"three\n")
        write(b"four\n")
        note = b"[pid: %d] 2 records lost: the log took no more\n" % os.getpid()
        self.assertEqual([mine.recv(1000) for _ in range(3)], [note, b"three\n", b"four\n"])
