"""The table of phases."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.hooks.phases import ORDER, Family, Phase

ALL = ("asap", "pre-jail", "post-jail", "in-jail", "as-root", "as-emperor", "as-vassal")
WITHOUT_MOUNTS = ("as-user", "pre-app", "post-app", "as-user-atexit")


class PhaseTests(SynchronousTestCase):
    def test_each_is_described(self) -> None:
        """Every phase has its place in the order, once, and its facts."""
        self.assertEqual(set(ORDER), set(Phase))
        self.assertEqual(len(ORDER), len(Phase))
        for phase in Phase:
            self.assertTrue(phase.facts.moment and phase.facts.process and phase.label, phase)

    def test_families(self) -> None:
        """Which options there are, phase by phase."""
        for phase in Phase:
            families = set(phase.facts.families)
            if phase.value in ALL:
                self.assertEqual(families, set(Family), phase)
            elif phase.value in WITHOUT_MOUNTS:
                self.assertEqual(families, {Family.HOOK, Family.EXEC, Family.CALL}, phase)
            else:
                self.assertEqual(families, {Family.HOOK}, phase)

    def test_what_may_fail(self) -> None:
        """An action may fail at the end, when a file is touched, and in what an Emperor does afterwards."""
        self.assertEqual(
            {phase.value for phase in Phase if not phase.facts.is_fatal},
            {
                "as-user-atexit", "as-emperor", "as-emperor-setns", "touch",
                "emperor-stop", "emperor-reload", "emperor-lost",
            },
        )  # fmt: skip

    def test_what_may_be_missing(self) -> None:
        """A function may be missing in the phases in which uWSGI only logs that."""
        self.assertEqual(
            {phase.value for phase in Phase if not phase.facts.call_is_fatal},
            {"as-root", "post-app", "as-user-atexit", "as-emperor"},
        )

    def test_labels(self) -> None:
        """The log has a space where the options have a hyphen, and another name for some."""
        self.assertEqual(
            {phase.value: phase.label for phase in Phase if phase.label != phase.value},
            {
                "as-root": "as root",
                "as-user": "as user",
                "pre-app": "pre app",
                "post-app": "post app",
                "as-user-atexit": "atexit",
                "as-emperor-setns": "setns",
            },
        )
