"""Datagrams: one socket, made with the first record, that nobody waits for.

Towards other hosts a socket never waits: what the kernel does not take at once is not sent.  A UNIX socket
holds few datagrams, ten where nobody changed it, so a burst has to wait for its reader: that has a limit, and
a thread (`Sender.waits`).
"""

from __future__ import annotations

import errno
import socket
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Final

from uwsgid.logs.loggers.addresses import Address, connected
from uwsgid.logs.loggers.engine import Engine, NotKept, why

PATIENCE: Final = 1.0  #: seconds that one record may wait for the reader of a UNIX socket
#: The peer was there and is not any more, or was not and may be now.
_GONE: Final = frozenset({errno.ECONNREFUSED, errno.ECONNRESET, errno.ENOTCONN, errno.EPIPE})


class Sender:
    """Sends datagrams to one address.

    :param patience: seconds to wait for a reader; 0 never waits.
    """

    def __init__(self, address: Address, patience: float | None = None) -> None:
        self.address: Final = address
        self.patience: Final = (PATIENCE if address.is_local else 0.0) if patience is None else patience
        self.socket: socket.socket | None = None

    @property
    def waits(self) -> bool:
        """Whether `send` may take time."""
        return self.patience > 0 or not self.address.is_known

    def send(self, packet: bytes) -> None:
        """Send *packet*.

        :raises OSError: it was not, or, over UDP, one of those before it has not arrived: nobody listens.
        """
        made = self.socket or self.open()
        try:
            made.send(packet)
        except OSError as error:
            if error.errno not in _GONE:
                raise
            # a UNIX peer has bound its path anew; over UDP it is what became of an earlier packet
            self.close()
            self.open().send(packet)
            if not self.address.is_local:
                raise

    def open(self) -> socket.socket:
        """The socket, connected.

        :raises OSError: the address can not be resolved, or nobody is there.
        """
        self.socket = connected(self.address.found(), socket.SOCK_DGRAM, self.patience)
        return self.socket

    def close(self) -> None:
        """Close the socket; the next packet opens it again."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None


class DatagramEngine(Engine):
    """An engine that makes datagrams of each record."""

    def __init__(self, sender: Sender) -> None:
        self.sender: Final = sender
        self.SLOW = sender.waits

    @abstractmethod
    def packets(self, record: bytes) -> Iterable[bytes]:
        """What is sent for *record*.

        :raises OSError: it can not be sent to anybody.
        """

    def write(self, records: Sequence[bytes]) -> None:
        """Send *records*, those after a failed one too, unless they would have to wait as well.

        :raises NotKept: some were not sent, or nobody listens.
        """
        lost: list[int] = []
        reason: OSError | None = None
        send = self.sender.send
        for position, record in enumerate(records):
            try:
                packets = self.packets(record)
            except OSError as error:  # it can not be made into packets
                reason = error
                lost.append(position)
                continue
            try:
                for packet in packets:
                    send(packet)
            except OSError as error:
                reason = error
                if isinstance(error, BlockingIOError | TimeoutError) or self.sender.socket is None:
                    lost.extend(range(position, len(records)))
                    break
                lost.append(position)
        if reason is not None:
            text = (
                "its reader is too slow"
                if isinstance(reason, BlockingIOError | TimeoutError)
                else why(reason)
            )
            raise NotKept(f"can not send to {self.sender.address.text}: {text}", lost)

    def close(self) -> None:
        """Close the socket."""
        self.sender.close()
