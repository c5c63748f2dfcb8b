"""What comes last, in whatever pieces."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.manhole.verdict import CUT, FAILED, Ends


class EndsTests(SynchronousTestCase):
    @given(st.binary(max_size=20), st.sampled_from((b"\x000", b"\x001")), st.lists(st.integers(0, 22)))
    def test_any_slicing(self, said: bytes, verdict: bytes, cuts: list[int]) -> None:
        """All but the last two bytes is passed on, and these are the exit code."""
        ends, whole, passed = Ends(), said + verdict, b""
        borders = [0, *sorted(cut for cut in cuts if cut <= len(whole)), len(whole)]
        for start, stop in itertools.pairwise(borders):
            passed += ends.feed(whole[start:stop])
        self.assertEqual((passed, ends.last), (said, verdict))
        self.assertEqual(ends.code, FAILED if verdict == b"\x001" else 0)

    def test_none(self) -> None:
        """A connection that ended in between has none."""
        for said in (b"", b"\0", b"7\n", b"\x002"):
            ends = Ends()
            ends.feed(said)
            self.assertEqual((ends.code, ends.last), (CUT, said))
