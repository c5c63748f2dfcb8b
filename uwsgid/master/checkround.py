"""The round of checks: all that the master looks at from time to time, as nothing tells it by itself."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.task import LoopingCall


class CheckRound:
    """Looks at everything once per interval.

    :param interval: seconds (``check-interval``), at least one.
    :param looks: what there is to look at, in this order; one that fails holds up none of the others.
    """

    def __init__(
        self, reactor: Any, interval: int, say: Callable[[str], None], *looks: Callable[[], object]
    ) -> None:
        self._interval: Final = max(1, interval)
        self._looks: Final = looks
        self._say: Final = say
        self._call: Final = LoopingCall(self._look)
        self._call.clock = reactor

    def start(self) -> None:
        """Begin; the first round is an interval away."""
        self._call.start(self._interval, now=False)

    def stop(self) -> None:
        """Look no longer; it does no harm before the start."""
        if self._call.running:
            self._call.stop()

    def _look(self) -> None:
        for look in self._looks:
            try:
                look()
            except Exception:
                # a mistake of ours; harakiri goes on
                self._say(f"*** a check failed ***\n{traceback.format_exc().rstrip()}")
