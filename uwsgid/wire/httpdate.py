"""The dates of HTTP: ``Sun, 06 Nov 1994 08:49:37 GMT``.

The names of days and months are English whatever the locale says, which rules out strftime(3) and its kin.
"""

from __future__ import annotations

import re
from calendar import timegm
from time import gmtime
from typing import Final

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DATE: Final = re.compile(
    rf"(?:{'|'.join(_DAYS)}), (\d\d) ({'|'.join(_MONTHS)}) (\d{{4}}) (\d\d):(\d\d):(\d\d) GMT", re.ASCII
)


def http_date(seconds: float) -> str:
    """The moment *seconds*, in unix seconds, as a header field says it (RFC 9110 section 5.6.7)."""
    year, month, day, hour, minute, second, weekday = gmtime(seconds)[:7]
    date = f"{_DAYS[weekday]}, {day:02d} {_MONTHS[month - 1]} {year:04d}"
    return f"{date} {hour:02d}:{minute:02d}:{second:02d} GMT"


def parse_http_date(text: str) -> int | None:
    """Unix seconds of a date; None where *text* is none.

    Like uWSGI this takes the one form that everybody sends, not the two obsolete ones of RFC 9110.
    """
    found = _DATE.fullmatch(text.strip(" \t"))
    if found is None:
        return None
    day, month, year, hour, minute, second = found.groups()
    numbers = int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second)
    if not (1 <= numbers[2] <= 31 and numbers[3] < 24 and numbers[4] < 60 and numbers[5] <= 60):
        return None
    try:
        return timegm((*numbers, 0, 0, 0))
    except (ValueError, OverflowError):
        return None
