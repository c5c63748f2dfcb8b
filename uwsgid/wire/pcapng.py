"""Packets in a pcapng stream, which Wireshark and tshark open.

A stream is one `section`, one `interface` and any number of `packet` blocks, simply one after the other; it
may be cut after any block, so it can be written while it is read.  Packets are bare IP packets, their times
are in nanoseconds, and what became of each is told in its comment and its direction.  Block layouts are those
of draft-ietf-opsawg-pcapng.  All is little-endian.

`Reader` reads such a stream again, for who wants to see it in a terminal.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Final

from uwsgid.errors import PeerError
from uwsgid.wire.events import NEED_DATA, NeedData

IN: Final = 1  #: direction of a packet: towards a vassal
OUT: Final = 2  #: direction of a packet: from a vassal

LINKTYPE_RAW: Final = 101  #: IPv4 or IPv6 without anything before it, told apart by its first half byte

_SECTION: Final = 0x0A0D0D0A
_INTERFACE: Final = 1
_PACKET: Final = 6

_MAGIC: Final = 0x1A2B3C4D
_MAX_BLOCK: Final = 1 << 20
_UNKNOWN_LENGTH: Final = 0xFFFF_FFFF_FFFF_FFFF

_END_OF_OPTIONS: Final = 0
_COMMENT: Final = 1
_APPLICATION: Final = 4  # of a section
_NAME: Final = 2  # of an interface
_RESOLUTION: Final = 9  # of an interface
_FLAGS: Final = 2  # of a packet
_MAX_OPTION: Final = 0xFFFF

_EDGE: Final = Struct("<II")
_TAIL: Final = Struct("<I")
_OPTION: Final = Struct("<HH")
_SECTION_BODY: Final = Struct("<IHHQ")
_INTERFACE_BODY: Final = Struct("<HHI")
_PACKET_BODY: Final = Struct("<IIIII")
_NANOSECONDS: Final = bytes((9,))  # the exponent: 10 to the power of -9


def section(application: str) -> bytes:
    """What a stream begins with.

    :param application: who writes it, such as ``uwsgid 1.0``.
    """
    options = _option(_APPLICATION, application.encode()) + _option(_END_OF_OPTIONS, b"")
    return _block(_SECTION, _SECTION_BODY.pack(_MAGIC, 1, 0, _UNKNOWN_LENGTH), options)


def interface(name: str, longest: int = 0) -> bytes:
    """The interface that the packets behind it belong to; the first of a stream is number 0.

    :param name: of the device, such as ``emperor0``.
    :param longest: bytes that are kept of a packet; 0 for all.
    """
    options = (
        _option(_NAME, name.encode("utf-8", "replace"))
        + _option(_RESOLUTION, _NANOSECONDS)
        + _option(_END_OF_OPTIONS, b"")
    )
    return _block(_INTERFACE, _INTERFACE_BODY.pack(LINKTYPE_RAW, 0, longest), options)


def packet(
    data: bytes | bytearray | memoryview,
    when: int,
    *,
    comment: str = "",
    direction: int = 0,
    length: int = 0,
    number: int = 0,
) -> bytes:
    """One packet.

    :param data: what is kept of it, from its IP header on.
    :param when: the time, in nanoseconds since 1970.
    :param comment: what became of it; a text of more than 65535 bytes is cut.
    :param direction: `IN` or `OUT`; 0 where it is not known.
    :param length: bytes that it had, where fewer are kept.
    :param number: of its interface.
    """
    options = b""
    if comment:
        options += _option(_COMMENT, comment.encode("utf-8", "replace"))
    if direction:
        options += _option(_FLAGS, _TAIL.pack(direction))
    if options:
        options += _option(_END_OF_OPTIONS, b"")
    body = _PACKET_BODY.pack(
        number, when >> 32 & 0xFFFFFFFF, when & 0xFFFFFFFF, len(data), max(length, len(data))
    )
    return _block(_PACKET, body + _padded(bytes(data)), options)


def _block(kind: int, body: bytes, options: bytes) -> bytes:
    size = len(body) + len(options) + 12
    return b"".join((_EDGE.pack(kind, size), body, options, _TAIL.pack(size)))


def _option(code: int, value: bytes) -> bytes:
    if len(value) > _MAX_OPTION:
        value = value[:_MAX_OPTION].decode("utf-8", "ignore").encode()
    return _OPTION.pack(code, len(value)) + _padded(value)


def _padded(data: bytes) -> bytes:
    """*data*, filled up to a multiple of four bytes."""
    return data + bytes(-len(data) & 3)


# ---- the other direction -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Captured:
    """A packet of a stream; the fields are those of `packet`."""

    when: int
    data: bytes
    comment: str
    direction: int
    length: int


class Reader:
    """Turns the bytes of a stream into packets: of one that was written here, not of any pcapng file.

    :ivar interfaces: the names of those that the stream told so far.
    """

    __slots__ = ("_buffer", "_started", "interfaces")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._started = False
        self.interfaces: list[str] = []

    def feed(self, data: bytes) -> None:
        """Take what arrived."""
        self._buffer += data

    def next_event(self) -> Captured | NeedData:
        """The next packet, or `NEED_DATA`.

        :raises PeerError: this is no such stream.
        """
        while len(self._buffer) >= 12:
            kind, size = _EDGE.unpack_from(self._buffer)
            if not self._started and kind != _SECTION:
                raise PeerError("this is no pcapng stream", status=0)
            if size % 4 or not 12 <= size <= _MAX_BLOCK:
                raise PeerError(f"a pcapng block of {size} bytes", status=0)
            if len(self._buffer) < size:
                break
            body = bytes(self._buffer[8 : size - 4])
            if _TAIL.unpack_from(self._buffer, size - 4) != (size,):
                raise PeerError("a pcapng block whose two sizes differ", status=0)
            del self._buffer[:size]
            self._started = True
            if kind == _INTERFACE:
                self.interfaces.append(_text(_options(body, _INTERFACE_BODY.size), _NAME))
            elif kind == _PACKET:
                return _read_packet(body)
        return NEED_DATA


def _read_packet(body: bytes) -> Captured:
    start = _PACKET_BODY.size
    if len(body) < start:
        raise PeerError("a pcapng packet that is cut", status=0)
    _, high, low, kept, length = _PACKET_BODY.unpack_from(body)
    if kept > len(body) - start:
        raise PeerError("a pcapng packet that is cut", status=0)
    options = _options(body, start + kept + (-kept & 3))
    direction = int.from_bytes(options.get(_FLAGS, b""), "little") & 3
    return Captured(high << 32 | low, body[start : start + kept], _text(options, _COMMENT), direction, length)


def _options(body: bytes, at: int) -> dict[int, bytes]:
    """The options that begin at a byte, each once."""
    options: dict[int, bytes] = {}
    while at + _OPTION.size <= len(body):
        code, size = _OPTION.unpack_from(body, at)
        at += _OPTION.size
        if code == _END_OF_OPTIONS:
            break
        options[code] = body[at : at + size]
        at += size + (-size & 3)
    return options


def _text(options: dict[int, bytes], code: int) -> str:
    return options.get(code, b"").decode("utf-8", "replace")
