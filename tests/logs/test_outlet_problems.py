"""What the check of a configuration says of loggers, encoders and routes."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

import tests.logs.notebooks  # noqa: F401  the engines of these tests
from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigProblems


class ProblemTests(SynchronousTestCase):
    def problems(self, *lines: str) -> list[str]:
        with self.assertRaises(ConfigProblems) as caught:
            settings_of("\n".join(lines))
        return list(caught.exception.problems)

    def test_names_nobody_knows(self) -> None:
        """Engines, encoders and loggers, each with its line and what was probably meant."""
        self.assertEqual(
            self.problems(
                "logger = shop noteboook:x",
                "log-encoder = prefixx a",
                "log-encoder = nl:shopp",
                "log-route = chop .",
                "log-req-route = shopping .",
                "req-logger = file:maxsize=x",
                "req-logger = file:",
            ),
            [
                "lines:1: logger: unable to find logger noteboook; did you mean notebook?",
                "lines:6: req-logger: file:maxsize=x: "
                "expected logfile=PATH[,backupname=PATH][,maxsize=BYTES]",
                "lines:7: req-logger: file: expected the path of a file, such as file:/var/log/shop.log",
                'lines:2: log-encoder: log encoder "prefixx" not found; did you mean prefix?',
                "lines:3: log-encoder: no logger is named 'shopp'; did you mean shop?",
                "lines:4: log-route: no logger is named 'chop'; did you mean shop?",
                "lines:5: log-req-route: no logger is named 'shopping'; did you mean shop?",
            ],
        )

    def test_hints_without_a_near_name(self) -> None:
        """The names that there are, or how to make one."""
        self.assertEqual(
            self.problems("logger = shop notebook:x", "log-route = zzz ."),
            ["lines:2: log-route: no logger is named 'zzz'; named are shop"],
        )
        self.assertEqual(
            self.problems("log-route = zzz ."),
            ["lines:1: log-route: no logger is named 'zzz'; logger = zzz ENGINE:ARGUMENT makes one"],
        )

    def test_arguments(self) -> None:
        """What a logger or an encoder can see to be wrong is found before anything is opened."""
        found = self.problems(
            "logger = notebook:bad", "log-encoder = format ${nonsense}", "req-logger = notebook:bad"
        )
        self.assertEqual(found[0], "lines:1: logger: notebook:bad: not this one")
        self.assertEqual(found[1], "lines:3: req-logger: notebook:bad: not this one")
        self.assertTrue(found[2].startswith("lines:2: log-encoder: "), found)

    def test_without_log_master(self) -> None:
        """Who turns log-master off has to do without loggers."""
        self.assertEqual(
            self.problems("logger = notebook:x", "log-master = false"),
            ["lines:2: log-master: loggers, encoders and routes need it, and it is off"],
        )

    def test_workers(self) -> None:
        """The same for the loggers of workers."""
        self.assertEqual(
            self.problems("worker-logger = noteboook:x", "worker-log-encoder = nl:shop"),
            [
                "lines:1: worker-logger: unable to find logger noteboook; did you mean notebook?",
                "lines:2: worker-log-encoder: no logger is named 'shop'; "
                "logger = shop ENGINE:ARGUMENT makes one",
            ],
        )
