"""The grammar of loggers, encoders and routes."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.directive import Directive, Origin
from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigProblems
from uwsgid.logs.options import LogMaster
from uwsgid.logs.outlet_options import ZEROMQS, LogOutlets, RequestOutlets, WorkerOutlets, engine_list


def outlets(*lines: str) -> LogOutlets:
    return settings_of("\n".join(lines))[LogOutlets]


class GrammarTests(SynchronousTestCase):
    def problems(self, *lines: str) -> list[str]:
        with self.assertRaises(ConfigProblems) as caught:
            settings_of("\n".join(lines))
        return list(caught.exception.problems)

    def test_loggers(self) -> None:
        """A name is letters and digits before the first blank; anything else belongs to the engine."""
        found = [
            (wish.name, wish.engine, wish.argument)
            for wish in outlets(
                "logger = file:/var/log/a b.log",
                "logger = shop1 file:/tmp/x",
                "logger = stdio",
                "logger = shop file:logfile=/tmp/x,maxsize=10",
            ).loggers
        ]
        self.assertEqual(
            found,
            [
                ("", "file", "/var/log/a b.log"),
                ("shop1", "file", "/tmp/x"),
                ("", "stdio", ""),
                ("shop", "file", "logfile=/tmp/x,maxsize=10"),
            ],
        )

    def test_other_spellings_of_loggers(self) -> None:
        """log-syslog, log-socket and log-zeromq are loggers of these engines, the first also without text."""
        found = outlets("log-syslog", "log-syslog = shop,local3", "log-socket = 127.0.0.1:1,a b").all_loggers
        given = Directive("log-zeromq", "tcp://x:1", Origin("lines", 1))
        self.assertEqual(
            [(wish.engine, wish.argument) for wish in (*found, ZEROMQS.convert(given))],
            [
                ("syslog", ""),
                ("syslog", "shop,local3"),
                ("socket", "127.0.0.1:1,a b"),
                ("zeromq", "tcp://x:1"),
            ],
        )

    def test_labels_hide_arguments(self) -> None:
        """What stands for a logger in the log never shows its argument."""
        found = outlets("logger = a file:/secret", "logger = file:/secret").loggers
        self.assertEqual([wish.label for wish in found], ["logger a", "logger file"])

    def test_encoders(self) -> None:
        """The first blank ends the name, a colon before it names a logger, the rest is kept as it is."""
        found = outlets(
            "logger = shop file:/tmp/x",
            "log-encoder = prefix  a:b ",
            "log-encoder = suffix:shop x:y",
            "log-encoder = nl",
        ).encoders
        self.assertEqual(
            [(wish.encoder, wish.logger, wish.arguments) for wish in found],
            [("prefix", "", " a:b"), ("suffix", "shop", "x:y"), ("nl", "", "")],
        )

    def test_routes(self) -> None:
        """The first blank separates the logger from a regular expression of bytes."""
        (route,) = outlets("logger = shop file:/tmp/x", "log-route = shop ^a  b").routes
        self.assertEqual((route.logger, route.pattern.pattern), ("shop", b"^a  b"))

    def test_what_is_none(self) -> None:
        """Each piece of nonsense is one problem, with its place."""
        self.assertEqual(
            self.problems(
                "log-route = shop",
                "log-route = shop a(",
                "log-drain = [",
                "log-encoder = prefix: x",
                "logger = :x",
                "log-filter =",
            ),
            [
                "lines:1: log-route: expected LOGGER REGEX, got 'shop'",
                "lines:2: log-route: 'a(' is no regular expression: "
                "missing ), unterminated subpattern at position 1",
                "lines:3: log-drain: '[' is no regular expression: unterminated character set at position 0",
                "lines:4: log-encoder: expected ENCODER[:LOGGER][ ARGUMENTS], got 'prefix: x'",
                "lines:5: logger: expected [NAME ]ENGINE[:ARGUMENT], got ':x'",
                "lines:6: log-filter: expected a regular expression, got nothing, which matches every record",
            ],
        )

    def test_implied(self) -> None:
        """Every one of them turns log-master on, but what workers do themselves."""
        for line in (
            "logger = stdio",
            "req-logger = stdio",
            "logger-req = stdio",
            "log-encoder = nl",
            "log-req-encoder = nl",
            "log-drain = x",
            "log-filter = x",
            "threaded-logger = true",
        ):
            self.assertTrue(settings_of(line)[LogMaster].enabled, line)
        settings = settings_of("worker-logger = stdio")
        self.assertFalse(settings[LogMaster].enabled)
        self.assertTrue(settings[WorkerOutlets].any_records)
        self.assertFalse(settings[WorkerOutlets].any_requests)

    def test_nothing_configured(self) -> None:
        """Without any of them nobody is asked to do anything."""
        settings = settings_of()
        self.assertFalse(
            settings[LogOutlets].any or settings[RequestOutlets].any or settings[WorkerOutlets].any
        )

    def test_list(self) -> None:
        """logger-list names all engines, those of uWSGI among them."""
        lines = engine_list().splitlines()
        for name in ("file", "fd", "stdio", "socket", "syslog", "rsyslog", "redislog", "zmq", "systemd"):
            self.assertIn(name, lines)
        self.assertEqual(
            (lines[1], lines[-1]), ("*** uWSGI loaded loggers ***", "--- end of loggers list ---")
        )
