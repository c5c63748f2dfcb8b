"""One graceful reload: the workers of a new generation take over from those of the old one.

::

    loading --loaded--> replacing --all are ready--> over
       |                    |
       `--failed--> over <--'   (the old generation never stopped serving)

In a plain reload all new workers become ready before the first old one is asked to leave, so that the
instance never serves with less than it had.  In a *chain* the slots are changed one after the other: the next
only when the new worker of the slot accepts and the old one is gone.

What a turnover decides is told to its `IWorkforce`; it touches no process itself.
"""

from __future__ import annotations

import enum
from typing import Protocol

from uwsgid.supervise.child import Child


class Stage(enum.Enum):
    """How far a turnover got."""

    LOADING = "loading"
    REPLACING = "replacing"
    OVER = "over"


class Employer(Protocol):
    """What a turnover may ask for."""

    def hire(self, slot: int, generation: int) -> Child | None:
        """A new worker; None where there is no seat for it now."""

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
    """

    def __init__(self, employer: Employer, generation: int, slots: list[int], *, chain: bool = False) -> None:
        self.generation = generation
        self.chain = chain
        self.stage = Stage.LOADING
        self.fresh: dict[int, Child] = {}
        self._employer = employer
        self._waiting = list(slots)
        self._promoted = False

    def loaded(self) -> None:
        """The applications of the new generation are there."""
        if self.stage is Stage.LOADING:
            self.stage = Stage.REPLACING
            self._hire()

    def failed(self, reason: str) -> None:
        """The new generation can not serve."""
        if self.stage is Stage.OVER:
            return
        self.stage = Stage.OVER
        if not self._promoted:
            for child in self.fresh.values():
                self._employer.discard(child)
        self._employer.turnover_failed(self, reason)

    def worker_ready(self, child: Child) -> None:
        """A new worker accepts requests."""
        if self.stage is not Stage.REPLACING or self.fresh.get(child.slot) is not child:
            return
        if self.chain:
            self._promote()
            for old in self._employer.old_workers(child.slot, self.generation):
                self._employer.dismiss(old, "chain reload")
            self._continue_chain()
        elif not self._waiting and all(other.is_ready for other in self.fresh.values()):
            self._promote()
            for slot in self.fresh:
                for old in self._employer.old_workers(slot, self.generation):
                    self._employer.dismiss(old, "reload")
            self._finish()

    def worker_ended(self, child: Child, how: str) -> None:
        """A worker of any generation is gone."""
        if self.stage is not Stage.REPLACING:
            return
        if self.fresh.get(child.slot) is child:
            if not child.was_ready:
                self.failed(f"its worker {child.slot} ended before it was ready ({how})")
                return
            if not self.chain and not self._promoted:
                # it was ready and crashed while its sisters were still being born: try again
                again = self._employer.hire(child.slot, self.generation)
                if again is None:
                    self.failed(f"its worker {child.slot} ended ({how})")
                else:
                    self.fresh[child.slot] = again
                return
        if self.chain:
            self._continue_chain()

    def seat_is_free(self) -> None:
        """Somebody left: a worker that could not be hired for want of a seat can be now."""
        if self.stage is Stage.REPLACING:
            self._hire()

    def _hire(self) -> None:
        while self._waiting:
            if self.chain and self.fresh and not self._last_is_settled():
                return
            if self._promoted and not self._employer.old_workers(self._waiting[0], self.generation):
                self._waiting.pop(0)  # it crashed meanwhile and was born again in the new generation
                continue
            child = self._employer.hire(self._waiting[0], self.generation)
            if child is None:
                return
            self.fresh[self._waiting.pop(0)] = child
        if not self.fresh or (self.chain and self._last_is_settled()):
            self._promote()
            self._finish()

    def _last_is_settled(self) -> bool:
        last = list(self.fresh.values())[-1]
        return last.was_ready and not self._employer.old_workers(last.slot, self.generation)

    def _continue_chain(self) -> None:
        if not self._last_is_settled():
            return
        if self._waiting:
            self._hire()
        else:
            self._finish()

    def _promote(self) -> None:
        if not self._promoted:
            self._promoted = True
            self._employer.promote(self.generation)

    def _finish(self) -> None:
        self.stage = Stage.OVER
        self._employer.turnover_done(self)
