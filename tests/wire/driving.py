"""Drives a decoder over bytes that are cut in any way, and tells what it said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

from uwsgid.errors import PeerError
from uwsgid.wire.events import NEED_DATA, BodyChunk, EndOfBody, Event, RequestHead


class Decoder(Protocol):
    """What the decoders have in common."""

    def feed(self, data: bytes) -> None: ...

    def next_event(self) -> Event: ...


@dataclass
class Said:
    """One request, its body put together."""

    head: RequestHead
    body: bytes = b""
    end: EndOfBody | None = None


@dataclass
class Heard:
    """All that a decoder said of a connection."""

    requests: list[Said] = field(default_factory=list)
    error: tuple[str, int, str] | None = None
    fed: int = 0


def drive(decoder: Decoder, data: bytes, cuts: Iterable[int] = ()) -> Heard:
    """Feed `data` cut at `cuts` (taken modulo its length), and collect the events until an error."""
    heard = Heard()
    borders = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, stop in pairwise(borders):
        decoder.feed(data[start:stop])
        heard.fed = stop
        while True:
            try:
                event = decoder.next_event()
            except PeerError as error:
                heard.error = (type(error).__name__, error.status, error.option)
                return heard
            if event is NEED_DATA:
                break
            if isinstance(event, RequestHead):
                heard.requests.append(Said(event))
            elif isinstance(event, BodyChunk):
                assert event.data, "an empty body chunk"
                heard.requests[-1].body += event.data
            else:
                assert isinstance(event, EndOfBody)
                heard.requests[-1].end = event
    return heard


def meaning(heard: Heard) -> tuple[list[Said], tuple[str, int, str] | None]:
    """What must not depend on how the bytes were cut."""
    return heard.requests, heard.error
