"""Where the functions of the ``uwsgi`` module find the process that they are called in.

An application calls ``uwsgi.worker_id()`` without saying who it is, so there is one `Context` for a process,
`here`.  The zygote fills the first half before it loads applications, each worker the second half after its
birth; a function that needs what is not there yet says so.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from uwsgid.errors import AppError

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings
    from uwsgid.host.locks import LockTable
    from uwsgid.request.mounts import Apps
    from uwsgid.request.request import Request
    from uwsgid.request.serving import Serving
    from uwsgid.supervise.board import Board
    from uwsgid.supervise.household import Household


def _to_nobody(text: str) -> None:
    raise AppError(f"there is no master that could be asked to {text}")


def _unheard(text: str) -> None:
    """Before the server has a log."""


@dataclass(slots=True)
class Context:
    """What the functions of the ``uwsgi`` module can see.

    :ivar settings: the configuration; None outside the server.
    :ivar household: what this process inherited from boot; None in tests and tools.
    :ivar say: writes one server line to the log.
    :ivar ask: says a word to the master, ``reload`` or ``stop``.
    :ivar serving: in a worker, what it serves with.
    :ivar apps: the applications of this process.
    :ivar locks: those of ``uwsgi.lock()``.
    :ivar started: unix seconds at which the instance started.
    :ivar warning: the last text of ``set_warning_message``.
    """

    settings: Settings | None = None
    household: Household | None = None
    say: Callable[[str], None] = _unheard
    ask: Callable[[str], None] = _to_nobody
    serving: Serving | None = None
    apps: Apps | None = None
    locks: LockTable | None = None
    started: float = field(default_factory=time.time)
    warning: str = ""

    @property
    def board(self) -> Board:
        """The shared records.

        :raises AppError: in a process that has none.
        """
        owner = self.serving or self.household
        if owner is None:
            raise AppError("there are no workers: this process does not belong to a running server")
        return owner.board

    @property
    def core(self) -> int:
        """The core of the calling thread, from 0.

        The loop notes it on its threads, as the attribute ``core``; threads of applications count as core 0.
        """
        if self.serving is None or self.serving.cores == 1:
            return 0
        return getattr(threading.current_thread(), "core", 0)

    @property
    def request(self) -> Request | None:
        """The request that the calling thread is working on."""
        if self.serving is None or not self.serving.current:
            return None
        request: Request | None = self.serving.current[self.core]
        return request

    def need_serving(self) -> Serving:
        """What the worker serves with.

        :raises AppError: in any other process.
        """
        if self.serving is None:
            raise AppError("this function works in workers only")
        return self.serving

    def need_request(self) -> Request:
        """The request in progress.

        :raises AppError: when there is none.
        """
        request = self.request
        if request is None:
            raise AppError("this function works during a request only")
        return request


#: The context of this process.
here: Final = Context()


def as_text(text: str | bytes) -> str:
    """What an application gave as text or as bytes."""
    return text.decode("utf-8", "surrogateescape") if isinstance(text, bytes) else text


def as_bytes(text: str | bytes) -> bytes:
    """The same the other way round, as the ``uwsgi`` module gives texts under Python 3."""
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text


def current_vars() -> dict[str, Any]:
    """The environ of the request in progress; an empty dict outside."""
    request = here.request
    return {} if request is None else request.vars
