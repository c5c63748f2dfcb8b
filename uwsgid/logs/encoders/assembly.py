"""Puts an encoded record together from pieces that were decided when the configuration was read.

A piece is text that never changes, something about the time, or something about the record.  All that changes
once a second at most is joined once a second, so that a record costs little more than what is made of the
record itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

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
    holes = [piece for piece in pieces if isinstance(piece, OfRecord | EachMoment)]
    timeless = not any(isinstance(piece, EachSecond | EachMoment) for piece in pieces)
    if len(holes) == 1 and isinstance(hole := holes[0], OfRecord):
        return _around(pieces, hole.make, None if timeless else clock)
    return _between(pieces, holes, clock)


def strip_newline(record: bytes) -> bytes:
    """*record* without one newline at its end."""
    return record[:-1] if record[-1:] == b"\n" else record


def _around(
    pieces: Sequence[Piece], make: Callable[[bytes], bytes], clock: Callable[[], int] | None
) -> Encoder:
    """One piece is made of the record; the others stand around it, and know the second at most."""
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
    pieces: Sequence[Piece], holes: Sequence[OfRecord | EachMoment], clock: Callable[[], int]
) -> Encoder:
    """The general case: a template whose holes are filled for each record."""
    template = b""
    until = 0
    makers: list[tuple[bool, Callable[[Any], bytes]]] = [
        (isinstance(hole, OfRecord), hole.make) for hole in holes
    ]

    def encode(record: bytes) -> bytes:
        nonlocal template, until
        moment = clock()
        if not until - SECOND <= moment < until:
            second = moment // SECOND
            template = b"%b".join([text.replace(b"%", b"%%") for text in _texts(pieces, second)])
            until = (second + 1) * SECOND
        return template % tuple([make(record if of_record else moment) for of_record, make in makers])

    return encode


def _texts(pieces: Sequence[Piece], second: int) -> list[bytes]:
    """What stands before, between and behind the pieces that are made for each record, at *second*."""
    texts = [b""]
    for piece in pieces:
        if isinstance(piece, OfRecord | EachMoment):
            texts.append(b"")
        elif isinstance(piece, EachSecond):
            texts[-1] += piece.make(second)
        else:
            texts[-1] += piece
    return texts
