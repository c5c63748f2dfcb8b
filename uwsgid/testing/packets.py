"""Sample IP packets, put together from their parts: right ones, and ones that are wrong in one place.

What is not said is as a host would send it, checksums included.  Addresses are texts.
"""

from __future__ import annotations

from struct import pack
from typing import Final

from uwsgid.wire.ip import ICMP, ICMPV6, TCP, UDP, read_address

VASSAL: Final = "192.168.0.2"
WORLD: Final = "8.8.8.8"
VASSAL6: Final = "fd00::2"
WORLD6: Final = "2001:db8::8"

FIN: Final = 0x01
SYN: Final = 0x02
RST: Final = 0x04
PSH: Final = 0x08
ACK: Final = 0x10


def checksum(data: bytes) -> int:
    """The Internet checksum of *data* (RFC 1071)."""
    if len(data) & 1:
        data += b"\0"
    total = sum(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(
    payload: bytes = b"",
    protocol: int = UDP,
    src: str = VASSAL,
    dst: str = WORLD,
    *,
    options: bytes = b"",
    ihl: int | None = None,
    total: int | None = None,
    offset: int = 0,
    more: bool = False,
    version: int = 4,
    ttl: int = 64,
    number: int = 1,
) -> bytes:
    """A packet of IPv4.

    :param options: a multiple of four bytes.
    :param ihl: header length in words; None for what it is.
    :param total: total length; None for what it is.
    :param offset: of a fragment, in units of eight bytes.
    """
    words = 5 + len(options) // 4
    size = words * 4 + len(payload)
    head = pack(
        "!BBHHHBBH4s4s",
        version << 4 | (words if ihl is None else ihl),
        0,
        (size if total is None else total) & 0xFFFF,
        number,
        offset | (0x2000 if more else 0),
        ttl,
        protocol,
        0,
        read_address(src),
        read_address(dst),
    )
    whole = head + options
    return whole[:10] + pack("!H", checksum(whole)) + whole[12:] + payload


def ipv6(
    payload: bytes = b"",
    protocol: int = UDP,
    src: str = VASSAL6,
    dst: str = WORLD6,
    *,
    size: int | None = None,
    hops: int = 64,
) -> bytes:
    """A packet of IPv6; extension headers stand in *payload*, and the first one's number is *protocol*.

    :param size: payload length; None for what it is.
    """
    return (
        pack("!IHBB", 6 << 28, (len(payload) if size is None else size) & 0xFFFF, protocol, hops)
        + read_address(src)
        + read_address(dst)
        + payload
    )


def extension(following: int, size: int = 8, kind: int = 0) -> bytes:
    """An IPv6 extension header of *size* bytes, filled up; *kind* is its third byte, the type of a route."""
    return bytes((following, size // 8 - 1, kind)) + bytes(size - 3)


def fragment6(following: int, offset: int = 0, more: bool = False, number: int = 1) -> bytes:
    """The fragment header of IPv6; *offset* is in units of eight bytes."""
    return pack("!BBHI", following, 0, offset << 3 | more, number)


def tcp(flags: int = ACK, sport: int = 40000, dport: int = 443, data: bytes = b"") -> bytes:
    """A TCP segment without options, and without a checksum: that is the task of who sends it on."""
    return pack("!HHIIBBHHH", sport, dport, 1, 1, 0x50, flags, 64000, 0, 0) + data


def udp(sport: int = 40000, dport: int = 53, data: bytes = b"") -> bytes:
    """A UDP datagram without a checksum."""
    return pack("!HHHH", sport, dport, 8 + len(data), 0) + data


def icmp(kind: int = 8, code: int = 0, data: bytes = b"") -> bytes:
    """An ICMP message; also what stands in one of ICMPv6, but for the checksum."""
    body = pack("!BBHHH", kind, code, 0, 1, 1) + data
    return body[:2] + pack("!H", checksum(body)) + body[4:]


#: One packet each that any router forwards.
PLAIN: Final = {
    "tcp": ipv4(tcp(data=b"hello"), TCP),
    "udp": ipv4(udp(data=b"hello")),
    "ping": ipv4(icmp(data=bytes(56)), ICMP),
    "tcp6": ipv6(tcp(data=b"hello"), TCP),
    "udp6": ipv6(udp(data=b"hello")),
    "ping6": ipv6(icmp(128, data=bytes(56)), ICMPV6),
}
