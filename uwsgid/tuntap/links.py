"""How a peer is reached: through its device, whose descriptor it handed over, or through a stream of frames.

A link belongs to one `Peer` and is what ``peer.link`` holds.  It offers the two deliveries that the hot loop
needs (``send`` for a packet behind a virtio header, ``send_plain`` for one without), and is watched by the
reactor. Whatever goes wrong with a link ends that link, and nothing else.
"""

from __future__ import annotations

import os
import socket
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

from twisted.internet.interfaces import IReadDescriptor, IReadWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from uwsgid.errors import PeerError
from uwsgid.tuntap.closing import closer
from uwsgid.tuntap.offload import PLAIN, finish
from uwsgid.tuntap.pump import BATCH, NOWAIT, Pump, Space, reason_of
from uwsgid.wire.ip import VNET
from uwsgid.wire.tunframe import FrameDecoder, PacketFrame, RuleBlock

if TYPE_CHECKING:
    from uwsgid.tuntap.peer import Peer

READ_SIZE: Final = 65536  #: bytes that are read from a stream before others have a turn
HEADER: Final = 4  #: bytes before a packet in a stream
RULE_SIZE: Final = 24  #: bytes of one rule in a block
DEFAULT_QUEUE: Final = 256 << 10  #: ``tuntap-router-queue``


class Owner(Protocol):
    """Who holds the links: the router."""

    reactor: Any
    clock: Callable[[], float]

    def lost(self, link: Link, why: str) -> None:
        """The link can not go on; an empty text where its peer just left."""

    def offered(self, link: Link, rules: tuple[Any, ...]) -> None:
        """The peer sent rules about itself.  :raises PeerError: it may not have them."""

    def drain_events(self) -> None:
        """Look at what the switch has noticed."""

    def pass_answers(self) -> None:
        """Pass on what the host answered at once, in the call that gave it a packet."""


class Link(ABC):
    """What both kinds have in common.

    :ivar peer: whose link it is.
    :ivar open: until it is closed.
    """

    kind = ""

    def __init__(self, peer: Peer, owner: Owner, pump: Pump) -> None:
        self.peer = peer
        self.open = True
        self._owner = owner
        self._pump = pump

    @abstractmethod
    def send(self, buffer: bytearray, view: memoryview, size: int) -> None:
        """Deliver the packet in ``view[:size]``, which begins with a virtio header."""

    @abstractmethod
    def send_plain(self, packet: bytes) -> None:
        """Deliver a packet without a virtio header."""

    def queued(self) -> int:
        """Bytes that wait for the peer."""
        return 0

    def end(self, why: str) -> None:
        """Tell the owner, once."""
        if self.open:
            self._owner.lost(self, why)

    @abstractmethod
    def close(self) -> None:
        """Let go of all descriptors.  A second call does nothing."""


