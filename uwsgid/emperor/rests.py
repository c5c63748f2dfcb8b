"""The vassals that rest because they behaved badly, and whose turn it is to come back.

For how long, and how far apart, is decided in `uwsgid.emperor.throttle`; here is the clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from uwsgid.emperor.throttle import Blacklist, Queue


class Rests:
    """Has those on the blacklist rest.

    :param clock: unix seconds.
    :param throttle: ``emperor-throttle``, milliseconds.
    :param most: ``emperor-max-throttle``, milliseconds.
    :param its_turn: called with the name of one that has rested.
    """

    def __init__(
        self,
        reactor: Any,
        clock: Callable[[], float],
        throttle: int,
        most: int,
        its_turn: Callable[[str], None],
    ) -> None:
        self.blacklist: Final = Blacklist(throttle, most)
        self._reactor: Final = reactor
        self._clock: Final = clock
        self._its_turn: Final = its_turn
        self._queue: Final = Queue(throttle)
        self._calls: Final[dict[str, Any]] = {}

    def __contains__(self, name: str) -> bool:
        """Whether *name* rests now."""
        return name in self._calls

    def begin(self, name: str) -> bool:
        """Have *name* rest until it is its turn; False for whoever is not on the blacklist."""
        if name not in self.blacklist:
            return False
        rest = self.blacklist.due(name) - self._clock()
        self._calls[name] = self._reactor.callLater(max(0.0, rest), self._queue_up, name)
        return True

    def _queue_up(self, name: str) -> None:
        now = self._clock()
        self._calls[name] = self._reactor.callLater(self._queue.next(now) - now, self._over, name)

    def _over(self, name: str) -> None:
        del self._calls[name]
        self._its_turn(name)

    def break_off(self, name: str) -> None:
        """*name* rests no longer, and nobody is told."""
        call = self._calls.pop(name, None)
        if call is not None:
            call.cancel()

    def break_off_all(self) -> list[str]:
        """Nobody rests any longer; the names of those who did."""
        names = list(self._calls)
        for name in names:
            self.break_off(name)
        return names
