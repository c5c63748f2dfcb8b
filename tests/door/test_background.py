"""How a daemon answers whoever started it."""

from __future__ import annotations

import os
import signal

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.door.background import DIED, Starter


class StarterTests(SynchronousTestCase):
    """Both ends of the talk, in one process."""

    def setUp(self) -> None:
        self.addCleanup(signal.signal, signal.SIGINT, signal.getsignal(signal.SIGINT))
        kept = os.dup(2)
        self.addCleanup(os.close, kept)
        self.addCleanup(os.dup2, kept, 2)
        self.screen, terminal = os.pipe()
        self.addCleanup(os.close, self.screen)
        self.starter = Starter()
        self.addCleanup(self.starter.close)
        os.dup2(terminal, 2)
        os.close(terminal)
        self.starter.keep_terminal()
        with open(os.devnull, "w") as log:
            os.dup2(log.fileno(), 2)
        self.starter.expect_answer()

    def answer(self, *answers: tuple[int, str]) -> tuple[int, bytes]:
        """What the waiting process exits with and writes, when a daemon gives *answers*."""
        pid = os.fork()
        if pid == 0:
            try:
                self.starter.begin()
                for code, text in answers:
                    self.starter.tell(code, text)
            finally:
                os._exit(0)
        code = self.starter.wait()
        os.waitpid(pid, 0)
        self.starter.begin()
        written = b""
        while data := os.read(self.screen, 65536):
            written += data
        return code, written

    def test_good_news(self) -> None:
        """A daemon that has started is worth no line."""
        self.assertEqual(self.answer((0, "")), (0, b""))

    def test_bad_news(self) -> None:
        """One that has not says why, once."""
        self.assertEqual(self.answer((3, "no room"), (0, "")), (3, b"no room\n"))

    def test_no_news(self) -> None:
        """One that dies is told about, with 1."""
        self.assertEqual(self.answer(), (1, f"{DIED}\n".encode()))

    def test_a_long_story(self) -> None:
        """What is longer than the pipe is cut."""
        code, written = self.answer((1, "x" * 100_000))
        self.assertEqual((code, len(written)), (1, 65536))

    def test_in_the_foreground(self) -> None:
        """Nobody waits for an instance that stays, and nothing is done."""
        Starter().tell(0)
