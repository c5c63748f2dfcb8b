"""What a router works with, once it is opened: the bridge between the start of an instance and its router.

The descriptors belong to the instance and outlive every router process, which has copies of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from uwsgid.tuntap.options import RouterSpec


@dataclass(frozen=True, slots=True)
class Opened:
    """All that one router works with.

    :ivar spec: its line of the configuration.
    :ivar index: which of the lines, from 0.
    :ivar device: the descriptor of its tun device, with virtio headers.
    :ivar name: of the device, as the kernel calls it.
    :ivar streams: the listening socket of peers with frames.
    :ivar devices: that of vassals who hand their device over; -1 for a router on TCP.
    :ivar stats: the listening socket of its statistics; -1 for none.
    :ivar stats_address: as it was written.
    :ivar gateway: its UDP socket; -1 for none.
    :ivar stats_http: ``stats-http``, for clients that ask in no way.
    :ivar stats_minified: ``stats-minified``.
    """

    spec: RouterSpec
    index: int
    device: int
    name: str
    streams: int
    devices: int = -1
    stats: int = -1
    stats_address: str = ""
    gateway: int = -1
    stats_http: bool = False
    stats_minified: bool = False
