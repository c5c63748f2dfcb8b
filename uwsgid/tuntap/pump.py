"""The hot loop: a packet is read into a buffer, judged where it lies, and written from there.

A device that became readable is read up to `BATCH` times in a row, then everybody else has a turn.  Nothing
here waits: the devices of peers are read and written with ``RWF_NOWAIT``, because their owner shares the open
file and may set it to blocking at any time (tun(4) obeys the flag of the call).  What can not be written is
dropped and counted.

There is no Twisted in this module, and a packet of a known flow makes no object that outlives it.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from uwsgid.tuntap.decision import GATEWAY, HOST, PEER
from uwsgid.tuntap.offload import PLAIN, finish, is_usual
from uwsgid.wire.ip import VNET

if TYPE_CHECKING:
    from uwsgid.tuntap.decision import Decision
    from uwsgid.tuntap.peer import Peer
    from uwsgid.tuntap.switch import Switch
    from uwsgid.tuntap.tap import Tap

BATCH: Final = 64  #: packets that are read from one descriptor before others have a turn

#: The largest packet of a device: a virtio header and 64 KiB, with room for what jumbo settings add.
LARGEST: Final = VNET + 65536 + 1024

NOWAIT: Final = os.RWF_NOWAIT

#: What the kernel says of a device that does not exist any more.
GONE: Final = frozenset((errno.EBADFD, errno.EBADF, errno.ENODEV, errno.ENXIO))

_REASONS: Final = {
    errno.EAGAIN: "full",
    errno.ENOBUFS: "full",
    errno.ENOMEM: "full",
    errno.EIO: "unattached",  # the interface is down
    errno.EBADFD: "unattached",
    errno.EBADF: "unattached",
    errno.ENODEV: "unattached",
    errno.ENETDOWN: "unattached",
}


def reason_of(error: OSError) -> str:
    """The reason, as counters call it, for which the kernel did not take a packet.  Pure."""
    return _REASONS.get(error.errno or 0, "invalid")


class Space:
    """Where the packets of one device are read to, and lie until they are passed on.

    Each peer has one of its own.  Its owner may tell its device of longer virtio headers (TUNSETVNETHDRSZ),
    and kernels before 6.15 leave what is behind the header as it was in the buffer: it would be taken for a
    part of the packet, and there must be nothing of somebody else.
    """

    __slots__ = ("buffer", "view", "views")

    def __init__(self) -> None:
        self.buffer = bytearray(LARGEST)
        self.view = memoryview(self.buffer)
        self.views = [self.view]


class Pump:
    """Moves packets for one router.

    :param device: the router's own device, non-blocking, with virtio headers.
    :param gateway: the UDP socket of the gateway, non-blocking; None where there is none.
    :param clock: monotonic seconds.
    """

    __slots__ = ("_asked", "_clock", "_device", "_gateway", "_space")

    def __init__(
        self,
        switch: Switch,
        device: int,
        gateway: socket.socket | None,
        clock: Callable[[], float],
    ) -> None:
        self._asked: Switch | Tap = switch
        self._device = device
        self._gateway = gateway
        self._clock = clock
        self._space = Space()

    def ask(self, asked: Switch | Tap) -> None:
        """Have *asked* decide from now on: the switch, or somebody who looks on."""
        self._asked = asked

    def drain_host(self) -> int:
        """Pass on what waits in the router's own device.

        :returns: 0, or the errno of a device that can not be read any more.
        """
        device, space = self._device, self._space
        views, view, buffer = space.views, space.view, space.buffer
        read, decide, now = os.readv, self._asked.from_host, self._clock()
        size: int
        for _ in range(BATCH):
            try:
                size = read(device, views)
            except BlockingIOError:
                return 0
            except OSError as error:
                return error.errno or errno.EIO
            decision = decide(buffer, VNET, size, now)
            if decision.kind == PEER:
                target: Any = decision.peer
                target.link.send(buffer, view, size)
        return 0

    def drain_peer(self, peer: Peer, device: int, space: Space) -> int:
        """Pass on what waits in the device of *peer*.

        :param space: its own.
        :returns: 0, or the errno of a device that can not be read any more.
        """
        host, views, view, buffer = self._device, space.views, space.view, space.buffer
        read, write, decide, now = os.preadv, os.write, self._asked.from_peer, self._clock()
        size: int
        for _ in range(BATCH):
            try:
                size = read(device, views, -1, NOWAIT)
            except BlockingIOError:
                return 0
            except OSError as error:
                return error.errno or errno.EIO
            if not size:
                return errno.EBADFD
            if buffer[0] and not is_usual(buffer) and not finish(buffer, size):
                self._asked.refuse(peer, buffer, VNET, size, "invalid")
                continue
            decision = decide(peer, buffer, VNET, size, now)
            kind = decision.kind
            if kind == HOST:
                try:
                    write(host, view[:size])
                except OSError as error:
                    self._asked.lose(peer, reason_of(error))
            elif kind == PEER:
                target: Any = decision.peer
                target.link.send(buffer, view, size)
            elif kind == GATEWAY:
                self._send_away(peer, decision, space, size)
        return 0

    def pass_frame(self, peer: Peer, packet: bytes, now: float) -> None:
        """Pass on a packet that came without a virtio header, through the stream of *peer*."""
        decision = self._asked.from_peer(peer, packet, 0, len(packet), now)
        kind = decision.kind
        if kind == HOST:
            try:
                os.writev(self._device, (PLAIN, packet))
            except OSError as error:
                self._asked.lose(peer, reason_of(error))
        elif kind == PEER:
            target: Any = decision.peer
            target.link.send_plain(packet)
        elif kind == GATEWAY:
            self._send_datagram(peer, packet, decision.target)

    def pass_datagram(self, packet: bytes, now: float) -> None:
        """Pass on a packet that came through the UDP gateway."""
        decision = self._asked.from_gateway(packet, 0, len(packet), now)
        if decision.kind == PEER:
            target: Any = decision.peer
            target.link.send_plain(packet)

    def lose(self, peer: Peer, reason: str, size: int) -> None:
        """The packet that was decided about last, of *size* bytes, can not be delivered to *peer*."""
        self._asked.lose(peer, reason, size)

    def refuse_datagram(self, packet: bytes) -> None:
        """Drop a packet that came through the UDP gateway from somebody who may not send any."""
        self._asked.refuse(None, packet, 0, len(packet), "target")

    def _send_away(self, peer: Peer, decision: Decision, space: Space, size: int) -> None:
        """Through the UDP gateway, which knows no virtio header."""
        if not finish(space.buffer, size):
            self._asked.lose(peer, "invalid")
        else:
            self._send_datagram(peer, space.view[VNET:size], decision.target)

    def _send_datagram(self, peer: Peer, packet: bytes | memoryview, target: tuple[str, int]) -> None:
        assert self._gateway is not None, "the switch decides so only where there is a gateway"
        try:
            self._gateway.sendto(packet, target)
        except BlockingIOError:
            self._asked.lose(peer, "full")
        except OSError:
            self._asked.lose(peer, "target")