@implementer(IReadDescriptor)
class Lifeline:
    """The connection over which a device was handed over; its end is the end of the link."""

    def __init__(self, connection: socket.socket, link: DeviceLink) -> None:
        self._connection = connection
        self._link = link

    def fileno(self) -> int:
        return self._connection.fileno()

    def logPrefix(self) -> str:
        return "tuntap device connection"

    def doRead(self) -> None:
        try:
            said = self._connection.recv(1, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        self._link.end("its peer said more than a hello" if said else "")

    def ended(self) -> bool:
        """Whether the other side has closed it already."""
        try:
            return not self._connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def connectionLost(self, reason: Failure) -> None:
        """The reactor found the connection broken, or ends."""
        self._link.end("")


@implementer(IReadDescriptor)
class DeviceLink(Link):
    """A peer whose device we read and write ourselves.

    :param device: the descriptor of the device; the link owns it, and *connection* too.
    """

    kind = "device"

    def __init__(self, peer: Peer, owner: Owner, pump: Pump, device: int, connection: socket.socket) -> None:
        super().__init__(peer, owner, pump)
        self.device = device
        self._space = Space()
        self._connection = connection
        self._lifeline = Lifeline(connection, self)

    def start(self) -> None:
        """Have the reactor watch it."""
        self._owner.reactor.addReader(self)
        self._owner.reactor.addReader(self._lifeline)

    def fileno(self) -> int:
        return self.device

    def logPrefix(self) -> str:
        return "tuntap device"

    def doRead(self) -> None:
        error = self._pump.drain_peer(self.peer, self.device, self._space)
        self._owner.pass_answers()
        if error:
            self.end(f"its device is gone: {os.strerror(error)}")

    def connectionLost(self, reason: Failure) -> None:
        """The kernel reports an error of the device: it was removed, or its namespace ended."""
        self.end("its device is gone")

    def send(self, buffer: bytearray, view: memoryview, size: int) -> None:
        try:
            os.pwritev(self.device, (view[:size],), -1, NOWAIT)
        except OSError as error:
            self._pump.lose(self.peer, reason_of(error), size - VNET)

    def send_plain(self, packet: bytes) -> None:
        try:
            os.pwritev(self.device, (PLAIN, packet), -1, NOWAIT)
        except OSError as error:
            self._pump.lose(self.peer, reason_of(error), len(packet))

    def ended(self) -> bool:
        """Whether the peer has left, and the reactor has not told us yet."""
        return self._lifeline.ended()

    def close(self) -> None:
        if not self.open:
            return
        self.open = False
        self._owner.reactor.removeReader(self)
        self._owner.reactor.removeReader(self._lifeline)
        device, self.device = self.device, -1
        closer.close(device)
        self._connection.close()


@implementer(IReadWriteDescriptor)
class FrameLink(Link):
    """A peer behind a stream, as those of uWSGI.

    Frames that the stream does not take wait in a queue of *limit* bytes, headers included; a packet that
    finds no room is dropped, never one that waits already.

    :param connection: a connected, non-blocking stream socket; the link owns it.
    :ivar limit: of the queue (``tuntap-router-queue``).
    :param size_limit: bytes of the largest packet (``tuntap-buffer-size``).
    """

    kind = "frames"

    def __init__(
        self,
        peer: Peer,
        owner: Owner,
        pump: Pump,
        connection: socket.socket,
        *,
        limit: int = DEFAULT_QUEUE,
        size_limit: int = 65535,
    ) -> None:
        super().__init__(peer, owner, pump)
        self._connection = connection
        self.limit = limit
        self._size_limit = size_limit
        self._decoder = FrameDecoder(size_limit)
        self._queue: deque[memoryview] = deque()
        self._queued = 0
        self._resting: Any = None

    def start(self) -> None:
        """Have the reactor watch it."""
        self._owner.reactor.addReader(self)

    def fileno(self) -> int:
        return self._connection.fileno()

    def logPrefix(self) -> str:
        return "tuntap frames"

    def queued(self) -> int:
        return self._queued

    def obey(self, limit: int, size_limit: int) -> None:
        """Go by other limits from the next message on."""
        self.limit = limit
        self._size_limit = self._decoder.limit = size_limit

    def doRead(self) -> None:
        try:
            data = self._connection.recv(READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self.end(error.strerror or str(error))
            return
        if not data:
            self.end("")
            return
        self.receive(data)

    def receive(self, data: bytes) -> None:
        """Pass on the complete packets: a batch now, and what is left after a turn for everybody."""
        self._decoder.feed(data)
        self._pass_on()

    def _pass_on(self) -> None:
        owner, peer, take = self._owner, self.peer, self._pump.pass_frame
        decoder, now = self._decoder, self._owner.clock()
        left = BATCH
        try:
            while self.open and left > 0:
                event = decoder.next_event()
                if isinstance(event, PacketFrame):
                    take(peer, event.data, now)
                    left -= 1
                elif isinstance(event, RuleBlock):
                    peer.extra_rx += HEADER + RULE_SIZE * len(event.rules)
                    owner.offered(self, event.rules)
                    left -= 1 + len(event.rules) // 4
                else:
                    break
        except PeerError as error:
            self.end(str(error))
        owner.drain_events()
        if self.open and (left <= 0 or self._resting is not None):
            self._rest(left <= 0)

    def _rest(self, more: bool) -> None:
        """Read nothing while there is *more* of what was read."""
        reactor = self._owner.reactor
        if self._resting is None:
            reactor.removeReader(self)
        self._resting = reactor.callLater(0, self._go_on) if more else None
        if not more:
            reactor.addReader(self)

    def _go_on(self) -> None:
        try:
            self._pass_on()
        except BaseException:
            self.end("")  # as the reactor does with who fails at reading
            raise

    def doWrite(self) -> None:
        queue = self._queue
        while queue:
            piece = queue[0]
            try:
                sent = self._connection.send(piece)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self.end(error.strerror or str(error))
                return
            self._queued -= sent
            if sent < len(piece):
                queue[0] = piece[sent:]
                return
            queue.popleft()
        self._owner.reactor.removeWriter(self)

    def connectionLost(self, reason: Failure) -> None:
        """The reactor found the connection broken, or ends."""
        self.end("")

    def send(self, buffer: bytearray, view: memoryview, size: int) -> None:
        if finish(buffer, size):
            self.send_plain(view[VNET:size])
        else:
            self._pump.lose(self.peer, "invalid", size - VNET)

    def send_plain(self, packet: bytes | memoryview) -> None:
        size = len(packet)
        if self._queued + HEADER + size > self.limit:
            self._pump.lose(self.peer, "full", size)
            return
        if size > self._size_limit:
            self._pump.lose(self.peer, "length", size)
            return
        header = bytes((0, size & 0xFF, size >> 8, 0))
        sent = 0
        if not self._queue:
            try:
                sent = self._connection.sendmsg((header, packet))
            except (BlockingIOError, InterruptedError):
                pass
            except OSError:
                # the reactor will tell of the broken connection; a closing of links in the midst of a batch
                # would pull them away from under the hot loop
                self._pump.lose(self.peer, "unattached", size)
                return
            if sent == HEADER + size:
                return
            self._owner.reactor.addWriter(self)
        rest = memoryview(header + bytes(packet))[sent:]
        self._queue.append(rest)
        self._queued += len(rest)

    def close(self) -> None:
        if not self.open:
            return
        self.open = False
        self._owner.reactor.removeReader(self)
        self._owner.reactor.removeWriter(self)
        if self._resting is not None and self._resting.active():
            self._resting.cancel()
        self._queue.clear()
        self._queued = 0
        self._connection.close()
