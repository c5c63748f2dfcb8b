"""What every worker tells the world, in shared memory.

The board is one anonymous map that boot makes before the seed is forked, so that every process of the
instance sees the same bytes.  It has a *seat* for each worker process: one more generation than is serving
can sit down during a reload, and a third can wait for the first to go.  A worker of slot 2 ("worker 2" in
logs) may sit anywhere; the seat remembers its slot.

The rule of the file: **one writer for each cell, any readers, no locks.**  The columns of seats and cores
are written by the worker that sits there, the columns of slots by the master, but for one.  A column is a
``memoryview`` of machine words: ``board.requests[seat]`` is an index operation, and the sum over all workers
is one call of ``sum``.  What changes with every request lies side by side, seat by seat and core by core, so
that a worker writes it in one piece (`uwsgid.supervise.counting`).

What it leaves to others: who may sit where is `uwsgid.master`'s, what the numbers mean to a client is
`uwsgid.stats`'s, harakiri is `uwsgid.supervise.deadline`'s.
"""

from __future__ import annotations

import enum
import mmap
from typing import Final

#: How many worker processes of one slot may exist at a time: serving, being born, taking long to leave.
SEATS_PER_SLOT: Final = 3

_CELL: Final = 8  #: bytes of every cell, whatever its type


class Phase(enum.IntEnum):
    """What a worker process is doing with its life."""

    EMPTY = 0  #: nobody sits here
    BORN = 1  #: forked, loading its app or about to
    READY = 2  #: in its request loop
    LEAVING = 3  #: finishing what it has, accepting nothing


class RequestKind(enum.IntEnum):
    """How the bytes of the request in progress are to be read."""

    NONE = 0
    UWSGI = 1  #: a block of uwsgi variables, without the packet header
    HTTP = 2  #: the client's address, if it has one, a newline, and the head of an HTTP request
    FASTCGI = 3  #: names and values as FastCGI sends them
    SCGI = 4  #: names and values, each with a NUL behind it


