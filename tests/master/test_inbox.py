"""The configuration that comes with the order to reload."""

from __future__ import annotations

import socket

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import PeerError
from uwsgid.master.inbox import Inbox, latest
from uwsgid.testing.nursery import MemoryReactor
from uwsgid.wire.vassal import pack_config


class InboxTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = MemoryReactor()
        self.emperor, self.ours = socket.socketpair()
        self.addCleanup(self.emperor.close)
        self.addCleanup(self.ours.close)
        self.inbox = Inbox(self.reactor, self.ours.fileno())
        self.arrived: list[bytes | None] = []

    def run_for(self, seconds: float = 0) -> None:
        self.reactor.advance(seconds)
        self.reactor.poll()

    def wait(self) -> None:
        self.inbox.wait(self.arrived.append)

    def is_quiet(self) -> bool:
        return not self.reactor.getDelayedCalls() and not self.reactor.readers

    def test_there_already(self) -> None:
        """The latest one is told at once, and stays where it is for the next instance."""
        self.emperor.sendall(pack_config(b"one") + pack_config(b"two"))
        self.wait()
        self.assertEqual(self.arrived, [b"two"])
        self.assertTrue(self.is_quiet())
        self.assertEqual(self.ours.recv(100), pack_config(b"one") + pack_config(b"two"))

    def test_later(self) -> None:
        """One that comes later, and in parts, is waited for."""
        self.wait()
        self.run_for(1)
        self.emperor.sendall(pack_config(b"x" * 9)[:6])
        self.run_for()
        self.assertEqual((self.arrived, self.reactor.readers), ([], []))
        self.emperor.sendall(pack_config(b"x" * 9)[6:])
        self.run_for(1)
        self.assertEqual(self.arrived, [b"x" * 9])
        self.assertTrue(self.is_quiet())

    def test_the_longest(self) -> None:
        """As long as the protocol allows."""
        text = b"y" * 0xFFFF
        self.emperor.sendall(pack_config(text))
        self.wait()
        self.assertEqual(self.arrived, [text])
        self.inbox.discard()
        self.assertRaises(BlockingIOError, self.ours.recv, 1, socket.MSG_DONTWAIT)

    def test_nothing(self) -> None:
        """Nothing for seconds, an end of the talk, another protocol and no pipe are told as nothing."""
        self.wait()
        self.run_for(4)
        self.assertEqual(self.arrived, [])
        self.run_for(2)
        self.assertEqual(self.arrived, [None])
        self.emperor.sendall(b"GET / HTTP/1.0\r\n")
        self.wait()
        self.assertEqual(self.arrived, [None] * 2)
        self.ours.recv(100)
        self.emperor.close()
        self.wait()
        self.assertEqual(self.arrived, [None] * 3)
        Inbox(self.reactor, None).wait(self.arrived.append)
        self.assertEqual(self.arrived, [None] * 4)
        self.assertTrue(self.is_quiet())

    def test_discard(self) -> None:
        """What was told and is of no use goes, and what came after it stays."""
        self.inbox.discard()
        self.emperor.sendall(pack_config(b"one"))
        self.wait()
        self.emperor.sendall(pack_config(b"two"))
        self.inbox.discard()
        self.inbox.discard()
        self.wait()
        self.assertEqual(self.arrived, [b"one", b"two"])

    def test_end(self) -> None:
        """Who waits no longer is told nothing."""
        self.wait()
        self.inbox.end()
        self.emperor.sendall(pack_config(b"one"))
        self.run_for(9)
        self.assertEqual(self.arrived, [])
        self.assertTrue(self.is_quiet())
        self.ours.getsockname()  # it is open still

    def test_latest(self) -> None:
        """A part of one does not count; what is none is refused."""
        self.assertIsNone(latest(b""))
        self.assertIsNone(latest(pack_config(b"one")[:-1]))
        whole = pack_config(b"one")
        self.assertEqual(latest(whole + pack_config(b"two")[:-1]), (b"one", len(whole)))
        self.assertRaises(PeerError, latest, b"HTTP")
