"""The numbers of the instance as lines of the log: what USR1, and ``s`` on the master FIFO, ask for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from uwsgid.supervise.board import Board
from uwsgid.supervise.rows import AppFacts, app_rows

_RULE: Final = "-----------------"


def instance_lines(board: Board, apps: Sequence[AppFacts] = ()) -> Iterator[str]:
    """What the master says, after the block of ``show-config`` (core/master_utils.c, uwsgi_master_stats)."""
    yield f"\tworkers total requests: {board.total_requests()}"
    yield _RULE
    for slot in range(1, board.slots + 1):
        for app in app_rows(board, slot, apps):
            yield f"\tworker {slot} {_app(app)}"
    yield _RULE


def _app(row: dict[str, object]) -> str:
    return (
        f"app {row['id']} [{row['mountpoint']}] requests: {row['requests']} exceptions: {row['exceptions']}"
    )
