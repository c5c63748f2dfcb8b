"""What Twisted's loggers say in the master becomes server lines.

Our own parts log events (``log.info("worker {slot} is ready", slot=2)``), whose text is what `Lines` prints.
Twisted's own chatter, a factory that starts, a port that closes, is left out below a warning: no operator of
uWSGI has ever seen it.  Events with ``verbose=True`` become verbose lines, failures bring their traceback.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent
from zope.interface import implementer

from uwsgid.logs.lines import Lines


@implementer(ILogObserver)
class LineObserver:
    """Writes events as lines.

    :param lines: with the prefix and the place that server lines have.
    :param debug: also what is logged at the level debug.
    """

    def __init__(self, lines: Lines, debug: bool = False) -> None:
        self._lines = lines
        self._debug = debug

    def __call__(self, event: LogEvent) -> None:
        text = text_of(event, self._debug)
        if text is not None:
            (self._lines.say_verbose if event.get("verbose") else self._lines.say)(text)


def _is_twisted(namespace: str) -> bool:
    # the parts of Twisted that still use its old log have the second name
    return namespace.startswith("twisted.") or namespace == "log_legacy"


def text_of(event: Mapping[str, Any], debug: bool = False) -> str | None:
    """The text of *event*, with the traceback of its failure; None where it is not for operators."""
    level = event.get("log_level", LogLevel.info)
    if level is LogLevel.debug and not debug:
        return None
    if level is LogLevel.info and not debug and _is_twisted(str(event.get("log_namespace", ""))):
        return None
    parts = [formatEvent(dict(event)).rstrip("\n")]
    failure = event.get("log_failure")
    if failure is not None:
        try:
            parts.append(failure.getTraceback().rstrip("\n"))
        except Exception as error:
            parts.append(f"(no traceback: {error!r})")
    return "\n".join(part for part in parts if part) or None
