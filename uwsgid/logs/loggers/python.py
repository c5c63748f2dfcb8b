"""``python``: records go to Python's own logging, and with it wherever its handlers lead.

The handlers are those of the process that writes the log, and come from a file (`logging.config`), as no
application is loaded there.
"""

from __future__ import annotations

import json
import logging
import logging.config
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final

from uwsgid.config.settings import Settings
from uwsgid.errors import ConfigError
from uwsgid.families import loggers
from uwsgid.logs.loggers.engine import Engine, NotKept, text_of, why


def handlers_of(logger: logging.Logger) -> Iterator[logging.Handler]:
    """Every handler that a record of *logger* comes to."""
    each: logging.Logger | None = logger
    while each is not None:
        yield from each.handlers
        each = each.parent if each.propagate else None


def _is_the_log(handler: logging.Handler) -> bool:
    """Whether *handler* writes to where records come from."""
    try:
        return isinstance(handler, logging.StreamHandler) and handler.stream.fileno() in (1, 2)
    except (AttributeError, OSError, ValueError):
        return False


@loggers.member("python")
class PythonLogging(Engine):
    """Gives records to a logger of Python's logging, at level error as uWSGI does.

    :param name: of the logger; the root where empty.
    """

    SLOW = True

    def __init__(self, name: str = "") -> None:
        self._logger: Final = logging.getLogger(name or None)
        self._watched: Final[set[logging.Handler]] = set()
        self._failure = ""

    @staticmethod
    def _read(argument: str) -> tuple[str, str]:
        name, _, file = argument.partition(",")
        if file and not file.endswith((".ini", ".conf", ".cfg", ".json")):
            raise ConfigError(
                f"python:{argument}: expected NAME,FILE with a file of logging.config, .ini or .json"
            )
        return name, file

    @classmethod
    def check_argument(cls, argument: str, settings: Settings) -> None:
        """:raises ConfigError: nobody can read such a file."""
        cls._read(argument)

    @classmethod
    def from_argument(cls, argument: str, settings: Settings) -> PythonLogging:
        """What ``logger = python[:NAME[,FILE]]`` names; the file is uwsgid's own idea.

        :raises ConfigError: the file can not be read, or leads back to the log.
        """
        name, file = cls._read(argument)
        if file:
            configure(file)
        made = cls(name)
        if any(_is_the_log(handler) for handler in handlers_of(made._logger)):
            raise ConfigError(
                f"python:{argument}: a handler writes to standard output or error, which is the log itself; "
                "give it a file or another descriptor"
            )
        return made

    def write(self, records: Sequence[bytes]) -> None:
        """Log each record without its newline.

        :raises OSError: the logger has no handler.
        :raises NotKept: a handler failed.
        """
        handlers = list(handlers_of(self._logger))
        if not handlers:
            raise OSError("no handler is configured for it; python:NAME,FILE reads a file of logging.config")
        if any(_is_the_log(handler) for handler in handlers):
            raise OSError("one of its handlers writes to the log itself")
        for handler in handlers:
            if handler not in self._watched:
                self._watch(handler)
        lost, reason = [], ""
        for position, record in enumerate(records):
            self._failure = ""
            self._logger.error("%s", text_of(record))
            if self._failure:
                lost.append(position)
                reason = self._failure
        if lost:
            raise NotKept(reason, lost)

    def close(self) -> None:
        """Flush every handler."""
        for handler in handlers_of(self._logger):
            handler.flush()

    def _watch(self, handler: logging.Handler) -> None:
        """Notice when *handler* fails, and keep it from printing a traceback to where records come from."""
        its_own = handler.handleError

        def handle_error(record: logging.LogRecord) -> None:
            error = sys.exc_info()[1]
            self._failure = f"{type(handler).__name__}: {'it failed' if error is None else why(error)}"
            before, logging.raiseExceptions = logging.raiseExceptions, False
            try:
                its_own(record)
            finally:
                logging.raiseExceptions = before

        handler.handleError = handle_error  # type: ignore[method-assign]
        self._watched.add(handler)


def configure(file: str) -> None:
    """Configure Python's logging from *file*.

    :raises ConfigError: that is not possible.
    """
    try:
        if file.endswith(".json"):
            with open(file, encoding="utf-8") as source:
                wanted: dict[str, Any] = json.load(source)
            logging.config.dictConfig({"disable_existing_loggers": False, **wanted})
        else:
            logging.config.fileConfig(file, disable_existing_loggers=False)
    except Exception as error:  # whatever a handler's class raises
        raise ConfigError(f"python: can not configure logging from {file}: {error}") from None
