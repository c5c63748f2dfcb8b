"""HTTP/1 spoken directly to a worker: bytes to the same events that the other protocols give.

llhttp (through httptools) parses the head; this module finds where the head ends and feeds llhttp nothing
else, so that a driver can read a plain body from the connection itself.  On top of llhttp it refuses what
llhttp lets pass and two servers in a row could read differently: see `HttpDecoder`.  A head that comes in
pieces is parsed in pieces, so that the first wrong byte is answered and not the last missing one.

What becomes of fields and targets is in `uwsgid.wire.http_variables`.
"""

from __future__ import annotations

import enum
from typing import Any, Final
from urllib.parse import unquote

import httptools

from uwsgid.errors import PeerError
from uwsgid.wire.chunked import ChunkedDecoder
from uwsgid.wire.events import NEED_DATA, BodyChunk, EndOfBody, Event, NeedData, RequestHead
from uwsgid.wire.http_variables import (
    HOSTS,
    KNOWN,
    add_underscored,
    joined,
    learn_host,
    unusual_target,
    variable,
)
from uwsgid.wire.limits import Limits
from uwsgid.wire.refusal import Fields, check_coding, refusal, request_line

MAX_EMPTY_LINES: Final = 4  #: before a request line; RFC 9112 section 2.2 asks to forgive at least one

_MAX_DIGITS: Final = 18  # of a content length; more would not fit 63 bits

_CR: Final = 13
_LF: Final = 10
_SPACE: Final = 32
_TAB: Final = 9


class _State(enum.Enum):
    HEAD = enum.auto()  # between requests, or within a head
    LENGTH = enum.auto()  # `_left` bytes of a body are still to come
    CHUNKED = enum.auto()  # the body is the business of `_chunked`
    CLOSED = enum.auto()  # the peer said that this request was its last


# global names cost less than attributes of the class
_HEAD: Final = _State.HEAD
_LENGTH: Final = _State.LENGTH
_CHUNKED: Final = _State.CHUNKED
_CLOSED: Final = _State.CLOSED


