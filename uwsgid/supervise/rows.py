"""The numbers of a worker slot, read from the board: what the stats server and ``uwsgi.workers()`` tell.

A slot outlives its workers, so its totals are those of workers that are gone, of the one that serves, and of
those that are still leaving after a reload; none of them ever shrinks.  What only makes sense for one process
(pid, memory, average) is that of the worker that serves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from uwsgid.supervise.board import Board, Phase

#: What ``uwsgi.workers()`` returns of each worker (plugins/python/uwsgi_pymodule.c, py_uwsgi_workers).
API_KEYS: Final = (
    "id", "pid", "requests", "delta_requests", "signals", "exceptions", "status", "rss", "vsz", 
    "running_time", "last_spawn", "respawn_count", "tx", "avg_rt", "apps",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AppFacts:
    """An application that every worker of the instance has loaded.

    :ivar id: from 0.
    :ivar startup_time: whole seconds it took to load.
    :ivar chdir: the folder it runs in; empty for none of its own.
    """

    id: int = 0
    modifier1: int = 0
    mountpoint: str = ""
    startup_time: int = 0
    chdir: str = ""


def status_of(board: Board, slot: int) -> str:
    """``cheap``, ``pause``, ``busy`` or ``idle``; the first that fits, in uWSGI's order (core/stats.c)."""
    if board.cheaped[slot - 1]:
        return "cheap"
    seat = board.current[slot - 1]
    if seat < 0:
        return "idle"
    if board.is_busy(seat):
        return "busy"
    return "pause" if board.paused[seat] else "idle"


def totals(board: Board, slot: int) -> tuple[int, int, int, int]:
    """Requests, exceptions, microseconds spent and bytes sent, of all workers this slot ever had."""
    index = slot - 1
    requests, exceptions = board.past_requests[index], board.past_exceptions[index]
    spent, sent = board.past_running_time[index], board.past_tx[index]
    for seat in range(board.seats):
        if board.slot[seat] == slot:
            requests += board.requests[seat]
            exceptions += board.exceptions[seat]
            spent += board.running_time[seat]
            sent += board.tx[seat]
    return requests, exceptions, spent, sent


def app_rows(board: Board, slot: int, apps: Sequence[AppFacts]) -> list[dict[str, Any]]:
    """One object for each application, with the counts of the worker that serves."""
    seat = board.current[slot - 1]
    if seat < 0 or board.phase[seat] not in (Phase.READY, Phase.LEAVING):
        return []
    rows = []
    for app in apps:
        if app.id < board.apps:
            at = seat * board.apps + app.id
            requests, exceptions = board.app_requests[at], board.app_exceptions[at]
        else:
            requests = exceptions = 0
        rows.append(
            {
                "id": app.id,
                "modifier1": app.modifier1,
                "mountpoint": app.mountpoint,
                "startup_time": app.startup_time,
                "requests": requests,
                "exceptions": exceptions,
                "chdir": app.chdir,
            }
        )
    return rows


def worker_row(board: Board, slot: int, apps: Sequence[AppFacts] = ()) -> dict[str, Any]:
    """All that is known of *slot*, under the keys and in the order of uWSGI's stats, its cores apart."""
    index = slot - 1
    seat = board.current[index]
    alive = seat >= 0
    requests, exceptions, spent, sent = totals(board, slot)
    return {
        # core/stats.c prints 0 for a slot that never had a worker; exporters skip those
        "id": slot if board.respawns[index] or alive else 0,
        "pid": board.pid[seat] if alive else 0,
        "accepting": int(alive and board.phase[seat] == Phase.READY),
        "requests": requests,
        "delta_requests": board.requests[seat] if alive else 0,
        "exceptions": exceptions,
        "harakiri_count": board.harakiris[index],
        "signals": board.signals[seat] if alive else 0,
        "signal_queue": 0,
        "status": status_of(board, slot),
        "rss": board.rss[seat] if alive else 0,
        "vsz": board.vsz[seat] if alive else 0,
        "running_time": spent,
        "last_spawn": int(board.born[seat]) if alive else 0,
        "respawn_count": board.respawns[index],
        "tx": sent,
        "avg_rt": board.avg_rt[seat] if alive else 0,
        "apps": app_rows(board, slot, apps),
    }


def api_rows(board: Board, apps: Sequence[AppFacts] = ()) -> list[dict[str, Any]]:
    """What ``uwsgi.workers()`` returns: each slot, under the keys that applications know."""
    rows = (worker_row(board, slot, apps) for slot in range(1, board.slots + 1))
    return [{key: row[key] for key in API_KEYS} for row in rows]
