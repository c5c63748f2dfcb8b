"""An instance that nobody asks anything: its workers leave until somebody connects, or it ends.

Looked at once per ``check-interval``; what a look leads to is decided by `IdleWatch.verdict`, which is pure.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Final

from uwsgid.config.kinds import Flag, Seconds
from uwsgid.config.section import Section, flag, option, section
from uwsgid.supervise.board import Board


@section("Idle")
class Idle(Section):
    """Whether there are workers while there is nothing to do."""

    cheap: Flag = flag(
        "cheap", default=False, implies=("master",), help="start without workers, until somebody connects"
    )
    seconds: Seconds = option(
        "idle", default=0, implies=("master",), help="no workers after this many seconds without a request"
    )
    die: Flag = flag(
        "die-on-idle",
        default=False,
        help="then end the whole instance",
        note="A vassal asks its emperor to end it, which may wait for the next connection in its place.",
    )


class Verdict(enum.Enum):
    """What a look leads to."""

    GO_ON = "go on"
    SLEEP = "sleep"
    DIE = "die"


class IdleWatch:
    """Knows how long nobody was served.

    :param asleep: tells whether there are no workers already.
    :param changing: tells whether a reload is in progress, which is something to do.
    :param clock: monotonic seconds.
    """

    def __init__(
        self,
        options: Idle,
        board: Board,
        say: Callable[[str], None],
        clock: Callable[[], float],
        *,
        asleep: Callable[[], bool],
        changing: Callable[[], bool] = lambda: False,
        fall_asleep: Callable[[], None],
        die: Callable[[], None],
    ) -> None:
        self._options: Final = options
        self._board: Final = board
        self._say: Final = say
        self._clock: Final = clock
        self._asleep: Final = asleep
        self._changing: Final = changing
        self._acts: Final = {Verdict.SLEEP: fall_asleep, Verdict.DIE: die}
        self._requests = -1
        self._since = clock()

    def look(self) -> None:
        """Find out whether it is time to sleep or to die."""
        found = self.verdict(self._clock())
        act = self._acts.get(found)
        if act is not None:
            seconds, since = self._options.seconds, self._since
            now = self._since = self._clock()
            self._say(f"workers have been inactive for more than {seconds} seconds ({int(now)}-{int(since)})")
            act()

    def verdict(self, now: float) -> Verdict:
        """What is to be done at *now*; notes what it sees."""
        if not self._options.seconds:
            return Verdict.GO_ON
        requests = self._board.total_requests()
        busy = any(self._board.is_busy(seat) for seat in range(self._board.seats))
        asleep = self._asleep() and not self._options.die
        if requests != self._requests or busy or asleep or self._changing():
            self._requests, self._since = requests, now
            return Verdict.GO_ON
        if now - self._since <= self._options.seconds:
            return Verdict.GO_ON
        return Verdict.DIE if self._options.die else Verdict.SLEEP
