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
    probe: MemoryProbe,
    clock: Callable[[], float] = time.monotonic,
) -> Callable[[int], None]:
    """What is to be checked after each request, compiled to one function of the core.

    :param probe: tells how large this process is.

    Limits count from the birth of the worker and hold once it is as old as ``min-worker-lifetime``
    (core/utils.c: uwsgi_close_request).
    """
    recycle = settings[Recycling]
    memory = settings[MemoryLimits]
    most_requests = recycle.request_limit(slot)
    measured = memory.any or settings[RequestLog].memory_report
    if not most_requests and not measured:
        return _nothing
    old_enough = clock() + recycle.min_lifetime

    def go() -> None:
        if not farewell.due:
            say(f"...The work of process {os.getpid()} is done. Seeya!")
            board.phase[seat] = Phase.LEAVING
            farewell.bid(Exit.OK, "its work is done")

    def after_request(core: int) -> None:
        if measured:
            size = probe.read()
            board.rss[seat] = size.rss
            board.vsz[seat] = size.vsz
            too_large = (memory.reload_on_rss and size.rss >= memory.reload_on_rss) or (
                memory.reload_on_as and size.vsz >= memory.reload_on_as
            )
            if too_large and clock() >= old_enough:
                go()
        if most_requests and board.requests[seat] >= most_requests and clock() >= old_enough:
            go()

    return after_request


def _nothing(core: int) -> None:
    """No limit is set."""
