"""Bodies that end by themselves: the chunked coding of RFC 9112, section 7.1, both strict and streaming.

Chunked framing is where two servers in a row most easily disagree about where a request ends, so the decoder
takes nothing but the grammar: CRLF exactly, hexadecimal digits only, no blank before or after them, bounded
extensions and trailers.  The data of a chunk is passed on as it arrives, so that its size costs no memory.
"""

from __future__ import annotations

import enum
import re
from typing import Final

from uwsgid.errors import PeerError
from uwsgid.wire.events import NEED_DATA, BodyChunk, EndOfBody, NeedData
from uwsgid.wire.limits import Limits
from uwsgid.wire.refusal import shown

MAX_SIZE_DIGITS: Final = 15  #: hexadecimal digits of a chunk size, so that any size fits 60 bits
#: A size line without its CRLF; also true of every beginning of one but the empty.
_SIZE_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})(?:;[\t\x20-\x7e\x80-\xff]*)?")
_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED: Final = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"'
_EXTENSIONS: Final = re.compile(rb"(?:;[ \t]*%b(?:=(?:%b|%b))?)*" % (_TOKEN, _TOKEN, _QUOTED))
_TRAILER: Final = re.compile(rb"(%b):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*" % _TOKEN)
#: What a trailer line may look like before its CRLF has come.
_TRAILER_START: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+(?::[\t\x20-\x7e\x80-\xff]*)?")


class _State(enum.Enum):
    SIZE = enum.auto()  # the next bytes are the size line of a chunk
    DATA = enum.auto()  # `_left` bytes of a chunk are still to come
    DATA_END = enum.auto()  # the chunk is complete, its CRLF is still to come
    TRAILERS = enum.auto()  # the last chunk was seen; trailer lines until an empty one
    DONE = enum.auto()  # the body is complete, and what is in the buffer is not ours


class ChunkedDecoder:
    """Turns the bytes of one chunked body into `BodyChunk` events and one `EndOfBody`.

    The chunks it says are those of the network, not those of the peer.  A `PeerError` is final.

    :param limits: ``buffer_size`` bounds the bytes of the trailers, ``max_vars`` their number, ``chunk`` the
        size of a chunk.
    """

    __slots__ = ("_broken", "_buffer", "_left", "_limits", "_pos", "_state", "_trailer_bytes", "_trailers")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buffer = b""
        self._pos = 0  # what is before it is consumed; slicing at each tiny chunk would cost the square
        self._state = _State.SIZE
        self._left = 0
        self._trailers: list[tuple[str, str]] = []
        self._trailer_bytes = 0
        self._broken: PeerError | None = None

    def feed(self, data: bytes) -> None:
        """Take what arrived."""
        self._buffer = self._buffer[self._pos :] + data if self._pos < len(self._buffer) else data
        self._pos = 0

    def leftover(self) -> bytes:
        """Hand over what was received and not consumed: after the end, the beginning of the next request."""
        data = self._buffer[self._pos :]
        self._buffer = b""
        self._pos = 0
        return data

    def next_event(self) -> BodyChunk | EndOfBody | NeedData:
        """What the bytes say next; after the end, `NEED_DATA` for ever.

        :raises PeerError: with status 400, 413 where a chunk is too large, or 431 where the trailers are.
        """
        if self._broken is not None:
            raise self._broken
        try:
            return self._advance()
        except PeerError as error:
            self._broken = error
            raise

    def _advance(self) -> BodyChunk | EndOfBody | NeedData:
        while True:
            if self._state is _State.DATA:
                data = self._buffer[self._pos : self._pos + self._left]
                if not data:
                    return NEED_DATA
                self._pos += len(data)
                self._left -= len(data)
                if not self._left:
                    self._state = _State.DATA_END
                return BodyChunk(data)
            if self._state is _State.DATA_END:
                crlf = self._buffer[self._pos : self._pos + 2]
                if not b"\r\n".startswith(crlf):
                    raise PeerError("a chunk that is longer than its size says, or no CRLF behind it")
                if len(crlf) < 2:
                    return NEED_DATA
                self._pos += 2
                self._state = _State.SIZE
            elif self._state is _State.SIZE:
                digits = self._size()
                if digits is None:
                    return NEED_DATA
                self._left = int(digits, 16)
                if self._left > self._limits.chunk > 0:
                    raise PeerError(
                        f"a chunk of {self._left} bytes (max {self._limits.chunk})",
                        status=413,
                        option="chunked-input-limit",
                    )
                self._state = _State.DATA if self._left else _State.TRAILERS
            elif self._state is _State.TRAILERS:
                line = self._trailer_line()
                if line is None:
                    return NEED_DATA
                if not line:
                    self._state = _State.DONE
                    return EndOfBody(tuple(self._trailers))
                self._add_trailer(line)
            else:
                return NEED_DATA

    def _line(self, room: int) -> tuple[bytes, bool]:
        """The bytes before the next CRLF that begins within ``room`` bytes, or what there is of them."""
        start = self._pos
        end = self._buffer.find(b"\r\n", start, start + room + 2)
        if end >= 0:
            return self._buffer[start:end], True
        line = self._buffer[start : start + room + 1]
        return line[:-1] if line[-1:] == b"\r" else line, False

    def _size(self) -> bytes | None:
        """The digits of a size line, or None where its end has not come; errors do not wait for it."""
        most = self._limits.extension
        line, complete = self._line(MAX_SIZE_DIGITS + most)
        if not complete and self._pos == len(self._buffer):
            return None
        match = _SIZE_LINE.fullmatch(line)
        if match is None:
            raise PeerError(f"a bad chunk size: {shown(line)}")
        digits: bytes = match[1]
        if len(line) > MAX_SIZE_DIGITS + most or len(line) - len(digits) > most == 0:
            raise PeerError(f"the extensions of a chunk take more than {most} bytes")
        if not complete:
            return None
        if _EXTENSIONS.fullmatch(line, len(digits)) is None:
            raise PeerError(f"a bad chunk extension: {shown(line[len(digits) :])}")
        self._pos += len(line) + 2
        return digits

    def _trailer_line(self) -> bytes | None:
        """The next line of the trailers without its CRLF, or None where its end has not come."""
        room = self._limits.buffer_size - self._trailer_bytes
        line, complete = self._line(max(room, 0))
        if line and _TRAILER_START.fullmatch(line) is None:
            raise PeerError(f"a bad trailer: {shown(line)}")
        if len(line) > room:
            raise PeerError(
                f"trailers of more than {self._limits.buffer_size} bytes", status=431, option="buffer-size"
            )
        if not complete:
            return None
        self._trailer_bytes += len(line)
        self._pos += len(line) + 2
        return line

    def _add_trailer(self, line: bytes) -> None:
        match = _TRAILER.fullmatch(line)
        if match is None:
            raise PeerError(f"a bad trailer: {shown(line)}")
        if len(self._trailers) == self._limits.variables:
            raise PeerError(f"more than {self._limits.variables} trailers", status=431, option="max-vars")
        self._trailers.append((match[1].decode("latin-1").lower(), match[2].decode("latin-1")))
