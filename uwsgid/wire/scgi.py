"""SCGI: a netstring of names and values, a body, one answer, and the end of the connection.

``LEN:`` in decimal, names and values with a NUL behind each, a comma, and ``CONTENT_LENGTH`` bytes of body.
What is refused is what uWSGI refuses (``uwsgi_proto_scgi_parser`` in proto/scgi.c), and a length with a zero
in front, which is no netstring.  Nobody is told why: the protocol has no way to say it.  ``SCGI = 1`` is
passed on as a variable, and neither it nor the order of the variables is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from uwsgid.errors import PeerError
from uwsgid.wire.events import NEED_DATA, BodyChunk, EndOfBody, Event, RequestHead
from uwsgid.wire.limits import Limits
from uwsgid.wire.refusal import shown
from uwsgid.wire.uwsgi import content_length

_MAX_DIGITS: Final = 9  # of a length; more can not be meant
_COLON: Final = 58
_COMMA: Final = 44
_ZERO: Final = 48
_NINE: Final = 57


# ---- hot path, watched by bench-protocols ------------------------------------------------------------------


def read_headers(block: bytes, into: dict[str, Any], max_vars: int = 64) -> int:
    """Read the content of the netstring into a dict, as the str (latin-1) that WSGI wants.

    :param max_vars: the option ``max-vars``; twice as many variables pass.
    :returns: how many there were; of equal names the last one wins.
    :raises PeerError: a name is empty or has no value, the last NUL is missing, or there are too many.
    """
    if not block.endswith(b"\0"):
        raise PeerError("an SCGI request whose last variable has no end", status=0)
    parts = block.decode("latin-1").split("\0")
    count = len(parts) >> 1
    if not len(parts) & 1:
        raise PeerError(f"an SCGI request whose variable {count} has no value", status=0)
    if count > 2 * max_vars:
        raise PeerError(
            f"max vec size reached: more than {2 * max_vars} variables in a request, twice max-vars",
            status=0,
            option="max-vars",
        )
    names = parts[: 2 * count : 2]
    if "" in names:
        raise PeerError(f"an empty name among the {count} variables of an SCGI request", status=0)
    into.update(zip(names, parts[1::2], strict=True))
    return count


class ScgiDecoder:
    """Turns the bytes of one SCGI connection into events: a `RequestHead`, its body, and `EndOfBody`.

    After a `RequestHead` a driver that can read from the connection itself may take the `leftover` in place
    of the body events.  Nothing follows a request.  A `PeerError` is final.

    :param base: what the request starts from; it is copied, never changed.
    """

    __slots__ = ("_base", "_broken", "_buffer", "_done", "_left", "_limits", "_modifier1", "_modifier2",
                 "block")  # fmt: skip

    def __init__(
        self, base: dict[str, Any], limits: Limits, *, modifier1: int = 0, modifier2: int = 0
    ) -> None:
        self._base = base
        self._limits = limits
        self._modifier1 = modifier1
        self._modifier2 = modifier2
        self._buffer = b""
        self._left = -1  # bytes of body that are to come; -1 before the head
        self._done = False
        self._broken: PeerError | None = None
        #: the variables of the head as they came
        self.block = b""

    @property
    def idle(self) -> bool:
        """No byte of a request is here: the peer may close without giving offence."""
        return self._done or not (self._buffer or self._left >= 0)

    def feed(self, data: bytes) -> None:
        """Take what arrived on the connection."""
        self._buffer = self._buffer + data if self._buffer else data

    def leftover(self) -> bytes:
        """Hand over the bytes that were received and not consumed; the decoder forgets about the body."""
        data = self._buffer
        self._buffer = b""
        self._done = True
        return data

    def next_event(self) -> Event:
        """What the bytes say next, or `NEED_DATA`.

        :raises PeerError: what comes is no SCGI, or larger than ``buffer-size`` or ``max-vars`` allow.
        """
        if self._broken is not None:
            raise self._broken
        if self._done:
            return NEED_DATA
        if self._left >= 0:
            return self._body()
        try:
            return self._head()
        except PeerError as error:
            self._broken = error
            raise

    def _head(self) -> Event:
        buffer = self._buffer
        have = len(buffer)
        if not have:
            return NEED_DATA
        size = pos = 0
        while pos < have and buffer[pos] != _COLON:
            digit = buffer[pos]
            if digit < _ZERO or digit > _NINE or pos == _MAX_DIGITS or (pos and not size):
                raise PeerError(f"not SCGI: {shown(buffer)}", status=0)
            size = 10 * size + digit - _ZERO
            pos += 1
        if pos == have and not (pos and not size):
            return NEED_DATA
        if not size:
            raise PeerError(f"an SCGI request without variables: {shown(buffer)}", status=0)
        limit = self._limits.buffer_size
        if size > limit:
            raise PeerError(f"invalid SCGI request size (max {limit})", status=0, option="buffer-size")
        start = pos + 1
        end = start + size
        if have <= end:
            return NEED_DATA
        if buffer[end] != _COMMA:
            raise PeerError("an SCGI request without the comma behind its variables", status=0)
        block = self.block = buffer[start:end]
        vars = self._base.copy()
        count = read_headers(block, vars, self._limits.max_vars)
        told: str | None = vars.get("CONTENT_LENGTH")
        length = content_length(told) if told else 0
        self._buffer = buffer[end + 1 :]
        self._left = length
        return RequestHead(vars, self._modifier1, self._modifier2, count, size, length)

    # ---- end of the hot path -------------------------------------------------------------------------------

    def _body(self) -> Event:
        if not self._left:
            self._done = True
            return EndOfBody()
        data = self._buffer[: self._left]
        if not data:
            return NEED_DATA
        self._left -= len(data)
        self._buffer = self._buffer[len(data) :]
        return BodyChunk(data)


def request(items: Iterable[tuple[str, str]], body: bytes = b"") -> bytes:
    """A whole request, as a front end sends it; ``CONTENT_LENGTH`` and ``SCGI`` are among the items."""
    block = b"".join(f"{name}\0{value}\0".encode("latin-1") for name, value in items)
    return b"%d:%b,%b" % (len(block), block, body)
