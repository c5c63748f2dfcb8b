"""The emperor's ends of the talk with one vassal, carried by the reactor; they decide nothing."""

from __future__ import annotations

import array
import fcntl
import socket
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer

from uwsgid.wire.vassal import pack_config

_BATCH: Final = 1024  #: bytes read at once
_SIOCOUTQ: Final = 0x5411  #: bytes of a stream socket that the other side has not read (linux/sockios.h)


@implementer(IReadDescriptor)
class Pipe:
    """The bytes.

    :param heard: called with each byte of the vassal.
    :param lost: called once, when nobody of the vassal holds the other end any more.
    """

    def __init__(
        self, reactor: Any, ours: socket.socket, heard: Callable[[int], None], lost: Callable[[], None]
    ) -> None:
        ours.setblocking(False)
        self._reactor = reactor
        self._socket = ours
        self._heard = heard
        self._lost = lost
        self.closed = False
        reactor.addReader(self)

    def fileno(self) -> int:
        return -1 if self.closed else self._socket.fileno()

    def logPrefix(self) -> str:
        return "vassal"

    def doRead(self) -> None:
        try:
            said = self._socket.recv(_BATCH)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            said = b""
        if not said:
            self.close()
            self._lost()
            return
        for byte in said:
            self._heard(byte)

    def connectionLost(self, reason: object) -> None:
        """The reactor stops."""
        self.close()

    def say(self, byte: int) -> bool:
        """Tell the vassal; False where it does not listen."""
        if self.closed:
            return False
        try:
            self._socket.send(bytes((byte,)))
        except OSError:
            return False
        return True

    def close(self) -> None:
        """End the talk."""
        if not self.closed:
            self._reactor.removeReader(self)
            self.closed = True
            self._socket.close()


class ConfigPipe:
    """The other pair, for a configuration that lies in no file."""

    def __init__(self, ours: socket.socket) -> None:
        ours.setblocking(False)
        self._socket = ours

    @property
    def is_pending(self) -> bool:
        """Whether the vassal has not read all yet that was sent."""
        left = array.array("i", [0])
        try:
            fcntl.ioctl(self._socket.fileno(), _SIOCOUTQ, left)
        except OSError:
            return False
        return left[0] > 0

    def send(self, text: bytes) -> bool:
        """Send a configuration; False where there is no room, or nobody.

        :raises ValueError: it is too long for the protocol.
        """
        chunk = pack_config(text)
        try:
            return self._socket.send(chunk) == len(chunk)
        except OSError:
            return False

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        """Send no more."""
        self._socket.close()