class Board:
    """The shared columns.

    :param slots: workers of the instance (the option ``processes``).
    :param cores: requests that one worker can have in progress (threads or greenlets).
    :param snapshot: bytes kept of each request in progress; 0 keeps none.
    :param apps: applications that are counted apart (the option ``max-apps``).
    :param lines: bytes of each seat for lines of the log that wait to be written; 0 where none wait.
    """

    def __init__(
        self, slots: int, cores: int = 1, snapshot: int = 4096, apps: int = 64, lines: int = 0
    ) -> None:
        self.slots: Final = slots
        self.cores: Final = cores
        self.seats: Final = slots * SEATS_PER_SLOT
        self.snapshot: Final = snapshot
        self.apps: Final = apps
        self.lines: Final = lines
        cells = (
            2 * self.seats * apps
            + len(_SEAT_COLUMNS) * self.seats
            + (RECORD + len(_CORE_COLUMNS)) * self.seats * cores
            + _SLOT_COLUMNS * slots
        )
        self.size: Final = cells * _CELL + self.seats * (cores * snapshot + lines)  #: bytes
        self.map: Final = mmap.mmap(-1, self.size)
        self._used = 0

        # what changes with every request: a record for each core, index seat * cores + core; `_SEAT_RECORD`
        # of core 0 is that of its seat
        self.records: Final = self._used  #: where they begin, in bytes
        cells_of_cores = self._cells(RECORD * self.seats * cores)
        words, reals = cells_of_cores.cast("q"), cells_of_cores.cast("d")
        seat = RECORD * cores
        self.requests = words[0::seat]
        self.running_time = words[1::seat]  #: microseconds spent in requests
        self.avg_rt = words[2::seat]  #: microseconds, (old + this request) / 2 as in uWSGI
        self.tx = words[3::seat]  #: bytes sent
        self.core_requests = words[4::RECORD]
        self.in_request = words[5::RECORD]  #: counts up at start and at end: odd while busy
        self.request_size = words[6::RECORD]  #: bytes of the snapshot in use
        self.started = reals[7::RECORD]  #: unix seconds of the request in progress
        self.request_kind = words[8::RECORD]  #: a `RequestKind`
        self.deadline = reals[9::RECORD]  #: harakiri, monotonic seconds; 0 when idle

        whole, real = self._whole, self._real
        # of seats, written by the worker that sits there
        self.pid = whole(self.seats)
        self.phase = whole(self.seats)
        self.slot = whole(self.seats)  #: written by the master before the birth
        self.generation = whole(self.seats)  #: written by the master before the birth
        self.born = real(self.seats)  #: unix seconds; written by the master before the birth
        self.exceptions = whole(self.seats)
        self.rss = whole(self.seats)  #: bytes, after the last request, where memory is watched
        self.vsz = whole(self.seats)
        self.signals = whole(self.seats)  #: uwsgi signals handled
        self.paused = whole(self.seats)
        self.rejected = whole(self.seats)  #: requests refused before an app saw them
        # lines that wait (`uwsgid.logs.held`); the master writes some of these cells, under the seat's lock
        self.lines_wait = whole(self.seats)  #: 1 while there are any
        self.lines_out = whole(self.seats)  #: bytes of those that the master has written
        self.lines_from = whole(self.seats)  #: bytes of the log, and one, while they are being written
        self.lines_round = whole(self.seats)  #: how often they were written
        # of cores, as above, written by the worker (thread) that is that core
        self.read_errors = whole(self.seats * cores)
        self.write_errors = whole(self.seats * cores)
        self.static_requests = whole(self.seats * cores)
        self.routed_requests = whole(self.seats * cores)
        self.offloaded_requests = whole(self.seats * cores)
        # of applications: index seat * apps + id, written by the worker
        self.app_requests = whole(self.seats * apps)
        self.app_exceptions = whole(self.seats * apps)
        # of slots (index slot - 1), written by its workers
        self.welcomed = whole(slots)  #: the last generation whose ``accepting-once`` is done
        # of slots, written by the master alone
        self.respawns = whole(slots)
        self.harakiris = whole(slots)
        self.cheaped = whole(slots)  #: 1 where no worker is wanted
        self.current = whole(slots)  #: the seat that answers for the slot, -1 for none
        self.past_requests = whole(slots)  #: of workers of this slot that are gone
        self.past_exceptions = whole(slots)
        self.past_tx = whole(slots)
        self.past_running_time = whole(slots)
        for index in range(slots):
            self.current[index] = -1
        self.snapshots: Final = self._used  #: where they begin, in bytes
        #: where lines that wait begin, in bytes
        self.waiting_lines: Final = self.snapshots + self.seats * cores * snapshot

    def _cells(self, count: int) -> memoryview[int]:
        start = self._used
        self._used += _CELL * count
        return memoryview(self.map)[start : self._used]

    def _whole(self, count: int) -> memoryview[int]:
        return self._cells(count).cast("q")

    def _real(self, count: int) -> memoryview[float]:
        return self._cells(count).cast("d")

    def total_requests(self) -> int:
        """Requests of the whole instance since it started, by living and dead workers."""
        return sum(self.requests) + sum(self.past_requests)

    def snapshot_of(self, seat: int, core: int) -> memoryview:
        """The bytes in which *core* of the worker at *seat* keeps the request it is working on."""
        start = self.snapshots + (seat * self.cores + core) * self.snapshot
        return memoryview(self.map)[start : start + self.snapshot]

    def is_busy(self, seat: int) -> bool:
        """Whether any core of the worker at *seat* is in a request."""
        first = seat * self.cores
        return any(self.in_request[core] & 1 for core in range(first, first + self.cores))

    def free_seat(self) -> int | None:
        """A seat nobody sits on, or None."""
        for seat in range(self.seats):
            if self.phase[seat] == Phase.EMPTY:
                return seat
        return None

    def sit_down(self, seat: int, slot: int, generation: int, now: float) -> None:
        """The master prepares *seat* for a worker of *slot* that is about to be born."""
        self.phase[seat] = Phase.BORN
        self.slot[seat] = slot
        self.generation[seat] = generation
        self.born[seat] = now

    def stand_up(self, seat: int) -> None:
        """The master clears *seat* after its worker died and adds what it counted to its slot."""
        index = self.slot[seat] - 1
        if index >= 0:
            self.past_requests[index] += self.requests[seat]
            self.past_exceptions[index] += self.exceptions[seat]
            self.past_tx[index] += self.tx[seat]
            self.past_running_time[index] += self.running_time[seat]
            if self.current[index] == seat:
                self.current[index] = -1
        for name in (*_SEAT_RECORD, *_SEAT_COLUMNS):
            getattr(self, name)[seat] = 0
        for app in range(seat * self.apps, (seat + 1) * self.apps):
            self.app_requests[app] = self.app_exceptions[app] = 0
        first = seat * self.cores
        for name in (*_CORE_RECORD, *_CORE_COLUMNS):
            column = getattr(self, name)
            for core in range(first, first + self.cores):
                column[core] = 0


_SEAT_RECORD: Final = ("requests", "running_time", "avg_rt", "tx")
_CORE_RECORD: Final = (
    "core_requests", "in_request", "request_size", "started", "request_kind", "deadline",
)  # fmt: skip
OWN: Final = len(_SEAT_RECORD)  #: the first cell of a record that is its core's, whatever the core
RECORD: Final = OWN + len(_CORE_RECORD)  #: cells of a core's record
_SEAT_COLUMNS: Final = (
    "pid", "slot", "generation", "born", "exceptions", "rss", "vsz", "signals", "paused", "rejected",
    "lines_wait", "lines_out", "lines_from", "lines_round", "phase",
)  # fmt: skip
_CORE_COLUMNS: Final = (
    "read_errors", "write_errors", "static_requests", "routed_requests", "offloaded_requests",
)  # fmt: skip
_SLOT_COLUMNS: Final = 9
