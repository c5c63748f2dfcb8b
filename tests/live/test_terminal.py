"""Ctrl-C in a terminal: every process of the foreground gets SIGINT, at once and at any time."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import termios
from pathlib import Path

from tests.live.support import SPAWNED, Daemon, LiveCase, uwsgi_fetch

#: An application that wants to hear signals itself.
HANDLERS = """
import os, signal

for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, frame: os._exit(77))

def application(environ, start_response):
    start_response("200 OK", [])
    return [str(os.getppid()).encode()]
"""


class TerminalTests(LiveCase):
    """Groups of processes and their signals."""

    def setUp(self) -> None:
        super().setUp()
        self.keyboard, self.terminal = pty.openpty()
        self.addCleanup(os.close, self.keyboard)
        self.addCleanup(os.close, self.terminal)

    def start(self, config: str) -> Daemon:
        """Start an instance in the foreground of the terminal."""

        def take_the_terminal() -> None:
            fcntl.ioctl(self.terminal, termios.TIOCSCTTY, 1)

        return self.launch(config, prepare=take_the_terminal)

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        os.write(self.keyboard, b"\x03")

    def is_quiet(self, daemon: Daemon) -> None:
        """The end of an instance without a worker that came or died in between."""
        self.assertEqual(daemon.wait(), 0, daemon.log())
        self.assertEqual(daemon.seen("DAMN|Respawned|Traceback"), 0, daemon.log())
        self.assertEqual(daemon.survivors(), [])

    def test_nobody_is_born_again(self) -> None:
        """Workers that leave for the same Ctrl-C as the master are not replaced."""
        for _ in range(4):
            daemon = self.start(self.probe_config(workers=4))
            daemon.wait_for(SPAWNED, count=4)
            self.interrupt()
            self.is_quiet(daemon)

    def test_during_births(self) -> None:
        """A Ctrl-C while workers are being born ends them as any other."""
        for number in range(0, 8, 2):
            daemon = self.start(self.probe_config(workers=12))
            daemon.wait_for(SPAWNED, count=1 + number)
            self.interrupt()
            self.is_quiet(daemon)

    def test_an_app_with_handlers_of_its_own(self) -> None:
        """The handlers that an application installs at its import do not end the zygote."""
        app = Path(self.path("app.py"))
        app.write_text(HANDLERS)
        daemon = self.serve(f"socket = {self.path('app.sock')}\nwsgi-file = {app}\nprocesses = 1\n")
        zygote = daemon.named("uwsgid zygote")
        zygote.send_signal(signal.SIGINT)
        zygote.send_signal(signal.SIGTERM)
        os.kill(int(daemon.wait_for(r"spawned uWSGI worker 1 \(pid: (\d+)").group(1)), signal.SIGKILL)
        daemon.wait_for("Respawned uWSGI worker")
        self.assertEqual(uwsgi_fetch(self.path("app.sock")).body, str(daemon.pid).encode())
        self.assertEqual(daemon.seen("zygote .* is gone"), 0, daemon.log())
