"""Who works in which slot, and which seat of the board they have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from uwsgid.supervise.board import Board
from uwsgid.supervise.child import Child, Parent
from uwsgid.supervise.supervisor import Supervisor

WORKER: Final = "worker"

_A_LIFE: Final = 1.0  #: seconds after which a death is no failure to start


class Roster:
    """The workers among the children of the master.  Children are told apart by slot and generation.

    :param hatches: workers have a way in for guests.
    """

    def __init__(self, board: Board, supervisor: Supervisor, *, hatches: bool = False) -> None:
        self._board: Final = board
        self._supervisor: Final = supervisor
        self._hatches: Final = hatches

    def workers(self, slot: int | None = None) -> list[Child]:
        """The living workers, of all generations, and those about to be born."""
        return [
            child
            for child in self._supervisor.children
            if child.role == WORKER and (slot is None or child.slot == slot)
        ]

    def others(self, slot: int, generation: int) -> list[Child]:
        """The workers of *slot* that are not of *generation*."""
        return [child for child in self.workers(slot) if child.generation != generation]

    def is_vacant(self, slot: int, generation: int) -> bool:
        """Whether nobody serves in *slot*, or is about to, who was not told to leave.

        :param generation: the one that serves; workers of a later one do not count yet.
        """
        return not any(not child.told and child.generation <= generation for child in self.workers(slot))

    def all_accept(self, slots: Iterable[int]) -> bool:
        """Whether each of *slots* has a worker that accepts requests."""
        return all(any(child.is_ready for child in self.workers(slot)) for slot in slots)

    def hire(self, mother: Child, seat: int, slot: int, generation: int, parent: Parent, now: float) -> Child:
        """A new worker of *mother*, on the free *seat*.

        :param now: unix seconds.
        :raises OSError: no descriptor is left.
        """
        self._board.sit_down(seat, slot, generation, now)
        try:
            return self._supervisor.have(
                parent, mother, WORKER, slot=slot, seat=seat, generation=generation, hatch=self._hatches
            )
        except OSError:
            self._board.stand_up(seat)
            raise

    def has_lived(self, child: Child, now: float) -> bool:
        """Whether the end of *child* is no failure to start.  Asked before its seat is cleared.

        :param now: monotonic seconds.
        """
        served = self._board.requests[child.seat] > 0 or self._board.is_busy(child.seat)
        return child.was_ready and (served or now - child.born_at >= _A_LIFE)

    def note_who_serves(self, slot: int, generation: int) -> None:
        """Have the board point to the worker that answers for *slot*: one that lives, if there is any.

        :param generation: the one that serves.
        """
        best = max(
            (child for child in self.workers(slot) if child.pid),
            key=lambda child: (child.is_ready, child.generation == generation, not child.told, child.pid),
            default=None,
        )
        self._board.current[slot - 1] = -1 if best is None else best.seat
