"""What waits for a slow client."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.descriptors import open_descriptors
from uwsgid.languages.cgi.spool import Spool


class SpoolTests(SynchronousTestCase):
    @given(st.lists(st.one_of(st.binary(max_size=40), st.integers(1, 50)), max_size=40))
    @settings(deadline=None, max_examples=150)
    def test_first_in_first_out(self, steps: list[bytes | int]) -> None:
        """In memory or in a file, bytes come out in the order in which they went in."""
        spool, model = Spool(in_memory=64), b""
        try:
            for step in steps:
                if isinstance(step, bytes):
                    spool.add(step)
                    model += step
                else:
                    data = spool.take(step)
                    self.assertTrue(model.startswith(data))
                    self.assertEqual(bool(data), bool(model))
                    model = model[len(data) :]
                self.assertEqual(spool.size, len(model))
            rest = b""
            while data := spool.take(7):
                rest += data
            self.assertEqual(rest, model)
        finally:
            spool.close()

    def test_gives_its_file_back(self) -> None:
        """No descriptor is left once all was taken."""
        before = len(open_descriptors())
        spool = Spool(in_memory=4)
        spool.add(b"x" * 100)
        self.assertEqual(len(open_descriptors()), before + 1)
        self.assertEqual(spool.take(4) + spool.take(200), b"x" * 100)
        self.assertEqual(len(open_descriptors()), before)
