"""Packets and rules on a stream, as uWSGI's TunTap router and its clients talk.

A message is four bytes of header and a body.  The header is one byte that is written as 0 and never checked,
the size of the body (16 bits, little-endian), and modifier2: 0 before one IP packet, 1 before a block of
rules, which only clients send.  Neither direction answers anything, so there is nobody to tell what was
wrong: errors carry status 0, and the connection is closed.

Where both sides use ``tuntap-use-credentials``, the client sends `HELLO` before anything else, without a
header.  It travels with a control message, so whoever holds the socket takes it off the stream; a decoder
never sees it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from struct import Struct
from struct import error as StructError
from typing import Final

from uwsgid.errors import InternalError, PeerError
from uwsgid.wire.events import NEED_DATA, NeedData

HELLO: Final = b"uwsgi-tuntap"  #: what a client says along with its credentials

HEADER_SIZE: Final = 4  #: bytes before each packet
MAX_BODY: Final = 0xFFFF  #: bytes of the longest body that a header can announce

PACKET: Final = 0  #: modifier2 before an IP packet
RULES: Final = 1  #: modifier2 before a block of rules

IN: Final = 0  #: direction of a rule: towards the client
OUT: Final = 1  #: direction of a rule: from the client

ALLOW: Final = 0  #: action of a rule
DENY: Final = 1  #: action of a rule
ROUTE: Final = 2  #: action of a rule: as a datagram to its target, also called ``gateway``

_HEADER: Final = Struct("<BHB")
_RULE: Final = Struct("<B4s4s4s4sB4s2s")


@dataclass(frozen=True, slots=True)
class RuleRecord:
    """One rule of a client about itself.  Addresses and masks are 4 bytes, in network order.

    :ivar direction: `IN` or `OUT`.
    :ivar src: the source it is about; 0.0.0.0 is any.
    :ivar src_mask: which bits of it count.
    :ivar dst: the destination it is about; 0.0.0.0 is any.
    :ivar dst_mask: which bits of it count.
    :ivar action: `ALLOW`, `DENY` or `ROUTE`; others come as they are, for uWSGI skips them.
    :ivar target: the address that `ROUTE` sends to.
    :ivar target_port: its UDP port.
    """

    direction: int
    src: bytes
    src_mask: bytes
    dst: bytes
    dst_mask: bytes
    action: int
    target: bytes = bytes(4)
    target_port: int = 0


@dataclass(frozen=True, slots=True)
class PacketFrame:
    """One IP packet, never empty."""

    data: bytes


@dataclass(frozen=True, slots=True)
class RuleBlock:
    """All rules of a client; they replace what it sent before."""

    rules: tuple[RuleRecord, ...]


TunEvent = PacketFrame | RuleBlock | NeedData


# ---- hot path, watched by bench-tuntap ---------------------------------------------------------------------


class FrameDecoder:
    """Turns the bytes of one connection into packets and rules.

    A `PeerError` is final: the decoder raises it again at every further `next_event`.

    :ivar limit: bytes of the longest body that is taken, ``tuntap-buffer-size``.
    """

    __slots__ = ("_broken", "_buffer", "_pos", "limit")

    def __init__(self, limit: int = MAX_BODY) -> None:
        self.limit = limit
        self._buffer = bytearray()
        self._pos = 0
        self._broken: PeerError | None = None

    @property
    def pending(self) -> int:
        """Bytes that were fed and not told yet.  After `NEED_DATA`, all but 0 is the start of a message."""
        return len(self._buffer) - self._pos

    @property
    def rest(self) -> bytes:
        """What `pending` counts, for another decoder that goes on."""
        return bytes(memoryview(self._buffer)[self._pos :])

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take what arrived on the connection."""
        if self._pos:
            del self._buffer[: self._pos]
            self._pos = 0
        self._buffer += data

    def next_event(self) -> TunEvent:
        """What the bytes say next, or `NEED_DATA`.

        :raises PeerError: a body that is empty or larger than the limit, an unknown modifier2, or rules whose
            last one is cut.
        """
        if self._broken is not None:
            raise self._broken
        buffer = self._buffer
        start = self._pos + 4
        received = len(buffer)
        if received < start:
            return NEED_DATA
        size = buffer[start - 3] | buffer[start - 2] << 8
        modifier2 = buffer[start - 1]
        if modifier2 > RULES or not 0 < size <= self.limit:
            raise self._refuse(size, modifier2)
        end = start + size
        if received < end:
            return NEED_DATA
        body = bytes(memoryview(buffer)[start:end])
        self._pos = end
        if modifier2 == PACKET:
            return PacketFrame(body)
        return RuleBlock(tuple(self._read_rules(body)))

    def _read_rules(self, body: bytes) -> list[RuleRecord]:
        if len(body) % _RULE.size:
            self._broken = PeerError(
                f"a rule block of {len(body)} bytes, which is no multiple of {_RULE.size}", status=0
            )
            raise self._broken
        return [
            RuleRecord(
                direction,
                src[::-1],
                src_mask[::-1],
                dst[::-1],
                dst_mask[::-1],
                action,
                target,
                int.from_bytes(port, "big"),
            )
            for direction, src, src_mask, dst, dst_mask, action, target, port in _RULE.iter_unpack(body)
        ]

    def _refuse(self, size: int, modifier2: int) -> PeerError:
        if modifier2 > RULES:
            text, option = f"a message with the unknown modifier2 {modifier2}", ""
        elif size:
            # what the C router lacks: it reads such a body past the end of its buffer
            text, option = f"oversized packet ({size} bytes)", "tuntap-buffer-size"
        else:
            text, option = "an empty message", ""
        self._broken = PeerError(text, status=0, option=option)
        return self._broken


# ---- the other direction -----------------------------------------------------------------------------------


def header(size: int) -> bytes:
    """The four bytes before a packet of *size* bytes.

    :raises InternalError: no header can announce that many.
    """
    if not 0 < size <= MAX_BODY:
        raise InternalError(f"a packet of {size} bytes, and 1 to {MAX_BODY} is all its header can say")
    return _HEADER.pack(0, size, PACKET)


def frame(packet: bytes | bytearray | memoryview) -> bytes:
    """The message that carries one IP packet.

    :raises InternalError: as `header`.
    """
    return b"".join((header(len(packet)), packet))


def rule_block(records: Iterable[RuleRecord]) -> bytes:
    """The message that carries all rules of a client.

    :raises InternalError: there are no rules, for routers close on an empty message; there are more than fit
        one message, 2730; or a field does not fit its place.
    """
    try:
        body = b"".join(_pack_rule(record) for record in records)
    except (StructError, OverflowError) as error:
        raise InternalError(f"a rule does not fit its record: {error}") from error
    if not 0 < len(body) <= MAX_BODY:
        raise InternalError(
            f"{len(body) // _RULE.size} rules, and 1 to {MAX_BODY // _RULE.size} fit a message"
        )
    return _HEADER.pack(0, len(body), RULES) + body


def _pack_rule(record: RuleRecord) -> bytes:
    networks = (record.src, record.src_mask, record.dst, record.dst_mask)
    if any(len(address) != 4 for address in (*networks, record.target)):
        raise InternalError(f"{record!r} has an address that is not of IPv4")
    # uWSGI's client writes its integers as its processor does, which is little-endian wherever it works
    return _RULE.pack(
        record.direction,
        *(address[::-1] for address in networks),
        record.action,
        record.target,
        record.target_port.to_bytes(2, "big"),
    )
