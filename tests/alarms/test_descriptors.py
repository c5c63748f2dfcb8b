"""Descriptors that raise alarms."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.alarms.descriptors import WatchedDescriptor
from uwsgid.alarms.options import DescriptorWish
from uwsgid.config.directive import Origin
from uwsgid.testing import MemoryReactor


class DescriptorTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = MemoryReactor()
        self.rang: list[tuple[str, bytes]] = []
        self.said: list[str] = []

    def watch(self, descriptor: int, size: int = 1, ours: bool = False) -> WatchedDescriptor:
        if not ours:
            os.set_inheritable(descriptor, True)
        wish = DescriptorWish("alarm-fd", Origin("shop.ini", 7), "box", descriptor, "out of memory", size)
        watched = WatchedDescriptor(
            self.reactor, wish, lambda name, text: self.rang.append((name, text)), self.said.append
        )
        watched.start()
        return watched

    def test_eventfd(self) -> None:
        """Each event is one alarm; a stranger who reads it first is no mistake."""
        event = os.eventfd(0)
        self.addCleanup(os.close, event)
        watched = self.watch(event, 8)
        self.assertFalse(self.reactor.poll())
        for _ in range(2):
            os.eventfd_write(event, 5)
            self.assertTrue(self.reactor.poll())
            self.assertFalse(self.reactor.poll())
        watched.doRead()
        self.assertEqual((self.rang, self.said), ([("box", b"out of memory")] * 2, []))
        watched.stop()
        self.assertEqual(self.reactor.readers, [])

    def test_pipe(self) -> None:
        """A byte at a time, and nothing more when its writer is gone."""
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        self.watch(reader)
        os.write(writer, b"ab")
        os.close(writer)
        while self.reactor.poll():
            pass
        self.assertEqual(len(self.rang), 2)
        self.assertEqual(
            self.said, [f"[uwsgi-alarm] shop.ini:7: descriptor {reader} is not watched: it came to its end"]
        )
        self.assertEqual(self.reactor.readers, [])

    def test_closed(self) -> None:
        """A descriptor that nobody opened is said, and the instance goes on."""
        reader, writer = os.pipe()
        os.close(reader)
        os.close(writer)
        self.watch(reader, ours=True)
        self.assertIn("is not watched: Bad file descriptor", self.said[0])
        self.assertEqual(self.reactor.readers, [])

    def test_our_own(self) -> None:
        """A number that one of our own descriptors has by now is left alone."""
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        self.addCleanup(os.close, writer)
        os.write(writer, b"a")
        self.watch(reader, ours=True)
        self.assertIn("is not watched: the instance was not started with it", self.said[0])
        self.assertEqual((self.reactor.readers, os.get_blocking(reader)), ([], True))

    def test_not_readable(self) -> None:
        """One that fails when it is read is watched no more."""
        directory = os.open("/", os.O_RDONLY)
        self.addCleanup(os.close, directory)
        self.watch(directory).doRead()
        self.assertIn("is not watched: Is a directory", self.said[0])
        self.assertEqual(self.reactor.readers, [])
