"""The uwsgi protocol: four bytes of header, a block, and for most requests a body.

This is what nginx speaks to a worker, so `read_vars` and `UwsgiDecoder` are on the way of every request.
The header is modifier1, the size of the block (16 bits, little-endian) and modifier2; the block of most
modifiers is a list of variables, each key and value preceded by its length.  A body of ``CONTENT_LENGTH``
bytes follows.

Nothing of the protocol lets the server say what was wrong, so the errors raised here carry status 0: the
connection is closed and the log tells.  ``limit-post`` is not this module's concern.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from uwsgid.errors import InternalError, PeerError
from uwsgid.wire.events import NEED_DATA, BodyChunk, EndOfBody, Event, RequestHead
from uwsgid.wire.limits import Limits

MAX_BLOCK: Final = 0xFFFF  #: bytes of the largest block that fits the header
MAX_ITEMS: Final = 255  #: items of an array that are read; uWSGI ignores the rest


class Modifier(enum.IntEnum):
    """Who answers a packet, or what a packet asks of the server itself."""

    WSGI = 0
    PSGI = 5
    LUA = 6
    RACK = 7
    JVM = 8
    CGI = 9
    ADMIN = 10
    GO = 11
    PHP = 14
    MONO = 15
    SPOOLER = 17
    SYMCALL = 18
    SSI = 19
    EVAL = 22
    XSLT = 23
    V8 = 24
    GRIDFS = 25
    GLUSTERFS = 27
    RADOS = 28
    WSGI_SCRIPT_NAME = 30
    MESSAGE = 31
    ARRAY = 32
    MARSHAL = 33
    WEBDAV = 35
    SNMP = 48
    HTTP = 72
    ANNOUNCE = 73
    MULTICAST = 74
    CLUSTER = 95
    REMOTE_LOG = 96
    RELOAD_BRUTAL = 97
    RELOAD = 98
    CONFIG = 99
    PING = 100
    ECHO = 101
    LEGION = 109
    SIGNAL = 110
    CACHE = 111
    ROUTER_SIGNAL = 123
    RPC = 173
    CLOSE_MARK = 200
    SUBSCRIPTION = 224
    EXAMPLE = 250
    RESPONSE = 255


#: Modifiers whose block is not the variables of a request: it is handed on as it came, `RequestHead.block`.
OPAQUE: Final = frozenset(
    {
        Modifier.SPOOLER,
        Modifier.EVAL,
        Modifier.MESSAGE,
        Modifier.ARRAY,
        Modifier.MARSHAL,
        Modifier.SNMP,
        Modifier.HTTP,
        Modifier.ANNOUNCE,
        Modifier.MULTICAST,
        Modifier.CLUSTER,
        Modifier.REMOTE_LOG,
        Modifier.RELOAD_BRUTAL,
        Modifier.RELOAD,
        Modifier.CONFIG,
        Modifier.PING,
        Modifier.ECHO,
        Modifier.LEGION,
        Modifier.SIGNAL,
        Modifier.CACHE,
        Modifier.ROUTER_SIGNAL,
        Modifier.RPC,
        Modifier.CLOSE_MARK,
        Modifier.SUBSCRIPTION,
        Modifier.RESPONSE,
    }
)

#: Calls by path (2) and XML-RPC (3) are the ones that come as an ordinary request.
_RPC_WITH_VARS: Final = frozenset({2, 3})

_DIGITS: Final = re.compile(r"[0-9]*")
_MAX_DIGITS: Final = 18  # of a content length; more would not fit 63 bits


def content_length(text: str) -> int:
    """The number of bytes a ``CONTENT_LENGTH`` of a uwsgi packet stands for: its leading digits.

    ``12abc`` counts as 12, ``-1`` and ``abc`` as 0, as in uWSGI (``uwsgi_str_num`` in core/utils.c).

    :raises PeerError: more digits than any length has.
    """
    digits = text if text.isdecimal() else _DIGITS.match(text)[0]  # type: ignore[index]  # matches always
    if len(digits) > _MAX_DIGITS:
        raise PeerError(f"an absurd CONTENT_LENGTH of {len(digits)} digits", status=0)
    return int(digits or "0")


# ---- hot path, watched by bench-requests (a) ---------------------------------------------------------------


def read_vars(block: bytes, into: dict[str, Any], max_vars: int = 64) -> int:
    """Read the variables of `block` into a dict, as the str (latin-1) that WSGI wants.

    :param max_vars: the option ``max-vars``; twice as many variables pass.
    :returns: how many variables there were; of equal keys the last one wins.
    :raises PeerError: the block is cut, a key is empty, or there are too many variables.  ``into`` may then
        hold some of them.
    """
    # One decode, then slices of it.  Nothing is checked on the way: a length that leads past the end either
    # meets an IndexError at the next one or leaves `pos` beyond the end.  The range counts and limits.
    text = block.decode("latin-1")
    end = len(block)
    if not end:
        return 0
    pos = count = 0
    try:
        for count in range(1, 2 * max_vars + 1):  # noqa: B007
            key = pos + 2
            stop = key + block[pos]
            if block[pos + 1]:
                stop += block[pos + 1] << 8
            value = stop + 2
            pos = value + block[stop]
            if block[stop + 1]:
                pos += block[stop + 1] << 8
            into[text[key:stop]] = text[value:pos]
            if pos >= end:
                break
    except IndexError:
        pos = end + 1
    if pos > end:
        raise PeerError(
            f"invalid uwsgi request (current strsize: {end}): variable {count} runs past the end",
            status=0,
        )
    if "" in into:
        raise PeerError(f"uwsgi key cannot be null: an empty key among the first {count} variables", status=0)
    if pos < end:
        raise PeerError(
            f"max vec size reached: more than {2 * max_vars} variables in a request, twice max-vars",
            status=0,
            option="max-vars",
        )
    return count


class UwsgiDecoder:
    """Turns the bytes of one uwsgi connection into events.

    Feed it what arrived and ask for `next_event` until it says `NEED_DATA`.  A request is one `RequestHead`,
    any number of `BodyChunk` by ``CONTENT_LENGTH``, and `EndOfBody`; the next packet may follow (puwsgi).

    A driver that can read from the connection itself may spare the body events: after a `RequestHead`,
    `leftover` hands over the bytes that came behind the head and ends the request for the decoder.  The
    driver takes ``body_length`` bytes from there and then from the connection, and feeds back what is beyond
    them.

    A `PeerError` is final: the decoder raises it again at every further `next_event`.

    :param base: what every request of this connection starts from; it is copied, never changed.
    """

    __slots__ = ("_base", "_broken", "_buffer", "_buffer_size", "_in_body", "_left", "_max_vars")

    def __init__(self, base: Mapping[str, Any], limits: Limits) -> None:
        self._base = base
        self._buffer_size = limits.buffer_size
        self._max_vars = limits.max_vars
        self._buffer = b""
        self._in_body = False
        self._left = 0
        self._broken: PeerError | None = None

    @property
    def idle(self) -> bool:
        """Between requests, with no byte of the next one: the peer may close without giving offence."""
        return not (self._in_body or self._buffer)

    def feed(self, data: bytes) -> None:
        """Take what arrived on the connection."""
        self._buffer = self._buffer + data if self._buffer else data

    def leftover(self) -> bytes:
        """Hand over the bytes that were received and not consumed; the decoder forgets about the body."""
        data = self._buffer
        self._buffer = b""
        self._in_body = False
        return data

    def next_event(self) -> Event:
        """What the bytes say next, or `NEED_DATA`.

        :raises PeerError: a block larger than ``buffer-size``, or one that `read_vars` refuses.
        """
        if self._in_body:
            return self._body()
        if self._broken is not None:
            raise self._broken
        buffer = self._buffer
        received = len(buffer)
        if received < 4:
            return NEED_DATA
        size = buffer[1] | buffer[2] << 8
        if size > self._buffer_size:
            raise self._refuse(
                PeerError(
                    f"invalid request block size: {size} (max {self._buffer_size})",
                    status=0,
                    option="buffer-size",
                )
            )
        end = 4 + size
        if received < end:
            return NEED_DATA
        vars = dict(self._base)
        modifier1 = buffer[0]
        modifier2 = buffer[3]
        self._buffer = buffer[end:]
        if modifier1 in OPAQUE and not (modifier1 == Modifier.RPC and modifier2 in _RPC_WITH_VARS):
            self._in_body = True
            self._left = 0
            return RequestHead(vars, modifier1, modifier2, 0, size, block=buffer[4:end])
        try:
            count = read_vars(buffer[4:end], vars, self._max_vars)
            length = vars.get("CONTENT_LENGTH")
            self._left = content_length(length) if length else 0
        except PeerError as error:
            raise self._refuse(error) from None
        self._in_body = True
        return RequestHead(vars, modifier1, modifier2, count, size, self._left)

    def _body(self) -> Event:
        left = self._left
        if not left:
            self._in_body = False
            return EndOfBody()
        buffer = self._buffer
        if not buffer:
            return NEED_DATA
        data = buffer[:left]
        self._left = left - len(data)
        self._buffer = buffer[len(data) :]
        return BodyChunk(data)

    def _refuse(self, error: PeerError) -> PeerError:
        self._broken = error
        return error


# ---- the other direction -----------------------------------------------------------------------------------


def write_vars(vars: Mapping[str, str | bytes]) -> bytes:
    """The block that says `vars`; a str goes out as latin-1.

    :raises InternalError: a key or value is longer than 65535 bytes, a key is empty, or a str has characters
        beyond latin-1.
    """
    parts: list[bytes] = []
    for key, value in vars.items():
        if not key:
            raise InternalError("an empty key in a uwsgi packet, which no peer accepts")
        for item in (key, value):
            data = _item(item)
            parts.append(len(data).to_bytes(2, "little"))
            parts.append(data)
    return b"".join(parts)


def write_array(items: Iterable[str | bytes]) -> bytes:
    """The block of an array (RPC calls and the like).

    :raises InternalError: as `write_vars`.
    """
    parts: list[bytes] = []
    for item in items:
        data = _item(item)
        parts.append(len(data).to_bytes(2, "little"))
        parts.append(data)
    return b"".join(parts)


def read_array(block: bytes) -> list[bytes]:
    """The items of an array block; empty ones are skipped, and items after the 255th are not looked at.

    A final empty item is refused, for less than three bytes are too few for an item (``uwsgi_parse_array`` in
    core/protocol.c).

    :raises PeerError: an item is cut.
    """
    items: list[bytes] = []
    pos = 0
    end = len(block)
    while pos < end and len(items) < MAX_ITEMS:
        if end - pos < 3:
            raise PeerError(f"invalid uwsgi array: {end - pos} bytes where an item should start", status=0)
        start = pos + 2
        pos = start + (block[start - 2] | block[start - 1] << 8)
        if pos > end:
            raise PeerError(f"invalid uwsgi array: item {len(items) + 1} runs past the end", status=0)
        if pos > start:
            items.append(block[start:pos])
    return items


def frame(modifier1: int, block: bytes = b"", modifier2: int = 0) -> bytes:
    """A packet around a block that is ready.

    :raises InternalError: the block is longer than 65535 bytes, or a modifier is not a byte.
    """
    if len(block) > MAX_BLOCK:
        raise InternalError(f"a uwsgi block of {len(block)} bytes, and {MAX_BLOCK} is all its header can say")
    try:
        return bytes((modifier1, len(block) & 0xFF, len(block) >> 8, modifier2)) + block
    except ValueError as error:
        raise InternalError(f"uwsgi modifiers {modifier1} and {modifier2} are not bytes") from error


def packet(modifier1: int, vars: Mapping[str, str | bytes], modifier2: int = 0) -> bytes:
    """A packet that carries variables.

    :raises InternalError: as `write_vars` and `uwsgid.wire.uwsgi.frame`.
    """
    return frame(modifier1, write_vars(vars), modifier2)


def _item(item: str | bytes) -> bytes:
    try:
        data = item.encode("latin-1") if isinstance(item, str) else item
    except UnicodeEncodeError as error:
        raise InternalError(f"{item!r} in a uwsgi packet is beyond latin-1") from error
    if len(data) > MAX_BLOCK:
        raise InternalError(f"an item of {len(data)} bytes in a uwsgi packet, and {MAX_BLOCK} is the limit")
    return data
