"""Frames: packets of a device through a stream, for routers that can not be handed the device itself.

The way of uWSGI's own C code, and of every router behind TCP: each packet travels with the four bytes of
`uwsgid.wire.tunframe` before it.  `Relay` copies both ways between a device and a connected stream, up to
`BATCH` packets at a time: they are read side by side into one buffer, each with room for its header before
it, and leave together in one ``sendmsg``.

Nothing here waits.  While the stream does not take what was read, the device is not read: its packets wait in
the kernel's queue, which drops and counts what does not fit.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.interfaces import IReadDescriptor, IReadWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from uwsgid.errors import PeerError
from uwsgid.tuntap.offload import NEEDS_CSUM, PLAIN
from uwsgid.tuntap.relief import Handed
from uwsgid.wire.events import NEED_DATA
from uwsgid.wire.ip import VNET
from uwsgid.wire.tunframe import HEADER_SIZE, HELLO, MAX_BODY, FrameDecoder, PacketFrame, header

BATCH: Final = 64  #: packets that are read before they are sent

_ROOM: Final = max(
    VNET, 4
)  #: bytes before a packet in the buffer: the virtio header, then the frame's over it
_SLOT: Final = _ROOM + MAX_BODY
_BUFFER: Final = 4 * _SLOT
_UCRED: Final = struct.Struct("=iII")


def greet(stream: socket.socket, rules: bytes, *, credentials: bool) -> None:
    """Say who we are and what rules we want, before the first packet.

    :param rules: a complete block of rules, or nothing.
    :param credentials: begin as ``tuntap-use-credentials`` of the router expects (plugins/tuntap/tuntap.c,
        uwsgi_tuntap_client_loop); only UNIX sockets carry them.
    :raises OSError: the stream is broken.
    """
    if credentials:
        us = _UCRED.pack(os.getpid(), os.getuid(), os.getgid())
        stream.sendmsg((HELLO,), ((socket.SOL_SOCKET, socket.SCM_CREDENTIALS, us),))
    if rules:
        stream.sendall(rules)


def stays_here(packet: bytes | bytearray | memoryview, at: int = 0) -> bool:
    """Whether a packet says something about the link alone, and is nothing for a router.  Pure.

    An interface with IPv6 sends router solicitations and reports of its groups as soon as it is up.  uWSGI's
    router takes the bytes in the place of an IPv4 source, finds zeros, and closes the connection
    (plugins/tuntap/common.c, uwsgi_tuntap_register_addr); so it does for an IPv4 packet without a source.
    """
    version = packet[at] >> 4
    if version == 6:
        first = packet[at + 8]
        if first == 0xFE and packet[at + 9] & 0xC0 == 0x80:
            return True
        return packet[at + 24] == 0xFF or not any(packet[at + 8 : at + 24])
    return version == 4 and not any(packet[at + 12 : at + 16])


class Relay:
    """Copies packets between a device and a stream, until one of them ends.

    :param device: a tun device.  It stays the caller's.
    :param stream: connected and greeted; the relay closes it.
    :param vnet: whether a virtio header stands before each packet of the device.
    :param largest: bytes of the largest packet that is passed on.
    :param unsent: what another relay had read from the device, and not sent.
    :param pending: what it had read from the stream, and not written.
    :param lost: called once, later and with the reason, when the stream or the device has ended.
    """

    def __init__(
        self,
        reactor: Any,
        device: int,
        stream: socket.socket,
        lost: Callable[[str], None],
        *,
        vnet: bool = True,
        largest: int = MAX_BODY,
        unsent: bytes = b"",
        pending: bytes = b"",
    ) -> None:
        stream.setblocking(False)
        os.set_blocking(device, False)
        self._reactor = reactor
        self._device = device
        self._stream = stream
        self._lost = lost
        self._vnet = VNET if vnet else 0
        self._largest = min(largest, MAX_BODY)
        self._buffer = bytearray(_BUFFER)
        self._view = memoryview(self._buffer)
        self._inbox = bytearray(_BUFFER)
        self._inbox_view = memoryview(self._inbox)
        self._unsent = unsent
        self._decoder = FrameDecoder(MAX_BODY)
        self._decoder.feed(pending)
        self._device_end = _DeviceEnd(self, device)
        self._stream_end = _StreamEnd(self, stream)
        self._running = False
        #: packets that were sent, that came, and that could not be passed on
        self.sent = self.received = self.dropped = 0

    def start(self) -> None:
        """Begin to copy."""
        self._running = True
        if self._unsent:
            self._reactor.addWriter(self._stream_end)
        else:
            self._reactor.addReader(self._device_end)
        self._reactor.addReader(self._stream_end)

    def stop(self) -> None:
        """Copy no more and close the stream; ``lost`` is not called.  Harmless when done before."""
        if self._running:
            self._unwatch()
            self._stream.close()

    leave = stop

    def hand_on(self) -> Handed:
        """Copy no more; another process goes on with the stream, and with what is on its way."""
        self._unwatch()
        return Handed(self._stream, True, bytes(self._unsent), self._decoder.rest)

    def _unwatch(self) -> None:
        self._running = False
        for end in (self._device_end, self._stream_end):
            self._reactor.removeReader(end)
        self._reactor.removeWriter(self._stream_end)

    def fail(self, reason: str) -> None:
        """One side has ended."""
        if self._running:
            self.stop()
            self._lost(reason)

    def read_device(self) -> None:
        """Pass on what the device has, one batch."""
        buffer, view, vnet = self._buffer, self._view, self._vnet
        pieces: list[memoryview] = []
        at = 0
        for _ in range(BATCH):
            start = at + _ROOM - vnet
            try:
                count = os.readv(self._device, (view[start : at + _SLOT],))
            except BlockingIOError:
                break
            except OSError as error:
                self.fail(f"the device can not be read: {error.strerror}")
                return
            if count == 0:
                self.fail("the device is gone")
                return
            size = count - vnet
            if not self._passes(start, at + _ROOM, size):
                self.dropped += 1
                continue
            buffer[at + _ROOM - HEADER_SIZE : at + _ROOM] = header(size)
            pieces.append(view[at + _ROOM - HEADER_SIZE : at + _ROOM + size])
            at += _ROOM + size
            if at > _BUFFER - _SLOT:
                break
        if pieces:
            self._send(pieces)

    def _passes(self, start: int, at: int, size: int) -> bool:
        buffer = self._buffer
        if size < 20 or size > self._largest or (buffer[at] >> 4 == 6 and size < 40):
            return False
        # left over from a time when the device had offloads: not cut, or without its checksum
        if self._vnet and (buffer[start] & NEEDS_CSUM or buffer[start + 1]):
            return False
        return not stays_here(buffer, at)

    def _send(self, pieces: list[memoryview]) -> None:
        try:
            taken = self._stream.sendmsg(pieces)
        except BlockingIOError:
            taken = 0
        except OSError as error:
            self.fail(f"the router is gone: {error.strerror}")
            return
        self.sent += len(pieces)
        if taken < sum(map(len, pieces)):
            self._unsent = b"".join(pieces)[taken:]
            self._reactor.removeReader(self._device_end)
            self._reactor.addWriter(self._stream_end)

    def flush(self) -> None:
        """Send what the stream did not take before; the device is read again when all of it is gone."""
        try:
            self._unsent = self._unsent[self._stream.send(self._unsent) :]
        except BlockingIOError:
            return
        except OSError as error:
            self.fail(f"the router is gone: {error.strerror}")
            return
        if not self._unsent:
            self._reactor.removeWriter(self._stream_end)
            self._reactor.addReader(self._device_end)

    def read_stream(self) -> None:
        """Write to the device what came through the stream."""
        try:
            count = self._stream.recv_into(self._inbox)
        except BlockingIOError:
            return
        except OSError as error:
            self.fail(f"the router is gone: {error.strerror}")
            return
        if count == 0:
            self.fail("the router closed the connection")
            return
        decoder = self._decoder
        decoder.feed(self._inbox_view[:count])
        try:
            while (event := decoder.next_event()) is not NEED_DATA:
                if isinstance(event, PacketFrame):
                    self._write_device(event.data)
        except PeerError as error:
            self.fail(str(error))

    def _write_device(self, packet: bytes) -> None:
        try:
            os.writev(self._device, (PLAIN, packet) if self._vnet else (packet,))
        except OSError:
            self.dropped += (
                1  # no IP packet, an interface that is down, no memory: never the end of the others
            )
        else:
            self.received += 1


@implementer(IReadDescriptor)
class _DeviceEnd:
    """The device, as the reactor sees it."""

    def __init__(self, relay: Relay, fd: int) -> None:
        self._relay = relay
        self._fd = fd

    def fileno(self) -> int:
        return self._fd

    def logPrefix(self) -> str:
        return "tuntap device"

    def doRead(self) -> None:
        self._relay.read_device()

    def connectionLost(self, reason: Failure) -> None:
        self._relay.fail("the device is gone")


@implementer(IReadWriteDescriptor)
class _StreamEnd:
    """The stream, as the reactor sees it."""

    def __init__(self, relay: Relay, stream: socket.socket) -> None:
        self._relay = relay
        self._fd = stream.fileno()

    def fileno(self) -> int:
        return self._fd

    def logPrefix(self) -> str:
        return "tuntap relay"

    def doRead(self) -> None:
        self._relay.read_stream()

    def doWrite(self) -> None:
        self._relay.flush()

    def connectionLost(self, reason: Failure) -> None:
        self._relay.fail("the router closed the connection")
