"""Which requests leave a line in the log, and what it looks like.  `uwsgid.request.logline` makes it."""

from __future__ import annotations

from uwsgid.config.kinds import Flag, Integer, Text
from uwsgid.config.section import Section, flag, option, section


@section("Logging")
class RequestLog(Section):
    """Which requests leave a line, and which line."""

    format: Text = option(
        "log-format", "logformat", default="", help="the line of a request, with %(variables)"
    )
    strftime: Flag = flag(
        "logformat-strftime",
        "log-format-strftime",
        default=False,
        help="let %(ftime) use the format of logdate",
        note="%(ftime) uses that format also without this flag, as in 1.9.16",
    )
    disable: Flag = flag(
        "disable-logging",
        "L",
        default=False,
        help="log no requests but those that another log-* option asks for",
        note="false leaves logging on, as in uWSGI 2.0",
    )
    zero: Flag = flag("log-zero", default=False, help="log requests with an empty answer")
    slow: Integer = option(
        "log-slow", default=0, help="log requests that took this many milliseconds or more"
    )
    errors_4xx: Flag = flag("log-4xx", default=False, help="log requests answered with a 4xx status")
    errors_5xx: Flag = flag("log-5xx", default=False, help="log requests answered with a 5xx status")
    big: Integer = option("log-big", default=0, help="log requests with an answer of this many bytes or more")
    sendfile: Flag = flag("log-sendfile", default=False, help="log requests answered by sendfile()")
    ioerror: Flag = flag("log-ioerror", default=False, help="log requests with read or write errors")
    micros: Flag = flag("log-micros", default=False, help="give the duration in microseconds")
    forwarded: Flag = flag(
        "log-x-forwarded-for", default=False, help="take the client's address from X-Forwarded-For"
    )
    memory_report: Flag = flag(
        "memory-report",
        "m",
        default=False,
        help="add the memory of the worker to the line, and measure it after each request",
    )
