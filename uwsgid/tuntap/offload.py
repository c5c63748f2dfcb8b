"""Offload: who cuts large packets into segments and computes their checksums.

With it on, a device hands out up to 64 KiB that nobody has cut or checksummed yet, behind a virtio header
that says so, and whoever writes the same bytes into another device leaves the work to the kernel behind that
one. That is where the speed of the router comes from.  A peer behind a stream, or behind a UDP gateway, has
no place for such a header: while there is one, the devices that may send to it have their offload off, and
the kernel does the work before we see the packet.

Packets that were queued before the switch was turned are finished here, as far as that is cheap.

A virtio header is also a promise to change the packet later: the kernel writes a checksum where the header
says.  A vassal could have it written over a port, or over an address of IPv6, after the firewall has looked.
So only the places where TCP and UDP have their checksums are left to the kernel; anything else is written
before the packet is judged.
"""

from __future__ import annotations

import struct
from typing import Final

from uwsgid.wire.ip import VNET

#: struct virtio_net_hdr of linux/virtio_net.h: flags, gso_type, hdr_len, gso_size, csum_start, csum_offset
HEADER: Final = struct.Struct("=BBHHHH")

#: A virtio header that wants nothing done.
PLAIN: Final = bytes(VNET)

NEEDS_CSUM: Final = 1  #: VIRTIO_NET_HDR_F_NEEDS_CSUM


_place: Final = struct.Struct("=6xHH").unpack_from

#: Where the checksum is, by protocol: the bytes of the transport header that stand before it.
_OFFSETS: Final = {6: 16, 17: 6}


def is_usual(buffer: bytearray) -> bool:
    """Whether the virtio header leaves a checksum to the kernel where the protocol of the packet has it.

    Only for headers with `NEEDS_CSUM`.  Packets of IPv6 with extension headers are never usual.
    """
    start, offset = _place(buffer)
    first = buffer[VNET]
    if first >> 4 == 4:
        return bool(start == (first & 15) << 2 and offset == _OFFSETS.get(buffer[VNET + 9]))
    return bool(first >> 4 == 6 and start == 40 and offset == _OFFSETS.get(buffer[VNET + 6]))


def finish(buffer: bytearray, size: int) -> bool:
    """Make the packet in ``buffer[VNET:size]`` one that needs no virtio header: fill in its checksum.

    :returns: False for a packet that is still to be cut, and for a header that points outside of it.
    """
    if buffer[1]:
        return False
    if not buffer[0] & NEEDS_CSUM:
        return True
    _, _, _, _, start, offset = HEADER.unpack_from(buffer)
    first = VNET + start
    place = first + offset
    if place + 2 > size:
        return False
    # the ones' complement sum of 16-bit words is what is left of the number after division by 65535
    total = int.from_bytes(buffer[first:size], "big")
    if (size - first) & 1:
        total <<= 8
    # never 0, which in UDP would mean that there is no checksum
    buffer[place : place + 2] = (0xFFFF - total % 0xFFFF).to_bytes(2, "big")
    buffer[0] = 0
    return True


def host_offloads(frame_peers: int, gateway_routes: bool) -> bool:
    """Whether the router's own device may hand out large packets.  Pure."""
    return not frame_peers and not gateway_routes


def peer_offloads(frame_peers: int, gateway_routes: bool, switch_local: bool) -> bool:
    """Whether the devices of peers may: what they send goes to the host, which knows how to cut.  Pure."""
    return not gateway_routes and not (switch_local and frame_peers)
