"""What a worker serves with: everything that its role gathered, handed to its loop in one piece.

The worker role (`uwsgid.worker.role`) fills a `Serving` once, after birth; loops, the request cycle and the
languages read it.  `Farewell` is the one thing in it that changes while running.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from uwsgid.config.settings import Settings
from uwsgid.host import Listener
from uwsgid.host.locks import Lock
from uwsgid.logs.held import HeldLines
from uwsgid.request.logline import DefaultLines
from uwsgid.request.mounts import Apps
from uwsgid.request.request import Request
from uwsgid.supervise.board import Board
from uwsgid.supervise.counting import Tally


class Farewell:
    """Whether this worker is to go, and how.

    :ivar due: accept nothing more, finish what is in progress, then leave.
    :ivar code: the exit status to leave with (`uwsgid.supervise.exits`).
    :ivar reason: for the log.
    :ivar paused: finish what is in progress and accept nothing until this is False again.
    """

    __slots__ = ("code", "due", "paused", "reason")

    def __init__(self, due: bool = False, code: int = 0, reason: str = "", paused: bool = False) -> None:
        self.due = due
        self.code = code
        self.reason = reason
        self.paused = paused

    def bid(self, code: int, reason: str) -> None:
        """Ask the worker to go; the first reason stands."""
        if not self.due:
            self.due = True
            self.code = code
            self.reason = reason


#: Who answers a request: runs the application and writes the whole answer through ``request.reply``.
Handler = Callable[[Request], None]


@dataclass
class Serving:
    """All that a loop and the request cycle need.

    :ivar slot: the number of this worker, from 1.
    :ivar seat: its row on the board.
    :ivar cores: requests it may have in progress at a time.
    :ivar listeners: the sockets this worker accepts on.
    :ivar handlers: 256 entries, by modifier1; None answers nothing.
    :ivar apps: the applications that were loaded.
    :ivar wakeups: descriptors the loop has to watch besides its sockets, and what to call when one is
        readable.  The calls never block and may change `farewell`.
    :ivar after_request: called with the core after each request, where there is something to do; may change
        `farewell`.
    :ivar log_request: writes the log line of a request that is over.
    :ivar lines: what keeps lines of requests for a moment, where they are kept; the loop has it write them
        while nobody asks for anything.
    :ivar say: writes one server line to the log.
    :ivar measure: called before a request is logged, where its memory is to be known.
    :ivar plain: what has both *log_request* and *take_wire*, where that is the case: its methods cost less.
    :ivar take_wire: called before a handler; notes in the request what the client asked, for the log.
    """

    settings: Settings
    board: Board
    slot: int
    seat: int
    cores: int
    listeners: Sequence[Listener]
    handlers: list[Handler | None]
    apps: Apps
    wakeups: Sequence[tuple[int, Callable[[], None]]]
    after_request: Callable[[int], None] | None
    log_request: Callable[[Request], None]
    say: Callable[[str], None]
    take_wire: Callable[[Request], None] | None = None
    measure: Callable[[], None] | None = None
    farewell: Farewell = field(default_factory=Farewell)
    #: held while accepting, under ``thunder-lock``
    thunder: Lock | None = None
    #: makes what the variables of every request of a listener start from; languages set it
    base_environ: Callable[[Listener], dict[str, Any]] | None = None
    #: the `uwsgid.request.offload.Offload` that sends large files, under ``offload-threads``
    offload: Any = None
    #: what the worker does before it serves, until that ends
    hijack: Callable[[], None] | None = None
    #: the application set deadlines of its own
    user_harakiri: bool = False
    lines: HeldLines | None = None
    plain: DefaultLines | None = None
    #: what counts the requests, where somebody else wants to know it too
    tally: Tally | None = None
    #: the request each core is working on, for ``import uwsgi``; None while idle
    current: list[Any] = field(default_factory=list)
