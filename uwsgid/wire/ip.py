"""What a router has to know of an IP packet, read where it lies.

The TunTap router asks two questions of each packet.  `flow_key` is the quick one: a few bytes that are equal
for all the unremarkable packets of one flow, so that a decision taken once is found again by one look into a
dict.  Where it answers with nothing, the packet is new, odd or broken, and `look` reads it as a whole: either
it gives the `Facts` that a firewall decides by, or it raises `BadPacket` with the word to count it under.

The two agree: what `look` refuses never has a key, and two packets of one key have the same facts but for
their length.  Neither copies anything but the addresses, and neither looks beyond the headers; a packet may
stand behind a virtio header or in the middle of a larger buffer.  An address is its 4 or 16 bytes.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from struct import Struct
from struct import error as StructError
from typing import Final

Buffer = bytes | bytearray | memoryview  #: where a packet lies; a memoryview has to be of bytes

VNET: Final = 10  #: bytes of the virtio header before each packet of a device with ``IFF_VNET_HDR``

ICMP: Final = 1
TCP: Final = 6
UDP: Final = 17
ICMPV6: Final = 58

MAX_EXTENSIONS: Final = 8  #: IPv6 extension headers that are followed in one packet

_MAX_PACKET: Final = 65535


class BadPacket(Exception):
    """A packet that nobody may forward.

    :ivar reason: ``runt``, ``version``, ``header``, ``length`` or ``fragment``, as counters spell it.
    """

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Facts:
    """What the headers of a packet say.

    :ivar version: 4 or 6.
    :ivar src: the source, 4 or 16 bytes.
    :ivar dst: the destination, 4 or 16 bytes.
    :ivar protocol: what it carries, after IPv6 extension headers; 6 is TCP.
    :ivar sport: the port it comes from; -1 where there is none.
    :ivar dport: the port it goes to; -1 where there is none.
    :ivar icmp_type: of ICMP or ICMPv6; -1 where it is neither.
    :ivar icmp_code: likewise.
    :ivar fragment: it is part of a packet that was cut.
    :ivar first: it has its transport header: whole, or the first fragment.
    :ivar syn: of TCP, as ``ack``, ``fin`` and ``rst``; False elsewhere.
    :ivar length: bytes of the packet.
    """

    version: int
    src: bytes
    dst: bytes
    protocol: int
    sport: int = -1
    dport: int = -1
    icmp_type: int = -1
    icmp_code: int = -1
    fragment: bool = False
    first: bool = True
    syn: bool = False
    ack: bool = False
    fin: bool = False
    rst: bool = False
    length: int = 0


# ---- hot path, watched by bench-tuntap ---------------------------------------------------------------------

# One call reads all that is asked of a plain packet, and makes the key on the way: addresses and ports stand
# side by side.  The last byte has the flags of TCP, so 34 and 54 bytes of the buffer are read; what is behind
# a shorter packet is not looked at.
_plain4: Final = Struct("!BxHxxHxBxx12s9xB").unpack_from
_plain6: Final = Struct("!4xHBx36s9xB").unpack_from


def flow_key(buffer: Buffer, start: int, end: int) -> bytes:
    """What all plain packets of a flow have in common, or ``b""``: then only `look` can tell.

    Plain is a packet without IPv4 options or IPv6 extension headers that is no fragment, has the length that
    it says, and carries UDP, ICMP or TCP; the latter with ACK and without SYN, FIN and RST, for those change
    the state of a flow.  Keys of two plain packets are equal exactly where version, addresses, protocol and
    ports (for ICMP: type and code) are.

    :param start: where the packet begins in *buffer*, with ``0 <= start <= end <= len(buffer)``.
    :param end: where it ends.
    """
    # Each kind has keys of a length of its own, so they need not name their version and protocol.
    # What the types say, a compiler makes use of.
    head: int
    total: int
    offset: int
    protocol: int
    flags: int
    key: bytes
    try:
        head, total, offset, protocol, key, flags = _plain4(buffer, start)
        if head == 0x45:
            if total != end - start or offset & 0x3FFF:
                return b""
            if protocol == 6:
                return key if flags & 0x17 == 0x10 and total >= 40 else b""
            if protocol == 17:
                return b"u" + key if total >= 28 else b""
            if protocol == 1:
                return key[:10] if total >= 28 else b""
            return b""
        if head >> 4 == 6:
            total, protocol, key, flags = _plain6(buffer, start)
            if total != end - start - 40:
                return b""
            if protocol == 6:
                return key if flags & 0x17 == 0x10 and total >= 20 else b""
            if protocol == 17:
                return b"u" + key if total >= 8 else b""
            if protocol == 58:
                return key[:34] if total >= 8 else b""
        return b""
    except StructError:
        # the buffer ends with a packet shorter than a TCP header: small datagrams, and runts
        if end - start < 28:
            return b""
        return flow_key(bytes(buffer[start:end]) + _PADDING, 0, end - start)


# ---- everything else ---------------------------------------------------------------------------------------

_PADDING: Final = bytes(32)

_header4: Final = Struct("!BxHxxHxBxx4s4s").unpack_from
_header6: Final = Struct("!4xHBx16s16s").unpack_from
_ports: Final = Struct("!HH").unpack_from

#: Bytes that a transport header has at least, for the protocols whose ports or types are read.
_TRANSPORT4: Final = {ICMP: 8, TCP: 20, UDP: 8, 33: 12, 132: 12, 136: 8}  # DCCP, SCTP, UDP-Lite
_TRANSPORT6: Final = {ICMPV6: 8, TCP: 20, UDP: 8, 33: 12, 132: 12, 136: 8}

_WITH_TYPE: Final = frozenset({ICMP, ICMPV6})

_HOP_BY_HOP: Final = 0
_ROUTING: Final = 43
_FRAGMENT: Final = 44
_AUTHENTICATION: Final = 51
#: Headers that are followed: those above, destination options, mobility, HIP and shim6 (RFC 7045).
_EXTENSIONS: Final = frozenset({_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, 60, 135, 139, 140})

#: IPv4 options that name other places to go to, past any rule about the destination.
_SOURCE_ROUTES: Final = frozenset({131, 137})


def look(buffer: Buffer, start: int, end: int) -> Facts:
    """Read a packet.

    The packet has to be exactly as long as it says.  Fragments that reassembly would read differently than a
    firewall does are refused (RFC 1858, RFC 3128, RFC 7112), and so are source routes (RFC 5095 for IPv6).
    Of a fragment of IPv6 that is not the first, ``protocol`` is what its fragment header names.

    :param start: where the packet begins in *buffer*, with ``0 <= start <= end <= len(buffer)``.
    :param end: where it ends.
    :raises BadPacket: it may not be forwarded.
    """
    length = end - start
    if length < 1:
        raise BadPacket("runt", "an empty packet")
    version = buffer[start] >> 4
    if version == 4:
        return _look4(buffer, start, end)
    if version == 6:
        return _look6(buffer, start, end)
    raise BadPacket("version", f"a packet of IP version {version}")


def _look4(buffer: Buffer, start: int, end: int) -> Facts:
    length = end - start
    if length < 20:
        raise BadPacket("runt", f"an IPv4 packet of {length} bytes")
    head, total, word, protocol, src, dst = _header4(buffer, start)
    size = (head & 0x0F) << 2
    if size < 20:
        raise BadPacket("header", f"an IPv4 header of {size} bytes")
    if total != length:
        raise BadPacket("length", f"an IPv4 packet of {length} bytes that says it has {total}")
    if size > length:
        raise BadPacket("header", f"an IPv4 header of {size} bytes in a packet of {length}")
    if size > 20:
        _check_options(buffer, start + 20, start + size)
    offset = (word & 0x1FFF) << 3
    more = bool(word & 0x2000)
    if offset or more:
        _check_fragment(protocol, offset, more, size, length - size)
    return _transport(4, src, dst, protocol, buffer, start + size, end, offset, offset > 0 or more, length)


def _look6(buffer: Buffer, start: int, end: int) -> Facts:
    length = end - start
    if length < 40:
        raise BadPacket("runt", f"an IPv6 packet of {length} bytes")
    payload, protocol, src, dst = _header6(buffer, start)
    if payload + 40 != length:
        # a jumbogram says 0 (RFC 2675); no tun device hands one out, and nobody could tell where it ends
        raise BadPacket("length", f"an IPv6 packet of {length} bytes that says it has {payload + 40}")
    at = start + 40
    fragment = False
    for count in range(MAX_EXTENSIONS + 1):
        if protocol not in _EXTENSIONS:
            break
        if count == MAX_EXTENSIONS:
            raise BadPacket("header", f"more than {MAX_EXTENSIONS} IPv6 extension headers")
        cut = "fragment" if fragment else "header"
        if protocol == _HOP_BY_HOP and count:
            raise BadPacket("header", "hop-by-hop options that are not the first extension header")
        if at + 8 > end:
            raise BadPacket(cut, f"an IPv6 extension header {protocol} that is cut")
        following = buffer[at]
        if protocol == _FRAGMENT:
            if fragment:
                raise BadPacket("fragment", "a fragment of a fragment")
            word = buffer[at + 2] << 8 | buffer[at + 3]
            offset = word & 0xFFF8
            more = bool(word & 1)
            at += 8
            if offset or more:
                fragment = True
                _check_fragment(following, offset, more, at - start - 48, end - at)
                if offset:
                    return _transport(6, src, dst, following, buffer, at, end, offset, True, length)
            # else an atomic fragment, which was never cut (RFC 6946)
        elif protocol == _AUTHENTICATION:
            at += (buffer[at + 1] + 2) << 2
        else:
            if protocol == _ROUTING and not buffer[at + 2]:
                raise BadPacket("header", "a source route of IPv6, which RFC 5095 abolished")
            at += (buffer[at + 1] + 1) << 3
        if at > end:
            raise BadPacket(cut, f"an IPv6 extension header {protocol} that runs past the packet")
        protocol = following
    return _transport(6, src, dst, protocol, buffer, at, end, 0, fragment, length)


def _check_options(buffer: Buffer, at: int, stop: int) -> None:
    """Refuse options that are broken, and source routes."""
    while at < stop:
        kind = buffer[at]
        if kind == 0:
            return
        if kind == 1:
            at += 1
            continue
        size = buffer[at + 1] if at + 1 < stop else 0
        if size < 2 or at + size > stop:
            raise BadPacket("header", f"an IPv4 option {kind} that does not fit its header")
        if kind in _SOURCE_ROUTES:
            raise BadPacket("header", "a source route of IPv4")
        at += size


def _check_fragment(protocol: int, offset: int, more: bool, headers: int, size: int) -> None:
    """Refuse fragments that no sender makes.

    :param headers: bytes before the payload that count for the length of the packet that comes of it.
    :param size: bytes of payload in this fragment.
    """
    if not size:
        raise BadPacket("fragment", "a fragment of nothing")
    if more and size & 7:
        raise BadPacket("fragment", f"a fragment of {size} bytes that is not the last")
    if headers + offset + size > _MAX_PACKET:
        raise BadPacket("fragment", f"a fragment that ends at byte {offset + size} of its packet")
    if protocol == TCP and 0 < offset < 20:
        # it would overwrite the flags that the first one showed (RFC 3128)
        raise BadPacket("fragment", f"a fragment inside the TCP header, at byte {offset}")


def _transport(
    version: int,
    src: bytes,
    dst: bytes,
    protocol: int,
    buffer: Buffer,
    at: int,
    end: int,
    offset: int,
    fragment: bool,
    length: int,
) -> Facts:
    """Read the first bytes of what a packet carries, where it has them."""
    if offset:
        return Facts(version, src, dst, protocol, -1, -1, -1, -1, True, False, length=length)
    least = (_TRANSPORT4 if version == 4 else _TRANSPORT6).get(protocol, -1)
    if least < 0:
        return Facts(version, src, dst, protocol, -1, -1, -1, -1, fragment, length=length)
    if end - at < least:
        # in a fragment, the rest of the header would come where nobody looks for it (RFC 1858)
        raise BadPacket("fragment" if fragment else "runt", f"{end - at} bytes of protocol {protocol}")
    if protocol in _WITH_TYPE:
        return Facts(version, src, dst, protocol, -1, -1, buffer[at], buffer[at + 1], fragment, length=length)
    sport, dport = _ports(buffer, at)
    flags = buffer[at + 13] if protocol == TCP else 0
    return Facts(
        version,
        src,
        dst,
        protocol,
        sport,
        dport,
        -1,
        -1,
        fragment,
        True,
        bool(flags & 0x02),
        bool(flags & 0x10),
        bool(flags & 0x01),
        bool(flags & 0x04),
        length,
    )


# ---- addresses ---------------------------------------------------------------------------------------------

_NOWHERE: Final = bytes(10)  # what ::, ::1 and IPv4 in the clothes of IPv6 begin with


def is_unicast(address: bytes) -> bool:
    """Whether *address*, 4 or 16 bytes, can be the address of one host on a network.

    Not so are 0.0.0.0/8, 127.0.0.0/8 and all from 224.0.0.0; ``::``, ``::1``, IPv4 addresses written as IPv6,
    and multicast.  Link-local ones are.
    """
    if len(address) == 4:
        return 0 < address[0] < 224 and address[0] != 127
    return address[0] != 0xFF and not address.startswith(_NOWHERE)


def show(address: bytes) -> str:
    """The usual text of 4 or 16 bytes, such as ``192.168.0.2`` or ``fd00::2``; empty for no bytes."""
    if len(address) == 4:
        return "{}.{}.{}.{}".format(*address)
    return str(ipaddress.IPv6Address(address)) if address else ""


def show_end(address: bytes, port: int) -> str:
    """One end of a flow, such as ``192.168.0.2:53`` or ``[fd00::2]:53``; a port below 0 is none."""
    if port < 0:
        return show(address)
    return f"{show(address)}:{port}" if len(address) == 4 else f"[{show(address)}]:{port}"


def read_address(text: str) -> bytes:
    """The 4 or 16 bytes of an address.

    :raises ValueError: it is not an address of IPv4 in four numbers, nor of IPv6 without a zone.
    """
    try:
        if ":" not in text:
            return ipaddress.IPv4Address(text).packed
        if "%" not in text:
            return ipaddress.IPv6Address(text).packed
    except ValueError:
        pass
    raise ValueError(f"expected an address such as 192.168.0.2 or fd00::2, got {text!r}")
