"""A child that reads the configuration and tells what is wrong."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import Settings, settings_of
from uwsgid.errors import ConfigProblems
from uwsgid.supervise.birth import Newborn
from uwsgid.supervise.board import Board
from uwsgid.supervise.conversation import Conversation
from uwsgid.supervise.household import Household
from uwsgid.supervise.reader import READER, reader
from uwsgid.supervise.seed import SENT_TO_GROUPS
from uwsgid.testing import MemoryKernel
from uwsgid.wire.control import Loaded, LoadFailed, Record, unpack


class ReaderTests(SynchronousTestCase):
    def setUp(self) -> None:
        before: dict[int, Any] = {number: signal.getsignal(number) for number in SENT_TO_GROUPS}
        self.addCleanup(lambda: [signal.signal(*pair) for pair in before.items()])

    def told(self, read_again: Callable[[], Settings]) -> tuple[int, Record]:
        """What a reader exits with, and what it tells."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(ours.close)
        self.addCleanup(theirs.close)
        house = Household(
            settings=settings_of(""),
            kernel=MemoryKernel(),
            say=lambda text: None,
            board=Board(1),
            listeners=(),
            master_pid=os.getpid(),
            started=0.0,
            read_again=read_again,
        )
        code = reader(Newborn(house, READER, 0, -1, 0, Conversation(theirs)))
        return code, unpack(ours.recv(1 << 16))

    def test_content(self) -> None:
        """What can be read is good."""
        self.assertEqual(self.told(lambda: settings_of("")), (0, Loaded(0)))

    def test_problems(self) -> None:
        """All problems are told, one a line."""

        def fail() -> Settings:
            raise ConfigProblems(["site.ini:2: one", "site.ini:3: two"])

        self.assertEqual(self.told(fail), (1, LoadFailed("site.ini:2: one\nsite.ini:3: two", 1)))