class HttpDecoder:
    """Turns the bytes of one HTTP/1 connection into events, request after request.

    Feed it what arrived and ask for `next_event` until it says `NEED_DATA`.  A request is one `RequestHead`,
    any number of `BodyChunk`, and `EndOfBody`; then the next request follows if the head said ``keep_alive``,
    otherwise nothing more.

    A driver that can read from the connection itself may spare the body events, unless ``body_length`` is
    None (chunked): after a `RequestHead`, `leftover` hands over the bytes that came behind the head and
    ends the request for the decoder.  The driver takes ``body_length`` bytes from there and then from the
    connection, and feeds back what is beyond them.

    Refused with a `PeerError` that carries the status to answer: 400 for whatever breaks the grammar of RFC
    9112 (a bare LF or CR, a folded line, a blank before the colon, control characters, two or unlike
    lengths, a length beside a coding, a missing or second Host, more than one blank in the request line, a
    fragment in the target); 414 and 431 for a request line or head beyond ``buffer-size`` or fields beyond
    ``max-vars``; 417 for an expectation other than ``100-continue``; 501 for CONNECT, for methods llhttp
    does not know and for codings other than ``chunked``; 505 for other versions than 1.0 and 1.1.
    ``Upgrade`` is ignored.  A `PeerError` is final: the decoder raises it again at every further
    `next_event`.

    :param base: what every request of this connection starts from; it is copied, never changed.  No variable
        of a header field is in it.
    :param modifier1: who answers (``http-socket-modifier1``).
    :param modifier2: its argument (``http-socket-modifier2``).
    :param script_name: say an empty SCRIPT_NAME; False under ``manage-script-name``.
    """

    __slots__ = (
        "_base",
        "_broken",
        "_buffer",
        "_chunked",
        "_empty_lines",
        "_fed",
        "_fields",
        "_keep_alive",
        "_left",
        "_limits",
        "_modifier1",
        "_modifier2",
        "_parser",
        "_script_name",
        "_state",
    )

    def __init__(
        self,
        base: dict[str, Any],
        limits: Limits,
        *,
        modifier1: int = 0,
        modifier2: int = 0,
        script_name: bool = True,
    ) -> None:
        self._base = base
        self._limits = limits
        self._modifier1 = modifier1
        self._modifier2 = modifier2
        self._script_name = script_name
        self._buffer = b""
        self._fed = 0  # bytes of the buffer that llhttp has seen
        self._empty_lines = 0
        self._fields = Fields()
        self._parser: Any = None  # in the middle of a head, or at the start of the next one
        self._state = _HEAD
        self._keep_alive = True
        self._left = 0
        self._chunked: ChunkedDecoder | None = None
        self._broken: PeerError | None = None

    @property
    def idle(self) -> bool:
        """Between requests, with no byte of the next one: the peer may close without giving offence."""
        return self._state is _CLOSED or (self._state is _HEAD and not self._buffer)

    def feed(self, data: bytes) -> None:
        """Take what arrived on the connection."""
        if self._chunked is not None:
            self._chunked.feed(data)
        else:
            self._buffer = self._buffer + data if self._buffer else data

    def leftover(self) -> bytes:
        """Hand over the bytes that were received and not consumed; the decoder forgets about the body.

        In the middle of a chunked body these are its raw bytes, and nothing that is fed later makes sense.
        """
        if self._chunked is not None:
            data = self._chunked.leftover()
        else:
            data = self._buffer
            self._buffer = b""
            if self._fed:
                self._fed = 0
                self._parser = None
                self._fields.fields = []
        if self._state is _LENGTH:
            self._end()
        return data

    def next_event(self) -> Event:
        """What the bytes say next, or `NEED_DATA`.

        :raises PeerError: with the status to answer; the class tells which.
        """
        if self._broken is not None:
            raise self._broken
        try:
            if self._state is _HEAD:
                return self._head()
            if self._state is _LENGTH:
                return self._body()
            if self._chunked is not None:
                return self._chunks(self._chunked)
        except PeerError as error:
            self._broken = error
            self._parser = None
            raise
        self._buffer = b""
        return NEED_DATA

    def _end(self) -> None:
        self._state = _HEAD if self._keep_alive else _CLOSED

    def _body(self) -> BodyChunk | EndOfBody | NeedData:
        left = self._left
        if not left:
            self._end()
            return EndOfBody()
        data = self._buffer[:left]
        if not data:
            return NEED_DATA
        self._left = left - len(data)
        self._buffer = self._buffer[len(data) :]
        return BodyChunk(data)

    def _chunks(self, chunked: ChunkedDecoder) -> BodyChunk | EndOfBody | NeedData:
        event = chunked.next_event()
        if isinstance(event, EndOfBody):
            self._buffer = chunked.leftover()
            self._chunked = None
            self._end()
        return event

    # ---- hot path, watched by bench-requests (b) -----------------------------------------------------------

    def _head(self) -> RequestHead | NeedData:
        buffer = self._buffer
        if not buffer:
            return NEED_DATA
        if not self._fed and (buffer[0] == _CR or buffer[0] == _LF):
            buffer = self._skip_empty_lines()
            if not buffer:
                return NEED_DATA
        limit = self._limits.buffer_size
        fed = self._fed
        end = buffer.find(b"\r\n\r\n", fed - 3 if fed > 3 else 0, limit)
        if end < 0:
            return self._incomplete()
        end += 4
        head = buffer[:end]
        # The parser serves again where its last request had no body and all went well; otherwise what llhttp
        # thinks of a Connection field, or of a body that it never saw, would reach into the next request.
        parser = self._parser
        if parser is None:
            parser = httptools.HttpRequestParser(self._fields)
        self._parser = None
        try:
            parser.feed_data(buffer[fed:end] if fed else head)
        except httptools.HttpParserUpgrade:
            pass
        except httptools.HttpParserError as error:
            raise refusal(head, error) or PeerError(f"invalid HTTP request: {error}") from None
        fields = self._fields.fields
        self._fields.fields = []
        self._buffer = buffer[end:]
        self._fed = self._empty_lines = 0
        event = self._request(head, fields)
        if event.keep_alive and event.body_length == 0 and "HTTP_UPGRADE" not in event.vars:
            self._parser = parser
        return event

    def _request(self, head: bytes, fields: list[tuple[bytes, bytes]]) -> RequestHead:
        """What a head that llhttp has accepted says.

        :raises PeerError: for what llhttp accepts and we do not.
        """
        method, uri, minor = request_line(head[: head.index(b"\r\n")])
        if len(fields) > self._limits.variables:
            raise PeerError(
                f"{len(fields)} header fields, and twice max-vars is {self._limits.variables}",
                status=431,
                option="max-vars",
            )

        vars = self._base.copy()
        before = len(vars)
        path, _, query = uri.partition("?")
        vars["REQUEST_METHOD"] = method
        vars["REQUEST_URI"] = uri
        vars["PATH_INFO"] = unquote(path, "latin-1") if "%" in path else path
        vars["QUERY_STRING"] = query
        vars["SERVER_PROTOCOL"] = "HTTP/1.1" if minor else "HTTP/1.0"
        if self._script_name:
            vars["SCRIPT_NAME"] = ""

        underscored = False
        for name, raw in fields:
            key = KNOWN.get(name)
            if key is None:
                if b"_" in name:
                    underscored = True
                    continue
                key = variable(name)
            value = raw.decode("latin-1")
            if raw and (raw[-1] == _SPACE or raw[-1] == _TAB):
                value = value.rstrip(" \t")
            if key in vars:
                value = joined(key, vars[key], value)
            vars[key] = value
        if underscored:
            add_underscored(fields, vars)

        host: str | None = vars.get("HTTP_HOST")
        if host is None:
            if minor:
                raise PeerError("an HTTP/1.1 request without a Host")
        elif host not in HOSTS:
            learn_host(host)
        if path[:1] != "/" or "#" in uri:
            unusual_target(method, uri, vars)

        length = self._framing(vars, minor)
        keep_alive = minor == 1
        connection: str | None = vars.get("HTTP_CONNECTION")
        if connection is not None:
            if connection == "keep-alive":
                keep_alive = True
            else:
                tokens = {token.strip(" \t") for token in connection.lower().split(",")}
                keep_alive = "close" not in tokens and (keep_alive or "keep-alive" in tokens)
        self._keep_alive = keep_alive
        expect = False
        if minor and "HTTP_EXPECT" in vars:
            if vars["HTTP_EXPECT"].lower() != "100-continue":
                raise PeerError(f"an expectation nobody can meet: {vars['HTTP_EXPECT'][:80]!r}", status=417)
            expect = length != 0
        return RequestHead(
            vars,
            self._modifier1,
            self._modifier2,
            len(vars) - before,
            len(head),
            length,
            (1, minor),
            keep_alive,
            expect,
        )

    def _framing(self, vars: dict[str, Any], minor: int) -> int | None:
        """How the body is delimited: its length, or None for chunked; the state follows."""
        coding: str | None = vars.get("HTTP_TRANSFER_ENCODING")
        digits: str | None = vars.get("CONTENT_LENGTH")
        if coding is not None:
            if digits is not None:
                raise PeerError("both Content-Length and Transfer-Encoding")
            if not minor:
                raise PeerError("Transfer-Encoding in HTTP/1.0")
            check_coding(coding)
            self._chunked = ChunkedDecoder(self._limits)
            self._chunked.feed(self._buffer)
            self._buffer = b""
            self._state = _CHUNKED
            return None
        length = 0
        if digits is not None:
            if not digits.isdecimal() or len(digits) > _MAX_DIGITS:
                raise PeerError(f"a bad Content-Length: {digits[:80]!r}")
            length = int(digits)
        self._left = length
        self._state = _LENGTH
        return length

    # ---- the rest is not for every request -----------------------------------------------------------------

    def _incomplete(self) -> NeedData:
        """Let llhttp see what there is of a head, so that an error need not wait for the end of it."""
        limit = self._limits.buffer_size
        buffer = self._buffer
        if self._parser is None:
            self._parser = httptools.HttpRequestParser(self._fields)
        piece = buffer[self._fed : limit]
        if piece:
            self._fed += len(piece)
            try:
                self._parser.feed_data(piece)
            except httptools.HttpParserUpgrade:
                # a head that ends for llhttp, and has no empty line
                raise PeerError(f"a head that ends with a bare LF: {buffer[:80]!r}") from None
            except httptools.HttpParserError as error:
                refused = refusal(buffer[:limit], error)
                if refused is not None:
                    raise refused from None
            else:
                end = buffer.find(b"\r\n", 0, limit)
                if end >= 0:
                    request_line(buffer[:end])
        if len(buffer) >= limit:
            if b"\r\n" in buffer[:limit]:
                raise PeerError(f"invalid HTTP request size (max {limit})", status=431, option="buffer-size")
            raise PeerError(f"a request line of more than {limit} bytes", status=414, option="buffer-size")
        return NEED_DATA

    def _skip_empty_lines(self) -> bytes:
        """Drop the empty lines before a request line; an empty result means that more has to come."""
        while self._buffer[:2] == b"\r\n":
            self._buffer = self._buffer[2:]
            self._empty_lines += 1
            if self._empty_lines > MAX_EMPTY_LINES:
                raise PeerError(f"more than {MAX_EMPTY_LINES} empty lines before a request")
        if self._buffer in (b"", b"\r"):
            return b""
        if self._buffer[:1] in b"\r\n":
            raise PeerError("a bare CR or LF before a request")
        return self._buffer
