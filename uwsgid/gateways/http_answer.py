"""From the bytes of an instance to those of an HTTP client: where an answer ends, and who is told how.

An instance that speaks uwsgi ends an answer by closing, and says its length only where the application did.
A client that wants to keep its connection has to be told, so what is missing may be added: the chunked coding
(``http-auto-chunked``).  Nothing else of an answer is changed, as in uWSGI (plugins/http/http.c).

Workers of our own instance can keep the connection to the gateway as well; then they frame what has no
length, in chunks, and a client that was not to get chunks gets the plain bytes (`Answer` with ``framed``).

An answer that two readers could read in two ways is none: it becomes a 502.
"""

from __future__ import annotations

import re
from typing import Final

from uwsgid.errors import PeerError
from uwsgid.gateways.http_request import Ask
from uwsgid.wire.chunked import ChunkedDecoder
from uwsgid.wire.events import BodyChunk, EndOfBody
from uwsgid.wire.limits import Limits
from uwsgid.wire.response import LAST_CHUNK, MAX_HEAD, chunk

_STATUS: Final = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])[ \r]")
_LENGTH: Final = re.compile(rb"\r\ncontent-length[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
_CODING: Final = re.compile(rb"\r\ntransfer-encoding[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
_CONNECTION: Final = re.compile(rb"\r\nconnection[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
_CODING_LINE: Final = re.compile(rb"\r\ntransfer-encoding[ \t]*:[^\r\n]*", re.IGNORECASE)

_CLOSE_LINE: Final = b"\r\nConnection: close\r\n\r\n"
_CHUNKED_LINE: Final = b"\r\nTransfer-Encoding: chunked\r\n\r\n"
_UNLIMITED: Final = Limits(buffer_size=1 << 16, max_vars=1 << 10)

#: How the rest of an answer is read.
_NOTHING: Final = 0  # there is none
_COUNTED: Final = 1  # `_left` bytes
_TO_THE_END: Final = 2  # until the instance closes
_CHUNKS: Final = 3  # until the last chunk, which passes on as it is
_DECHUNKED: Final = 4  # the same, and the client gets what was in the chunks
_ENCHUNKED: Final = 5  # until the instance closes, and the client gets chunks

#: What a head says, by its bytes: status, minor version, length, whether it is chunked, whether it closes.
_Facts = tuple[int, int, int | None, bool, bool]
_KNOWN: Final[dict[bytes, _Facts]] = {}
_MAX_KNOWN: Final = 256
_MAX_KNOWN_HEAD: Final = 512


class Answer:
    """The answer to one request.

    :param keep_alive: we would keep the client's connection.
    :param auto_chunked: an answer without a length may be chunked (``http-auto-chunked``).
    :param framed: the instance keeps its connection where it can, and adds lines to the head that say so.
    :ivar started: its head was complete.
    :ivar ended: all of it was taken.
    :ivar keep_alive: the client knows where it ends, so that another can follow.
    :ivar reusable: so does the connection to the instance.
    :ivar is_tunnel: the protocol was switched.
    """

    __slots__ = ("_ask", "_auto_chunked", "_buffer", "_chunks", "_framed", "_how", "_left", "ended",
                 "is_tunnel", "keep_alive", "reusable", "started", "status")  # fmt: skip

    def __init__(self, ask: Ask, keep_alive: bool, auto_chunked: bool, framed: bool) -> None:
        self._ask = ask
        self._auto_chunked = auto_chunked
        self._framed = framed
        self._buffer = b""
        self._chunks: ChunkedDecoder | None = None
        self._how = _NOTHING
        self._left = 0
        self.status = 0
        self.started = False
        self.ended = False
        self.keep_alive = keep_alive and ask.keep_alive and ask.minor == 1
        self.reusable = False
        self.is_tunnel = False

    # ---- hot path, watched by bench-protocols --------------------------------------------------------------

    def take(self, data: bytes) -> bytes:
        """What the client gets of *data*.

        :raises PeerError: with status 502, where no client could make sense of it.
        """
        if self.started:
            return self._body(data)
        if self._buffer:
            data = self._buffer + data
        end = data.find(b"\r\n\r\n") + 4
        if end < 4:
            if len(data) > MAX_HEAD:
                raise PeerError(f"a head of more than {MAX_HEAD} bytes", status=502)
            self._buffer = data
            return b""
        head = data[:end]
        facts = _KNOWN.get(head)
        if facts is None:
            facts = _facts_of(head)
        if facts[0] < 200 and facts[0] != 101:
            self._buffer = b""
            return head + self.take(data[end:])
        self._buffer = b""
        self.started = True
        head = self._begin(head, facts)
        if end == len(data):
            if self._how == _NOTHING:
                self.ended = True
            return head
        return head + self._body(data[end:])

    def _begin(self, head: bytes, facts: _Facts) -> bytes:
        """Find out where the answer ends, and what its head has to say about it."""
        status, minor, length, is_chunked, closes = facts
        self.status = status
        ours = False  # whether it was the worker that chunked it
        if self._framed:
            self.reusable = not closes
            if closes and head.endswith(_CLOSE_LINE):
                head = head[: -len(_CLOSE_LINE)] + b"\r\n\r\n"
                closes = False
            elif is_chunked:
                ours = head.endswith(_CHUNKED_LINE)
        if closes or not minor:
            self.keep_alive = False
        ask = self._ask
        if ask.is_tunnel or status == 101:
            self.is_tunnel = True
            self.keep_alive = self.reusable = False
            self._how = _TO_THE_END
        elif ask.is_head or status == 204 or status == 304:
            self._how = _NOTHING
        elif is_chunked:
            self._chunks = ChunkedDecoder(_UNLIMITED)
            if not ask.minor or (ours and not (self._auto_chunked and self.keep_alive)):
                self._how = _DECHUNKED
                self.keep_alive = False
                head = _CODING_LINE.sub(b"", head)
            else:
                self._how = _CHUNKS
        elif length is not None:
            self._how = _COUNTED if length else _NOTHING
            self._left = length
        elif self._auto_chunked and self.keep_alive:
            self._how = _ENCHUNKED
            head = head[:-2] + _CHUNKED_LINE[2:]
        else:
            self._how = _TO_THE_END
            self.keep_alive = self.reusable = False
        return head

    def _body(self, data: bytes) -> bytes:
        how = self._how
        if how == _COUNTED:
            left = self._left - len(data)
            self._left = left
            if left <= 0:
                self.ended = True
                if left < 0:
                    self.reusable = False
                    return data[:left]
            return data
        if how == _TO_THE_END:
            return data
        if how == _ENCHUNKED:
            return chunk(data)
        if how == _NOTHING:
            self.ended = True
            self.reusable = False  # for it says more than it should
            return b""
        return self._chunked(data)

    # ---- end of the hot path -------------------------------------------------------------------------------

    def _chunked(self, data: bytes) -> bytes:
        chunks = self._chunks
        assert chunks is not None, "an answer in chunks has a decoder"
        chunks.feed(data)
        pieces: list[bytes] = []
        try:
            while isinstance(event := chunks.next_event(), (BodyChunk, EndOfBody)):
                if isinstance(event, BodyChunk):
                    pieces.append(event.data)
                    continue
                self.ended = True
                behind = chunks.leftover()
                if behind:
                    self.reusable = False
                    data = data[: -len(behind)]
                break
        except PeerError as error:
            raise PeerError(f"a body in chunks that is broken: {error}", status=502) from None
        return data if self._how == _CHUNKS else b"".join(pieces)

    def finish(self) -> bytes:
        """The instance closed the connection: what the client still has to get.

        :raises PeerError: with status 502, where the answer is not complete.
        """
        if self.ended:
            return b""
        self.ended = True
        if not self.started:
            raise PeerError("no answer" if not self._buffer else "an answer without a head", status=502)
        if self._how == _TO_THE_END:
            return b""
        if self._how == _ENCHUNKED:
            return LAST_CHUNK
        if self._how == _NOTHING:
            return b""
        self.keep_alive = False
        raise PeerError("an answer that is not complete", status=502)


def _facts_of(head: bytes) -> _Facts:
    """What the head of an answer says.

    :raises PeerError: it is none, or says two things.
    """
    match = _STATUS.match(head)
    if match is None:
        raise PeerError(f"an answer that begins with {head[:40]!r}", status=502)
    lengths = {text.strip(b" \t") for text in _LENGTH.findall(head)}
    codings = [text.strip(b" \t").lower() for text in _CODING.findall(head)]
    length: int | None = None
    if codings:
        if lengths:
            raise PeerError("an answer with both Content-Length and Transfer-Encoding", status=502)
        if codings != [b"chunked"]:
            raise PeerError(f"an answer with the Transfer-Encoding {b', '.join(codings)[:80]!r}", status=502)
    elif lengths:
        text = lengths.pop()
        if lengths or not text.isdigit() or len(text) > 18:
            raise PeerError("an answer with a bad Content-Length", status=502)
        length = int(text)
    closes = any(b"close" in text.lower() for text in _CONNECTION.findall(head))
    facts = (int(match[2]), int(match[1]), length, bool(codings), closes)
    if len(head) <= _MAX_KNOWN_HEAD and len(_KNOWN) < _MAX_KNOWN:
        _KNOWN[head] = facts
    return facts
