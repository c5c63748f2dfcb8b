"""Guests that a master hands to its child."""

from __future__ import annotations

import os
import resource
import socket

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import KernelError
from uwsgid.supervise.hatch import Hatch, guest_at


class HatchTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.hatch = Hatch()
        self.addCleanup(self.hatch.close)
        self.theirs = self.hatch.theirs

    def test_a_guest(self) -> None:
        """The child gets the words and the other end, which no program that it executes has."""
        self.assertIsNone(guest_at(self.theirs))
        guest = self.hatch.guest("ssh:[::1]:22 who é")
        self.addCleanup(guest.close)
        found = guest_at(self.theirs)
        assert found is not None
        words, connection = found
        self.addCleanup(connection.close)
        self.assertEqual(words, "ssh:[::1]:22 who é")
        self.assertFalse(os.get_inheritable(connection.fileno()))
        guest.sendall(b"hello")
        self.assertEqual(connection.recv(100), b"hello")
        self.assertIsNone(guest_at(self.theirs))

    def test_the_end_of_the_child(self) -> None:
        """Its guests read end-of-file, also where somebody else holds what it had."""
        guest, other = self.hatch.guest("a"), self.hatch.guest("b")
        other.close()
        self.addCleanup(guest.close)
        found = guest_at(self.theirs)
        assert found is not None
        self.addCleanup(found[1].close)
        copy = self.theirs.dup()
        self.addCleanup(copy.close)
        self.hatch.close()
        guest.settimeout(30)
        self.assertEqual(guest.recv(100), b"")
        self.assertRaises(KernelError, self.hatch.guest, "c")

    def test_the_end_of_the_master(self) -> None:
        """The child hears that nobody will come."""
        copy = self.theirs.dup()
        self.addCleanup(copy.close)
        self.hatch.close()
        self.assertRaises(ConnectionError, guest_at, copy)
        copy.close()
        self.assertRaises(ConnectionError, guest_at, copy)

    def test_a_child_that_takes_nobody(self) -> None:
        """The master does not wait for it."""
        guests: list[socket.socket] = []
        with self.assertRaisesRegex(KernelError, "it takes nobody"):
            for _ in range(1000):
                guests.append(self.hatch.guest("x" * 8000))
                self.addCleanup(guests[-1].close)
        self.assertGreater(len(guests), 4)

    def test_no_descriptor(self) -> None:
        """Without descriptors nobody comes, on either side, and nothing else is harmed."""
        guest = self.hatch.guest("first")
        self.addCleanup(guest.close)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        lowest = os.dup(0)
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
        self.assertRaises(KernelError, self.hatch.guest, "second")
        self.assertIsNone(guest_at(self.theirs))
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        self.assertIsNone(guest_at(self.theirs))
        guest.settimeout(30)
        self.assertEqual(guest.recv(10), b"")
