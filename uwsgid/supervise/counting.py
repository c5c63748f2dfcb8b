"""The worker's side of the board: what a request changes there, written in one piece.

A worker is the only one who writes the cells of its seat, so it need not read them: it keeps the numbers and
copies them to the shared memory, once when a request begins and once when it is over.  What happens seldom
(an exception, a refused request, a broken write) is still counted on the board itself.
"""

from __future__ import annotations

from typing import Final

from uwsgid.supervise.board import BEGINNING, END, TALLY, Board

# hot path, watched by bench-requests


class Tally:
    """What the worker at *seat* has done since its birth.  Its cores share one, under a lock of theirs."""

    __slots__ = ("_at", "_average", "_map", "_requests", "_sent", "_spent", "_write")

    def __init__(self, board: Board, seat: int) -> None:
        self._map: Final = board.map
        self._at: Final = board.tallies + seat * TALLY.size
        self._write: Final = TALLY.pack_into
        self._requests: int = board.requests[seat]
        self._spent: int = board.running_time[seat]
        self._average: int = board.avg_rt[seat]
        self._sent: int = board.tx[seat]

    def add(self, micros: int, sent: int) -> None:
        """One request more, that took *micros* and was answered with *sent* bytes."""
        self._requests += 1
        self._spent += micros
        self._average = (self._average + micros) // 2
        self._sent += sent
        self._write(self._map, self._at, self._requests, self._spent, self._average, self._sent)


class Progress:
    """What one core of the worker at *seat* is working on."""

    __slots__ = ("_at", "_map", "_requests", "_turns", "_write_beginning", "_write_end")

    def __init__(self, board: Board, seat: int, core: int) -> None:
        index = seat * board.cores + core
        self._map: Final = board.map
        self._at: Final = board.progress + index * (END.size + _STARTED)
        self._write_beginning: Final = BEGINNING.pack_into
        self._write_end: Final = END.pack_into
        self._turns: int = board.in_request[index]
        self._requests: int = board.core_requests[index]

    def begin(self, started: float, deadline: float, kind: int, size: int) -> None:
        """A request is in progress.

        :param started: unix seconds.
        :param deadline: monotonic seconds at which harakiri is due; 0 for never.
        :param kind: a `uwsgid.supervise.board.RequestKind`.
        :param size: bytes of its snapshot, which was written before.
        """
        self._turns += 1
        self._write_beginning(self._map, self._at, started, deadline, kind, size, self._turns)

    def end(self, served: bool) -> None:
        """The request is over, and no deadline holds any more, whoever set it.

        :param served: it counts; one that was refused does not.
        """
        self._turns += 1
        if served:
            self._requests += 1
        self._write_end(self._map, self._at + _STARTED, 0.0, 0, 0, self._turns, self._requests)


_STARTED: Final = 8  # bytes of the first field, which stays after the end
