"""`uwsgid.tuntap.relief`: one process is followed by another."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.tuntap import relief as module
from uwsgid.tuntap.relief import Handed, Relief

MARK, OTHER = b"m" * 16, b"o" * 16


class ReliefTests(SynchronousTestCase):
    """A pair, and a link to give away.  The test is both of the processes."""

    def setUp(self) -> None:
        self.relief = Relief.new()
        self.addCleanup(os.close, self.relief.asks)
        self.addCleanup(os.close, self.relief.answers)
        self.link, self.router = socket.socketpair()
        self.addCleanup(self.link.close)
        self.addCleanup(self.router.close)
        self.router.settimeout(10)

    def process(self, program: str) -> subprocess.Popen[bytes]:
        """Another process."""
        process = subprocess.Popen([sys.executable, "-c", program])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def be_asked(self, answer: Callable[[], object], pid: int = 0) -> None:
        """Be the stand-in, maybe in the name of another, and answer when somebody asks."""
        self.relief.announce(pid or os.getpid())

        def wait() -> None:
            if select.select([self.relief.answers], [], [], 10)[0]:
                self.relief.asked()
                answer()

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        self.addCleanup(thread.join, 10)

    def give(self, handed: Handed | None, mark: bytes = MARK) -> None:
        """Be the stand-in, and give the link away."""
        self.be_asked(partial(self.relief.give, mark, handed))

    def test_a_link_with_its_halves(self) -> None:
        """The link comes with all that was under way, also where that is more than a socket holds."""
        handed = Handed(self.link, True, os.urandom(400_000), os.urandom(65_000))
        self.give(handed)
        taken = self.relief.take(MARK)
        assert taken is not None
        with taken.link:
            self.assertEqual(
                (taken.frames, taken.unsent, taken.pending), (True, handed.unsent, handed.pending)
            )
            self.assertFalse(taken.link.get_inheritable())
            taken.link.send(b"hello")
            self.assertEqual(self.router.recv(10), b"hello")

    def test_who_is_there(self) -> None:
        """A stand-in is there from its announcement until it is relieved."""
        self.assertFalse(self.relief.stands_in)
        self.assertIsNone(self.relief.take(MARK))
        self.give(Handed(self.link, False))
        self.assertTrue(self.relief.stands_in)
        self.assertTrue(self.relief.stands_in)
        taken = self.relief.take(MARK)
        assert taken is not None
        taken.link.close()
        self.assertFalse(self.relief.stands_in)

    def test_other_wishes(self) -> None:
        """A link that was made for others is closed."""
        self.give(Handed(self.link, True), OTHER)
        self.assertIsNone(self.relief.take(MARK))
        self.link.close()
        self.assertEqual(self.router.recv(10), b"")

    def test_no_link(self) -> None:
        """A stand-in that has no link at the moment gives none."""
        self.give(None)
        self.assertIsNone(self.relief.take(MARK))

    def test_one_that_is_gone(self) -> None:
        """A stand-in that has ended is not waited for."""
        self.patch(module, "TAKES", 1000.0)
        gone = self.process("")
        self.relief.announce(gone.pid)
        os.waitid(os.P_PID, gone.pid, os.WEXITED | os.WNOWAIT)
        self.assertFalse(self.relief.stands_in)
        self.assertIsNone(self.relief.take(MARK))
        gone.wait()
        self.relief.announce(gone.pid)
        self.assertIsNone(self.relief.take(MARK))

    def test_one_that_says_nothing(self) -> None:
        """A stand-in that does not answer, or not all of it, is waited for no longer than it may take."""
        self.patch(module, "TAKES", 0.05)
        with socket.socket(fileno=os.dup(self.relief.answers)) as half:
            for data in (b"", b"x", MARK + b"\x01\0\0\0\x05\0\0\0\0" + b"abc"):
                waiting = self.process("import time; time.sleep(1000)")
                self.be_asked(partial(half.send, data), waiting.pid)
                self.assertIsNone(self.relief.take(MARK))
                self.assertEqual(waiting.wait(), -signal.SIGKILL)

    def test_stale_questions(self) -> None:
        """What was asked of one that is gone is not heard by the next."""
        self.patch(module, "TAKES", 0.05)
        self.relief.announce(self.process("import time; time.sleep(1000)").pid)
        self.assertIsNone(self.relief.take(MARK))
        self.relief.clear()
        with socket.socket(fileno=os.dup(self.relief.answers)) as answering:
            self.assertRaises(BlockingIOError, answering.recv, 1, socket.MSG_DONTWAIT)
