"""A lone worker as its steward holds it: a process, and the talk with it."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import Final

from uwsgid.errors import PeerError
from uwsgid.supervise.seed import receive
from uwsgid.wire.control import Record, unpack

MOST_SOCKETS: Final = 32  #: listening sockets that a steward keeps


class LoneWorker:
    """A worker that was forked by its steward, see `uwsgid.steward.duty.Worker`.

    :param channel: our end of the talk with it.
    :param since: when it was forked, in monotonic seconds.
    :ivar sockets: the listening sockets that it gave us; ours to close.
    """

    def __init__(self, pid: int, channel: socket.socket, since: float) -> None:
        self.pid = pid
        self.since = since
        self.sockets: list[int] = []
        self._channel: socket.socket | None = channel

    def fileno(self) -> int:
        """Where it speaks; -1 where it does not any more."""
        return -1 if self._channel is None else self._channel.fileno()

    def tell(self, record: Record) -> bool:
        """Say something to it; False where it can not hear."""
        if self._channel is None:
            return False
        try:
            self._channel.send(record.pack(), socket.MSG_DONTWAIT)
        except OSError:
            return False
        return True

    def signal(self, number: int) -> None:
        """Send it a signal.  It is our child and was not waited for, so the number is still its own."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def hear(self) -> Record | None:
        """What it says, one record; None where there is nothing now, or nothing sensible."""
        if self._channel is None:
            return None
        try:
            data, descriptors = receive(self._channel, socket.MSG_DONTWAIT, most=MOST_SOCKETS)
        except BlockingIOError:
            return None
        except ConnectionError:
            data, descriptors = b"", []
        if descriptors:
            self.sockets = descriptors
        if not data:
            self.close()
            return None
        try:
            return unpack(data)
        except PeerError:
            return None

    def close(self) -> None:
        """End the talk."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def forget(self) -> None:
        """Close everything that we have of it."""
        self.close()
        for descriptor in self.sockets:
            os.close(descriptor)
        self.sockets = []
