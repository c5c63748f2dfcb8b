"""The engine ``python``."""

from __future__ import annotations

import json
import logging
import sys

from tests.logs.loggers.receivers import PeerCase
from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError
from uwsgid.families import loggers
from uwsgid.logs.loggers.engine import NotKept
from uwsgid.logs.loggers.python import PythonLogging

SETTINGS = settings_of("")


class Keeping(logging.Handler):
    """Keeps what it is given, but for what it is afraid of."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if "bad" in record.getMessage():
                raise ValueError("I do not like it")
            self.kept.append((record.levelname, record.getMessage()))
        except ValueError:
            self.handleError(record)


class PythonTests(PeerCase):
    def setUp(self) -> None:
        super().setUp()
        self.logger = logging.getLogger(f"tests.{self.id()}")
        self.logger.propagate = False
        self.addCleanup(self.logger.handlers.clear)

    def engine(self) -> PythonLogging:
        return PythonLogging.from_argument(self.logger.name, SETTINGS)

    def test_member(self) -> None:
        """It is registered by its name in uWSGI, and may wait."""
        self.assertIs(loggers["python"], PythonLogging)
        self.assertTrue(PythonLogging.SLOW)
        self.assertIs(PythonLogging.from_argument("", SETTINGS)._logger, logging.getLogger())

    def test_level_as_in_uwsgi(self) -> None:
        """Records have the level error; a percent sign in them means nothing."""
        handler = Keeping()
        self.logger.addHandler(handler)
        engine = self.engine()
        engine.write([b"one %s\n", b"\xff"])
        engine.close()
        self.assertEqual(handler.kept, [("ERROR", "one %s"), ("ERROR", "\N{REPLACEMENT CHARACTER}")])

    def test_no_handler(self) -> None:
        """Without a handler Python would write to where records come from."""
        text = str(self.assertRaises(OSError, self.engine().write, [b"one"]))
        self.assertIn("no handler is configured", text)

    def test_never_in_a_circle(self) -> None:
        """A handler that writes to the log itself is refused, also when it comes later."""
        engine = self.engine()
        handler = logging.StreamHandler(sys.__stderr__)
        self.logger.addHandler(handler)
        self.assertRaises(OSError, engine.write, [b"one"])
        self.assertRaises(ConfigError, self.engine)

    def test_handler_fails(self) -> None:
        """A failing handler is about its record only, and prints nothing."""
        handler = Keeping()
        self.logger.addHandler(handler)
        engine = self.engine()
        error = self.assertRaises(NotKept, engine.write, [b"one", b"bad", b"two"])
        self.assertEqual((str(error), error.positions), ("Keeping: I do not like it", (1,)))
        self.assertEqual([text for _, text in handler.kept], ["one", "two"])
        self.assertTrue(logging.raiseExceptions)

    def test_files(self) -> None:
        """Handlers come from a file of logging.config, in either of its forms."""
        name = self.logger.name
        wanted = {
            "version": 1,
            "handlers": {"file": {"class": "logging.FileHandler", "filename": self.path("json.log")}},
            "loggers": {name: {"handlers": ["file"], "propagate": False}},
        }
        with open(self.path("log.json"), "w") as file:
            json.dump(wanted, file)
        with open(self.path("log.ini"), "w") as file:
            file.write(
                f"[loggers]\nkeys=root,it\n[handlers]\nkeys=file\n[formatters]\nkeys=\n[logger_root]\nhandlers=\n"
                f"[logger_it]\nqualname={name}\nhandlers=file\npropagate=0\n"
                f"[handler_file]\nclass=FileHandler\nargs=({self.path('ini.log')!r},)\n"
            )
        for form in ("json", "ini"):
            engine = PythonLogging.from_argument(f"{name},{self.path('log.')}{form}", SETTINGS)
            engine.write([b"one\n"])
            engine.close()
            with open(self.path(f"{form}.log")) as file:
                self.assertEqual(file.read(), "one\n")
            for handler in self.logger.handlers:
                handler.close()

    def test_mistakes(self) -> None:
        """A file that can not be read, or is no configuration, stops the start."""
        self.assertRaises(ConfigError, PythonLogging.check_argument, "a,b.txt", SETTINGS)
        argument = f"a,{self.path('none.json')}"
        PythonLogging.check_argument(argument, SETTINGS)
        text = str(self.assertRaises(ConfigError, PythonLogging.from_argument, argument, SETTINGS))
        self.assertIn("can not configure logging", text)
