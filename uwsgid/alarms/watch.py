"""Which alarms a record of the log raises.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from uwsgid.alarms.options import LogRule

#: What alarms say themselves raises none (core/alarm.c); ``logdate`` may stand before it.
_OURS: Final = re.compile(rb"(?s:.{0,64}? - )?\[uwsgi-alarm")


class LogWatch:
    """The rules of ``log-alarm`` and ``not-log-alarm``.

    uWSGI goes through its list, and an exclusion that matches ends that, whatever alarm it names.  So an
    exclusion behind its ``log-alarm`` does nothing there; here it counts for the alarms that it names.

    :param rules: in the order of the configuration.
    """

    def __init__(self, rules: Iterable[LogRule]) -> None:
        self._rules: Final = tuple(rules)
        self._late: Final = tuple(rule for rule in self._rules if rule.excludes)

    # hot path: every record of the log comes by here
    def raised(self, record: bytes) -> list[str]:
        """The alarms that *record* raises, each once, in the order of the rules."""
        found: list[str] = []
        for rule in self._rules:
            if rule.pattern.search(record):
                if rule.excludes:
                    break
                found += rule.alarms
        if not found or _OURS.match(record):
            return []
        for rule in self._late:
            if rule.pattern.search(record):
                found = [name for name in found if name not in rule.alarms]
        return list(dict.fromkeys(found))
