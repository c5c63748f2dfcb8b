"""How a line of the server itself gets out, in any process of the instance.

Workers, the seed and the zygote know no Twisted, and still have something to say: `Lines` puts the
configured prefix in front of a text and writes it to descriptor 2 in *one* call, so that lines of several
processes never mix.  The prefix belongs to whoever speaks: what applications print and the request lines
carry none, and the master's end of the log pipe adds nothing (uWSGI's ``uwsgi_log`` and
``uwsgi_log_verbose``, core/logging.c).

The master speaks through `uwsgid.logs.observer`, which ends here as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final

from uwsgid.config.kinds import FALSE, TRUE, OptionalText
from uwsgid.config.section import Section, option, section
from uwsgid.config.settings import Settings
from uwsgid.logs.writing import Write, writer

STDERR: Final = 2
DATE_LIMIT: Final = 64  #: bytes of what a strftime format may make (core/logging.c: char sftime[64])
VERBOSE_LIMIT: Final = 4096  #: bytes of a verbose line (core/logging.c: char logpkt[4096])


@section("Logging")
class ServerLines(Section):
    """What stands in front of each line of the server."""

    date: OptionalText | None = option(
        "logdate",
        "log-date",
        "log-prefix",
        default=None,
        help="put the time before each server line, as ctime does or in this strftime format",
        note="false and its synonyms turn it off; uWSGI takes them for a strftime format",
    )

    def check(self, settings: Settings) -> Iterable[str]:
        """A format that strftime can not use is noticed before the first line."""
        if self.date is not None and (shape := date_format(self)):
            try:
                time.strftime(shape)
            except ValueError as error:
                yield settings.problem(ServerLines, "date", f"{shape!r} is no strftime format: {error}")


def date_format(lines: ServerLines) -> str | None:
    """The strftime format that ``logdate`` asks for; an empty string means ctime, None no date at all."""
    if lines.date is None:
        return None
    word = lines.date.strip().lower()
    if word in TRUE:
        return ""
    if word in FALSE:
        return None
    return lines.date


def encode(text: str) -> bytes:
    """*text* as UTF-8; what is no text at all is kept as the bytes it was, or written with backslashes."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


class Lines:
    """Says lines.

    :param settings: where the prefix is read from.
    :param write: takes each finished line; descriptor 2 where not given.
    :param clock: unix seconds.
    """

    def __init__(
        self, settings: Settings, write: Write | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._format = date_format(settings[ServerLines])
        self._write = write if write is not None else writer(STDERR)
        self._clock = clock

    def say(self, text: str) -> None:
        """One line, with a prefix where ``logdate`` is set.  *text* has no newline at its end."""
        prefix = "" if self._format is None else self._date(self._format)
        self._write(encode(f"{prefix}{text}\n"))

    def say_verbose(self, text: str) -> None:
        """One line that carries the time even without ``logdate``.  It is cut at `VERBOSE_LIMIT` bytes."""
        line = encode(f"{self._date(self._format or '')}{text}")
        self._write(line[: VERBOSE_LIMIT - 1] + b"\n")

    __call__ = say

    def _date(self, shape: str) -> str:
        now = self._clock()
        if not shape:
            return f"{time.ctime(now)} - "
        made = time.strftime(shape, time.localtime(now)).encode("utf-8", "surrogateescape")
        return f"{made[:DATE_LIMIT].decode('utf-8', 'ignore')} - "
