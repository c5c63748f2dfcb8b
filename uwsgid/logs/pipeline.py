"""The way of a record through the master: from the log pipe to the loggers.

Records come in batches, as the pipe is drained, and leave in batches, so that a file gets one write for
many lines.  A record is whatever one process wrote at once: usually a line with its newline, sometimes
several lines or a piece of one.  It is passed on as it came, unless an encoder changes it.

`Sieve` decides, `Pipeline` acts, `Outlet` is a logger with what stands before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final, NamedTuple, Protocol, TypeVar

from uwsgid.logs.grievances import Grievances

T = TypeVar("T")


class PartlyKept(OSError):
    """The first of some records could be kept, and the others not.

    :ivar kept: how many it were; the last of them may be written in part, and is finished by its logger.
    """

    def __init__(self, reason: OSError, kept: int) -> None:
        super().__init__(reason.errno, reason.strerror)
        self.kept: Final = kept


class NotKept(OSError):
    """Some of the records could not be kept, and the others were.

    :ivar positions: which could not, counted from 0.
    """

    def __init__(self, text: str, positions: Sequence[int]) -> None:
        super().__init__(text)
        self.positions: Final = tuple(positions)


class Unsealed(Exception):
    """A record that was to be secret can not be made so.

    :ivar label: who could not do it.
    """

    def __init__(self, label: str, reason: Exception) -> None:
        super().__init__(str(reason))
        self.label: Final = label


def remaining(error: BaseException, records: Sequence[T]) -> Sequence[T]:
    """Those of *records* that a logger has not kept when it raised *error*."""
    if isinstance(error, PartlyKept):
        return records[error.kept :]
    if isinstance(error, NotKept):
        return [records[position] for position in error.positions]
    return records


class Logger(Protocol):
    """Where records can go: a member of the family ``loggers``."""

    def write(self, records: Sequence[bytes]) -> None:
        """Keep *records*.

        :raises PartlyKept: only the first of them could be kept.
        :raises NotKept: some of them could not be kept.
        :raises OSError: they could not be kept.
        """

    def reopen(self) -> None:
        """Open again what has a name."""

    def rotate(self) -> None:
        """Set aside what was kept and begin anew."""

    def check_size(self) -> None:
        """Rotate when it is time; called about once a second."""

    def close(self) -> None:
        """Let go of all resources."""


class Stage(NamedTuple):
    """What changes a record.

    :ivar name: in the configuration.
    :ivar is_seal: what it can not change goes to nobody, since it was to be secret.
    """

    name: str
    encode: Callable[[bytes], bytes]
    is_seal: bool = False


class Outlet:
    """A logger behind its encoders, which is a logger to whoever writes to it.

    :param stages: what each record goes through, in order.
    :param label: what the logger is called in the log.
    :param lock: held while it works; its own where not given.
    :param fallback: gets what the logger can not keep; the original log of the pipeline where not given.
    """

    def __init__(
        self,
        logger: Logger,
        stages: Sequence[Stage] = (),
        *,
        label: str = "",
        grievances: Grievances | None = None,
        lock: Lock | None = None,
        fallback: Logger | None = None,
    ) -> None:
        self.logger = logger
        self.fallback: Final = fallback
        self.label: Final = label or f"logger {type(logger).__name__}"
        self._stages: Final = tuple(stages)
        self._seals: Final = any(stage.is_seal for stage in self._stages)
        self._grievances: Final = grievances or Grievances()
        self._lock: Final = lock or Lock()

    def write(self, records: Sequence[bytes]) -> None:
        """Encode *records* and keep them.

        :raises OSError: they could not be kept.
        """
        with self._lock:
            if self._seals:
                self._write_sealed(records)
            else:
                self.logger.write([self._encode(record) for record in records] if self._stages else records)

    def tell(self, lines: Sequence[bytes]) -> None:
        """Keep lines that tell of losses.  There is no record in them, so they go as they are where they
        can not be sealed: somebody has to hear that nothing can.

        :raises OSError: they could not be kept.
        """
        with self._lock:
            self.logger.write([self._encode_told(line) for line in lines])

    def reopen(self) -> None:
        """Pass it on."""
        with self._lock:
            self.logger.reopen()

    def rotate(self) -> None:
        """Pass it on."""
        with self._lock:
            self.logger.rotate()

    def check_size(self) -> None:
        """Pass it on."""
        with self._lock:
            self.logger.check_size()

    def close(self) -> None:
        """Pass it on."""
        with self._lock:
            self.logger.close()

    def _encode(self, record: bytes) -> bytes:
        for name, encode, is_seal in self._stages:
            try:
                record = encode(record)
            except Exception as error:
                if is_seal:
                    raise Unsealed(f"log-encoder {name}", error) from None
                # uWSGI loses the record (core/logging.c, uwsgi_log_func_do)
                self._grievances.note(f"log-encoder {name}", 1, f"left unencoded: {error}")
        return record

    def _encode_told(self, line: bytes) -> bytes:
        try:
            return self._encode(line)
        except Unsealed:
            return line

    def _write_sealed(self, records: Sequence[bytes]) -> None:
        """Likewise, where what can not be sealed is dropped."""
        sealed, positions = [], []
        for position, record in enumerate(records):
            try:
                sealed.append(self._encode(record))
                positions.append(position)
            except Unsealed as unsealed:
                self._grievances.note(unsealed.label, 1, f"dropped rather than left unsealed: {unsealed}")
        try:
            if sealed:
                self.logger.write(sealed)
        except Exception as error:
            raise NotKept(str(error), remaining(error, positions)) from error


@dataclass(frozen=True, slots=True)
class Sieve:
    """Which records are kept, and for whom.

    :ivar drains: a record that matches one of them is dropped.
    :ivar filters: where there are any, a record that matches none of them is dropped.
    :ivar routes: a record goes to the loggers of all routes that match, and then to nobody else.
    """

    drains: tuple[re.Pattern[bytes], ...] = ()
    filters: tuple[re.Pattern[bytes], ...] = ()
    routes: tuple[tuple[re.Pattern[bytes], Logger], ...] = ()

    def keeps(self, record: bytes) -> bool:
        """Whether anybody gets *record*."""
        for drain in self.drains:
            if drain.search(record):
                return False
        return not self.filters or any(each.search(record) for each in self.filters)

    def sort(self, records: Sequence[bytes]) -> tuple[list[bytes], list[tuple[Logger, list[bytes]]]]:
        """The records that no route takes, and for each logger of a route those that it gets, in order."""
        rest: list[bytes] = []
        routed: dict[int, tuple[Logger, list[bytes]]] = {}
        sifts = bool(self.drains or self.filters)
        for record in records:
            if sifts and not self.keeps(record):
                continue
            taken = False
            for pattern, logger in self.routes:
                if pattern.search(record):
                    taken = True
                    routed.setdefault(id(logger), (logger, []))[1].append(record)
            if not taken:
                rest.append(record)
        return rest, list(routed.values())


class Pipeline:
    """Delivers each record to the loggers.

    :param original: where the log went before there was a pipeline.  It gets the records when there is no
        other logger, and those that another logger could not keep.
    :param loggers: the others, each of which gets every record that no route takes.
    :param sieve: drops records and routes others; None where each goes to all.
    :param beside: loggers that get routed records only, or none from here, and hear the orders of all.
    :param grievances: what was lost, told to the log about once a second.
    """

    def __init__(
        self,
        original: Logger,
        loggers: Sequence[Logger] = (),
        *,
        sieve: Sieve | None = None,
        beside: Sequence[Logger] = (),
        grievances: Grievances | None = None,
    ) -> None:
        self._original: Final = original
        self._loggers: Final = tuple(loggers)
        self._sieve: Final = sieve
        self._beside: Final = tuple(beside)
        self._grievances: Final = grievances or Grievances()
        self._untold: list[bytes] = []

    def accept(self, records: Sequence[bytes]) -> None:
        """Deliver *records*.  Nothing is raised: who can not log goes on without."""
        if self._sieve is not None:
            records, routed = self._sieve.sort(records)
            for logger, theirs in routed:
                self._deliver(logger, theirs)
            if not records:
                return
        for logger in self._loggers or (self._original,):
            self._deliver(logger, records)

    def reopen(self) -> None:
        """``touch-logreopen`` and the letter ``l`` of the master FIFO."""
        for logger in self.all:
            logger.reopen()

    def rotate(self) -> None:
        """``touch-logrotate`` and the letter ``L`` of the master FIFO."""
        for logger in self.all:
            logger.rotate()

    def check_size(self) -> None:
        """To be called about once a second, for ``log-maxsize``; says what was lost since."""
        for logger in self.all:
            logger.check_size()
        self.complain()

    def complain(self) -> None:
        """Say what was lost since the last time; what can not be written is kept for the next."""
        if lines := self._untold or self._grievances.tell():
            self._untold = lines
            try:
                getattr(self._original, "tell", self._original.write)(lines)
            except OSError:
                return
            self._untold = []

    def close(self) -> None:
        """Close every logger."""
        for logger in self.all:
            logger.close()

    @property
    def all(self) -> tuple[Logger, ...]:
        """Every logger, the original one first."""
        return (self._original, *self._loggers, *self._beside)

    def _deliver(self, logger: Logger, records: Sequence[bytes]) -> None:
        try:
            logger.write(records)
        except Exception as error:  # a logger may be anybody's, and must not end the reading of the log
            records = remaining(error, records)
            if logger is self._original:
                self._grievances.note("log", len(records), f"lost: {error}")
            else:
                label = getattr(logger, "label", type(logger).__name__)
                self._grievances.note(label, len(records), f"written to the original log: {error}")
                self._fall_back(getattr(logger, "fallback", None) or self._original, records)

    def _fall_back(self, original: Logger, records: Sequence[bytes]) -> None:
        try:
            original.write(records)
        except Exception as error:
            self._grievances.note("log", len(remaining(error, records)), f"lost: {error}")
