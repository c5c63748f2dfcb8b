"""Children that nobody knows are buried soon."""

from __future__ import annotations

import os
import signal

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.master.undertaker import Undertaker
from uwsgid.testing import MemoryKernel, MemoryReactor


class UndertakerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor, self.kernel = MemoryReactor(), MemoryKernel()
        self.known: set[int] = set()
        self.expecting = False
        self.lines: list[str] = []
        self.undertaker = Undertaker(
            self.reactor, self.kernel, lambda: self.known, lambda: self.expecting, self.lines.append
        )

    def die(self, pid: int, code: int = 0) -> None:
        self.kernel.ended[pid] = (os.CLD_EXITED, code)
        self.undertaker.soon()

    def test_soon(self) -> None:
        """Who ended is buried within a moment, with a line; then there is nothing to look for."""
        self.die(10, 3)
        self.die(11)
        self.reactor.advance(0.1)
        self.assertEqual(self.lines, [])
        self.reactor.advance(0.1)
        self.assertEqual(self.lines, ["subprocess 10 exited with code 3", "subprocess 11 exited with code 0"])
        self.reactor.advance(0.1)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_by_signal(self) -> None:
        """The line tells the signal."""
        self.kernel.ended[10] = (os.CLD_KILLED, 9)
        self.undertaker.look()
        self.undertaker.look()
        self.assertEqual(self.lines, ["subprocess 10 exited by signal 9"])

    def test_known(self) -> None:
        """Who has a supervisor is left to it, and does not keep anybody busy."""
        self.known = {10}
        self.die(10)
        self.reactor.advance(0.1)
        self.assertEqual((self.lines, self.reactor.getDelayedCalls()), ([], []))

    def test_expecting(self) -> None:
        """While a child is being born nobody is buried."""
        self.expecting = True
        self.die(10)
        self.reactor.advance(0.1)
        self.assertEqual((self.lines, self.reactor.getDelayedCalls()), ([], []))
        self.expecting = False
        self.undertaker.look()
        self.reactor.advance(0.1)
        self.assertEqual(self.lines, ["subprocess 10 exited with code 0"])

    def test_end(self) -> None:
        """After the end nobody looks."""
        self.die(10)
        self.undertaker.end()
        self.undertaker.soon()
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_told_by_the_kernel(self) -> None:
        """The end of a child is heard at once."""
        before = signal.getsignal(signal.SIGCHLD)
        self.addCleanup(signal.signal, signal.SIGCHLD, before)
        self.undertaker.install()
        os.kill(os.getpid(), signal.SIGCHLD)
        self.reactor.advance(0)
        self.assertEqual(len(self.reactor.getDelayedCalls()), 1)
