"""Many descriptors under one reader of a reactor."""

from __future__ import annotations

import os
import socket

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.gateways.rounds import EDGE, IN, Rounds
from uwsgid.testing import MemoryReactor


class RoundsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.lines: list[str] = []
        self.reactor = MemoryReactor()
        self.rounds = Rounds(self.reactor, self.lines.append)
        self.rounds.start()
        self.addCleanup(self.rounds.shut)
        ours, self.other = socket.socketpair()
        self.addCleanup(self.other.close)
        self.fd = ours.detach()

    def test_events(self) -> None:
        """Whoever watches a descriptor is told once when something changes."""
        told: list[int] = []
        self.rounds.watch(self.fd, told.append, EDGE)
        self.rounds.doRead()
        self.other.send(b"x")
        self.rounds.doRead()
        self.rounds.doRead()
        self.assertEqual([bool(mask & IN) for mask in told], [False, True])

    def test_mistake(self) -> None:
        """A mistake costs the connection that it was made for, and is told."""

        def fail(mask: int) -> None:
            raise ValueError("oops")

        self.rounds.watch(self.fd, fail)
        self.rounds.doRead()
        self.rounds.doRead()
        self.assertEqual(len(self.lines), 1)
        self.assertIn("oops", self.lines[0])
        self.rounds.close(self.fd)

    def test_soon(self) -> None:
        """What is to be done soon is done behind what is being done, even if one of it fails."""
        done: list[str] = []

        def broken() -> None:
            raise ZeroDivisionError

        def heard(mask: int) -> None:
            self.rounds.soon(broken)
            self.rounds.soon(lambda: done.append("later"))
            done.append("now")

        self.rounds.watch(self.fd, heard)
        self.rounds.doRead()
        self.assertEqual(done, ["now", "later"])
        self.assertIn("ZeroDivisionError", self.lines[0])

    def test_soon_from_elsewhere(self) -> None:
        """So it is where the reactor has its turn."""
        done: list[str] = []
        self.rounds.soon(lambda: done.append("once"))
        self.assertEqual(done, [])
        self.reactor.advance(0)
        self.assertEqual(done, ["once"])

    def test_close(self) -> None:
        """A descriptor that is closed is watched no longer."""
        told: list[int] = []
        self.rounds.watch(self.fd, told.append)
        self.rounds.close(self.fd)
        self.assertRaises(OSError, os.fstat, self.fd)
        self.rounds.doRead()
        self.assertEqual(told, [])
