"""The options that say where records go and what becomes of them on the way: loggers, encoders, routes.

Here they are only read.  What can be wrong with them beyond their grammar, a name that nobody knows for
example, is found by `uwsgid.logs.outlet_problems`, which is imported when one of them is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from uwsgid.config.directive import Directive, Origin
from uwsgid.config.kinds import Count, Flag, Kind, Takes
from uwsgid.config.section import Section, flag, option, section
from uwsgid.config.settings import Settings


@dataclass(frozen=True, slots=True)
class LoggerWish:
    """``logger = [NAME ]ENGINE[:ARGUMENT]``.

    :ivar option: the option that it was written for.
    :ivar name: letters and digits; empty for a logger that gets every record.
    """

    option: str
    origin: Origin
    engine: str
    argument: str = ""
    name: str = ""

    @property
    def label(self) -> str:
        """What the logger is called in the log; never its argument, which may hold a password."""
        return f"logger {self.name or self.engine}"


@dataclass(frozen=True, slots=True)
class EncoderWish:
    """``log-encoder = ENCODER[:LOGGER][ ARGUMENTS]``.

    :ivar arguments: as they were written, blanks included.
    :ivar logger: the one that it is for; empty for all.
    """

    option: str
    origin: Origin
    text: str
    encoder: str
    arguments: str = ""
    logger: str = ""


@dataclass(frozen=True, slots=True)
class RouteWish:
    """``log-route = LOGGER REGEX``."""

    option: str
    origin: Origin
    logger: str
    pattern: re.Pattern[bytes]


#: A name before the engine; anything else before the first blank belongs to the engine (core/logging.c).
_NAMED: Final = re.compile(r"([0-9A-Za-z]+) (.*)", re.DOTALL)


def _logger(directive: Directive) -> LoggerWish:
    text = directive.value or ""
    name = ""
    if found := _NAMED.fullmatch(text):
        name, text = found.groups()
    engine, _, argument = text.partition(":")
    if not engine:
        raise ValueError(f"expected [NAME ]ENGINE[:ARGUMENT], got {directive.value or ''!r}")
    return LoggerWish(directive.name, directive.origin, engine, argument, name)


def _by_engine(engine: str) -> Callable[[Directive], LoggerWish]:
    def parse(directive: Directive) -> LoggerWish:
        return LoggerWish(directive.name, directive.origin, engine, directive.value or "")

    return parse


def _encoder(directive: Directive) -> EncoderWish:
    text = directive.value or ""
    word, _, arguments = text.partition(" ")
    encoder, colon, logger = word.partition(":")
    if not encoder or (colon and not logger):
        raise ValueError(f"expected ENCODER[:LOGGER][ ARGUMENTS], got {text!r}")
    return EncoderWish(directive.name, directive.origin, text, encoder, arguments, logger)


def _pattern(text: str) -> re.Pattern[bytes]:
    try:
        return re.compile(text.encode("utf-8", "surrogateescape"))
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from None


def _regex(directive: Directive) -> re.Pattern[bytes]:
    if not directive.value:
        raise ValueError("expected a regular expression, got nothing, which matches every record")
    return _pattern(directive.value)


def _route(directive: Directive) -> RouteWish:
    text = directive.value or ""
    name, _, regex = text.partition(" ")
    if not name or not regex:
        raise ValueError(f"expected LOGGER REGEX, got {text!r}")
    return RouteWish(directive.name, directive.origin, name, _pattern(regex))


def _many(name: str, expected: str, parse: Callable[[Directive], Any], takes: Takes = Takes.VALUE) -> Kind:
    return Kind(name, expected, parse, takes, many=True, reads_directive=True)


LOGGERS: Final = _many("logger list", "[NAME ]ENGINE[:ARGUMENT]", _logger)
SYSLOGS: Final = _many("optional list", "an ident", _by_engine("syslog"), Takes.MAYBE)
SOCKETS: Final = _many("list", "an address", _by_engine("socket"))
ZEROMQS: Final = _many("list", "an endpoint", _by_engine("zeromq"))
ENCODERS: Final = _many("encoder list", "ENCODER[:LOGGER][ ARGUMENTS]", _encoder)
REGEXES: Final = _many("regex list", "a regular expression", _regex)
ROUTES: Final = _many("route list", "LOGGER REGEX", _route)

Loggers = Annotated[tuple[LoggerWish, ...], LOGGERS]
Syslogs = Annotated[tuple[LoggerWish, ...], SYSLOGS]
Sockets = Annotated[tuple[LoggerWish, ...], SOCKETS]
ZeroMQs = Annotated[tuple[LoggerWish, ...], ZEROMQS]
Encoders = Annotated[tuple[EncoderWish, ...], ENCODERS]
Regexes = Annotated[tuple["re.Pattern[bytes]", ...], REGEXES]
Routes = Annotated[tuple[RouteWish, ...], ROUTES]

_MASTER: Final = ("master", "log-master")


@section("Logging")
class LogOutlets(Section):
    """Where the records of the log go, and what becomes of them on the way."""

    loggers: Loggers = option(
        "logger", default=(), implies=_MASTER, help="send the log to [NAME ]ENGINE[:ARGUMENT]"
    )
    syslogs: Syslogs = option(
        "log-syslog", default=(), implies=_MASTER, help="log to syslog, as IDENT[,FACILITY]"
    )
    sockets: Sockets = option(
        "log-socket", default=(), implies=_MASTER, help="log to a datagram socket, ADDRESS[,PREFIX]"
    )
    zeromqs: ZeroMQs = option("log-zeromq", default=(), implies=_MASTER, help="log to a ZeroMQ endpoint")
    encoders: Encoders = option(
        "log-encoder",
        default=(),
        implies=_MASTER,
        help="change each record on its way to a logger, ENCODER[:LOGGER][ ARGUMENTS]",
        note="a record that an encoder fails for goes on as it was, rather than being lost; but for aead",
    )
    drains: Regexes = option(
        "log-drain", default=(), implies=_MASTER, help="drop records that match this regular expression"
    )
    filters: Regexes = option(
        "log-filter", default=(), implies=_MASTER, help="drop records that match none of these"
    )
    routes: Routes = option(
        "log-route",
        default=(),
        implies=_MASTER,
        help="send records that match to a named logger, LOGGER REGEX",
        note="a logger that nobody named stops the start, rather than being ignored",
    )
    queue_size: Count = option(
        "log-queue-size",
        default=4 << 20,
        help="bytes of records that may wait for a slow logger, what comes then is dropped and counted",
    )
    threaded: Flag = flag(
        "threaded-logger", default=False, implies=_MASTER, help="write the log in a thread of the master"
    )
    listing: Flag = flag("logger-list", "loggers-list", default=False, help="print the loggers, and exit")

    @property
    def all_loggers(self) -> tuple[LoggerWish, ...]:
        """Those of ``logger`` first."""
        return (*self.loggers, *self.syslogs, *self.sockets, *self.zeromqs)

    @property
    def any(self) -> bool:
        """Whether records are more than passed on."""
        return bool(self.all_loggers or self.encoders or self.drains or self.filters or self.routes)

    def check(self, settings: Settings) -> Iterable[str]:
        """Names that nobody knows, and arguments that can not be used."""
        return _problems(self.any, settings)


def _problems(any_wish: bool, settings: Settings) -> Iterable[str]:
    """What is wrong with `LogOutlets` and `RequestOutlets`, which refer to each other."""
    if any_wish:
        from uwsgid.logs.outlet_problems import problems

        yield from problems(settings)


def engine_list() -> str:
    """What ``logger-list`` prints, in uWSGI's words."""
    import uwsgid.logs.loggers  # noqa: F401  it promises the built-in ones
    from uwsgid.families import loggers

    names = "\n".join(loggers.names())
    return f"\n*** uWSGI loaded loggers ***\n{names}\n--- end of loggers list ---\n"


