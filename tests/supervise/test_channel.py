"""The supervisor's end of a control pair."""

from __future__ import annotations

import os
import socket

from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.supervise.channel import Channel
from uwsgid.testing import MemoryReactor
from uwsgid.wire.control import MAX_RECORD, Ask, Fork, Leave, Pause, Ready, Record


class Channels(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = MemoryReactor()
        ours, self.child = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.heard: list[Record] = []
        self.lost: list[bool] = []
        self.channel = Channel(self.reactor, ours, self.heard.append, lambda: self.lost.append(True))
        self.addCleanup(self.channel.close)
        self.addCleanup(self.child.close)

    def test_records(self) -> None:
        """Records are told one by one, and nonsense is left out."""
        for data in (Ready(1).pack(), b"?", b"\xff\xff", Ask("stop").pack()):
            self.child.send(data)
        self.reactor.poll()
        self.assertEqual((self.heard, self.lost), ([Ready(1), Ask("stop")], []))

    def test_end(self) -> None:
        """What was said before the end is told, then the end, once."""
        self.child.send(Ready(1).pack())
        self.child.close()
        self.reactor.poll()
        self.channel.drain()
        self.assertEqual((self.heard, self.lost), ([Ready(1)], [True]))
        self.assertEqual((self.reactor.readers, self.channel.fileno()), ([], -1))

    def test_end_without_having_read(self) -> None:
        """A child that left without reading all of ours is still heard out."""
        self.channel.say(Pause())
        self.child.send(Ask("stop").pack())
        self.child.close()
        self.reactor.poll()
        self.assertEqual((self.heard, self.lost), ([Ask("stop")], [True]))

    def test_others_get_their_turn(self) -> None:
        """A child that talks without end is interrupted."""
        for _ in range(50):
            self.child.send(Ready(1).pack())
        self.reactor.poll()
        self.assertLess(len(self.heard), 50)
        self.reactor.poll()
        self.assertEqual(len(self.heard), 50)

    def test_drain(self) -> None:
        """What the dead left behind is heard to its end."""
        for _ in range(50):
            self.child.send(Ready(1).pack())
        self.child.close()
        self.channel.drain()
        self.assertEqual((len(self.heard), self.lost), (50, [True]))

    def test_closed_while_it_is_told(self) -> None:
        """Nothing is told any more after a close from this side."""
        self.child.send(Ready(1).pack())
        self.child.send(Ready(2).pack())
        self.patch(self.channel, "_heard", lambda record: self.channel.close())
        self.reactor.poll()
        self.assertEqual((self.channel.closed, self.lost), (True, []))

    def test_say(self) -> None:
        """A record goes with descriptors."""
        read, write = os.pipe()
        self.addCleanup(os.close, read)
        self.assertTrue(self.channel.say(Fork(1, "worker", 1, 0, 1), (write,)))
        os.close(write)
        data, descriptors, _, _ = socket.recv_fds(self.child, MAX_RECORD, 4)
        os.write(descriptors[0], b"x")
        os.close(descriptors[0])
        self.assertEqual((data, os.read(read, 9)), (Fork(1, "worker", 1, 0, 1).pack(), b"x"))

    def test_say_to_the_deaf(self) -> None:
        """A child that does not read never makes us wait, and is not lost for that."""
        while self.channel.say(Leave("x" * 10_000)):
            pass
        self.assertFalse(self.channel.closed)

    def test_say_to_nobody(self) -> None:
        """What is said to a child that is gone is not heard; the end is told by the reading side."""
        self.child.close()
        self.assertFalse(self.channel.say(Pause()))
        self.assertEqual(self.lost, [])
        self.reactor.poll()
        self.assertEqual(self.lost, [True])
        self.assertFalse(self.channel.say(Pause()))

    def test_reactor_gives_up(self) -> None:
        """What the reactor tells of an end is told on, once."""
        for _ in range(2):
            self.channel.connectionLost(Failure(OSError()))
        self.assertEqual(self.lost, [True])
