"""Pieces put together."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.logs.encoders.assembly import (
    EachMoment,
    EachSecond,
    OfRecord,
    Piece,
    assemble,
    strip_newline,
)

SECOND = 1_000_000_000


def told(prefix: bytes) -> Callable[[int], bytes]:
    """What tells the number that it was given."""
    return lambda number: b"%b%d" % (prefix, number)


def plainly(pieces: list[Piece], record: bytes, moment: int) -> bytes:
    """What the pieces come to, made in the simplest way."""
    made = b""
    for piece in pieces:
        match piece:
            case bytes():
                made += piece
            case EachSecond(make):
                made += make(moment // SECOND)
            case EachMoment(make):
                made += make(moment)
            case OfRecord(make):
                made += make(record)
    return made


PIECES = st.lists(
    st.one_of(
        st.sampled_from([b"text", b"100%b %d%%"]),
        st.just(EachSecond(told(b"s"))),
        st.just(EachMoment(told(b"m"))),
        st.sampled_from([OfRecord(strip_newline), OfRecord(lambda record: record)]),
    ),
    max_size=6,
)


class AssemblyTests(SynchronousTestCase):
    """All ways to put pieces together come to the same."""

    @settings(deadline=None, max_examples=200)
    @given(PIECES, st.lists(st.tuples(st.integers(0, 5 * SECOND), st.binary(max_size=5)), max_size=5))
    def test_all_ways(self, pieces: list[Piece], records: list[tuple[int, bytes]]) -> None:
        """Whatever the clock does, a record is what its pieces come to at its time."""
        now = 0
        encode = assemble(pieces, lambda: now)
        for now, record in records:
            self.assertEqual(encode(record), plainly(pieces, record, now))

    def test_once_a_second(self) -> None:
        """What changes once a second is not made more often."""
        seconds: list[int] = []

        def make(second: int) -> bytes:
            seconds.append(second)
            return b"%d:" % second

        times = (7 * SECOND, 8 * SECOND - 1, 8 * SECOND, 8 * SECOND + 5, 7 * SECOND)
        others: list[Piece] = [OfRecord(strip_newline), b"x"]
        for other in others:
            encode = assemble([EachSecond(make), other], iter(times).__next__)
            seconds.clear()
            for now in times:
                self.assertTrue(encode(b"a").startswith(b"%d:" % (now // SECOND)))
            self.assertEqual(seconds, [7, 8, 7])

    def test_newline(self) -> None:
        """One newline is taken off the end, never two, and none from elsewhere."""
        lines = (b"a\n", b"a\n\n", b"a\nb", b"", b"\n")
        self.assertEqual([strip_newline(line) for line in lines], [b"a", b"a\n", b"a\nb", b"", b""])
