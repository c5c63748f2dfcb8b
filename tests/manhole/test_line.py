"""What is sent to a client, and who it is."""

from __future__ import annotations

import os
import socket
import threading
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.manhole import line
from uwsgid.manhole.console import ClientGone
from uwsgid.manhole.line import MOST, Line, Peer, name_of, peer_of


class LineTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.addCleanup(self.ours.close)
        self.addCleanup(self.theirs.close)
        self.ours.setblocking(False)
        self.waits = 0

        def wait() -> None:
            self.waits += 1

        self.line = Line(self.ours, wait)

    def test_at_once(self) -> None:
        """What the client takes is sent at once, whatever characters are in it."""
        self.line.send("é\udc80")
        self.assertEqual(self.theirs.recv(100), b"\xc3\xa9\\udc80")
        self.assertEqual((self.waits, len(self.line)), (0, 0))

    def test_later(self) -> None:
        """What it does not take now waits, and is sent later."""
        self.line.send("x" * 500_000)
        self.assertEqual(self.waits, 1)
        got = 0
        while len(self.line):
            got += len(self.theirs.recv(1 << 20))
            self.line.flush()
        self.theirs.setblocking(False)
        self.assertEqual(got + len(self.theirs.recv(1 << 20)), 500_000)

    def test_who_does_not_read(self) -> None:
        """Beyond a limit it waits a moment, and then the client counts as gone; nothing is kept for it."""
        with patch.object(line, "PATIENCE", 0.05):
            self.assertRaises(ClientGone, self.line.send, "x" * (MOST * 2))
        self.assertEqual(len(self.line), 0)

    def test_who_reads(self) -> None:
        """Who reads gets any amount of it."""
        got: list[int] = []

        def read() -> None:
            while sum(got) < 5 * MOST:
                got.append(len(self.theirs.recv(1 << 20)))

        thread = threading.Thread(target=read)
        thread.start()
        self.line.send("x" * (5 * MOST))
        self.line.drain()
        thread.join(30)
        self.assertEqual(sum(got), 5 * MOST)

    def test_who_is_gone(self) -> None:
        """A client that is gone is noticed, and so is a connection that was closed meanwhile."""
        self.theirs.close()
        self.assertRaises(ClientGone, self.line.send, "x")
        self.line._pending += b"x"
        self.ours.close()
        self.assertRaises(ClientGone, self.line.drain)


class PeerTests(SynchronousTestCase):
    def test_credentials(self) -> None:
        """The kernel says who is connected."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            peer = peer_of(ours)
        self.assertEqual((peer.pid, peer.uid, peer.is_welcome), (os.getpid(), os.getuid(), True))
        self.assertIn(f"(uid {os.getuid()}, pid {os.getpid()})", str(peer))

    def test_welcome(self) -> None:
        """Root and our own user are welcome, nobody else."""
        self.patch(os, "geteuid", lambda: 33)
        self.assertEqual([Peer(1, uid, 0).is_welcome for uid in (0, 33, 34)], [True, True, False])

    def test_names(self) -> None:
        """A user without a name is a number."""
        self.assertEqual((name_of(0), name_of(987654)), ("root", "987654"))
