"""Stand-ins for what the vassal's side works on: a device, a reactor, and a router."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.task import Clock
from twisted.python.failure import Failure


def packet(
    source: str = "192.168.0.2", target: str = "192.168.0.1", size: int = 28, *, protocol: int = 17
) -> bytes:
    """An IPv4 packet of *size* bytes; its checksum is nobody's concern."""
    head = b"\x45\0" + size.to_bytes(2, "big") + bytes(4) + b"\x40" + bytes((protocol, 0, 0))
    head += socket.inet_aton(source) + socket.inet_aton(target)
    return head + bytes(number & 0xFF for number in range(size - len(head)))


def packet6(source: str = "2001:db8::2", target: str = "2001:db8::1", size: int = 48) -> bytes:
    """An IPv6 packet of *size* bytes."""
    head = b"\x60\0\0\0" + (size - 40).to_bytes(2, "big") + b"\x3a\x40"
    head += socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, target)
    return head + bytes(size - len(head))


class FakeDevice:
    """A pair of sockets that keep the borders of packets, as a tun device does.

    :ivar fd: the end that the code under test has.
    """

    def __init__(self, *, vnet: bool = True) -> None:
        self._ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ours.setblocking(False)
        self._vnet = 10 if vnet else 0
        self.fd = self._theirs.fileno()

    def hold(self, data: bytes, *, header: bytes = bytes(10)) -> None:
        """Have a packet ready to be read."""
        self._ours.send(header[: self._vnet] + data)

    def written(self) -> list[bytes]:
        """The packets that were written since the last time, without their virtio headers."""
        found: list[bytes] = []
        while True:
            try:
                data = self._ours.recv(1 << 17)
            except BlockingIOError:
                return found
            assert data[: self._vnet] == bytes(self._vnet), "a virtio header that wants something"
            found.append(data[self._vnet :])

    def vanish(self) -> None:
        """End, as a device does with its network namespace."""
        self._ours.close()

    def close(self) -> None:
        self._ours.close()
        self._theirs.close()


class SteppedReactor(Clock):
    """A reactor that looks at descriptors only when it is told to, and whose time is a test's.

    :ivar readers: those that are read now; *writers* likewise.
    """

    def __init__(self) -> None:
        super().__init__()
        self.readers: list[Any] = []
        self.writers: list[Any] = []

    def addReader(self, reader: Any) -> None:
        if reader not in self.readers:
            self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        if reader in self.readers:
            self.readers.remove(reader)

    def addWriter(self, writer: Any) -> None:
        if writer not in self.writers:
            self.writers.append(writer)

    def removeWriter(self, writer: Any) -> None:
        if writer in self.writers:
            self.writers.remove(writer)

    def turn(self, times: int = 1) -> None:
        """Let everybody read and write once, ready or not: whoever is not has to live with it.

        Before that come the calls that are due; what they put off is for the next time, as in any reactor.
        """
        for _ in range(times):
            for call in [call for call in self.calls if call.getTime() <= self.seconds()]:
                if call in self.calls:
                    self.calls.remove(call)
                    call.called = 1
                    call.func(*call.args, **call.kw)
            for reader in list(self.readers):
                if reader in self.readers:
                    reader.doRead()
            for writer in list(self.writers):
                if writer in self.writers:
                    writer.doWrite()

    def until(self, look: Callable[[], bool], times: int = 1000) -> None:
        """Turn until *look* is content."""
        for _ in range(times):
            if look():
                return
            self.turn()
        raise AssertionError("it never came to that")

    def hang_up(self, reader: Any) -> None:
        """What the poller says of a descriptor that is no longer any."""
        reader.connectionLost(Failure(ConnectionError()))


def is_open(fd: int) -> bool:
    """Whether a descriptor is open."""
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True
