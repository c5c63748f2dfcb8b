"""plshell: people at the terminal, in the interpreter of the first worker."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import termios
import time

from tests.live.support import PATIENCE, Daemon
from tests.live.test_psgi import PROBE, PerlCase


class ShellTests(PerlCase):
    """A terminal that is the standard input of an instance whose log goes elsewhere."""

    def setUp(self) -> None:
        super().setUp()
        self.keyboard, self.terminal = pty.openpty()
        self.addCleanup(os.close, self.keyboard)
        self.addCleanup(os.close, self.terminal)
        self.screen = ""

    def shell(self, more: str, *, workers: int = 1) -> Daemon:
        def sit_down() -> None:
            fcntl.ioctl(self.terminal, termios.TIOCSCTTY, 1)
            os.dup2(self.terminal, 0)

        return self.instance(more, workers=workers, prepare=sit_down)

    def type(self, text: str) -> None:
        os.write(self.keyboard, text.encode())

    def read(self, text: str) -> None:
        """Wait until the screen shows *text*, and wipe it up to there."""
        until = time.monotonic() + PATIENCE
        while text not in self.screen:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.keyboard], [], [], left)[0]:
                self.fail(f"the screen does not show {text!r}: {self.screen!r}")
            self.screen += os.read(self.keyboard, 65536).decode("latin-1")
        self.screen = self.screen.partition(text)[2]

    def test_once(self) -> None:
        """Code has the terminal and the functions of the server; when it ends, the worker serves."""
        daemon = self.shell(
            'plshell-oneshot = print "worker ", uwsgi::worker_id(), "\\n"; print "heard ", scalar <STDIN>\n'
        )
        self.read("worker 1")
        self.type("a word\n")
        self.read("heard a word")
        self.assertEqual(self.ask("/hello").body, b"hello\n")
        os.kill(int(daemon.wait_for(r"spawned uWSGI worker 1 \(pid: (\d+)")[1]), 9)
        daemon.wait_for("Respawned uWSGI worker 1")
        self.assertEqual(self.ask("/hello").body, b"hello\n")

    def test_again(self) -> None:
        """Lines are evaluated until the input ends, and then again; other workers serve meanwhile."""
        daemon = self.shell(f"plshell = \nmount = /more={PROBE}\n", workers=2)
        for _ in range(2):
            self.read("perl> ")
            self.type("our $kept = 6\n")
            self.read("perl> ")
            self.type("$kept * 7\n")
            self.read("42\r\n")
            self.read("perl> ")
            self.assertEqual(self.ask("/hello").body, b"hello\n")
            self.type("\x04")
        self.read("perl> ")
        self.type("\x03")
        self.assertEqual(daemon.wait(), 0, daemon.log())
        self.assertEqual(daemon.seen("DAMN|Traceback"), 0, daemon.log())
        self.assertEqual(daemon.survivors(), [])
