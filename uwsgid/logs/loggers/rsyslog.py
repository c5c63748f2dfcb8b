"""``rsyslog``: packets of the syslog protocol (RFC 3164) over UDP, or to the UNIX socket of a daemon.

The layout is uWSGI's (plugins/rsyslog/rsyslog_plugin.c)::

    <PRI>Mmm dd hh:mm:ss ID: MESSAGE
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from uwsgid.config.settings import Settings
from uwsgid.errors import ConfigError
from uwsgid.families import loggers
from uwsgid.logs.lines import encode
from uwsgid.logs.loggers.addresses import Address, read_host_port, read_path
from uwsgid.logs.loggers.rsyslog_options import RsyslogPackets
from uwsgid.logs.loggers.sending import DatagramEngine, Sender

PORT: Final = 514
PRIORITY: Final = 29  #: daemon.notice
PRIORITIES: Final = range(192)  #: 24 facilities of 8 severities (RFC 3164, 4.1.1)
RESERVE: Final = 30  #: bytes of a packet that are not for the message, whatever the header needs
MONTHS: Final = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def stamp(seconds: float) -> str:
    """Local time as syslog has it, whatever the locale is: ``Sep 13 10:11:12``, a short day with a blank."""
    now = time.localtime(seconds)
    return f"{MONTHS[now.tm_mon - 1]} {now.tm_mday:2} {now.tm_hour:02}:{now.tm_min:02}:{now.tm_sec:02}"


@dataclass(frozen=True, slots=True)
class Wish:
    """``host[:port][,id[,pri]]``, or ``/path[,id[,pri]]``."""

    address: Address
    ident: str
    priority: int

    @classmethod
    def read(cls, argument: str) -> Wish:
        """:raises ConfigError: it can not be read."""
        where = f"rsyslog:{argument}"
        if not argument:
            raise ConfigError("invalid rsyslog syntax: expected rsyslog:host[:port][,id[,pri]]")
        target, _, rest = argument.partition(",")
        ident, _, priority = rest.partition(",")
        if priority and not (priority.isascii() and priority.isdecimal() and int(priority) in PRIORITIES):
            raise ConfigError(
                f"{where}: {priority!r} is no priority; expected facility * 8 + severity, from 0 to 191"
            )
        if target.startswith(("/", "@")):
            address = Address(target, path=read_path(target, where))
        else:
            host, port = read_host_port(target, where, PORT)
            address = Address(target, host=host, port=port)
        return cls(
            address,
            ident or f"{socket.gethostname()} uwsgi",
            int(priority) if priority else PRIORITY,
        )


@loggers.member("rsyslog")
class Rsyslog(DatagramEngine):
    """Sends records to a syslog daemon by UDP, or by its UNIX socket, with an id and a priority.

    :param size: bytes of a packet.
    :param split: send longer records in pieces, each behind a header; they are cut without it.
    :param clock: unix seconds.
    """

    def __init__(
        self,
        wish: Wish,
        size: int = 1024,
        split: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(Sender(wish.address.settle()))
        self._wish: Final = wish
        self._size: Final = size
        self._split: Final = split
        self._clock: Final = clock
        self._second = -1
        self._header = b""
        self._room = 0

    @classmethod
    def check_argument(cls, argument: str, settings: Settings) -> None:
        """:raises ConfigError: the address or the priority is none."""
        Wish.read(argument)

    @classmethod
    def from_argument(cls, argument: str, settings: Settings) -> Rsyslog:
        """What ``logger = rsyslog:host[:port][,id[,pri]]`` names.

        :raises ConfigError: the address or the priority is none.
        """
        options = settings[RsyslogPackets]
        return cls(Wish.read(argument), options.size, options.split)

    def packets(self, record: bytes) -> tuple[bytes, ...]:
        """The record without its newline behind a header, or each of its pieces."""
        now = int(self._clock())
        if now != self._second:
            self._turn(now)
        message = record[:-1] if record.endswith(b"\n") else record
        room = self._room
        if len(message) <= room:
            return (self._header + message,)
        if not self._split:
            return (self._header + message[:room],)
        return tuple(self._header + message[start : start + room] for start in range(0, len(message), room))

    def _turn(self, second: int) -> None:
        self._second = second
        header = encode(f"<{self._wish.priority}>{stamp(second)} {self._wish.ident}: ")
        # uWSGI does not send a packet whose header is too long; this one is cut
        self._header = header[: self._size - 1]
        self._room = min(self._size - RESERVE, self._size - len(self._header))
