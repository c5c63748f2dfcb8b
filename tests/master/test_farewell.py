"""The last acts of the master."""

from __future__ import annotations

import errno
import socket
from types import SimpleNamespace
from typing import cast

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.logs.setup import Logs
from uwsgid.master.farewell import say_goodbye
from uwsgid.master.inheritance import Inheritance
from uwsgid.supervise.board import Board
from uwsgid.supervise.household import Household
from uwsgid.testing import MemoryKernel


class Goodbye(SynchronousTestCase):
    def leave(
        self, config: str, *removals: tuple[str, str], there: tuple[str, ...] = (), refused: bool = False
    ) -> list[str]:
        self.kernel = MemoryKernel()
        for path in there:
            self.kernel.add_file(path)
        if refused:
            self.kernel.fail("unlink", errno.EACCES)
        lines: list[str] = []
        seed, other = socket.socketpair()
        self.addCleanup(seed.close)
        other.close()
        house = Household(settings_of(config), self.kernel, lines.append, Board(1), (), 1, 0.0)
        say_goodbye(
            Inheritance(
                household=house,
                logs=cast(Logs, SimpleNamespace(drain=lambda: lines.append("drained"))),
                say=lines.append,
                seed=(seed, 1),
                argv=(),
                cwd="/",
                sources=(),
                environ={},
                no_server=False,
                removals=removals,
                write_pidfiles=lambda: None,
            )
        )
        return lines

    def test_plain(self) -> None:
        """Without vacuum only safe pid files go; then goodbye, then the log is emptied."""
        lines = self.leave("", ("pidfile", "/a"), ("safe-pidfile", "/b"), there=("/a", "/b"))
        self.assertEqual(lines, ["VACUUM: safe-pidfile removed.", "goodbye to uWSGI.", "drained"])
        self.assertIn("/a", self.kernel.files)

    def test_vacuum(self) -> None:
        """With vacuum all of them go, and one that can not go is told and no reason to stop."""
        lines = self.leave("vacuum", ("pidfile", "/a"), ("pidfile2", "/b"), there=("/a", "/b"), refused=True)
        self.assertEqual(
            lines,
            [
                "pidfile /a stays: its folder belongs to another user",
                "VACUUM: pidfile2 removed.",
                "goodbye to uWSGI.",
                "drained",
            ],
        )
