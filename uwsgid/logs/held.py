"""Lines of requests that wait for each other, because a write costs as much as half an answer.

A worker under load keeps the lines of its requests in its seat of the board and writes them together: when
they fill the room, when the first of them is ten milliseconds old, when nobody has asked anything for so
long, and before it says anything else.  A line that comes more than a millisecond after the one before it is
written at once, so that who watches a quiet log sees every request when it is over.

The memory is shared, so no end of the worker loses a line: the master writes what a dead one left
(`Leftovers.rescue`), and what waits behind a request that takes long (`Leftovers.look`).  Where no line waits
there are zeros, and in no line is one: so far as the first of them reaches what is there, up to the newline
before it, however far a worker came that died in the middle of a line.  Who writes lines to the log holds
the lock of the seat, which the kernel takes from the dead; and where one died between the write and the note
of it, the log itself tells whether the lines are there.

Lines wait only where the log is a plain file: a pipe has a reader who wants each of them now, and perhaps one
by one.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Callable
from mmap import mmap
from threading import get_ident
from typing import Final

from uwsgid.host.locks import Lock, LockTable
from uwsgid.logs.writing import Writer, write_first, writer
from uwsgid.supervise.board import Board

ROOM: Final = 65536  #: bytes of each worker's lines that wait
PATIENCE: Final = 0.01  #: seconds that a line waits for others
QUICK: Final = 0.001  #: seconds between two lines of a worker that has reason to wait
_SHORT: Final = 256  #: bytes of a line that struct puts down, with zeros behind it; most are no longer
_SEARCHED: Final = 1 << 24  #: bytes of the log in which the lines of a dead worker are looked for


def is_plain_file(descriptor: int) -> bool:
    """Whether lines written to *descriptor* may wait for each other."""
    try:
        return stat.S_ISREG(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def lock_names(board: Board) -> list[str]:
    """The locks of the seats of *board*."""
    return [lock_name(seat) for seat in range(board.seats)] if board.lines else []


def lock_name(seat: int) -> str:
    """The lock under which the lines of *seat* are written."""
    return f"lines {seat}"


class HeldLines:
    """The lines of one worker, to be made by it.  All calls come from the thread that made it, and from
    handlers of signals in that thread; what others say does not wait for it.

    :param descriptor: where the lines go; a plain file.
    """

    def __init__(self, board: Board, seat: int, lock: Lock, descriptor: int) -> None:
        self._map: Final = board.map
        self._start: Final = board.waiting_lines + seat * board.lines
        self._room = board.lines
        self._seat: Final = seat
        self._board: Final = board
        self._pack: Final[Callable[[mmap, int, bytes], None]] = struct.Struct(f"{_SHORT}s").pack_into
        self._lock: Final = lock
        self._descriptor: Final = descriptor
        self._put: Final[Writer] = writer(descriptor)
        self._owner: Final = get_ident()
        self._busy = False
        self._count = 0
        self._last = 0.0  # monotonic seconds
        self._until = 0.0
        self.size = 0  #: bytes that wait
        self.now = 0.0  #: monotonic seconds; whoever writes a line says when that is
        write_first(self.flush)
        os.register_at_fork(after_in_child=self._part)

    # hot path, watched by bench-logs

    def write(self, line: bytes) -> None:
        """Keep *line* for a moment, or write it at once."""
        now = self.now
        start = self.size
        end = start + len(line)
        if start and end > self._room:
            self.flush()
            start, end = 0, len(line)
        if not start:
            if now - self._last > QUICK or end > self._room:
                self._last = now
                self._put(line)
                return
            self._until = now + PATIENCE
            self._board.lines_wait[self._seat] = 1
        self._last = now
        at = self._start + start
        # a signal's handler may speak now, which would write what waits; or raise something
        self._busy = True
        try:
            if end - start <= _SHORT and start + _SHORT <= self._room:
                self._pack(self._map, at, line)
            else:
                self._map[at : at + end - start] = line
            self._count += 1
            self.size = end
        except BaseException:
            self._map[at : at + end - start] = line
            self.size = end
            raise
        finally:
            self._busy = False
        if now > self._until:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self.size == 0 or self._busy or get_ident() != self._owner:
            return
        self._busy = True
        board, seat = self._board, self._seat
        try:
            with self._lock:
                out = board.lines_out[seat]
                end = self._start + self.size
                lines = self._map[self._start + out : end]
                if lines:
                    board.lines_from[seat] = 1 + self._log_size()
                    self._put(lines, lines.count(b"\n") if out else self._count)
                self._map[self._start : end] = bytes(self.size)
                self.size = self._count = 0
                board.lines_wait[seat] = 0
                board.lines_out[seat] = 0
                board.lines_from[seat] = 0
                board.lines_round[seat] += 1
        finally:
            self._busy = False

    # end of the hot path

    def _log_size(self) -> int:
        try:
            return os.fstat(self._descriptor).st_size
        except OSError:  # the application has closed it, which whoever writes to it counts
            return 0

    def _part(self) -> None:
        """A child that the application forks sees its parent's seat, and has no line of its own there."""
        self._room = 0
        self.size = 0
        write_first(None)


