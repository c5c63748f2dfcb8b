"""The end of all vassals: they have a while to stop in, and then they are killed until none is left."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from uwsgid.emperor.vassal import Vassal

_AGAIN: Final = 1.0  #: seconds between two rounds of SIGKILL


class Ragnarok:
    """Waits for the vassals, and kills those that do not stop.

    :param clock: unix seconds.
    :param everybody: the vassals that are left.
    :param kill_programs: ends the programs of hooks.
    """

    def __init__(
        self,
        reactor: Any,
        clock: Callable[[], float],
        say: Callable[[str], None],
        everybody: Callable[[], Iterable[Vassal]],
        kill_programs: Callable[[], None],
    ) -> None:
        self._reactor = reactor
        self._clock: Final = clock
        self._say: Final = say
        self._everybody: Final = everybody
        self._kill_programs: Final = kill_programs
        self._ends = 0.0
        self._call: Any = None

    def evoke(self, mercy: float) -> None:
        """Begin; mercy lasts that many seconds."""
        self._ends = self._clock() + mercy
        self._call = self._reactor.callLater(mercy, self._no_mercy)

    def remind(self) -> None:
        """Somebody wants the end that has begun already."""
        left = max(0, round(self._ends - self._clock()))
        self._say(f"[emperor] *** RAGNAROK IS GOING ON, {left} seconds of mercy are left ***")

    def finish(self) -> bool:
        """Nobody is left; False where that was said before."""
        if self._call is None:
            return False
        self._call.cancel()
        self._call = None
        return True

    def _no_mercy(self) -> None:
        self._call = self._reactor.callLater(_AGAIN, self._no_mercy)
        for vassal in self._everybody():
            self._say(f"[emperor] NO MERCY for vassal {vassal.name} (pid: {vassal.pid})")
            vassal.kill()
        self._kill_programs()
