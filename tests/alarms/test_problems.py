"""What the check of a configuration says of alarms."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.alarms.problems import ABSENT
from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigProblems
from uwsgid.families import alarms


class ProblemTests(SynchronousTestCase):
    def problems(self, *lines: str) -> list[str]:
        with self.assertRaises(ConfigProblems) as caught:
            settings_of("\n".join(lines))
        return list(caught.exception.problems)

    def test_names_nobody_knows(self) -> None:
        """Plugins and alarms, each with its line and what was probably meant."""
        self.assertEqual(
            self.problems(
                "alarm = mail cmmd:sendmail",
                "alarm = pager cmd:",
                "log-alarm = mial,pager x",
                "not-log-alarm = male x",
                "alarm-fd = zzz 7 x",
                "alarm-segfault = pagr",
                "lq-alarm = pagr",
            ),
            [
                "lines:1: alarm: there is no alarm plugin called 'cmmd'; did you mean cmd?",
                "lines:2: alarm: cmd: expected cmd:COMMAND",
                "lines:3: log-alarm: no alarm is called 'mial'; did you mean mail?",
                "lines:4: not-log-alarm: no alarm is called 'male'; did you mean mail?",
                "lines:5: alarm-fd: no alarm is called 'zzz'; there are mail, pager",
                "lines:6: alarm-segfault: no alarm is called 'pagr'; did you mean pager?",
                "lines:7: lq-alarm: no alarm is called 'pagr'; did you mean pager?",
            ],
        )

    def test_no_alarm_at_all(self) -> None:
        """How to make one."""
        self.assertEqual(
            self.problems("log-alarm = mail x"),
            ["lines:1: log-alarm: no alarm is called 'mail'; alarm = mail PLUGIN:ARGUMENT makes one"],
        )

    def test_absent_plugins(self) -> None:
        """Those of uWSGI that uwsgid does not have are refused with what they need."""
        for name, needs in ABSENT.items():
            self.assertEqual(
                self.problems(f"alarm = a {name}:x"),
                [f"lines:1: alarm: the alarm plugin {name} needs {needs}"],
            )
            self.assertNotIn(name, alarms)

    def test_a_plugin_that_is_not_installed(self) -> None:
        """It is told apart from one that nobody knows."""
        alarms.promise("uwsgid.alarms.plugins.nowhere", "test_nowhere")
        self.addCleanup(alarms._promised.pop, "test_nowhere")
        (problem,) = self.problems("alarm = a test_nowhere:x")
        self.assertIn("it needs a package that is not installed: ", problem)

    def test_log_master_is_off(self) -> None:
        """Nothing comes to the master then."""
        self.assertEqual(
            self.problems("alarm = a log:", "log-alarm = a x", "log-master = false"),
            ["lines:3: log-master: log-alarm needs it, and it is off"],
        )
