"""``wsgi.input``: the body of a request, read when the application asks for it.

A body begins with what the decoder received behind the head and goes on in the socket, where it ends after
``CONTENT_LENGTH`` bytes or, chunked, where its decoder says so.  Nothing is read before the application does,
except under ``post-buffering`` (`uwsgid.request.buffering`), which reads all of it first.

Errors have the texts that applications know from uWSGI (plugins/python/wsgi_handlers.c, wsgi.input methods).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from uwsgid.errors import BodyError, PeerError, PeerGone, PeerTimeout
from uwsgid.wire.events import NEED_DATA, BodyChunk

if TYPE_CHECKING:
    from uwsgid.request.connection import Connection

#: The least that is asked of the socket, whatever the application asks for.
_PIECE: Final = 65536
#: The most that one read of the socket may return: more would only allocate memory that stays empty.
PIECE_MAX: Final = 1 << 18
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Body:
    """The body of one request.

    :param connection: where the rest comes from.
    :param length: of the whole body; None where it is chunked and ``decoder`` knows its end.
    :param start: what arrived behind the head (nothing where it is chunked: the decoder has it).
    :param expected: the client waits for ``100 Continue`` before it sends.
    :ivar errors: how many reads failed.
    :ivar surplus: what came behind the body: the start of the next request.
    """

    __slots__ = ("_arrived", "_broken", "_buffer", "_connection", "_decoder", "_expected", "_left", "_pos",
                 "_told", "_warned", "errors", "length", "surplus")  # fmt: skip

    def __init__(
        self,
        connection: Connection,
        length: int | None,
        start: bytes = b"",
        decoder: Any = None,
        expected: bool = False,
    ) -> None:
        self._connection = connection
        self.length = length
        self._decoder = decoder
        self._expected = expected
        self._pos = 0  # of what is in _buffer, all before it was read by the application
        self._told = 0  # bytes that were in earlier buffers
        self._arrived = 0  # bytes of a chunked body
        self._broken: PeerError | None = None  # why nothing more can be read, ever
        self._warned = False
        self.errors = 0
        self.surplus = b""
        if length is None:
            self._buffer = b""
            self._left = 1  # until the decoder says the end
        elif len(start) > length:
            self._buffer = start[:length]
            self.surplus = start[length:]
            self._left = 0
        else:
            self._buffer = start
            self._left = length - len(start)

    # ---- what the server asks ------------------------------------------------------------------------------

    @property
    def consumed(self) -> int:
        """Bytes the application has read."""
        return self._told + self._pos

    @property
    def at_end(self) -> bool:
        """Whether all of it has left the socket."""
        return not self._left

    @property
    def awaits_continue(self) -> bool:
        """Whether the client still waits to be told that it may send."""
        return self._expected

    def forget_continue(self) -> None:
        """The answer has started: it is too late for ``100 Continue``."""
        self._expected = False

    def discard(self, most: int) -> bool:
        """Throw away what is left and here already, *most* bytes of it; say whether that was all.

        It never waits and never raises.
        """
        self._told += len(self._buffer)
        self._buffer, self._pos = b"", 0
        if self._broken is not None:
            return False
        try:
            while self._left and most > 0:
                data = self._piece_now(_PIECE)
                if not data:
                    break
                most -= len(data)
                self._told += len(data)
        except (OSError, EOFError, PeerError):
            return False
        return not self._left

    def _piece_now(self, most: int) -> bytes | None:
        if self._decoder is not None:
            return self._chunk(self._connection.receive_now)
        data = self._connection.receive_now(min(most, self._left))
        self._left -= len(data or b"")
        return data

    def _piece(self, most: int) -> bytes:
        """The next bytes of the body, none at its end.

        :raises PeerTimeout: the client stayed silent.
        :raises EOFError: the client ended the connection within the body.
        :raises PeerError: it is not chunked as it ought to be.
        :raises OSError: the connection broke.
        """
        if not self._left:
            return b""
        if self._expected:
            self._expected = False
            self._connection.send(_CONTINUE)
        if self._decoder is not None:
            return self._chunk(self._receive_chunked) or b""
        data = self._connection.receive(min(most, self._left))
        if not data:
            raise EOFError
        self._left -= len(data)
        return data

    def _piece_at_once(self, most: int) -> bytes | None:
        """As `_piece`, but None where nothing is there yet."""
        if not self._left:
            return b""
        if self._expected:
            self._expected = False
            self._connection.send(_CONTINUE)
        data = self._piece_now(most)
        if data is not None and not data and self._left:
            raise EOFError
        return data

    def _receive_chunked(self, most: int) -> bytes:
        """What arrives of a chunked body.

        :raises PeerTimeout: nothing, for ``chunked-input-timeout``.
        """
        seconds = self._connection.terms.chunked_timeout
        try:
            return self._connection.receive(most, seconds)
        except PeerTimeout as error:
            if seconds:
                error.option = "chunked-input-timeout"
            raise

    def _chunk(self, receive: Callable[[int], bytes | None]) -> bytes | None:
        while self._left:
            event = self._decoder.next_event()
            if isinstance(event, BodyChunk):
                limit = self._connection.terms.limit_post
                self._arrived += len(event.data)
                if limit and self._arrived > limit:
                    raise PeerError(
                        f"a chunked body of more than {limit} bytes", status=413, option="limit-post"
                    )
                return event.data
            if event is not NEED_DATA:
                self._left = 0
                break
            data = receive(_PIECE)
            if data is None:
                return None
            if not data:
                raise EOFError
            self._decoder.feed(data)
        return b""

    def _fetch(self, most: int, want: int, what: str) -> bytes:
        """`_piece`, with the error that applications get; the log says once what was wrong.

        :raises BodyError: whatever it was.
        """
        data = self._fetch_by(self._piece, most, want, what)
        assert data is not None
        return data

    def _fetch_by(
        self, piece: Callable[[int], bytes | None], most: int, want: int, what: str
    ) -> bytes | None:
        failure = self._broken
        if failure is None:
            try:
                return piece(min(max(most, _PIECE), PIECE_MAX))
            except PeerTimeout as error:
                failure = error  # the application may try again
            except PeerError as error:
                failure = self._broken = error
            except EOFError:
                failure = self._broken = PeerGone("Client closed connection")
            except OSError as error:
                failure = self._broken = PeerGone(error.strerror or str(error))
            self._tell(failure, want)
        self.errors += 1
        kind = "timeout" if isinstance(failure, PeerTimeout) else "error"
        raise BodyError(
            f"{kind} during {what}({want}) on wsgi.input", status=failure.status, option=failure.option
        )

    def _tell(self, failure: PeerError, want: int) -> None:
        length = "chunked" if self.length is None else str(self.length)
        left = "unknown" if self.length is None else str(self.length - self.consumed)
        kind, message = "Error", f" message: {failure}"
        if isinstance(failure, PeerTimeout):
            kind, message = "Timeout", ""
        option = f", option {failure.option}" if failure.option else ""
        self._connection.terms.say(
            f"[uwsgi-body-read] {kind} reading {want if want > 0 else left} bytes. Content-Length: {length} "
            f"consumed: {self.consumed} left: {left}{message} [{self._connection.who}{option}]"
        )

    def _refill(self, most: int, want: int, what: str) -> bool:
        """Get a new buffer once the old one is used up; False at the end of the body."""
        data = self._fetch(most, want, what)
        self._told += self._pos
        self._buffer, self._pos = data, 0
        return bool(data)

    # ---- what applications call ----------------------------------------------------------------------------

    def read(self, size: int | None = -1) -> bytes:
        """*size* bytes, fewer only at the end; all that remain where it is None or less than 1.

        :raises BodyError: the client went away, stayed silent or sent what it must not.
        """
        whole = size is None or size <= 0
        want = -1 if size is None else size
        pos = self._pos
        have = len(self._buffer) - pos
        if not whole and have >= want:
            self._pos = pos + want
            return self._buffer[pos : pos + want]
        first = self._buffer[pos:] if pos else self._buffer
        self._pos = pos + have
        if not self._left:
            return first
        parts = [first] if first else []
        missing = -1 if whole else want - have
        while missing:
            if not self._refill(self._left if whole else missing, want, "read"):
                break
            data = self._buffer
            if 0 < missing < len(data):
                data = data[:missing]
            self._pos = len(data)
            parts.append(data)
            if not whole:
                missing -= len(data)
            self._warn()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def read_now(self, most: int) -> bytes | None:
        """Up to *most* bytes of what is here already, none at the end; None where the client must be awaited.

        :raises BodyError: the client went away or sent what it must not.
        """
        if self._pos == len(self._buffer):
            data = self._fetch_by(self._piece_at_once, most, most, "read")
            if not data:
                return data
            self._told += self._pos
            self._buffer, self._pos = data, 0
        data = self._buffer[self._pos : self._pos + most]
        self._pos += len(data)
        return data

    def readline(self, size: int | None = -1) -> bytes:
        """The next line with its end, or *size* bytes of it where it is longer.

        :raises BodyError: the client went away, stayed silent or sent what it must not.
        """
        limit = -1 if size is None or size <= 0 else size
        parts: list[bytes] = []
        while True:
            buffer, pos = self._buffer, self._pos
            stop = buffer.find(b"\n", pos) + 1 or len(buffer)
            if 0 <= limit < stop - pos:
                stop = pos + limit
            part = buffer[pos:stop]
            self._pos = stop
            if part:
                if limit >= 0:
                    limit -= len(part)
                if not parts and (part.endswith(b"\n") or limit == 0):
                    return part
                parts.append(part)
                if part.endswith(b"\n") or limit == 0:
                    break
            if not self._left or not self._refill(_PIECE, limit, "readline"):
                break
            self._warn()
        return b"".join(parts)

    def readlines(self, hint: int | None = None) -> list[bytes]:
        """All lines that remain, or enough of them to pass *hint* bytes.

        :raises OSError: as `readline`.
        """
        lines = []
        total = 0
        for line in self:
            lines.append(line)
            total += len(line)
            if hint is not None and 0 < hint <= total:
                break
        return lines

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def fileno(self) -> int:
        """The descriptor of the connection.  What was received already can not be read from there."""
        return self._connection.fd

    def tell(self) -> int:
        """How many bytes were read."""
        return self.consumed

    def seek(self, position: int, whence: int = 0) -> int:
        """Not without ``post-buffering``.

        :raises OSError: always.
        """
        raise OSError("seeking wsgi.input without post_buffering is IMPOSSIBLE !!!")

    def close(self) -> None:
        """Does nothing: the connection is not the application's to close."""

    def _warn(self) -> None:
        limit = self._connection.terms.body_warning
        if limit and not self._warned and self._told > limit:
            self._warned = True
            self._connection.terms.say(
                "[uwsgi-warning] you are using read()/readline() on request body allocating over than "
                f"{limit >> 20} MB, that is really bad and can be avoided..."
            )
