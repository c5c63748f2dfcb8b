"""FastCGI, the side of the application server: what it reads, records to events.

A request begins with a record of its own, then comes a stream of records with its variables (PARAMS) and one
with its body (STDIN); an empty record ends a stream.  Both streams may be cut into records anywhere, also in
the middle of a name.  What a record is, and those of an answer, is in `uwsgid.wire.fastcgi_records`.

What the specification (FastCGI 1.0) wants an application to say without being asked comes out of the decoder
as `Answer`: values of variables (GET_VALUES), record types that nobody knows (UNKNOWN_TYPE), roles other than
Responder (UNKNOWN_ROLE), a second request beside one in progress (CANT_MPX_CONN), the end of a request that
was aborted.  uWSGI passes over all of these (proto/fastcgi.c), and closes every connection; here one that the
peer wants to keep is kept.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, Final

from uwsgid.errors import PeerError, PeerGone
from uwsgid.wire.events import NEED_DATA, Answer, BodyChunk, EndOfBody, Event, RequestHead
from uwsgid.wire.fastcgi_records import (
    ABORT_REQUEST,
    BEGIN_REQUEST,
    CANT_MPX_CONN,
    GET_VALUES,
    GET_VALUES_RESULT,
    KEEP_CONN,
    PARAMS,
    RESPONDER,
    STDIN,
    UNKNOWN_ROLE,
    UNKNOWN_TYPE,
    end_request,
    pairs,
    record,
    trailer,
)
from uwsgid.wire.limits import Limits
from uwsgid.wire.uwsgi import content_length

MAX_ITEM: Final = 65535  #: bytes of the longest name or value, as in uWSGI (fcgi_get_param_size)


class _State(enum.Enum):
    IDLE = enum.auto()  # between requests
    PARAMS = enum.auto()  # a request began, its variables are not complete
    BODY = enum.auto()  # its head was told, its body is not complete
    ENDING = enum.auto()  # its body is complete, which was not told yet
    DONE = enum.auto()  # its body is complete or given up, its answer is not
    CLOSED = enum.auto()  # the peer was told that this is the end


# global names cost less than attributes of the class
_IDLE: Final = _State.IDLE
_PARAMS: Final = _State.PARAMS
_BODY: Final = _State.BODY
_ENDING: Final = _State.ENDING
_DONE: Final = _State.DONE
_CLOSED: Final = _State.CLOSED


# ---- hot path, watched by bench-protocols ------------------------------------------------------------------


def read_params(block: bytes, into: dict[str, Any], max_vars: int = 64) -> int:
    """Read the variables of a whole PARAMS stream into a dict, as the str (latin-1) that WSGI wants.

    :param max_vars: the option ``max-vars``; twice as many variables pass.
    :returns: how many there were; of equal names the last one wins.
    :raises PeerError: one is cut or longer than `MAX_ITEM`, a name is empty, or there are too many.  ``into``
        may then hold some of them.
    """
    text = block.decode("latin-1")
    end = len(block)
    most = 2 * max_vars
    pos = count = 0
    try:
        while pos < end:
            count += 1
            if count > most:
                raise PeerError(
                    f"max vec size reached: more than {most} variables in a request, twice max-vars",
                    status=0,
                    option="max-vars",
                )
            name = block[pos]
            pos += 1
            if name > 127:
                name = (name & 127) << 24 | block[pos] << 16 | block[pos + 1] << 8 | block[pos + 2]
                pos += 3
            value = block[pos]
            pos += 1
            if value > 127:
                value = (value & 127) << 24 | block[pos] << 16 | block[pos + 1] << 8 | block[pos + 2]
                pos += 3
            if name > MAX_ITEM or value > MAX_ITEM or not name:
                raise PeerError(
                    f"variable {count} of a FastCGI request has a name of {name} bytes, a value of {value}",
                    status=0,
                )
            name += pos
            value += name
            into[text[pos:name]] = text[name:value]
            pos = value
    except IndexError:
        pos = end + 1
    if pos > end:
        raise PeerError(f"variable {count} of a FastCGI request runs past the end of {end} bytes", status=0)
    return count


class FastCgiDecoder:
    """Turns the bytes of one FastCGI connection into events, request after request.

    Feed it what arrived and ask for `next_event` until it says `NEED_DATA`.  A request is one `RequestHead`,
    any number of `BodyChunk`, and `EndOfBody`; then the driver answers and calls `end`, and the next request
    may follow.  `Answer` may come in between at any time.

    ``body_length`` of a head is ``CONTENT_LENGTH``, 0 where the peer gave none and no byte of a body, and
    None where it gave none and we can not know yet; STDIN ends the body in any case.

    A peer that aborts a request in progress makes `next_event` raise `PeerGone` once, and the connection goes
    on.  Every other `PeerError` is final: the decoder raises it again.

    :param base: what every request of this connection starts from; it is copied, never changed.
    :param values: what is told to peers that ask for it (GET_VALUES).
    :ivar number: two bytes, the request in progress; empty between requests.
    :ivar keep: the peer wants to go on with the connection.
    :ivar params: the variables of the last head as they came.
    """

    __slots__ = ("_base", "_broken", "_buffer", "_content", "_limits", "_modifier1", "_modifier2", "_pieces",
                 "_pos", "_size", "_skip", "_state", "_values", "keep", "number", "params")  # fmt: skip

    def __init__(
        self,
        base: dict[str, Any],
        limits: Limits,
        *,
        modifier1: int = 0,
        modifier2: int = 0,
        values: Mapping[str, str] | None = None,
    ) -> None:
        self._base = base
        self._limits = limits
        self._modifier1 = modifier1
        self._modifier2 = modifier2
        self._values = values
        self._buffer = b""
        self._pos = 0  # what is before it is consumed
        self._skip = 0  # bytes of content and padding that nobody wants
        self._content = 0  # bytes of a STDIN record that are still to come
        self._pieces: list[bytes] = []  # of PARAMS
        self._size = 0
        self._state = _IDLE
        self._broken: PeerError | None = None
        self.number = b""
        self.keep = False
        self.params = b""

    @property
    def idle(self) -> bool:
        """Between requests, with no byte of the next one: the peer may close without giving offence."""
        return (self._state is _IDLE and self._pos == len(self._buffer)) or self._state is _CLOSED

    @property
    def drained(self) -> bool:
        """Whether the last request is complete, so that nothing of it is in the connection any more."""
        return self._state is _IDLE and not self._skip

    def feed(self, data: bytes) -> None:
        """Take what arrived on the connection."""
        self._buffer = self._buffer[self._pos :] + data if self._pos < len(self._buffer) else data
        self._pos = 0

    def next_event(self) -> Event:
        """What the bytes say next, or `NEED_DATA`.

        :raises PeerGone: the peer aborted the request in progress.
        :raises PeerError: what comes is no FastCGI, or larger than ``buffer-size`` or ``max-vars`` allow.
        """
        if self._broken is not None:
            raise self._broken
        try:
            return self._advance()
        except PeerGone:
            raise
        except PeerError as error:
            self._broken = error
            raise

    def _advance(self) -> Event:
        while True:
            buffer = self._buffer
            pos = self._pos
            have = len(buffer) - pos
            if self._content:
                data = buffer[pos : pos + self._content]
                if not data:
                    return NEED_DATA
                self._content -= len(data)
                self._pos = pos + len(data)
                return BodyChunk(data)
            if self._skip:
                skipped = min(self._skip, have)
                self._skip -= skipped
                pos += skipped
                have -= skipped
                self._pos = pos
            state = self._state
            if state is _ENDING:
                self._state = _DONE
                return EndOfBody()
            if not have or state is _DONE or state is _CLOSED:
                return NEED_DATA
            if buffer[pos] != 1:
                raise PeerError(f"not FastCGI 1: a record of version {buffer[pos]}", status=0)
            if have < 8:
                return NEED_DATA
            kind = buffer[pos + 1]
            number = buffer[pos + 2 : pos + 4]
            size = buffer[pos + 4] << 8 | buffer[pos + 5]
            event: Event | None = None
            if number == self.number:  # of the request in progress
                if kind == PARAMS and state is _PARAMS:
                    if size:
                        if self._size + size > self._limits.buffer_size:
                            raise self._too_large(self._size + size)
                        if have < 8 + size:
                            return NEED_DATA
                        self._size += size
                        self._pieces.append(buffer[pos + 8 : pos + 8 + size])
                    else:
                        self._pass(buffer, pos)
                        return self._head()
                elif kind == STDIN:
                    if state is _PARAMS:
                        return self._head()  # some peers leave the end of PARAMS out
                    if not size:
                        self._pass(buffer, pos)
                        self._state = _DONE
                        return EndOfBody()
                    self._content = size
                    self._skip = buffer[pos + 6]
                    self._pos = pos + 8
                    continue
                elif kind == BEGIN_REQUEST:
                    raise PeerError("a FastCGI request that begins twice", status=0)
                elif kind == ABORT_REQUEST:
                    self._pass(buffer, pos)
                    return self._abort()
            elif number == b"\0\0":
                if have < 8 + size:
                    return NEED_DATA
                event = self._manage(kind, buffer[pos + 8 : pos + 8 + size])
            elif kind == BEGIN_REQUEST:
                if size != 8:
                    raise PeerError(f"a FastCGI request that begins with {size} bytes and not 8", status=0)
                if have < 16:
                    return NEED_DATA
                event = self._begin(number, buffer[pos + 8 : pos + 16])
            self._pass(buffer, pos)
            if event is not None:
                return event

    def _pass(self, buffer: bytes, pos: int) -> None:
        """Go on behind the record at *pos*, as far as it is here."""
        size = 8 + (buffer[pos + 4] << 8 | buffer[pos + 5]) + buffer[pos + 6]
        have = len(buffer) - pos
        if size > have:
            self._skip = size - have
            size = have
        self._pos = pos + size

    def _begin(self, number: bytes, content: bytes) -> Event | None:
        if self.number:
            return Answer(end_request(number, CANT_MPX_CONN))
        role = content[0] << 8 | content[1]
        keep = content[2] & KEEP_CONN != 0
        if role != RESPONDER:
            if not keep:
                self._state = _CLOSED
            return Answer(end_request(number, UNKNOWN_ROLE), not keep)
        self.number = number
        self.keep = keep
        self._state = _PARAMS
        self._size = 0
        self._pieces = []
        return None

    def _head(self) -> RequestHead:
        pieces = self._pieces
        self._pieces = []
        block = self.params = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        vars = self._base.copy()
        count = read_params(block, vars, self._limits.max_vars)
        self._state = _BODY
        # nearly always the end of an empty body is here already
        buffer = self._buffer
        pos = self._pos
        if (
            not self._skip
            and len(buffer) - pos >= 8
            and buffer[pos : pos + 6] == b"\x01\x05" + self.number + b"\0\0"
        ):
            self._pass(buffer, pos)
            self._state = _ENDING
        told: str | None = vars.get("CONTENT_LENGTH")
        length: int | None = 0
        if told:
            length = content_length(told)
        elif self._state is _BODY:
            length = None
        return RequestHead(
            vars,
            self._modifier1,
            self._modifier2,
            count,
            len(block),
            length,
            keep_alive=self.keep,
        )

    def end(self, closing: bool = False) -> bytes:
        """The request in progress is answered: what still comes for it is passed over.

        :param closing: the connection ends with this request, so that another one that is here has to be
            refused.
        :returns: these refusals.
        """
        number = self.number
        if not number:
            return b""
        if self._state is _BODY:
            self._skip += self._content
            self._content = 0
        over = self._state is _DONE or self._state is _ENDING
        buffer = self._buffer
        refusals = b""
        while True:
            pos = self._pos
            if self._skip:
                skipped = min(self._skip, len(buffer) - pos)
                self._skip -= skipped
                self._pos = pos = pos + skipped
            if self._skip or len(buffer) - pos < 8 or buffer[pos] != 1:
                break
            kind = buffer[pos + 1]
            if buffer[pos + 2 : pos + 4] == number:
                if kind == BEGIN_REQUEST:
                    break
                if kind == STDIN and buffer[pos + 4 : pos + 6] == b"\0\0":
                    over = True
            elif closing and kind == BEGIN_REQUEST:
                refusals += end_request(buffer[pos + 2 : pos + 4], CANT_MPX_CONN)
            elif not closing:
                break
            self._pass(buffer, pos)
        if over or not closing:
            self.number = b""
            self._state = _IDLE
        return refusals

    # ---- end of the hot path -------------------------------------------------------------------------------

    def _too_large(self, size: int) -> PeerError:
        most = self._limits.buffer_size
        return PeerError(f"invalid FastCGI request size: {size} (max {most})", status=0, option="buffer-size")

    def _abort(self) -> Event:
        if self._state is _PARAMS:
            number = self.number
            self.number = b""
            self._pieces = []
            self._state = _IDLE if self.keep else _CLOSED
            return Answer(trailer(number), not self.keep)
        self._state = _DONE
        raise PeerGone("the front end aborted the request")

    def _manage(self, kind: int, content: bytes) -> Answer:
        """The answer to a record that belongs to no request."""
        if kind != GET_VALUES:
            return Answer(record(UNKNOWN_TYPE, b"\0\0", bytes((kind, 0, 0, 0, 0, 0, 0, 0))))
        wanted: dict[str, Any] = {}
        read_params(content, wanted)
        values = self._values if self._values is not None else {}
        known = {name: values[name] for name in wanted if name in values}
        return Answer(record(GET_VALUES_RESULT, b"\0\0", pairs(known.items())))

    def refuse(self) -> bytes:
        """What the peer is told when the connection ends because of a `PeerError`: the end of its request."""
        number = self.number
        self.number = b""
        return trailer(number) if number else b""
