"""Who has to wait before the next try, and for how long."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Final

from uwsgid.supervise.backoff import Backoff


class Rests:
    """Counts failures in a row and holds the timers of those who rest.

    Whoever rests is a key: a slot, a generation, a name.
    """

    def __init__(self, reactor: Any, backoff: Backoff) -> None:
        self._reactor: Final = reactor
        self._backoff: Final = backoff
        self._failures: dict[Hashable, int] = {}
        self._timers: dict[Hashable, Any] = {}

    def __contains__(self, who: Hashable) -> bool:
        """Whether *who* is resting."""
        return who in self._timers

    def failed(self, who: Hashable) -> None:
        """One failure more in a row."""
        self._failures[who] = self._failures.get(who, 0) + 1

    def did_well(self, who: Hashable) -> None:
        """The row of failures is over."""
        self._failures.pop(who, None)

    def due(self, who: Hashable) -> float:
        """Seconds that *who* ought to rest before the next try."""
        return self._backoff.after(self._failures.get(who, 0))

    def rest(self, who: Hashable, seconds: float, wake: Callable[[], None]) -> None:
        """Call *wake* in *seconds*.  Whoever rests already goes on resting."""
        if who in self._timers:
            return

        def over() -> None:
            del self._timers[who]
            wake()

        self._timers[who] = self._reactor.callLater(seconds, over)

    def end(self) -> None:
        """Nobody wakes any more."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
