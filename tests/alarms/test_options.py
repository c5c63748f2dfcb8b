"""The grammar of alarms."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.alarms.options import AlarmOptions, plugin_list
from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigProblems
from uwsgid.logs.options import LogMaster
from uwsgid.supervise.processes import Processes

BOX = "alarm = box cmd:cat > /tmp/a b; date"


def options(*lines: str) -> AlarmOptions:
    return settings_of("\n".join(lines))[AlarmOptions]


class GrammarTests(SynchronousTestCase):
    def problem(self, *lines: str) -> str:
        with self.assertRaises(ConfigProblems) as caught:
            settings_of("\n".join(lines))
        (problem,) = map(str, caught.exception.problems)
        return problem

    def test_alarms(self) -> None:
        """The name ends at the first blank, the plugin at the first colon after it."""
        found = options(BOX, "alarm = loud log:", "alarm = plain log").alarms
        self.assertEqual(
            [(wish.name, wish.plugin, wish.argument) for wish in found],
            [("box", "cmd", "cat > /tmp/a b; date"), ("loud", "log", ""), ("plain", "log", "")],
        )
        for text in ("box", "box ", "box :x", "a,b log:"):
            self.assertIn("alarm: expected NAME PLUGIN:ARGUMENT, got", self.problem(f"alarm = {text}"))

    def test_rules(self) -> None:
        """One list of both kinds, in the order of the configuration, by any of their names."""
        found = options(
            BOX,
            "alarm = loud log:",
            "log-alarm = box,loud ^a b",
            "not-log-alarm = box except",
            "alarm-log = loud c",
            "not-alarm-log = loud ,d",
        ).rules
        self.assertEqual(
            [(rule.alarms, rule.pattern.pattern, rule.excludes) for rule in found],
            [
                (("box", "loud"), b"^a b", False),
                (("box",), b"except", True),
                (("loud",), b"c", False),
                (("loud",), b",d", True),
            ],
        )
        for text in ("box", "box ", ", x"):
            self.assertIn(
                "log-alarm: expected NAME[,NAME...] REGEX", self.problem(BOX, f"log-alarm = {text}")
            )
        self.assertIn("lines:2: log-alarm: '(' is no regular", self.problem(BOX, "log-alarm = box ("))

    def test_descriptors(self) -> None:
        """One byte is read unless another number is told; the text may have blanks."""
        found = options(BOX, "alarm-fd = box 7 out of memory", "alarm-fd = box 9:8 x").descriptors
        self.assertEqual(
            [(wish.alarm, wish.descriptor, wish.size, wish.text) for wish in found],
            [("box", 7, 1, "out of memory"), ("box", 9, 8, "x")],
        )
        for text in ("box", "box 7", "box seven x", "box 7:0 x", "box 7: x"):
            self.assertIn("alarm-fd: expected NAME FD[:BYTES] TEXT", self.problem(BOX, f"alarm-fd = {text}"))

    def test_names(self) -> None:
        """alarm-segfault and alarm-backlog have several names themselves."""
        found = options(
            BOX, "segfault-alarm = box", *(f"{name} = box" for name in ("lq-alarm", "alarm-listen-queue"))
        )
        self.assertEqual([each.alarm for each in found.segfaults], ["box"])
        self.assertEqual([each.option for each in found.backlogs], ["lq-alarm", "alarm-listen-queue"])
        self.assertIn("expected the name of an alarm", self.problem("alarm-backlog ="))

    def test_numbers(self) -> None:
        """They are uWSGI's where nothing is said; a burst of 0 would be no alarm at all."""
        found = options()
        self.assertEqual((found.freq, found.size, found.burst, found.any), (3, 8192, 10, False))
        self.assertEqual(options("alarm-freq = 0").freq, 0)
        self.assertIn("lines:1: alarm-burst: 0 is too small", self.problem("alarm-burst = 0"))

    def test_implied(self) -> None:
        """An alarm needs a master; records of the log have to come to it."""
        settings = settings_of(BOX)
        self.assertEqual((settings[Processes].master, settings[LogMaster].enabled), (True, False))
        self.assertTrue(settings_of(f"{BOX}\nlog-alarm = box x")[LogMaster].enabled)

    def test_cheap(self) -> None:
        """alarm-cheap is about threads, which no alarm has here."""
        self.assertFalse(options("alarm-cheap").any)

    def test_list(self) -> None:
        """alarm-list is in uWSGI's words."""
        self.assertEqual(
            plugin_list(), "\n*** uWSGI loaded alarms ***\ncmd\nlog\n--- end of alarms list ---\n"
        )
