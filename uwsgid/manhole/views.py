"""What statements look at: small objects that tell what they know, in place of the parts of the instance.

A view has properties and few methods, each with a docstring, and nothing else, so that tab and ``help()``
show what there is, and typing its name shows its values.  Those of workers and of the board read shared
memory: a worker that hangs is not asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

from uwsgid.config.index import index
from uwsgid.config.reference import show_config
from uwsgid.config.settings import Settings
from uwsgid.manhole.names import View, table
from uwsgid.supervise.board import Board, Phase
from uwsgid.supervise.rows import AppFacts, worker_row
from uwsgid.supervise.snapshot import request_vars

W = TypeVar("W", bound="Worker")


def moment(seconds: float) -> str:
    """A point in time, as people write it; a dash for never."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)) if seconds else "-"


class Worker(View):
    """One worker: the process that serves its slot now, and what the slot has done since the start."""

    def __init__(self, board: Board, slot: int, apps: Callable[[], Sequence[AppFacts]]) -> None:
        self._board = board
        self._slot = slot
        self._apps = apps

    def _row(self) -> dict[str, Any]:
        return worker_row(self._board, self._slot, self._apps())

    def _seat(self) -> int:
        return int(self._board.current[self._slot - 1])

    @property
    def slot(self) -> int:
        """Its number, from 1."""
        return self._slot

    @property
    def pid(self) -> int:
        """Its process; 0 where there is none now."""
        return int(self._row()["pid"])

    @property
    def status(self) -> str:
        """``idle``, ``busy``, ``pause`` or ``cheap``."""
        return str(self._row()["status"])

    @property
    def generation(self) -> int:
        """Which loading of the applications it belongs to."""
        seat = self._seat()
        return int(self._board.generation[seat]) if seat >= 0 else 0

    @property
    def requests(self) -> int:
        """Requests of this slot, by its former processes too."""
        return int(self._row()["requests"])

    @property
    def exceptions(self) -> int:
        """How many of them ended in an exception."""
        return int(self._row()["exceptions"])

    @property
    def harakiris(self) -> int:
        """How often a process of this slot was killed for its request."""
        return int(self._row()["harakiri_count"])

    @property
    def respawns(self) -> int:
        """How often a process was made for this slot."""
        return int(self._row()["respawn_count"])

    @property
    def rss(self) -> int:
        """Bytes of memory, where memory is watched (``memory-report``, ``reload-on-rss``); else 0."""
        return int(self._row()["rss"])

    @property
    def tx(self) -> int:
        """Bytes sent."""
        return int(self._row()["tx"])

    @property
    def avg_rt(self) -> int:
        """Microseconds of a request, on average, the latest counting most."""
        return int(self._row()["avg_rt"])

    @property
    def born(self) -> str:
        """When its process was made."""
        return moment(self._row()["last_spawn"])

    @property
    def apps(self) -> list[dict[str, Any]]:
        """Its applications, with their counts."""
        return list(self._row()["apps"])

    @property
    def working_on(self) -> list[dict[str, str]]:
        """The variables of each request in progress."""
        seat = self._seat()
        if seat < 0:
            return []
        found = (request_vars(self._board, seat, core) for core in range(self._board.cores))
        return [each for each in found if each]


class Workers(Generic[W]):
    """The workers, by number from 1."""

    def __init__(self, board: Board, make: Callable[[int], W]) -> None:
        self._board = board
        self._make = make

    def __len__(self) -> int:
        return self._board.slots

    def __iter__(self) -> Iterator[W]:
        return map(self._make, range(1, len(self) + 1))

    def __getitem__(self, slot: int) -> W:
        if not isinstance(slot, int) or not 1 <= slot <= len(self):
            raise IndexError(f"there are workers 1 to {len(self)}, and no {slot!r}")
        return self._make(slot)

    def __repr__(self) -> str:
        heads = ("worker", "pid", "status", "generation", "requests", "exceptions", "avg_rt", "born")
        return table(
            (
                (
                    one.slot,
                    one.pid,
                    one.status,
                    one.generation,
                    one.requests,
                    one.exceptions,
                    one.avg_rt,
                    one.born,
                )
                for one in self
            ),
            heads,
        )


class BoardView:
    """The shared memory of all processes: a column is a tuple, with a cell for each seat."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def __dir__(self) -> list[str]:
        return sorted(name for name in vars(self._board) if not name.startswith("_") and name != "map")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "map":
            raise AttributeError(name)
        found = getattr(self._board, name)
        return tuple(found) if isinstance(found, memoryview) else found

    def __repr__(self) -> str:
        board = self._board
        taken = [seat for seat in range(board.seats) if board.phase[seat] != Phase.EMPTY]
        return table(
            (
                (
                    seat,
                    board.slot[seat],
                    board.pid[seat],
                    Phase(board.phase[seat]).name.lower(),
                    board.generation[seat],
                    board.requests[seat],
                    "yes" if board.is_busy(seat) else "no",
                )
                for seat in taken
            ),
            ("seat", "worker", "pid", "phase", "generation", "requests", "busy"),
        )


class SettingsView:
    """The configuration: ``settings.harakiri`` is what holds, ``settings["harakiri"]`` what was written."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __dir__(self) -> list[str]:
        return sorted(
            name.replace("-", "_")
            for section in index().sections
            for option in section.options
            for name in option.names
        )

    def __getattr__(self, name: str) -> Any:
        declared = None if name.startswith("_") else index().declared(name.replace("_", "-"))
        if declared is None:
            near = index().nearest(name.replace("_", "-"))
            hint = f"; did you mean {' or '.join(each.replace('-', '_') for each in near)}?" if near else ""
            raise AttributeError(f"there is no option {name!r}{hint}")
        return getattr(self._settings[declared.section], declared.option.field)

    def __getitem__(self, name: str) -> Any:
        found = [directive.value for directive in self._settings.directives if directive.name == name]
        if not found:
            raise KeyError(
                f"the configuration says nothing of {name!r}; settings.{name.replace('-', '_')} "
                "is what holds then"
            )
        values = [True if value is None else value for value in found]
        return values[0] if len(values) == 1 else values

    def __contains__(self, name: object) -> bool:
        return any(directive.name == name for directive in self._settings.directives)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(directive.name for directive in self._settings.directives))

    def __repr__(self) -> str:
        return show_config(self._settings.directives).rstrip("\n")


class LogView(View):
    """The log: ``log("text")`` writes a line."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def __call__(self, *values: object) -> None:
        """Write a line to the log."""
        for line in " ".join(map(str, values)).splitlines():
            self._say(line)

    def __repr__(self) -> str:
        return 'log("text") writes a line'


class Rows(Sequence[Mapping[str, Any]]):
    """A list of rows that shows itself as a table."""

    def __init__(self, read: Callable[[], Sequence[Mapping[str, Any]]], empty: str) -> None:
        self._read: Final = read
        self._empty: Final = empty

    def __len__(self) -> int:
        return len(self._read())

    def __getitem__(self, at: Any) -> Any:
        return self._read()[at]

    def __repr__(self) -> str:
        rows = self._read()
        return table((row.values() for row in rows), rows[0]) if rows else self._empty
