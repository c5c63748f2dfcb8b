"""The supervisor's end of a control pair, carried by the reactor."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Any, Final

from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from uwsgid.errors import PeerError
from uwsgid.wire.control import MAX_RECORD, Record, unpack

_BATCH: Final = 32  #: records read before the reactor gets its turn again
_MOST_PENDING: Final = 1024  #: records that the dead can have left behind


@implementer(IReadDescriptor)
class Channel:
    """Carries records between the reactor and one child; decides nothing.

    :param heard: called with each record.
    :param lost: called once, when the child closed its end or is gone.
    """

    def __init__(
        self,
        reactor: IReactorFDSet,
        sock: socket.socket,
        heard: Callable[[Record], None],
        lost: Callable[[], None],
    ) -> None:
        sock.setblocking(False)
        self._reactor: Any = reactor
        self._socket = sock
        self._heard = heard
        self._lost = lost
        self.closed = False
        self._reactor.addReader(self)

    def fileno(self) -> int:
        return self._socket.fileno() if not self.closed else -1

    def logPrefix(self) -> str:
        return "control"

    def doRead(self) -> None:
        for _ in range(_BATCH):
            if not self._hear():
                return

    def drain(self) -> None:
        """Hear what is still on its way from a child that ended."""
        for _ in range(_MOST_PENDING):
            if not self._hear():
                return

    def _hear(self) -> bool:
        """Hear one record; False where there is none now."""
        if self.closed:
            return False
        try:
            data = self._socket.recv(MAX_RECORD)
        except (BlockingIOError, InterruptedError):
            return False
        except ConnectionResetError:
            return True  # it left without reading all of ours; what it said before is still to be heard
        except OSError:
            data = b""
        if not data:
            self.close()
            self._lost()
            return False
        try:
            record = unpack(data)
        except PeerError:
            return True
        self._heard(record)
        return True

    def connectionLost(self, reason: Failure) -> None:
        """The reactor will not read any more."""
        if not self.closed:
            self.close()
            self._lost()

    def say(self, record: Record, descriptors: Sequence[int] = ()) -> bool:
        """Send *record* without waiting.

        :param descriptors: go with the record; the caller closes its own copies.
        :returns: False where the child is gone or does not listen.
        """
        if self.closed:
            return False
        try:
            socket.send_fds(self._socket, [record.pack()], list(descriptors))
        except OSError:
            return False  # whoever is gone is noticed by the reading side
        return True

    def close(self) -> None:
        """End the talk from this side."""
        if not self.closed:
            self._reactor.removeReader(self)
            self.closed = True
            self._socket.close()
