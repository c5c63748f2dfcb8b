"""Measures how late the reactor of the master is, so that "the master never waits" is a number."""

from __future__ import annotations

from typing import Any, Final

_INTERVAL: Final = 0.5  #: seconds between two looks


class Stall:
    """Asks to be called at fixed times and sees how late that happens.

    :ivar worst: seconds, the longest delay since the start.
    :ivar last: seconds, the delay of the last look.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._call: Any = None
        self._due = 0.0
        self.worst = 0.0
        self.last = 0.0

    def start(self) -> None:
        """Begin to measure."""
        self._due = self._reactor.seconds() + _INTERVAL
        self._call = self._reactor.callLater(_INTERVAL, self._look)

    def stop(self) -> None:
        """Measure no more."""
        if self._call is not None and self._call.active():
            self._call.cancel()

    def _look(self) -> None:
        self.last = max(0.0, self._reactor.seconds() - self._due)
        self.worst = max(self.worst, self.last)
        self.start()
