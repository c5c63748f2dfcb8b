"""Instances as processes, started by one of the three commands."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.live.support import ROOT, Daemon, LiveCase

BIN = Path(sys.executable).parent
UWSGID = [str(BIN / "uwsgid")]
MODULE = [sys.executable, "-m", "uwsgid"]
TWISTD = [sys.executable, str(BIN / "twistd")]

APP = """
import os

def application(environ, start_response):
    start_response("200 OK", [])
    return [f"{os.environ.get('NAME')} {os.environ.get('UWSGI_OF_OURS')}".encode()]
"""


class RunningCase(LiveCase):
    """A test that runs commands in a folder of its own."""

    def setUp(self) -> None:
        super().setUp()
        self.write("app.py", APP)
        self.write("site.ini", "[uwsgi]\nhttp-socket = 127.0.0.1:0\nwsgi-file = app.py\nenv = NAME=shop\n")

    def write(self, name: str, text: str) -> str:
        path = self.path(name)
        Path(path).write_text(text)
        return path

    def read(self, name: str) -> str:
        return Path(self.path(name)).read_text()

    def run_command(
        self,
        *words: str,
        environ: Mapping[str, str] | None = None,
        prepare: Callable[[], None] | None = None,
    ) -> Daemon:
        """Start a command; it ends with the test."""
        # where uwsgid is not installed the commands still find it
        daemon = Daemon(
            list(words),
            self.folder,
            environ={"PYTHONPATH": str(ROOT), **(environ or {})},
            prepare=prepare,
        )
        self.addCleanup(daemon.close)
        return daemon

    def address(self, log: str) -> tuple[str, int]:
        """Where the instance listens, by its log."""
        for line in log.splitlines():
            if "bound to TCP address 127.0.0.1:" in line:
                return "127.0.0.1", int(line.partition("127.0.0.1:")[2].split()[0])
        raise AssertionError(f"no socket in the log:\n{log}")

    def stop(self, pid: int) -> None:
        os.kill(pid, signal.SIGINT)
