"""Packets for tests, made by hand: the headers that the router looks at, checksums of zero."""

from __future__ import annotations

import socket
import struct

from uwsgid.wire.ip import ICMP, ICMPV6, TCP, UDP, read_address

SYN = 0x02
RST = 0x04
FIN = 0x01
ACK = 0x10


def ip4(src: str, dst: str, protocol: int, body: bytes) -> bytes:
    """An IPv4 packet."""
    addresses = socket.inet_aton(src) + socket.inet_aton(dst)
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 7, 0, 64, protocol, 0) + addresses + body


def ip6(src: str, dst: str, protocol: int, body: bytes) -> bytes:
    """An IPv6 packet."""
    addresses = read_address(src) + read_address(dst)
    return struct.pack("!IHBB", 6 << 28, len(body), protocol, 64) + addresses + body


def _ip(src: str, dst: str, protocol: int, body: bytes) -> bytes:
    return (ip6 if ":" in src else ip4)(src, dst, protocol, body)


def udp(src: str, dst: str, sport: int = 4000, dport: int = 53, size: int = 16) -> bytes:
    """A datagram with *size* bytes of payload."""
    return _ip(src, dst, UDP, struct.pack("!HHHH", sport, dport, 8 + size, 0) + bytes(size))


def tcp(src: str, dst: str, sport: int = 4000, dport: int = 80, flags: int = ACK, size: int = 0) -> bytes:
    """A segment with *size* bytes of payload."""
    head = struct.pack("!HHIIBBHHH", sport, dport, 1, 1, 0x50, flags, 1024, 0, 0)
    return _ip(src, dst, TCP, head + bytes(size))


def icmp(src: str, dst: str, kind: int = 8, code: int = 0) -> bytes:
    """An ICMP message: an echo request where nothing else is said."""
    return _ip(src, dst, ICMPV6 if ":" in src else ICMP, struct.pack("!BBHHH", kind, code, 0, 1, 1))


def router_solicitation(src: str = "::") -> bytes:
    """What an interface with IPv6 sends first (RFC 4861, 4.1)."""
    return icmp(src, "ff02::2", 133)
