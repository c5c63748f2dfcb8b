"""What the master tells the alarms."""

from __future__ import annotations

import signal
import stat
from typing import Any, cast

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.host import Listener
from uwsgid.master.alarms import AlarmDesk
from uwsgid.master.inheritance import Inheritance
from uwsgid.supervise.board import Board
from uwsgid.supervise.household import Household
from uwsgid.testing import MemoryKernel, MemoryReactor


class _Left:
    """An inheritance as far as alarms go."""

    def __init__(self, config: str) -> None:
        self.kernel = MemoryKernel()
        self.said: list[str] = []
        self.say = self.said.append
        self.household = Household(settings_of(config), self.kernel, self.say, Board(1), [], 1, 0.0)
        self.logs = self
        self.hear: Any = None
        self.unheard: list[bytes] = []
        self.write_unheard = self.unheard.append


class _Door:
    name, fd = "/run/a.sock", 5


class AlarmDeskTests(SynchronousTestCase):
    def desk(self, config: str) -> tuple[AlarmDesk, _Left, MemoryReactor]:
        left, reactor = _Left(config), MemoryReactor()
        return AlarmDesk(cast(Inheritance, left), reactor), left, reactor

    def test_nothing(self) -> None:
        """Without alarms everything is nothing."""
        desk, left, reactor = self.desk("")
        desk.begin()
        desk.look()
        desk.worker_killed(7, signal.SIGSEGV)
        desk.queue_full(cast(Listener, _Door()), 1, 1)
        self.assertFalse(desk.asked("alarm a b"))
        desk.end()
        self.assertEqual((left.hear, reactor.getDelayedCalls(), left.said), (None, [], []))

    def test_events(self) -> None:
        """Two signals are crashes, others are not; verbose lines of the log go past the ears."""
        desk, left, reactor = self.desk("alarm = a log:\nalarm-segfault = a\nalarm-backlog = a")
        desk.begin()
        for number in (signal.SIGSEGV, signal.SIGFPE, signal.SIGKILL, signal.SIGRTMIN + 1):
            desk.worker_killed(7, number)
        desk.queue_full(cast(Listener, _Door()), 8, 8)
        self.assertTrue(desk.asked("alarm a b"))
        reactor.advance(0)
        desk.end()
        self.assertIsNone(left.hear)
        self.assertEqual(
            [line.decode().partition(" - ALARM: ")[2] for line in left.unheard],
            [
                "!!! uWSGI process 7 got Segmentation Fault !!!\n",
                "!!! uWSGI process 7 got Floating Point Exception !!!\n",
                'listen queue of socket "/run/a.sock" (fd: 5) full !!! (8/8)\n',
                "b\n",
            ],
        )

    def test_shell(self) -> None:
        """Commands are run by the shell of binsh."""
        desk, left, reactor = self.desk(
            "alarm = a cmd:date\nbinsh = /nowhere\nbinsh = /opt/sh\nlog-alarm = a ."
        )
        left.kernel.add_file("/opt/sh", mode=stat.S_IFREG | 0o755)
        left.hear([b"text\n"])
        reactor.advance(0)
        desk.look()
        self.assertIn(("feed_command", "/opt/sh", "date", "text\n"), left.kernel.calls)
