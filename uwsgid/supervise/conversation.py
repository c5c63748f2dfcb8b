"""A child's end of the talk with its master.  Plain sockets: workers have no reactor."""

from __future__ import annotations

import socket
from typing import Final

from uwsgid.errors import PeerError
from uwsgid.wire.control import MAX_RECORD, Record, unpack


class Conversation:
    """One side of a ``SOCK_SEQPACKET`` pair, used by the child that was born with it.

    :ivar closed: the master closed its end or is gone.
    """

    def __init__(self, channel: socket.socket) -> None:
        self.channel: Final = channel
        self.closed = False

    def fileno(self) -> int:
        return self.channel.fileno()

    def say(self, record: Record) -> None:
        """Tell the master.  A master that is gone hears nothing, which `heard` will show."""
        try:
            self.channel.send(record.pack())
        except OSError:
            self.closed = True

    def heard(self) -> list[Record]:
        """What the master said since the last call; never waits.  Sets `closed` at the end of the talk."""
        records: list[Record] = []
        while not self.closed:
            try:
                data = self.channel.recv(MAX_RECORD, socket.MSG_DONTWAIT)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                data = b""
            if not data:
                self.closed = True
                break
            try:
                records.append(unpack(data))
            except PeerError:
                continue
        return records