@section("Logging")
class RequestOutlets(Section):
    """The same for the lines of requests, which leave the workers by a way of their own then."""

    loggers: Loggers = option(
        "req-logger",
        "logger-req",
        default=(),
        implies=_MASTER,
        help="send the lines of requests to [NAME ]ENGINE[:ARGUMENT]",
    )
    encoders: Encoders = option(
        "log-req-encoder",
        default=(),
        implies=_MASTER,
        help="change each line of a request on its way to a logger",
        note="works also without req-logger and log-req-route, where uWSGI ignores it",
    )
    routes: Routes = option(
        "log-req-route",
        default=(),
        implies=_MASTER,
        help="send lines of requests that match to a named logger, LOGGER REGEX",
        note="looks for the name among those of req-logger first; 1.9.16 looks among those of logger only",
    )
    stream: Flag = flag(
        "log-master-req-stream", default=False, help="use a byte stream for them in place of records"
    )

    @property
    def any(self) -> bool:
        """Whether lines of requests have a way of their own."""
        return bool(self.loggers or self.encoders or self.routes)

    def check(self, settings: Settings) -> Iterable[str]:
        """The same of those for lines of requests."""
        return _problems(self.any, settings)


@section("Logging")
class WorkerOutlets(Section):
    """Loggers in the workers themselves (uWSGI 2.1)."""

    loggers: Loggers = option(
        "worker-logger", default=(), help="send what a worker logs to [NAME ]ENGINE[:ARGUMENT], from there"
    )
    request_loggers: Loggers = option(
        "worker-logger-req",
        default=(),
        help="send the lines of its requests to [NAME ]ENGINE[:ARGUMENT], from there",
    )
    encoders: Encoders = option(
        "worker-log-encoder", default=(), help="change what a worker logs on its way, from there"
    )
    request_encoders: Encoders = option(
        "worker-log-req-encoder", default=(), help="change the lines of its requests on their way, from there"
    )

    @property
    def any(self) -> bool:
        """Whether workers have loggers of their own."""
        return self.any_records or self.any_requests

    @property
    def any_records(self) -> bool:
        """Whether it is about what a worker prints."""
        return bool(self.loggers or self.encoders)

    @property
    def any_requests(self) -> bool:
        """Whether it is about the lines of its requests."""
        return bool(self.request_loggers or self.request_encoders)

    def check(self, settings: Settings) -> Iterable[str]:
        """Names that nobody knows, and arguments that can not be used."""
        if self.any:
            from uwsgid.logs.outlet_problems import worker_problems

            yield from worker_problems(settings)
