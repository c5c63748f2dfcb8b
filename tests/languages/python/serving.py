"""A worker on paper: everything that the ``uwsgi`` module looks at, without a process."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

from tests.languages.python.support import AppTestCase
from uwsgid.config.settings import Settings, settings_of
from uwsgid.host.locks import LockTable
from uwsgid.languages.python import api
from uwsgid.languages.python.api_locks import user_lock_names
from uwsgid.languages.python.context import Context, here
from uwsgid.request.mounts import Apps
from uwsgid.request.request import Request
from uwsgid.request.serving import Serving
from uwsgid.supervise.board import Board, Phase
from uwsgid.supervise.household import Household
from uwsgid.testing import MemoryKernel

MASTER = 4000
BORN = 1_600_000_000.0


class PaperReply:
    """As much of an answer as the functions touch."""

    def __init__(self, fd: int = -1) -> None:
        self._connection = type("Connection", (), {"fd": fd})()
        self.started = False
        self.close = self.broken = False
        self.finished = 0
        self.calls: list[Any] = []

    def start(self, status: str, headers: list[tuple[str, str]]) -> None:
        self.calls.append((status, headers))

    def write(self, data: bytes) -> None:
        self.calls.append(data)

    def finish(self) -> None:
        self.finished += 1


class ServerCase(AppTestCase):
    """Worker 2 of 3 with two cores, on seat 4; the first core is in a request.

    :ivar asked: what the master was asked.
    """

    options = ""

    def setUp(self) -> None:
        super().setUp()
        self.asked: list[str] = []
        for field in dataclasses.fields(Context):
            self.addCleanup(setattr, here, field.name, getattr(here, field.name))
        for field in dataclasses.fields(Context):
            if field.default is not dataclasses.MISSING:
                setattr(here, field.name, field.default)
        self.kernel = MemoryKernel()
        self.settings: Settings = settings_of(self.options)
        self.board = board = Board(3, cores=2)
        board.sit_down(4, 2, 1, BORN)
        board.phase[4] = Phase.READY
        board.pid[4] = 4711
        board.current[1] = 4
        self.household = Household(
            self.settings, self.kernel, self.said.append, board, (), MASTER, 1_500_000_000.5, is_reload=True
        )
        here.settings, here.household, here.say = self.settings, self.household, self.said.append
        here.started, here.ask = self.household.started, self.asked.append
        here.locks = LockTable(user_lock_names(self.settings))
        self.addCleanup(here.locks.close)
        self.ended: list[int] = []
        self.apps = Apps()

    def install(self) -> Any:
        """The module as applications see it while they are loaded."""
        api.install()
        return sys.modules["uwsgi"]

    def serve(self) -> Serving:
        """Become worker 2."""
        self.serving = Serving(
            settings=self.settings,
            board=self.board,
            slot=2,
            seat=4,
            cores=2,
            listeners=(),
            handlers=[None] * 256,
            apps=self.apps,
            wakeups=(),
            after_request=self.ended.append,
            log_request=lambda request: None,
            say=self.said.append,
            current=[None, None],
        )
        api.complete(self.serving)
        return self.serving

    def begin(self, fd: int = -1, core: int = 0, **vars: Any) -> Request:
        """Let a core be in a request."""
        request = Request(dict(vars), 0, 0, core, BORN)
        reply: Any = PaperReply(fd)
        request.reply = reply
        self.serving.current[core] = request
        return request
