"""What the decoders say: the events of a request on its way in.

Every protocol of `uwsgid.wire` turns bytes into these, so that a blocking loop, a reactor and a test drive
them alike.  "More, please" is the value `NEED_DATA`, not None and not an exception.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any, Final


class NeedData(enum.Enum):
    """The type of `NEED_DATA`."""

    NEED_DATA = "need data"


NEED_DATA: Final = NeedData.NEED_DATA  #: feed the decoder more bytes before it can say the next event


class RequestHead:
    """All that is known of a request before its body.

    :ivar vars: the variables of the request as WSGI wants them (``str``, latin-1), on top of a copy of the
        base environ that the decoder was given.
    :ivar modifier1: who answers; 0 is WSGI.
    :ivar modifier2: its argument.
    :ivar count: how many variables came over the wire.
    :ivar size: bytes of the variable block (uwsgi) or of the head (HTTP), what the log calls packet size.
    :ivar body_length: bytes of the body; None where it ends by itself (chunked).
    :ivar http_version: (1, 0) or (1, 1); (0, 0) where the protocol is not HTTP.
    :ivar keep_alive: the peer is willing to send another request on this connection.
    :ivar expect_continue: the peer waits for ``100 Continue`` before it sends the body.
    :ivar block: the block of a uwsgi packet that does not carry the variables of a request (ping, RPC, cache,
        …), for its handler to read; empty otherwise.
    """

    __slots__ = ("block", "body_length", "count", "expect_continue", "http_version", "keep_alive",
                 "modifier1", "modifier2", "size", "vars")  # fmt: skip

    # no dataclass, for one is made for each request: compiled, this costs a tenth of a generated __init__
    def __init__(
        self,
        vars: dict[str, Any],
        modifier1: int = 0,
        modifier2: int = 0,
        count: int = 0,
        size: int = 0,
        body_length: int | None = 0,
        http_version: tuple[int, int] = (0, 0),
        keep_alive: bool = False,
        expect_continue: bool = False,
        block: bytes = b"",
    ) -> None:
        self.vars = vars
        self.modifier1 = modifier1
        self.modifier2 = modifier2
        self.count = count
        self.size = size
        self.body_length = body_length
        self.http_version = http_version
        self.keep_alive = keep_alive
        self.expect_continue = expect_continue
        self.block = block

    def __eq__(self, other: object) -> bool:
        """Heads are equal that say the same."""
        if not isinstance(other, RequestHead):
            return NotImplemented
        return self._told() == other._told()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"RequestHead{self._told()!r}"

    def _told(self) -> tuple[object, ...]:
        return (
            self.vars,
            self.modifier1,
            self.modifier2,
            self.count,
            self.size,
            self.body_length,
            self.http_version,
            self.keep_alive,
            self.expect_continue,
            self.block,
        )


@dataclass(frozen=True, slots=True)
class BodyChunk:
    """Some bytes of the body, never empty."""

    data: bytes


@dataclass(frozen=True, slots=True)
class EndOfBody:
    """The body is complete; what follows, if anything, is the next request.

    :ivar trailers: header fields after a chunked body, in order; names in lower case.
    """

    trailers: tuple[tuple[str, str], ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Answer:
    """Bytes that the protocol itself has to say to the peer, whatever becomes of requests.

    :ivar close: the connection is over with them.
    """

    data: bytes
    close: bool = False


Event = RequestHead | BodyChunk | EndOfBody | NeedData | Answer
