"""What applications and hooks say to their master for an alarm, and what it says of one that is not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

#: Stands before the name and the text of an alarm in an `uwsgid.wire.control.Ask`.
ASKED: Final = "alarm "
_EVERY: Final = 60.0  #: seconds between two lines about alarms that nobody made
_SHOWN: Final = 64  #: letters of a name


class Nobody:
    """Tells the log that somebody raises an alarm that the configuration does not make, not too often.

    :param clock: monotonic seconds.
    """

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._say: Final = say
        self._clock: Final = clock
        self._may_tell = float("-inf")

    def tell(self, name: str) -> None:
        """*name* was raised."""
        if self._clock() >= self._may_tell:
            self._may_tell = self._clock() + _EVERY
            self._say(f"[uwsgi-alarm] somebody raises {name[:_SHOWN]!r}, and no alarm is called so")
