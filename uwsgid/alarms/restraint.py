"""How often an alarm may be raised: who is called should not be called a thousand times.  Pure.

uWSGI remembers the last text of an alarm and drops it when it comes again within ``alarm-freq``
(core/alarm.c), so two texts that alternate pass each time.  Here all texts of that time are remembered, and
there is a limit of how many they may be: behind an alarm stands a process or a person.
"""

from __future__ import annotations

from collections import deque
from typing import Final

_LEAST: Final = 1.0  #: seconds that the burst is about, where ``alarm-freq`` is less


class Restraint:
    """Decides for each text of each alarm whether it is raised.

    :param freq: seconds in which a text does not come twice.
    :param burst: how many texts may come in that time, or in a second where that is more.

    What it remembers is bounded by *burst* texts for each alarm.
    """

    def __init__(self, freq: float, burst: int) -> None:
        self._freq: Final = freq
        self._span: Final = max(freq, _LEAST)
        self._burst: Final = burst
        self._raised: Final[dict[str, deque[tuple[float, bytes]]]] = {}
        self._held: dict[str, int] = {}

    def admits(self, alarm: str, text: bytes, now: float) -> bool:
        """Whether *alarm* is raised with *text*; the answer is remembered.

        :param now: in seconds of a clock that never goes back.
        """
        raised = self._raised.setdefault(alarm, deque())
        while raised and now - raised[0][0] >= self._span:
            raised.popleft()
        if any(text == said and now - when < self._freq for when, said in raised):
            return False
        if len(raised) >= self._burst:
            self._held[alarm] = self._held.get(alarm, 0) + 1
            return False
        raised.append((now, text))
        return True

    def held(self) -> dict[str, int]:
        """How many texts were too many since the last call, by alarm; repeated ones are not counted."""
        found, self._held = self._held, {}
        return found
