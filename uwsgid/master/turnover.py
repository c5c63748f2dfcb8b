"""One graceful reload: the workers of a new generation take over from those of the old one.

::

    loading --loaded--> replacing --all are ready--> over
       |                    |
       `--failed--> over <--'   (the old generation never stopped serving)

In a plain reload all new workers become ready before the first old one is asked to leave, so that the
instance never serves with less than it had.  In a *chain* the slots are changed one after the other: the next
only when the new worker of the slot accepts and the old one is gone.

A turnover touches no process itself: what it decides it tells its `Employer`.  After whatever happens,
`step` looks at what there is and goes as far as that allows.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Final, Protocol

from uwsgid.supervise.child import Child

#: The crash of the new worker of one slot that makes the reload fail.
_LIVES: Final = 3


class Stage(enum.Enum):
    """How far a turnover got."""

    LOADING = "loading"
    REPLACING = "replacing"
    OVER = "over"


class Employer(Protocol):
    """What a turnover may ask for."""

    def hire(self, slot: int, generation: int) -> Child | None:
        """A new worker; None where there is no seat for it now, or nobody to bear it."""

    def old_workers(self, slot: int, generation: int) -> list[Child]:
        """The living workers of *slot* that are not of *generation*."""

    def promote(self, generation: int) -> None:
        """*generation* is the one that serves from now on."""

    def dismiss(self, child: Child, reason: str) -> None:
        """Ask a worker to finish and go."""

    def discard(self, child: Child) -> None:
        """End a worker that never served."""

    def turnover_done(self, turnover: Turnover) -> None:
        """All slots are changed."""

    def turnover_failed(self, turnover: Turnover, reason: str) -> None:
        """The old generation goes on."""


class Turnover:
    """A reload in progress.

    :param slots: the slots to change, in order.
    :param chain: one slot at a time.
    :ivar fresh: the new workers that were asked for, by slot.
    :ivar promoted: the new generation serves, at least in a part of the slots.
    """

    def __init__(
        self, employer: Employer, generation: int, slots: Iterable[int], *, chain: bool = False
    ) -> None:
        self.generation = generation
        self.chain = chain
        self.stage = Stage.LOADING
        self.promoted = False
        self.fresh: dict[int, Child] = {}
        self._employer = employer
        self._waiting = list(slots)
        self._slots = set(self._waiting)
        self._turning = 0  # the slot that a chain is at
        self._crashes: dict[int, int] = {}

    def loaded(self) -> None:
        """The applications of the new generation are there."""
        if self.stage is Stage.LOADING:
            self.stage = Stage.REPLACING
        self.step()

    def failed(self, reason: str) -> None:
        """The new generation can not serve."""
        if self.stage is Stage.OVER:
            return
        self.stage = Stage.OVER
        for child in self.fresh.values():
            if not (self.promoted and child.was_ready):
                self._employer.discard(child)
        self._employer.turnover_failed(self, reason)

    def resize(self, wanted: Iterable[int]) -> None:
        """Workers are wanted in exactly these slots from now on."""
        slots = set(wanted)
        for slot in self._slots - slots:
            self.fresh.pop(slot, None)
            if slot in self._waiting:
                self._waiting.remove(slot)
            if self._turning == slot:
                self._turning = 0
        self._waiting += sorted(slots - self._slots)
        self._slots = slots
        self.step()

    def worker_ended(self, child: Child, how: str, *, crashed: bool, killed: bool) -> None:
        """A worker of any generation is gone.

        :param crashed: it was not supposed to end.
        :param killed: by a signal, or by want of memory for its birth: another one may do better.
        """
        slot = child.slot
        if self.stage is not Stage.REPLACING or self.fresh.get(slot) is not child:
            return
        if child.was_ready and self.promoted:
            return  # a crash like any other
        self._crashes[slot] = self._crashes.get(slot, 0) + (crashed or not child.was_ready)
        if self._crashes[slot] >= _LIVES or not (killed or child.was_ready):
            self.failed(f"its worker {slot} ended before it could serve ({how})")
            return
        del self.fresh[slot]
        if self._turning == slot:
            self._turning = 0
        self._waiting.insert(0, slot)

    def step(self) -> None:
        """Go as far as possible."""
        if self.stage is Stage.REPLACING:
            if self.chain:
                self._step_chain()
            else:
                self._step_all()

    def _step_all(self) -> None:
        while self._waiting:
            child = self._employer.hire(self._waiting[0], self.generation)
            if child is None:
                return
            self.fresh[self._waiting.pop(0)] = child
        if all(child.is_ready for child in self.fresh.values()):
            self._promote()
            for slot in self.fresh:
                self._dismiss_old(slot, "reload")
            self._finish()

    def _step_chain(self) -> None:
        while True:
            if self._turning:
                if not self.fresh[self._turning].was_ready:
                    return
                self._promote()
                self._dismiss_old(self._turning, "chain reload")
                if self._employer.old_workers(self._turning, self.generation):
                    return
                self._turning = 0
            if not self._waiting:
                self._promote()
                self._finish()
                return
            slot = self._waiting[0]
            if self.promoted and not self._employer.old_workers(slot, self.generation):
                self._waiting.pop(0)  # it was born again meanwhile, or will be, in the new generation
                continue
            child = self._employer.hire(slot, self.generation)
            if child is None:
                return
            self._turning = self._waiting.pop(0)
            self.fresh[slot] = child

    def _dismiss_old(self, slot: int, reason: str) -> None:
        for old in self._employer.old_workers(slot, self.generation):
            if not old.told:
                self._employer.dismiss(old, reason)

    def _promote(self) -> None:
        if not self.promoted:
            self.promoted = True
            self._employer.promote(self.generation)

    def _finish(self) -> None:
        self.stage = Stage.OVER
        self._employer.turnover_done(self)
