"""``log``: a line of the log that nobody overlooks (uWSGI 2.0, core/alarm.c).

uWSGI hears its own line again: where the expression of ``log-alarm`` matches it too, which it does unless it
begins with ``^``, the log fills with it.  Here the line raises no alarm.
"""

from __future__ import annotations

from typing import Final, Self

from uwsgid.alarms.plugins import Means
from uwsgid.config.settings import Settings
from uwsgid.families import alarms


@alarms.member("log")
class Log:
    """Writes ``ALARM: TEXT`` to the log, with the argument before the text where there is one."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix: Final = f"ALARM: {prefix} " if prefix else "ALARM: "

    @classmethod
    def from_argument(cls, argument: str, settings: Settings) -> Self:
        """Any text is fine."""
        return cls(argument)

    def ring(self, alarm: str, text: bytes, means: Means) -> None:
        """Write it."""
        means.say(self._prefix.encode("utf-8", "surrogateescape") + text.removesuffix(b"\n"))
