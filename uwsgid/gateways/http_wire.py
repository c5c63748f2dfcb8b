"""The bytes of one client of the gateway: what can be sent now is, the rest waits in a `Spool`.

What they mean is a matter of `uwsgid.gateways.http_exchange` and `uwsgid.gateways.http_client`; how they are
encrypted is one of `uwsgid.gateways.tls`.
"""

from __future__ import annotations

import os
import socket
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

from mypy_extensions import mypyc_attr

from uwsgid.gateways.spool import Spool

if TYPE_CHECKING:
    from uwsgid.gateways.http_router import Router

READ: Final = 1 << 15


@mypyc_attr(allow_interpreted_subclasses=True)
class Wire(ABC):
    """A connection of a client.

    :param fd: non-blocking; it is ours.
    :param who: the client, for the log.
    :ivar deadline: monotonic seconds until which something has to happen.
    :ivar readable: there may be something to read.
    :ivar writable: the kernel takes bytes.
    :ivar hung: the client has said its last word.
    :ivar down: what it has not taken yet; None for nothing.
    """

    __slots__ = ("deadline", "down", "fd", "hung", "readable", "router", "who", "writable")

    def __init__(self, router: Router, fd: int, who: str) -> None:
        self.router = router
        self.fd = fd
        self.who = who
        self.readable = True  # most have sent something already
        self.writable = True
        self.hung = False
        self.down: Spool | None = None
        self.deadline = router.rounds.now + router.terms.headers_timeout

    # ---- what TLS replaces ---------------------------------------------------------------------------------

    def receive(self) -> bytes:
        """What arrived; nothing at the end.

        :raises BlockingIOError: there is nothing yet.
        :raises OSError: it broke.
        """
        data = os.read(self.fd, READ)
        if len(data) < READ and not self.hung:
            self.readable = False  # the end would be told as an event of its own
        return data

    def transmit(self, data: bytes) -> int:
        """Send some of *data*.

        :raises BlockingIOError: none could be sent.
        :raises OSError: it broke.
        """
        return os.write(self.fd, data)

    def say_last_word(self) -> None:
        """Nothing more is going to be sent."""
        with socket.socket(fileno=os.dup(self.fd)) as sock:
            sock.shutdown(socket.SHUT_WR)

    # ---- what follows from what happens here ---------------------------------------------------------------

    @abstractmethod
    def hold_back(self, down: Spool) -> None:
        """*down* waits for the client: whoever fills it may have to wait as well."""

    @abstractmethod
    def relieve(self, down: Spool) -> None:
        """The client took some of *down*, maybe all."""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything.  A second call does nothing."""

    # ---- hot path, watched by bench-protocols --------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send *data* to the client, now or when it takes it."""
        if self.down is None:
            if self.writable:
                try:
                    sent = self.transmit(data)
                except BlockingIOError:
                    sent = 0
                except OSError:
                    self.close()
                    return
                if sent == len(data):
                    return
                self.writable = False
                self.deadline = self.router.rounds.now + self.router.terms.timeout
                data = data[sent:]
            self.down = Spool()
        try:
            self.down.push(data)
        except OSError as error:
            self.router.say(f"[uwsgi-http] an answer can not be kept for {self.who}: {error.strerror}")
            self.close()
            return
        self.hold_back(self.down)

    # ---- end of the hot path -------------------------------------------------------------------------------

    def flush(self) -> None:
        """Send what waits for the client."""
        down = self.down
        assert down is not None, "there is something to send"
        while self.writable and self.fd >= 0:
            data = down.pop()
            if not data:
                self.down = None
                down.close()
                break
            try:
                sent = self.transmit(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.close()
                return
            if sent:
                self.deadline = self.router.rounds.now + self.router.terms.timeout
            if sent < len(data):
                down.put_back(data[sent:])
                self.writable = False
        self.relieve(down)
