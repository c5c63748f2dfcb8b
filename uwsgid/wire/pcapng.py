"""Packets in a pcapng stream, which Wireshark and tshark open.

A stream is one `section`, one `interface` and any number of `packet` blocks, simply one after the other; it
may be cut after any block, so it can be written while it is read.  Packets are bare IP packets, their times
are in nanoseconds, and what became of each is told in its comment and its direction.  Block layouts are those
of draft-ietf-opsawg-pcapng.  All is little-endian.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

IN: Final = 1  #: direction of a packet: towards a vassal
OUT: Final = 2  #: direction of a packet: from a vassal

LINKTYPE_RAW: Final = 101  #: IPv4 or IPv6 without anything before it, told apart by its first half byte

_SECTION: Final = 0x0A0D0D0A
_INTERFACE: Final = 1
_PACKET: Final = 6

_MAGIC: Final = 0x1A2B3C4D
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
