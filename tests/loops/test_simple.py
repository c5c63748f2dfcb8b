"""The simple loop, and with it the gate."""

from __future__ import annotations

from tests.loops import loop_cases
from uwsgid.families import loop_engines
from uwsgid.loops.simple import Simple


class SimpleTests(loop_cases.LoopCase):
    """All that holds of loops."""

    def test_is_chosen_by_name(self) -> None:
        """The engine is known as simple."""
        self.assertIs(loop_engines["simple"], Simple)