class Leftovers:
    """What the master does about lines that wait too long.

    :param locks: those of the seats among them, where lines wait.
    :param descriptor: where lines of requests go.
    """

    def __init__(self, board: Board, locks: LockTable | None, descriptor: int) -> None:
        self._board: Final = board
        self._locks: Final = [locks[name] for name in lock_names(board)] if locks is not None else []
        self._descriptor: Final = descriptor
        self._write: Final = writer(descriptor)
        self._seen: Final = [(0, 0)] * board.seats  # the round and the size of each seat at the last look

    def look(self) -> None:
        """Write what has waited since the last look: its worker has a long request."""
        board = self._board
        for seat, lock in enumerate(self._locks):
            now = board.lines_round[seat], self._size(seat)
            before, self._seen[seat] = self._seen[seat], now
            if now[1] > board.lines_out[seat] and now == before:
                self._write_old(seat, lock, now)

    def _write_old(self, seat: int, lock: Lock, seen: tuple[int, int]) -> None:
        board = self._board
        if not lock.try_acquire():
            return  # it is writing them itself
        try:
            if board.lines_round[seat] == seen[0]:
                lines = self._lines(seat, seen[1])
                board.lines_out[seat] = seen[1]
                self._write(lines, lines.count(b"\n"))
        finally:
            lock.release()

    def rescue(self, seat: int) -> None:
        """Write what the worker at *seat*, who is dead, did not."""
        board = self._board
        if not board.lines_wait[seat]:
            return
        lines = self._lines(seat, self._size(seat))
        if lines and not self._is_written(lines, board.lines_from[seat] - 1):
            self._write(lines, lines.count(b"\n"))
        start = self._start(seat)
        board.map[start : start + board.lines] = bytes(board.lines)
        board.lines_wait[seat] = board.lines_out[seat] = board.lines_from[seat] = 0

    def _start(self, seat: int) -> int:
        return self._board.waiting_lines + seat * self._board.lines

    def _size(self, seat: int) -> int:
        """Bytes of the whole lines at *seat*, also where its worker is in the middle of one."""
        board = self._board
        if not board.lines_wait[seat]:
            return 0
        start = self._start(seat)
        end = board.map.find(b"\0", start, start + board.lines)
        return max(0, board.map.rfind(b"\n", start, end if end >= 0 else start + board.lines) + 1 - start)

    def _lines(self, seat: int, size: int) -> bytes:
        start = self._start(seat)
        return self._board.map[start + self._board.lines_out[seat] : start + size]

    def _is_written(self, lines: bytes, start: int) -> bool:
        """Whether a worker that died while it wrote *lines* has done so, where the log had *start* bytes."""
        if start < 0:
            return False
        try:
            with open(f"/proc/self/fd/{self._descriptor}", "rb") as log:
                size = os.fstat(log.fileno()).st_size
                log.seek(max(0, size - _SEARCHED) if start > size else max(start, size - _SEARCHED))
                return lines in log.read(_SEARCHED)
        except OSError:
            return False
