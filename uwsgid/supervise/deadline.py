"""Harakiri: a worker that never comes back from a request is ended.

The worker writes a deadline to the board when a request starts and takes it away when it ends; the master's
watchdog reads it.  Options, arithmetic and the test are here, the acts are in `uwsgid.master.watchdog`.
"""

from __future__ import annotations

from uwsgid.config.kinds import Count, Flag, Integer, Seconds
from uwsgid.config.section import Section, flag, option, section
from uwsgid.supervise.board import Board


@section("Harakiri")
class Harakiri(Section):
    """Ends workers that never come back from a request."""

    timeout: Seconds = option(
        "harakiri", "t", default=0, implies=("master",), help="kill a worker busy with one request for longer"
    )
    verbose: Flag = flag(
        "harakiri-verbose", default=False, help="also log the system call the worker is stuck in"
    )
    graceful_timeout: Seconds = option(
        "harakiri-graceful-timeout", default=0, help="first send a signal, kill this many seconds later"
    )
    graceful_signal: Count = option(
        "harakiri-graceful-signal", default=15, help="the signal of harakiri-graceful-timeout"
    )
    queue_threshold: Integer = option(
        "harakiri-queue-threshold", default=0, help="only when the listen queue is longer than this"
    )
    no_after_request: Flag = flag(
        "harakiri-no-arh",
        "no-harakiri-arh",
        "no-harakiri-after-req-hook",
        default=False,
        help="what happens after a request does not count",
        note="always so: the time of a request ends with its answer",
    )


def overdue(board: Board, seat: int, now: float) -> int | None:
    """The first core of the worker at *seat* whose deadline has passed, or None.

    :param now: monotonic seconds.
    """
    first = seat * board.cores
    for core in range(board.cores):
        deadline = board.deadline[first + core]
        if 0 < deadline < now:
            return core
    return None
