"""How often an alarm may be raised."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.alarms.restraint import Restraint

STEPS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.25, 0.5, 1.0, 3.0]), st.sampled_from("ab"), st.sampled_from("xyz")),
    max_size=60,
)


class RestraintTests(SynchronousTestCase):
    def test_repeated(self) -> None:
        """The same text waits for alarm-freq; another alarm, or another text, does not."""
        restraint = Restraint(3, 10)
        said = [
            restraint.admits(alarm, text, now)
            for alarm, text, now in (
                ("a", b"x", 0.0),
                ("a", b"x", 2.9),
                ("b", b"x", 2.9),
                ("a", b"y", 2.9),
                ("a", b"x", 3.0),
                ("a", b"x", 5.9),
            )
        ]
        self.assertEqual(said, [True, False, True, True, True, False])
        self.assertEqual(restraint.held(), {})

    def test_alternating(self) -> None:
        """Two texts that alternate do not pass each time, as they do in uWSGI."""
        restraint = Restraint(3, 10)
        self.assertEqual(
            [restraint.admits("a", b"xy"[n % 2 :][:1], n / 10) for n in range(6)], [True] * 2 + [False] * 4
        )

    def test_storm(self) -> None:
        """Different texts pass up to the burst; the others are counted, once."""
        restraint = Restraint(3, 5)
        admitted = [restraint.admits("a", b"%d" % number, 0.0) for number in range(100)]
        self.assertEqual((sum(admitted), restraint.held(), restraint.held()), (5, {"a": 95}, {}))
        self.assertTrue(restraint.admits("a", b"later", 3.0))

    def test_no_freq(self) -> None:
        """Without alarm-freq every text passes again, still not more of them in a second than the burst."""
        restraint = Restraint(0, 3)
        self.assertEqual([restraint.admits("a", b"x", 0.0) for _ in range(5)], [True] * 3 + [False] * 2)
        self.assertTrue(restraint.admits("a", b"x", 1.0))

    @given(STEPS, st.sampled_from([0.0, 0.5, 3.0]), st.integers(1, 3))
    def test_any_order(self, steps: list[tuple[float, str, str]], freq: float, burst: int) -> None:
        """Each answer is that of somebody who remembers everything and looks through all of it."""
        restraint = Restraint(freq, burst)
        now, past, held = 0.0, list[tuple[float, str, str]](), dict[str, int]()
        for pause, alarm, text in steps:
            now += pause
            again = any((alarm, text) == (who, what) and now - when < freq for when, who, what in past)
            many = sum(alarm == who and now - when < max(freq, 1.0) for when, who, _ in past) >= burst
            self.assertEqual(restraint.admits(alarm, text.encode(), now), not again and not many)
            if not again and not many:
                past.append((now, alarm, text))
            elif not again:
                held[alarm] = held.get(alarm, 0) + 1
        self.assertEqual(restraint.held(), held)
