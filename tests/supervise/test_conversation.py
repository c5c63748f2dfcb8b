"""A child's end of the talk with its master."""

from __future__ import annotations

import socket

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.supervise.conversation import Conversation
from uwsgid.wire.control import MAX_RECORD, Ask, Leave, Pause, Ready


class Talk(SynchronousTestCase):
    def setUp(self) -> None:
        self.master, child = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(self.master.close)
        self.addCleanup(child.close)
        self.talk = Conversation(child)

    def test_silence(self) -> None:
        """Nothing said is nothing heard, at once, though the socket blocks."""
        self.assertEqual((self.talk.heard(), self.talk.closed), ([], False))
        self.assertEqual(self.talk.fileno(), self.talk.channel.fileno())

    def test_all_at_once(self) -> None:
        """Everything said since the last call is heard, in order; nonsense is left out."""
        for data in (Pause().pack(), b"\xff?", Leave("enough").pack()):
            self.master.send(data)
        self.assertEqual(self.talk.heard(), [Pause(), Leave("enough")])
        self.assertFalse(self.talk.closed)

    def test_end(self) -> None:
        """What was said before the end is heard, then the talk is closed for good."""
        self.master.send(Pause().pack())
        self.master.close()
        self.assertEqual((self.talk.heard(), self.talk.closed), ([Pause()], True))
        self.assertEqual(self.talk.heard(), [])

    def test_say(self) -> None:
        """A record arrives in one datagram, however long its text is."""
        self.talk.say(Ready(7))
        self.talk.say(Ask("x" * 100_000))
        self.assertEqual(self.master.recv(MAX_RECORD), Ready(7).pack())
        self.assertLessEqual(len(self.master.recv(10**6)), MAX_RECORD)

    def test_say_to_nobody(self) -> None:
        """A master that is gone hears nothing, and that is no error."""
        self.master.close()
        self.talk.say(Ready(7))
        self.assertTrue(self.talk.closed)
