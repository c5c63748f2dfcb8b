"""Puts an encoded record together from pieces that were decided when the configuration was read.

A piece is text that never changes, something about the time, or something about the record.  All that changes
once a second at most is joined once a second, so that a record costs little more than what is made of the
record itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from uwsgid.logs.encoders import Encoder
from uwsgid.logs.encoders.moments import SECOND


@dataclass(frozen=True, slots=True)
class EachSecond:
    """A piece that is the same for a second: *make* gets unix seconds."""

    make: Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class EachMoment:
    """A piece that is never the same: *make* gets nanoseconds since the epoch."""

    make: Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class OfRecord:
    """A piece that *make* makes of the record."""

    make: Callable[[bytes], bytes]


Piece: TypeAlias = bytes | EachSecond | EachMoment | OfRecord


# hot path, watched by bench-logs
def assemble(pieces: Sequence[Piece], clock: Callable[[], int] = time.time_ns) -> Encoder:
    """What puts the pieces of a record together, the quickest way there is for them.

    :param clock: nanoseconds since the epoch.
    """
    if any(isinstance(piece, EachMoment) for piece in pieces):
        return _with_moments(pieces, clock)
    makers = [piece.make for piece in pieces if isinstance(piece, OfRecord)]
    timeless = not any(isinstance(piece, EachSecond) for piece in pieces)
    if len(makers) == 1:
        return _around(pieces, makers[0], None if timeless else clock)
    return _between(pieces, makers, None if timeless else clock)


def strip_newline(record: bytes) -> bytes:
    """*record* without one newline at its end."""
    return record[:-1] if record[-1:] == b"\n" else record


def _around(
    pieces: Sequence[Piece], make: Callable[[bytes], bytes], clock: Callable[[], int] | None
) -> Encoder:
    """One piece is made of the record; the others stand around it."""
    head, tail = _texts(pieces, 0)
    if clock is None:
        if not tail:
            return make if not head else lambda record: head + make(record)
        return lambda record: head + make(record) + tail
    now = clock
    until = 0

    def encode(record: bytes) -> bytes:
        nonlocal head, tail, until
        moment = now()
        if not until - SECOND <= moment < until:
            second = moment // SECOND
            head, tail = _texts(pieces, second)
            until = (second + 1) * SECOND
        return head + make(record) + tail

    return encode


def _between(
    pieces: Sequence[Piece], makers: Sequence[Callable[[bytes], bytes]], clock: Callable[[], int] | None
) -> Encoder:
    """No piece, or several, are made of the record."""
    template = b"%b".join(text.replace(b"%", b"%%") for text in _texts(pieces, 0))
    if clock is None:
        return lambda record: template % tuple([make(record) for make in makers])
    now = clock
    until = 0

    def encode(record: bytes) -> bytes:
        nonlocal template, until
        moment = now()
        if not until - SECOND <= moment < until:
            second = moment // SECOND
            template = b"%b".join(text.replace(b"%", b"%%") for text in _texts(pieces, second))
            until = (second + 1) * SECOND
        return template % tuple([make(record) for make in makers])

    return encode


def _with_moments(pieces: Sequence[Piece], clock: Callable[[], int]) -> Encoder:
    """Some pieces are of the moment: all are made for each record."""

    def make(piece: Piece, record: bytes, moment: int) -> bytes:
        if isinstance(piece, bytes):
            return piece
        if isinstance(piece, OfRecord):
            return piece.make(record)
        return piece.make(moment // SECOND if isinstance(piece, EachSecond) else moment)

    def encode(record: bytes) -> bytes:
        moment = clock()
        return b"".join([make(piece, record, moment) for piece in pieces])

    return encode


def _texts(pieces: Sequence[Piece], second: int) -> list[bytes]:
    """What stands before, between and behind the pieces that are made of the record, at *second*."""
    texts = [b""]
    for piece in pieces:
        if isinstance(piece, OfRecord):
            texts.append(b"")
        elif isinstance(piece, EachSecond):
            texts[-1] += piece.make(second)
        elif isinstance(piece, bytes):
            texts[-1] += piece
    return texts
