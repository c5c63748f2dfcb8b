"""What a zerg server says."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import PeerError
from uwsgid.wire.zerg import MOST, pack, size, unpack


class MessageTests(SynchronousTestCase):
    def test_bytes(self) -> None:
        """The message is a name and a C int."""
        self.assertEqual(pack(2), b"uwsgi-zerg\x02\x00\x00\x00")
        self.assertEqual((size(), unpack(pack(2))), (14, 2))

    @settings(deadline=None, max_examples=50)
    @given(st.integers(1, MOST))
    def test_both_ways(self, count: int) -> None:
        """What is packed can be unpacked."""
        self.assertEqual(unpack(pack(count)), count)

    def test_nonsense(self) -> None:
        """Anything else is refused, and so are counts that no message can have."""
        for message in (
            b"",
            b"uwsgi-zerg",
            b"uwsgi-zerk\1\0\0\0",
            pack(0),
            pack(-1),
            pack(MOST + 1),
            pack(1) + b"x",
        ):
            self.assertRaises(PeerError, unpack, message)
