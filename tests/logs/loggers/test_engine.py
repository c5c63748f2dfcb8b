"""What engines have in common."""

from __future__ import annotations

import errno
from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import ConfigError
from uwsgid.families import loggers
from uwsgid.logs.loggers.engine import Engine, NotKept, borrow, text_of, why


class Silent(Engine):
    """An engine that keeps nothing."""

    def write(self, records: Sequence[bytes]) -> None:
        """Nobody hears of them."""


class EngineTests(SynchronousTestCase):
    def test_nothing_to_do(self) -> None:
        """Nothing has to be reopened, rotated, or closed where nothing was opened."""
        engine = Silent()
        for do in (engine.reopen, engine.rotate, engine.check_size, engine.close):
            do()

    def test_not_kept(self) -> None:
        """The error is an OSError, and says which records it is about."""
        error = NotKept("nobody is there", [0, 2])
        self.assertIsInstance(error, OSError)
        self.assertEqual((str(error), error.positions), ("nobody is there", (0, 2)))

    def test_why(self) -> None:
        """A reason has no number in it, and is never empty."""
        self.assertEqual(why(OSError(errno.ECONNREFUSED, "Connection refused")), "Connection refused")
        self.assertEqual(why(TimeoutError("timed out")), "timed out")
        self.assertEqual(why(TimeoutError()), "TimeoutError")

    def test_text(self) -> None:
        """One newline goes, and bytes that are no text are replaced."""
        self.assertEqual(text_of(b"a\n\n"), "a\n")
        self.assertEqual(text_of(b"\xff"), "\N{REPLACEMENT CHARACTER}")

    def test_borrow(self) -> None:
        """A missing package is a mistake of the configuration, and the text says what to install."""
        self.assertEqual(borrow("json", "x", "x").dumps(1), "1")
        text = str(self.assertRaises(ConfigError, borrow, "no_such_package", "zeromq", "zmq"))
        self.assertIn("pip install 'uwsgid[zeromq]'", text)
        self.assertIn("no_such_package", text)

    def test_all_fulfil_the_contract(self) -> None:
        """Every engine that is promised is there, and can do what a logger has to."""
        for name in loggers.names():
            member = loggers[name]
            for method in ("from_argument", "write", "reopen", "rotate", "check_size", "close"):
                self.assertTrue(callable(getattr(member, method, None)), f"{name}.{method}")
