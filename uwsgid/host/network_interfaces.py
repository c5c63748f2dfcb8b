"""What the kernel knows of a network interface: its addresses, and whom they reach.

Read from the network namespace of this process, and only for interfaces by name; an interface that does not
exist has nothing.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

import psutil

_FAMILIES: Final = (socket.AF_INET, socket.AF_INET6)
_ROUTES: Final = "/proc/net/route"
_ROUTES6: Final = "/proc/net/ipv6_route"
_DISCARD: Final = 9
_VIA_GATEWAY: Final = 0x2  #: RTF_GATEWAY of linux/route.h


def addresses_of(name: str) -> tuple[str, ...]:
    """The IPv4 and IPv6 addresses of the interface *name*, without those that are for its link only."""
    found = (entry.address for entry in _known(name) if entry.family in _FAMILIES)
    return tuple(text for text in found if not ipaddress.ip_address(text.partition("%")[0]).is_link_local)


def neighbours_of(name: str) -> tuple[tuple[str, str], ...]:
    """The first IPv4 and the first IPv6 address of *name*, each with that of whom it leads to.

    :returns: the second of a pair is the gateway of a route through it, or the first host of its network.
        What has neither is left out, and so are addresses for the link only.
    """
    found = []
    for family, gateway in ((socket.AF_INET, _gateway(name)), (socket.AF_INET6, _gateway6(name))):
        for entry in _known(name):
            if (
                entry.family != family
                or not entry.netmask
                or ipaddress.ip_address(_bare(entry)).is_link_local
            ):
                continue
            neighbour = gateway or _first_host(_bare(entry), entry.netmask)
            if neighbour and neighbour != _bare(entry):
                found.append((_bare(entry), neighbour))
            break
    return tuple(found)


def call_neighbour(name: str) -> None:
    """Send an empty datagram to the discard port (RFC 863) of whom the interface *name* leads to, if anybody.

    Whoever routes packets by where they came from learns that way where we are.  So they leave by this
    interface, even if another one leads there too: its router would learn a wrong way.  IPv4 is first, since
    a router of uWSGI takes the first packet for one of IPv4, whatever it is.
    """
    for address, neighbour in neighbours_of(name):
        version6 = ":" in address
        family = socket.AF_INET6 if version6 else socket.AF_INET
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as calling:
            calling.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode())
            calling.bind((address, 0))
            # a gateway's address may be one of the link
            more = (0, socket.if_nametoindex(name)) if version6 else ()
            calling.sendto(b"", socket.MSG_DONTWAIT, (neighbour, _DISCARD, *more))


def _bare(entry: Any) -> str:
    """The address of an entry, without the name of its link."""
    text: str = entry.address
    return text.partition("%")[0]


def _first_host(address: str, netmask: str) -> str:
    """The first host of the network of *address*; nothing where it is alone."""
    made = ipaddress.ip_address(address)
    bits = int(ipaddress.ip_address(netmask)).bit_count()
    if made.max_prefixlen == bits:
        return ""
    network = ipaddress.ip_network(f"{address}/{bits}", strict=False)
    return str(next((host for host in network.hosts() if int(host) != int(network.network_address)), ""))


def _known(name: str) -> Sequence[Any]:
    try:
        return psutil.net_if_addrs().get(name, ())
    except OSError:
        return ()  # a jail without what it takes to ask


def _gateway(name: str) -> str:
    try:
        with open(_ROUTES, encoding="ascii") as table:
            return parse_gateway(table, name)
    except OSError:
        return ""


def _gateway6(name: str) -> str:
    try:
        with open(_ROUTES6, encoding="ascii") as table:
            return parse_gateway6(table, name)
    except OSError:
        return ""


def parse_gateway(table: Iterable[str], name: str) -> str:
    """The first gateway of a route through *name* in the text of ``/proc/net/route``, or nothing.  Pure."""
    for line in table:
        fields = line.split()
        if len(fields) > 3 and fields[0] == name and int(fields[3], 16) & _VIA_GATEWAY:
            # the kernel prints the bytes of the address as an integer of the machine
            return socket.inet_ntoa(int(fields[2], 16).to_bytes(4, sys.byteorder))
    return ""


def parse_gateway6(table: Iterable[str], name: str) -> str:
    """The same in the text of ``/proc/net/ipv6_route``.  Pure."""
    for line in table:
        fields = line.split()
        if len(fields) > 9 and fields[9] == name and int(fields[8], 16) & _VIA_GATEWAY:
            return str(ipaddress.IPv6Address(bytes.fromhex(fields[4])))
    return ""
