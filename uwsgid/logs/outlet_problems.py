"""What is wrong with the options of loggers, encoders and routes, before anything is opened.

The check of the configuration calls this, so each text says the file, the line, and what was probably meant.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator

from uwsgid.config.settings import Settings
from uwsgid.errors import ConfigError, UnknownMember
from uwsgid.families import log_encoders, loggers
from uwsgid.logs import encoders as _encoders  # noqa: F401  they promise the built-in members
from uwsgid.logs import loggers as _loggers  # noqa: F401
from uwsgid.logs.options import LogMaster
from uwsgid.logs.outlet_options import (
    EncoderWish,
    LoggerWish,
    LogOutlets,
    RequestOutlets,
    RouteWish,
    WorkerOutlets,
)


def problems(settings: Settings) -> Iterator[str]:
    """What is wrong with the options of the master's loggers, one text each."""
    ordinary, requests = settings[LogOutlets], settings[RequestOutlets]
    named = _names(ordinary.all_loggers)
    request_named = {**named, **_names(requests.loggers)}
    yield from _problems_of_loggers((*ordinary.all_loggers, *requests.loggers), settings)
    yield from _problems_of_encoders(ordinary.encoders, named)
    yield from _problems_of_encoders(requests.encoders, request_named)
    yield from _problems_of_routes(ordinary.routes, named)
    yield from _problems_of_routes(requests.routes, request_named)
    if not settings[LogMaster].enabled:
        yield settings.problem(LogMaster, "enabled", "loggers, encoders and routes need it, and it is off")


def worker_problems(settings: Settings) -> Iterator[str]:
    """What is wrong with the options of the loggers of workers."""
    wanted = settings[WorkerOutlets]
    yield from _problems_of_loggers((*wanted.loggers, *wanted.request_loggers), settings)
    yield from _problems_of_encoders(wanted.encoders, _names(wanted.loggers))
    yield from _problems_of_encoders(wanted.request_encoders, _names(wanted.request_loggers))


def _names(wishes: Iterable[LoggerWish]) -> dict[str, LoggerWish]:
    return {wish.name: wish for wish in wishes if wish.name}


def _problems_of_loggers(wishes: Iterable[LoggerWish], settings: Settings) -> Iterator[str]:
    for wish in wishes:
        # the words of uWSGI, which people look for
        missing = f"unable to find logger {wish.engine}"
        if text := _problem(lambda: _try_logger(wish, settings), missing):  # noqa: B023
            yield f"{wish.origin}: {wish.option}: {text}"


def _try_logger(wish: LoggerWish, settings: Settings) -> None:
    check = getattr(loggers[wish.engine], "check_argument", None)
    if check is not None:
        check(wish.argument, settings)


def _problems_of_encoders(wishes: Iterable[EncoderWish], named: dict[str, LoggerWish]) -> Iterator[str]:
    for wish in wishes:
        missing = f'log encoder "{wish.encoder}" not found'
        if text := _problem(lambda: log_encoders[wish.encoder](wish.arguments), missing):  # noqa: B023
            yield f"{wish.origin}: {wish.option}: {text}"
        if wish.logger and wish.logger not in named:
            yield f"{wish.origin}: {wish.option}: {_no_such_logger(wish.logger, named)}"


def _problems_of_routes(wishes: Iterable[RouteWish], named: dict[str, LoggerWish]) -> Iterator[str]:
    for wish in wishes:
        if wish.logger not in named:
            yield f"{wish.origin}: {wish.option}: {_no_such_logger(wish.logger, named)}"


def _problem(attempt: Callable[[], object], missing: str) -> str:
    try:
        attempt()
    except UnknownMember as error:
        return f"{missing}; {error.hint}"
    except ConfigError as error:
        return str(error)
    except ImportError as error:
        return f"it needs a package that is not installed: {error}"
    return ""


def _no_such_logger(name: str, named: dict[str, LoggerWish]) -> str:
    near = difflib.get_close_matches(name, named, n=3)
    if near:
        hint = f"did you mean {' or '.join(near)}?"
    elif named:
        hint = f"named are {', '.join(sorted(named))}"
    else:
        hint = f"logger = {name} ENGINE:ARGUMENT makes one"
    return f"no logger is named {name!r}; {hint}"
