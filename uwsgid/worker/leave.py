"""When a worker goes: it has served enough, has grown too large, was told so, or is an orphan."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from uwsgid.config.settings import Settings
from uwsgid.host.facts import MemoryProbe
from uwsgid.request.log_options import RequestLog
from uwsgid.request.serving import Farewell
from uwsgid.supervise.board import Board, Phase
from uwsgid.supervise.exits import Exit
from uwsgid.supervise.memory import MemoryLimits
from uwsgid.supervise.processes import Recycling


def recycling(
    settings: Settings,
    board: Board,
    slot: int,
    seat: int,
    farewell: Farewell,
    say: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
) -> Callable[[int], None] | None:
    """What is to be checked after each request, compiled to one function of the core; None for nothing.

    Limits count from the birth of the worker and hold once it is as old as ``min-worker-lifetime``
    (core/utils.c: uwsgi_close_request).
    Those of memory look at what `measuring` found last.
    """
    recycle = settings[Recycling]
    memory = settings[MemoryLimits]
    most_requests = recycle.request_limit(slot)
    most_rss, most_space = memory.reload_on_rss, memory.reload_on_as
    if not (most_requests or most_rss or most_space):
        return None
    old_enough = clock() + recycle.min_lifetime

    def go() -> None:
        if not farewell.due:
            say(f"...The work of process {os.getpid()} is done. Seeya!")
            board.phase[seat] = Phase.LEAVING
            farewell.bid(Exit.OK, "its work is done")

    def after_request(core: int) -> None:
        too_large = (most_rss and board.rss[seat] >= most_rss) or (
            most_space and board.vsz[seat] >= most_space
        )
        if too_large and clock() >= old_enough:
            go()
        if most_requests and board.requests[seat] >= most_requests and clock() >= old_enough:
            go()

    return after_request


def measuring(settings: Settings, board: Board, seat: int, probe: MemoryProbe) -> Callable[[], None] | None:
    """What tells the board how large this worker is, before the line of each request; None where nobody asks.

    :param probe: tells how large this process is.
    """
    if not (settings[MemoryLimits].any or settings[RequestLog].memory_report):
        return None

    def measure() -> None:
        size = probe.read()
        board.rss[seat] = size.rss
        board.vsz[seat] = size.vsz

    return measure
