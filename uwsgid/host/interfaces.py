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
_DISCARD: Final = 9
_VIA_GATEWAY: Final = 0x2  #: RTF_GATEWAY of linux/route.h


def addresses_of(name: str) -> tuple[str, ...]:
    """The IPv4 and IPv6 addresses of the interface *name*, without those that are for its link only."""
    found = (entry.address for entry in _known(name) if entry.family in _FAMILIES)
    return tuple(text for text in found if not ipaddress.ip_address(text.partition("%")[0]).is_link_local)


def neighbour_of(name: str) -> tuple[str, str] | None:
    """An IPv4 address of *name*, and that of whom it leads to.

    :returns: the second is the gateway of a route through it, or the first host of its network; None where
        there is no such pair.
    """
    for entry in _known(name):
        if entry.family == socket.AF_INET:
            gateway = _gateway(name)
            if not gateway and entry.netmask:
                network = ipaddress.IPv4Network(f"{entry.address}/{entry.netmask}", strict=False)
                gateway = str(next(network.hosts(), ""))
            return (entry.address, gateway) if gateway and gateway != entry.address else None
    return None


def call_neighbour(name: str) -> None:
    """Send an empty datagram to the discard port (RFC 863) of whom the interface *name* leads to, if anybody.

    Whoever routes packets by where they came from learns that way where we are.
    """
    pair = neighbour_of(name)
    if pair is None:
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as calling, contextlib.suppress(OSError):
        calling.bind((pair[0], 0))
        calling.sendto(b"", socket.MSG_DONTWAIT, (pair[1], _DISCARD))


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


def parse_gateway(table: Iterable[str], name: str) -> str:
    """The first gateway of a route through *name* in the text of ``/proc/net/route``, or nothing.  Pure."""
    for line in table:
        fields = line.split()
        if len(fields) > 3 and fields[0] == name and int(fields[3], 16) & _VIA_GATEWAY:
            # the kernel prints the bytes of the address as an integer of the machine
            return socket.inet_ntoa(int(fields[2], 16).to_bytes(4, sys.byteorder))
    return ""
