"""The way of a record through the master: from the log pipe to the loggers.

Records come in batches, as the pipe is drained, and leave in batches, so that a file gets one write for
many lines.  A record is whatever one process wrote at once: usually a line with its newline, sometimes
several lines or a piece of one.  It is passed on as it came.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Logger(Protocol):
    """Where records can go: a member of the family ``loggers``."""

    def write(self, records: Sequence[bytes]) -> None:
        """Keep *records*.

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


class Pipeline:
    """Delivers each record to the loggers.

    :param original: where the log went before there was a pipeline.  It gets the records when there is no
        other logger, and those that another logger could not keep.
    :param loggers: the others, each of which gets every record.
    """

    def __init__(self, original: Logger, loggers: Sequence[Logger] = ()) -> None:
        self._original = original
        self._loggers = tuple(loggers)

    def accept(self, records: Sequence[bytes]) -> None:
        """Deliver *records*.  Nothing is raised: who can not log goes on without."""
        for logger in self._loggers or (self._original,):
            self._deliver(logger, records)

    def reopen(self) -> None:
        """``touch-logreopen`` and the letter ``l`` of the master FIFO."""
        for logger in self._all():
            logger.reopen()

    def rotate(self) -> None:
        """``touch-logrotate`` and the letter ``L`` of the master FIFO."""
        for logger in self._all():
            logger.rotate()

    def check_size(self) -> None:
        """To be called about once a second, for ``log-maxsize``."""
        for logger in self._all():
            logger.check_size()

    def close(self) -> None:
        """Close every logger."""
        for logger in self._all():
            logger.close()

    def _all(self) -> tuple[Logger, ...]:
        return (self._original, *self._loggers)

    def _deliver(self, logger: Logger, records: Sequence[bytes]) -> None:
        try:
            logger.write(records)
        except OSError:
            if logger is not self._original:
                self._deliver(self._original, records)
