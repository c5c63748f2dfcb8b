"""The targets of the fuzzer hold for their seeds, and for a few other bytes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.fuzz.__main__ import NAMES
from tests.fuzz.targets import TARGETS, seeds


class TargetTests(SynchronousTestCase):
    """What the fuzzer runs can be run here too."""

    def test_names(self) -> None:
        """The command line knows all targets."""
        self.assertEqual(tuple(TARGETS), NAMES)

    def test_seeds(self) -> None:
        """Each target has seeds, and holds for them and for all that is left of them when they are cut."""
        for name, target in TARGETS.items():
            found = seeds(name)
            self.assertGreater(len(found), 3, name)
            for seed in found:
                for end in (len(seed), len(seed) // 2, 1, 0):
                    target(seed[:end])

    @settings(deadline=None, max_examples=100)
    @given(st.sampled_from(NAMES), st.binary(max_size=120))
    def test_any_bytes(self, name: str, data: bytes) -> None:
        """Each target holds for any bytes."""
        TARGETS[name](data)
