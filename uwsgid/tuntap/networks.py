"""Addresses, networks and targets as the options of the router write them.

::

    192.168.0.2     192.168.0.0/24    fd00::2    fd00::/64    any

The meaning of an IPv4 network is uWSGI's, to the letter of its surprises: an address without bits is a host,
host bits are cut off, and a network whose masked address is zero is not looked at, so that ``0.0.0.0`` means
any packet at all (plugins/tuntap/firewall.c, uwsgi_tuntap_firewall_check).  Unlike there, bits that are no
number or more than the address has are refused.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final

BITS: Final = {4: 32, 6: 128}


@dataclass(frozen=True, slots=True)
class Network:
    """Some addresses.

    :ivar version: 4 or 6; 0 where addresses of both match.
    :ivar value: the address as an integer, already masked.
    :ivar mask: as an integer; devices of uWSGI send masks that no number of bits describes.
    """

    version: int = 0
    value: int = 0
    mask: int = 0

    def holds(self, address: bytes) -> bool:
        """Whether *address*, of 4 or 16 bytes, belongs to it."""
        version = 4 if len(address) == 4 else 6
        if self.version and self.version != version:
            return False
        return int.from_bytes(address, "big") & self.mask == self.value

    def __str__(self) -> str:
        if not self.version:
            return "any"
        bits = BITS[self.version]
        address: object = (ipaddress.IPv4Address if self.version == 4 else ipaddress.IPv6Address)(self.value)
        ones = self.mask.bit_count()
        if self.mask == (1 << bits) - 1:
            return str(address)
        if self.mask == mask_of(ones, bits):
            return f"{address}/{ones}"
        return f"{address}/{ipaddress.IPv4Address(self.mask)}"


ANY: Final = Network()


def mask_of(ones: int, bits: int) -> int:
    """The mask of *bits* bits whose first *ones* are set."""
    return (1 << bits) - (1 << (bits - ones))


def read_number(text: str, what: str, most: int, least: int = 0) -> int:
    """The whole number *text*.

    :raises ValueError: where it is none, or out of bounds.
    """
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"expected {what} as a number, got {text!r}")
    number = int(text)
    if not least <= number <= most:
        raise ValueError(f"{what} is a number from {least} to {most}, got {text}")
    return number


def read_ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address *text*.

    :raises ValueError: where it is none; names are not looked up, and zones mean nothing here.
    """
    try:
        if "%" in text:
            raise ValueError
        return ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an IPv4 or IPv6 address") from None


def read_network(text: str) -> Network:
    """What ``address[/bits]`` or ``any`` means.

    :raises ValueError: where it means nothing.
    """
    if text == "any":
        return ANY
    written, slash, behind = text.partition("/")
    address = read_ip(written)
    bits = BITS[address.version]
    ones = read_number(behind, f"the bits of {written}", bits) if slash else bits
    mask = mask_of(ones, bits)
    value = int(address) & mask
    if value:
        return Network(address.version, value, mask)
    # a zero is never compared in uWSGI, whatever its mask is; of IPv6 this means all of IPv6
    return ANY if address.version == 4 else Network(6)


def doubt_about(text: str) -> str:
    """What is odd about a network that can be read; empty where nothing is."""
    written, slash, behind = text.partition("/")
    if slash and int(behind) == 0 and int(read_ip(written)):
        # there the mask of 0 bits is all ones, by a shift of 32: the text meant one host
        return f"{text} means any address here, and the host {written} in uWSGI"
    return ""


Target = tuple[str, int]  #: host and port, as the router sends to them


def read_target(text: str) -> Target:
    """Where packets are sent in datagrams: ``addr:port`` or ``[addr]:port``.

    :raises ValueError: where *text* is no such thing.
    """
    host, colon, port = text.rpartition(":")
    if not colon:
        raise ValueError("tuntap target must be in the form addr:port")
    if host.startswith("[") and host.endswith("]"):
        address = read_ip(host[1:-1])
        if address.version == 4:
            raise ValueError(f"{text!r}: brackets are for IPv6 addresses")
    else:
        address = read_ip(host)
        if address.version == 6:
            raise ValueError(f"an IPv6 address is written in brackets, [{host}]:{port}")
    return str(address), read_number(port, "the port", 65535, 1)


def show_target(target: Target) -> str:
    """The text of a target."""
    host, port = target
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
