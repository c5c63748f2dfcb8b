"""The third-party uwsgitop shows what the stats server says."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import inlineCallbacks
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.stats.test_report import serving
from uwsgid.stats.layout import layout
from uwsgid.stats.report import StatsFacts, report
from uwsgid.stats.server import StatsFactory, StatsService
from uwsgid.supervise.rows import AppFacts

UWSGITOP = Path(sys.executable).parent / "uwsgitop"


def screen_of(address: str, until: bytes, patience: float = 20.0) -> bytes:
    """What uwsgitop paints on a terminal, up to *until*."""
    pid, terminal = pty.fork()
    if pid == 0:
        environ = {**os.environ, "TERM": "xterm", "LINES": "24", "COLUMNS": "120"}
        os.execve(sys.executable, [sys.executable, str(UWSGITOP), "--frequency", "1", address], environ)
    painted = b""
    give_up = time.monotonic() + patience
    try:
        while until not in painted and time.monotonic() < give_up:
            if select.select([terminal], [], [], 0.1)[0]:
                try:
                    painted += os.read(terminal, 65536)
                except OSError:
                    break
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
    return painted


class UwsgitopTests(TestCase):
    @inlineCallbacks
    def test_it_shows_a_worker(self) -> Any:
        """Pid and requests of a worker are on its screen, from a TCP and from an abstract socket."""
        if not UWSGITOP.exists():
            self.skipTest("uwsgitop is not installed")
        board = serving(cores=2, slots=2)
        board.requests[0] = 765432
        board.running_time[0] = 1000000
        facts = StatsFacts(board, cwd="/srv/shop", apps=[AppFacts()])
        for address in ("127.0.0.1:0", f"@uwsgid-top-{os.getpid()}"):
            clockwork: Any = reactor
            factory = StatsFactory(lambda: layout(report(facts)), clockwork)
            service = StatsService(address, factory, clockwork, lambda text: None)
            service.startService()
            self.addCleanup(service.stopService)
            if address.startswith("127"):
                address = f"127.0.0.1:{service._port.getHost().port}"
            painted = yield deferToThread(screen_of, address, b"4711")
            text = re.sub(rb"\x1b[\[(][0-9;?]*[A-Za-z]", b" ", painted).decode("latin-1")
            self.assertIn("765432", text, text)
            self.assertIn("4711", text)
