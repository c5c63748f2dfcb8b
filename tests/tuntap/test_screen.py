"""`uwsgid.tuntap.screen`: ``uwsgid tuntap top`` in a terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable
from tempfile import TemporaryDirectory
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.tuntap.test_showing import document, peer

PATIENCE = 30.0  #: seconds until something that ought to happen counts as missing
LEAVE_SCREEN = b"\x1b[?1049l"


class Statistics:
    """A router's statistics: everybody who connects gets the document of the moment.

    :ivar said: the document.
    """

    def __init__(self, path: str) -> None:
        self.said: Any = document(peer("192.168.0.2"))
        self.path = path
        self._listener = socket.socket(socket.AF_UNIX)
        self.open()

    def open(self) -> None:
        """Begin to answer."""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen()
        threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        """Answer no more."""
        if os.path.exists(self.path):
            os.unlink(self.path)
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.sendall(json.dumps(self.said).encode())


class ScreenTests(SynchronousTestCase):
    """A person looks at a router in a terminal of 24 lines."""

    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.statistics = Statistics(os.path.join(folder.name, "stats"))
        self.addCleanup(self.statistics.close)
        self.keyboard, self.terminal = pty.openpty()
        self.addCleanup(os.close, self.keyboard)
        self.addCleanup(os.close, self.terminal)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, 120, 0, 0))
        self.before = termios.tcgetattr(self.terminal)
        self.shown = b""

    def look(self, *words: str) -> subprocess.Popen[bytes]:
        """``uwsgid tuntap top`` in the terminal."""

        def take_the_terminal() -> None:
            fcntl.ioctl(self.terminal, termios.TIOCSCTTY, 0)

        command = [sys.executable, "-m", "uwsgid", "tuntap", "top", self.statistics.path, *words]
        process = subprocess.Popen(
            command,
            stdin=self.terminal,
            stdout=self.terminal,
            stderr=self.terminal,
            start_new_session=True,
            preexec_fn=take_the_terminal,
            env={**os.environ, "TERM": "xterm-256color"},
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def wait_until(self, happened: Callable[[], object], what: str) -> None:
        """Read what the terminal shows until something happened."""
        until = time.monotonic() + PATIENCE
        while not happened():
            self.assertLess(time.monotonic(), until, f"{what}: {self.shown.decode(errors='replace')}")
            if select.select([self.keyboard], [], [], 0.02)[0]:
                self.shown += os.read(self.keyboard, 1 << 16)

    def sees(self, text: str, times: int = 1) -> None:
        """Wait until the terminal shows a text, maybe for the second time."""
        self.wait_until(lambda: self.shown.count(text.encode()) >= times, f"{text!r} is not shown")

    def ends(self, process: subprocess.Popen[bytes], code: int = 0) -> None:
        """The command ends, and the terminal is as it was before."""
        self.wait_until(lambda: process.poll() is not None, "it does not end")
        self.sees(LEAVE_SCREEN.decode())
        self.assertEqual(process.returncode, code)
        self.assertEqual(termios.tcgetattr(self.terminal), self.before)
        self.assertNotIn(b"Traceback", self.shown)

    def test_q(self) -> None:
        """The peers are drawn again and again; ``q`` ends it, and no other key does."""
        process = self.look("-d", "0.1")
        self.sees("192.168.0.2")
        os.write(self.keyboard, b"x")
        self.statistics.said = document(peer("192.168.0.3"))
        self.sees("192.168.0.3")
        self.assertIsNone(process.poll())
        os.write(self.keyboard, b"q")
        self.ends(process)

    def test_interrupt(self) -> None:
        """Ctrl-C ends it as well as ``q``, also in the midst of a long rest."""
        process = self.look("-d", "1000")
        self.sees("192.168.0.2")
        os.write(self.keyboard, b"\x03")
        self.ends(process)

    def test_termination(self) -> None:
        """Whoever ends it from outside leaves a terminal that can be used."""
        process = self.look("-d", "1000")
        self.sees("192.168.0.2")
        process.send_signal(signal.SIGTERM)
        self.ends(process, 143)

    def test_more_peers_than_lines(self) -> None:
        """The busiest have room, and how many have not is told."""
        self.statistics.said = document(*(peer(f"10.0.0.{number}", number) for number in range(1, 100)))
        process = self.look()
        self.sees("and 81 more")
        self.assertIn(b"10.0.0.99", self.shown)
        self.assertNotIn(b"10.0.0.1 ", self.shown)
        os.write(self.keyboard, b"q")
        self.ends(process)

    def test_another_size(self) -> None:
        """A terminal that becomes smaller is drawn anew at once."""
        self.statistics.said = document(*(peer(f"10.0.0.{number}", number) for number in range(1, 100)))
        process = self.look("-d", "1000")
        self.sees("and 81 more")
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("4H", 12, 120, 0, 0))
        self.sees("and 93 more")
        os.write(self.keyboard, b"q")
        self.ends(process)

    def test_a_router_that_is_started_again(self) -> None:
        """A router that does not answer for a while is told of, and waited for."""
        process = self.look("-d", "0.1")
        self.sees("192.168.0.2")
        self.statistics.close()
        self.sees("no router answers at")
        self.statistics.said = document(peer("192.168.0.4"))
        self.statistics.open()
        self.sees("192.168.0.4")
        os.write(self.keyboard, b"Q")
        self.ends(process)

    def test_nobody_there(self) -> None:
        """Where no router answers from the beginning, no screen is taken: the reason is one line."""
        self.statistics.close()
        process = self.look()
        self.wait_until(lambda: process.poll() is not None, "it does not end")
        self.sees("tuntap-router-stats")
        self.assertEqual(process.returncode, 1)
        self.assertNotIn(LEAVE_SCREEN, self.shown)
        self.assertNotIn(b"Traceback", self.shown)
        self.assertIn(f"no router answers at {self.statistics.path}: No such file".encode(), self.shown)

    def test_no_keyboard(self) -> None:
        """Where nobody can press a key, Ctrl-C is left."""
        command = [sys.executable, "-m", "uwsgid", "tuntap", "top", self.statistics.path]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self.terminal, stderr=self.terminal
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.sees("192.168.0.2")
        process.send_signal(signal.SIGINT)
        self.ends(process)
