"""Which alarms a record raises."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.alarms.options import LogRule
from uwsgid.alarms.watch import LogWatch
from uwsgid.config.directive import Origin

ORIGIN = Origin("lines", 1)


def rule(alarms: str, regex: bytes, excludes: bool = False) -> LogRule:
    return LogRule("log-alarm", ORIGIN, tuple(alarms.split(",")), re.compile(regex), excludes)


class WatchTests(SynchronousTestCase):
    def test_matches(self) -> None:
        """Each alarm of each rule that matches, once, in the order of the rules."""
        watch = LogWatch([rule("b,a", b"x"), rule("c", b"^y"), rule("a,d", b"z")])
        self.assertEqual(watch.raised(b"x z\n"), ["b", "a", "d"])
        self.assertEqual(watch.raised(b"y z\n"), ["c", "a", "d"])
        self.assertEqual(watch.raised(b"nothing\n"), [])

    def test_exclusions_end_the_list_as_in_1_9_16(self) -> None:
        """Behind an exclusion that matches no rule counts, whatever alarm it names."""
        watch = LogWatch([rule("a", b"x"), rule("b", b"except", True), rule("c", b"x")])
        self.assertEqual(watch.raised(b"x"), ["a", "c"])
        self.assertEqual(watch.raised(b"x except"), ["a"])

    def test_exclusions_behind(self) -> None:
        """Behind a rule an exclusion counts for the alarms that it names."""
        watch = LogWatch([rule("a,b", b"x"), rule("a", b"except", True)])
        self.assertEqual(watch.raised(b"x except"), ["b"])

    def test_our_own_lines(self) -> None:
        """They raise nothing, with or without a date; lines that only mention them do."""
        watch = LogWatch([rule("a", b"alarm")])
        for record in (
            b"[uwsgi-alarm] a can not be raised\n",
            b"Sun Nov 22 04:30:21 2026 - [uwsgi-alarm] a: 3 more texts\n",
            b"%s - [uwsgi-alarm] a\n" % (b"x" * 64),
        ):
            self.assertEqual(watch.raised(record), [], record)
        for record in (b"%s - [uwsgi-alarm] a\n" % (b"x" * 65), b"see [uwsgi-alarm]\n"):
            self.assertEqual(watch.raised(record), ["a"], record)

    @given(
        st.lists(st.tuples(st.sampled_from(["a", "b", "a,b"]), st.sampled_from("xyz"), st.booleans())),
        st.text("xyz"),
    )
    def test_any_list(self, rules: list[tuple[str, str, bool]], text: str) -> None:
        """An alarm is raised if a rule that matches names it, with no exclusion that matches before that, and
        none that names it behind."""
        watch = LogWatch([rule(names, letter.encode(), excludes) for names, letter, excludes in rules])
        expected = set()
        for name in ("a", "b"):
            for position, (names, letter, excludes) in enumerate(rules):
                if excludes or letter not in text or name not in names:
                    continue
                before = any(out and also in text for _, also, out in rules[:position])
                behind = any(out and also in text and name in whose for whose, also, out in rules[position:])
                if not before and not behind:
                    expected.add(name)
        found = watch.raised(text.encode())
        self.assertEqual(sorted(found), sorted(expected))
