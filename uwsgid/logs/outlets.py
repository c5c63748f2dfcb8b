"""From the options to the pipelines: loggers opened, encoders chained, routes laid.

What is wrong with the options was found before, by `uwsgid.logs.outlet_problems`.  `fit` is for the boot,
before there are children.

A logger that the system refuses to open, since its folder is not there for example, does not keep the
instance from starting: its records go to the original log, and it is tried again (uWSGI opens loggers with
their first record, core/logging.c).
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from uwsgid.config.settings import Settings
from uwsgid.errors import ConfigError, KernelError
from uwsgid.families import log_encoders, loggers
from uwsgid.logs import encoders as _encoders
from uwsgid.logs import loggers as _loggers
from uwsgid.logs.courier import Courier
from uwsgid.logs.files import DescriptorLogger, FileLogger
from uwsgid.logs.grievances import Grievances
from uwsgid.logs.outlet_options import (
    EncoderWish,
    LoggerWish,
    LogOutlets,
    RequestOutlets,
    RouteWish,
    WorkerOutlets,
)
from uwsgid.logs.pipeline import Logger, Outlet, Pipeline, Sieve, Stage

PROMISES: Final = (_loggers, _encoders)  #: the packages that promise the built-in members
TRY_AGAIN: Final = 1.0  #: seconds between two tries to open a logger
PATIENCE: Final = 3.0  #: seconds that all slow loggers together have in the end

#: Encoders for secrets: what they can not encode is dropped.
SEALS: Final = frozenset({"aead"})

Owner = tuple[int, int]


class Postponed:
    """A logger that could not be opened yet.

    :param make: opens it; raises `KernelError` as long as it can not.
    :param last: why it could not at first.
    """

    def __init__(
        self, make: Callable[[], Logger], last: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._make: Final = make
        self._clock: Final = clock
        self._last = last
        self._next = clock() + TRY_AGAIN
        self._logger: Logger | None = None

    def write(self, records: Sequence[bytes]) -> None:
        """Open it now, where that is possible.

        :raises OSError: it is not.
        """
        if self._logger is None:
            self._open()
        assert self._logger is not None
        self._logger.write(records)

    def reopen(self) -> None:
        """Pass it on to who is there."""
        if self._logger is not None:
            self._logger.reopen()

    def rotate(self) -> None:
        """Pass it on to who is there."""
        if self._logger is not None:
            self._logger.rotate()

    def check_size(self) -> None:
        """Pass it on to who is there."""
        if self._logger is not None:
            self._logger.check_size()

    def close(self) -> None:
        """Pass it on to who is there."""
        if self._logger is not None:
            self._logger.close()

    def _open(self) -> None:
        if self._clock() < self._next:
            raise OSError(self._last)
        self._next = self._clock() + TRY_AGAIN
        try:
            self._logger = self._make()
        except KernelError as error:
            self._last = str(error)
            raise OSError(self._last) from None


@dataclass(frozen=True, slots=True)
class Outlets:
    """The pipelines of a configuration.

    :ivar records: the way of the log.
    :ivar requests: that of the lines of requests, where they have one of their own.
    :ivar original: the log of last resort, which another logger may be put into.
    :ivar couriers: the slow ones among the loggers.
    :ivar descriptors: those among the loggers that are nothing but a descriptor.
    :ivar grievances: what all of them complain of.
    """

    records: Pipeline
    requests: Pipeline | None
    original: Outlet
    couriers: tuple[Courier, ...]
    descriptors: tuple[DescriptorLogger, ...]
    grievances: Grievances

    def start(self) -> None:
        """Have the threads of slow loggers, from now on."""
        for courier in self.couriers:
            courier.start()

    def finish(self) -> None:
        """Give slow loggers a moment to take what waits for them, and say what they did not."""
        for courier in self.couriers:
            courier.hurry()
        deadline = time.monotonic() + PATIENCE
        for courier in self.couriers:
            courier.finish(deadline)
        self.records.complain()

    def forget(self) -> None:
        """What a fork of the process that delivers calls: it keeps no file that is set aside later."""
        for courier in self.couriers:
            courier.forget()
        for descriptor in self.descriptors:
            with contextlib.suppress(OSError):
                descriptor.close()


def fit(settings: Settings, original: Logger, owner: Owner | None = None) -> Outlets:
    """The pipelines of the master.

    :param original: where the log goes otherwise.
    :param owner: who is to own log files that are made.
    :raises ConfigError: an argument can not be used.
    """
    ordinary, requests = settings[LogOutlets], settings[RequestOutlets]
    workshop = _Workshop(settings, original, owner)
    mine = workshop.outlets(ordinary.all_loggers, ordinary.encoders)
    theirs = workshop.outlets(requests.loggers, requests.encoders)
    records = Pipeline(
        workshop.original(ordinary.encoders),
        [made for wish, made in mine if not wish.name],
        sieve=_sieve(ordinary.routes, _first_by_name(mine), ordinary),
        beside=[*(made for wish, made in mine if wish.name), *(made for _, made in theirs)],
        grievances=workshop.grievances,
    )
    if not requests.any:
        return workshop.finished(records)
    names = _first_by_name(theirs)
    routed = {route.logger for route in requests.routes} - set(names)
    # a route of requests may end in a logger of the log, behind the encoders of requests
    others = [wish for wish in ordinary.all_loggers if wish.name in routed]
    names = {**_first_by_name(workshop.outlets(others, requests.encoders)), **names}
    return workshop.finished(
        records,
        Pipeline(
            workshop.original(requests.encoders),
            [made for wish, made in theirs if not wish.name],
            sieve=_sieve(requests.routes, names),
            grievances=workshop.grievances,
        ),
    )


def fit_worker(settings: Settings, original: Logger, request_original: Logger) -> Outlets:
    """The pipelines of a worker that has loggers of its own.

    :param original: where its log goes otherwise.
    :param request_original: where the lines of its requests go otherwise.
    """
    wanted = settings[WorkerOutlets]
    workshop = _Workshop(settings, original, None)
    requests = None
    mine = workshop.outlets(wanted.loggers, wanted.encoders)
    records = Pipeline(
        workshop.original(wanted.encoders), [made for _, made in mine], grievances=workshop.grievances
    )
    if wanted.any_requests:
        theirs = _Workshop(settings, request_original, None, workshop.grievances)
        made = theirs.outlets(wanted.request_loggers, wanted.request_encoders)
        requests = Pipeline(
            theirs.original(wanted.request_encoders),
            [each for _, each in made],
            grievances=workshop.grievances,
        )
        workshop.couriers.extend(theirs.couriers)
    return workshop.finished(records, requests)


def registered(settings: Settings) -> Iterator[str]:
    """What uWSGI says of each encoder at the start."""
    for wish in (*settings[LogOutlets].encoders, *settings[RequestOutlets].encoders):
        # the key of aead is nobody's business
        shown = re.sub(r"\bkey=[^,]+", "key=***", wish.text) if wish.encoder == "aead" else wish.text
        yield f"[{wish.option}] registered {shown}"


def _first_by_name(made: Iterable[tuple[LoggerWish, Logger]]) -> dict[str, Logger]:
    """Of two with the same name routes mean the first (core/logging.c, uwsgi_get_logger_from_id)."""
    found: dict[str, Logger] = {}
    for wish, logger in made:
        if wish.name:
            found.setdefault(wish.name, logger)
    return found


def _sieve(
    routes: Sequence[RouteWish], names: dict[str, Logger], ordinary: LogOutlets | None = None
) -> Sieve | None:
    drains = ordinary.drains if ordinary is not None else ()
    filters = ordinary.filters if ordinary is not None else ()
    if not (routes or drains or filters):
        return None
    return Sieve(drains, filters, tuple((route.pattern, names[route.logger]) for route in routes))


class _Workshop:
    """Makes loggers and what stands before them, for one process.

    Each outlet has encoders of its own, and all outlets of one logger share a lock, so it does not matter
    which thread writes.
    """

    def __init__(
        self,
        settings: Settings,
        original: Logger,
        owner: Owner | None,
        grievances: Grievances | None = None,
    ) -> None:
        self._settings = settings
        self._original = Outlet(original, label="log")
        self._owner = owner
        self._engines: dict[LoggerWish, tuple[Logger, threading.Lock]] = {}
        self.grievances = grievances or Grievances()
        self.couriers: list[Courier] = []

    def outlets(
        self, wishes: Iterable[LoggerWish], encoders: Sequence[EncoderWish]
    ) -> list[tuple[LoggerWish, Logger]]:
        """The loggers that are wished for, each behind those of *encoders* that are for it."""
        return [(wish, self._outlet(wish, encoders)) for wish in wishes]

    def original(self, encoders: Sequence[EncoderWish]) -> Outlet:
        """The original log behind those of *encoders* that are for all."""
        return Outlet(self._original, _stages(encoders, ""), label="log", grievances=self.grievances)

    def finished(self, records: Pipeline, requests: Pipeline | None = None) -> Outlets:
        """All that was made."""
        descriptors = [engine for engine, _ in self._engines.values() if isinstance(engine, DescriptorLogger)]
        return Outlets(
            records,
            requests,
            self._original,
            tuple(self.couriers),
            tuple(descriptors),
            self.grievances,
        )

    def _outlet(self, wish: LoggerWish, encoders: Sequence[EncoderWish]) -> Logger:
        if wish not in self._engines:
            self._engines[wish] = self._open(wish), threading.Lock()
        engine, lock = self._engines[wish]
        fallback = self._fallback(wish, encoders)
        outlet = Outlet(
            engine,
            _stages(encoders, wish.name),
            label=wish.label,
            grievances=self.grievances,
            lock=lock,
            fallback=fallback,
        )
        if not getattr(engine, "SLOW", getattr(loggers[wish.engine], "SLOW", False)):
            return outlet
        courier = Courier(
            outlet,
            fallback,
            label=wish.label,
            limit=self._settings[LogOutlets].queue_size,
            grievances=self.grievances,
        )
        self.couriers.append(courier)
        return courier

    def _fallback(self, wish: LoggerWish, encoders: Sequence[EncoderWish]) -> Outlet:
        """Where records go that the logger can not keep: the original log, sealed where they were to be."""
        stages = _stages(encoders, wish.name)
        if not any(stage.is_seal for stage in stages):
            return self.original(encoders)
        return Outlet(self._original, stages, label="log", grievances=self.grievances)

    def _open(self, wish: LoggerWish) -> Logger:
        member: Any = loggers[wish.engine]

        def make() -> Logger:
            made: Logger = member.from_argument(wish.argument, self._settings)
            if self._owner is not None and isinstance(made, FileLogger):
                give_away(made, self._owner)
            return made

        try:
            return make()
        except ConfigError as error:
            raise ConfigError(f"{wish.origin}: {wish.option}: {error}") from None
        except KernelError as error:
            self.grievances.note(wish.label, 0, f"its records go to the original log: {error}")
            return Postponed(make, str(error))


def give_away(logger: FileLogger, owner: Owner) -> None:
    """Let *owner* write to a file that was made by root, as the user that he will be opens it in a reload."""
    found = os.fstat(logger.descriptor)
    if os.geteuid() == 0 and not found.st_size and found.st_uid == 0:
        os.fchown(logger.descriptor, *owner)


def _stages(encoders: Sequence[EncoderWish], name: str) -> list[Stage]:
    return [
        Stage(wish.encoder, log_encoders[wish.encoder](wish.arguments), wish.encoder in SEALS)
        for wish in encoders
        if not wish.logger or wish.logger == name
    ]
