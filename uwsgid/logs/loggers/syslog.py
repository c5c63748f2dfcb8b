"""``syslog``: records for the syslog daemon of this host, by the socket it listens on.

The C library's ``syslog``, which uWSGI calls, waits for as long as the daemon likes, and its settings belong
to the whole process.  So the packet, which is the same, is made here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from uwsgid.config.settings import Settings
from uwsgid.errors import ConfigError
from uwsgid.families import loggers
from uwsgid.logs.lines import encode
from uwsgid.logs.loggers.addresses import Address
from uwsgid.logs.loggers.rsyslog import stamp
from uwsgid.logs.loggers.sending import DatagramEngine, Sender

SOCKET: Final = "/dev/log"
INFO: Final = 6
#: The facilities that uWSGI knows by name, and their numbers (RFC 3164, 4.1.1).
FACILITIES: Final = {
    "auth": 4,
    "authpriv": 10,
    "cron": 9,
    "daemon": 3,
    "ftp": 11,
    "kern": 1,  # only the kernel may be it, so the C library makes it user
    "lpr": 6,
    "mail": 2,
    "news": 7,
    "syslog": 5,
    "user": 1,
    "uucp": 8,
    **{f"local{number}": 16 + number for number in range(8)},
}


@loggers.member("syslog")
class Syslog(DatagramEngine):
    """Sends records to the syslog daemon of this host, at level info, with an ident and a facility."""

    SLOW = True

    def __init__(
        self,
        ident: str = "uwsgi",
        facility: str = "daemon",
        path: str = SOCKET,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(Sender(Address(path, path=path)))
        self._ident: Final = ident
        self._priority: Final = FACILITIES[facility] * 8 + INFO
        self._clock: Final = clock

    @staticmethod
    def _read(argument: str) -> tuple[str, str]:
        ident, _, facility = argument.partition(",")
        if facility and facility not in FACILITIES:
            raise ConfigError(
                f"syslog:{argument}: unknown facility {facility!r}; expected one of {', '.join(FACILITIES)}"
            )
        return ident or "uwsgi", facility or "daemon"

    @classmethod
    def check_argument(cls, argument: str, settings: Settings) -> None:
        """:raises ConfigError: nobody knows the facility."""
        cls._read(argument)

    @classmethod
    def from_argument(cls, argument: str, settings: Settings) -> Syslog:
        """What ``logger = syslog[:IDENT[,FACILITY]]`` names.

        :raises ConfigError: nobody knows the facility.
        """
        return cls(*cls._read(argument))

    def packets(self, record: bytes) -> tuple[bytes]:
        """The packet that the C library makes; the record's newline is kept."""
        return (encode(f"<{self._priority}>{stamp(self._clock())} {self._ident}: ") + record,)
