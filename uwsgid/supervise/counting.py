"""The worker's side of the board: what a request changes there, written in one piece.

A worker is the only one who writes the cells of its seat, so it need not read them: it keeps the numbers and
copies them to the shared memory, once when a request begins and once when it is over.  What happens seldom
(an exception, a refused request, a broken write) is still counted on the board itself.
"""

from __future__ import annotations

import struct
import threading
from typing import Final

from uwsgid.supervise.board import OWN, RECORD, Board

_CELL: Final = 8  # bytes
_OWN: Final = OWN * _CELL  # where a record becomes that of its core
_TALLY: Final = struct.Struct("qqqq")  # `requests` to `tx`
_END: Final = struct.Struct("qqqqqq")  # `requests` to `in_request`
_OWN_END: Final = struct.Struct("qq")  # `core_requests` and `in_request`
_BEGINNING: Final = struct.Struct("qqd")  # `in_request` to `started`


class Tally:
    """What the worker at *seat* has done since its birth.  Its cores share one."""

    __slots__ = ("_at", "apps", "average", "column", "lock", "map", "requests", "sent", "spent")

    def __init__(self, board: Board, seat: int) -> None:
        self.map: Final = board.map
        self._at: Final = board.records + seat * board.cores * RECORD * _CELL
        self.requests: int = board.requests[seat]
        self.spent: int = board.running_time[seat]
        self.average: int = board.avg_rt[seat]
        self.sent: int = board.tx[seat]
        first = seat * board.apps
        self.column: Final = board.app_requests[first : first + board.apps]
        self.apps: Final[list[int]] = list(self.column)
        self.lock: Final = threading.Lock()

    # hot path, watched by bench-requests

    def add(self, app: int, micros: int, sent: int) -> None:
        """One request more: *app* answered it with *sent* bytes, in *micros*."""
        self.requests += 1
        self.spent += micros
        self.average = (self.average + micros) // 2
        self.sent += sent
        if 0 <= app < len(self.apps):
            self.apps[app] = count = self.apps[app] + 1
            self.column[app] = count

    def write(self) -> None:
        """Let everybody see it."""
        _TALLY.pack_into(self.map, self._at, self.requests, self.spent, self.average, self.sent)


class Progress:
    """What one core of a worker is working on.

    :param tally: of the worker.
    """

    __slots__ = ("_alone", "_at", "_map", "_requests", "_tally", "_turns", "_write_beginning", "_write_end")

    def __init__(self, board: Board, seat: int, core: int, tally: Tally) -> None:
        index = seat * board.cores + core
        self._tally: Final = tally
        self._alone: Final = board.cores == 1
        self._map: Final = board.map
        self._at: Final = board.records + index * RECORD * _CELL
        self._write_beginning: Final = _BEGINNING.pack_into
        self._write_end: Final = _END.pack_into
        self._turns: int = board.in_request[index]
        self._requests: int = board.core_requests[index]

    # hot path, watched by bench-requests

    def begin(self, started: float, size: int) -> None:
        """A request is in progress.

        :param started: unix seconds.
        :param size: bytes of its snapshot, which was written before.
        """
        self._turns += 1
        self._write_beginning(self._map, self._at + _OWN + _CELL, self._turns, size, started)

    def end(self, app: int, micros: int, sent: int) -> None:
        """The request is over.

        :param app: who answered it, -1 for nobody.
        :param sent: bytes.
        """
        self._turns += 1
        self._requests += 1
        tally = self._tally
        if self._alone:
            tally.add(app, micros, sent)
            self._write_end(
                self._map,
                self._at,
                tally.requests,
                tally.spent,
                tally.average,
                tally.sent,
                self._requests,
                self._turns,
            )
        else:
            with tally.lock:
                tally.add(app, micros, sent)
                tally.write()
            self._write_own()

    # end of the hot path

    def refuse(self) -> None:
        """The request is over and does not count."""
        self._turns += 1
        self._write_own()

    def _write_own(self) -> None:
        _OWN_END.pack_into(self._map, self._at + _OWN, self._requests, self._turns)
