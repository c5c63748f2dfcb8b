"""Many records by one call."""

from __future__ import annotations

import ctypes
import errno
import socket

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host.messages import Messages


class MessagesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(self.ours.close)
        self.addCleanup(self.theirs.close)

    def test_all_at_once(self) -> None:
        """Records come in their order and with their borders, as many at a time as there is room for."""
        records = [b"%d" % number * number for number in range(1, 11)]
        for record in records:
            self.theirs.send(record)
        messages = Messages(100, 4)
        taken = [messages.take(self.ours.fileno(), most) for most in (3, 100, 100, 100)]
        self.assertEqual(taken, [records[:3], records[3:7], records[7:], []])

    def test_long_records(self) -> None:
        """Of a record that is too long its beginning is kept, and nothing of it gets into the next."""
        messages = Messages(5, 3)
        for record in (b"x" * 1000, b"short", b"y" * 6):
            self.theirs.send(record)
        self.assertEqual(messages.take(self.ours.fileno(), 100), [b"xxxxx", b"short", b"yyyyy"])

    def test_errors(self) -> None:
        """What the kernel refuses is an OSError."""
        messages = Messages(5, 3)
        self.ours.close()
        error = self.assertRaises(OSError, messages.take, 1 << 20, 3)
        self.assertEqual(error.errno, errno.EBADF)

    def test_a_system_without_it(self) -> None:
        """A C library that has no such function is told apart from other failures."""

        class Library:
            def __init__(self, name: None, use_errno: bool) -> None:
                pass

            def __getitem__(self, name: str) -> None:
                raise AttributeError(name)

        self.patch(ctypes, "CDLL", Library)
        error = self.assertRaises(OSError, Messages, 5, 3)
        self.assertEqual(error.errno, errno.ENOSYS)
