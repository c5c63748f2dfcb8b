"""Bytes between a slow side and a fast one."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.gateways.spool import Spool

#: Pieces to push; a number pops that many times.
MOVES = st.lists(st.one_of(st.binary(min_size=1, max_size=50), st.integers(1, 3)), max_size=40)


def rest(spool: Spool) -> bytes:
    """All that is left."""
    pieces = []
    while piece := spool.pop():
        pieces.append(piece)
    return b"".join(pieces)


class SpoolTests(SynchronousTestCase):
    @settings(deadline=None, max_examples=100)
    @given(MOVES)
    def test_a_queue(self, moves: list[bytes | int]) -> None:
        """What comes out is what went in, in memory, on the disk and across both."""
        spool = Spool(memory=64)
        put, got = b"", b""
        for move in moves:
            if isinstance(move, bytes):
                spool.push(move)
                put += move
            else:
                for _ in range(move):
                    got += spool.pop()
            self.assertEqual(len(spool), len(put) - len(got))
        self.assertEqual(got + rest(spool), put)
        spool.close()

    def test_limits(self) -> None:
        """It says when memory is not enough, and when nothing is."""
        spool = Spool(memory=10, most=20)
        self.addCleanup(spool.close)
        spool.push(b"x" * 9)
        self.assertEqual((spool.outgrown, spool.full), (False, False))
        spool.push(b"y" * 9)
        self.assertEqual((spool.outgrown, spool.full), (True, False))
        spool.push(b"z" * 9)
        self.assertEqual((spool.outgrown, spool.full), (True, True))
        self.assertEqual(rest(spool), b"x" * 9 + b"y" * 9 + b"z" * 9)
        self.assertEqual((spool.outgrown, spool.full), (False, False))

    def test_put_back(self) -> None:
        """What nobody took is the beginning again."""
        spool = Spool()
        spool.push(b"abc")
        spool.push(b"d")
        data = spool.pop()
        spool.put_back(data[1:])
        self.assertEqual(rest(spool), b"bcd")

    def test_close(self) -> None:
        """Nothing stays behind."""
        spool = Spool(memory=1)
        spool.push(b"long")
        spool.close()
        self.assertEqual((len(spool), spool.pop()), (0, b""))
        spool.close()
