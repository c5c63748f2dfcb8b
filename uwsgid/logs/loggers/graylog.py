"""``graylog2``: GELF 1.1 over UDP, compressed, in chunks where a record is long.

https://go2docs.graylog.org/current/getting_in_log_data/gelf.html is the format.  uWSGI sends GELF 1.0,
without chunks and with newlines as they are, which no JSON may have (plugins/graylog2/graylog2_plugin.c).
Here it is 1.1, as some receivers take no other version (Vector is one), and ``_facility`` in place
of ``facility``, as 1.1 wants it; Graylog calls both ``facility``.  So what Graylog keeps of a record is the
same, but for the short message, which is one line.
"""

from __future__ import annotations

import json
import os
import socket
import time
import zlib
from collections.abc import Callable
from typing import Final

from uwsgid._version import __version__
from uwsgid.config.settings import Settings
from uwsgid.families import loggers
from uwsgid.logs.loggers.addresses import Address, read_host_port
from uwsgid.logs.loggers.engine import whole_text_of
from uwsgid.logs.loggers.sending import DatagramEngine, Sender

PORT: Final = 12201
NOTICE: Final = 5
SHORT: Final = 128  #: characters of the short message, as in uWSGI
CHUNK: Final = 1420  #: bytes of a datagram that passes every network whole
MAGIC: Final = b"\x1e\x0f"
HEAD: Final = len(MAGIC) + 8 + 2  #: magic, id of the message, number and count of chunks
MOST: Final = 128  #: chunks of a message


def chunks(data: bytes, identity: bytes) -> tuple[bytes, ...]:
    """*data* as datagrams: one as it is, or chunks with *identity*, eight bytes, in each.

    :raises OSError: it would be more than a message may have.
    """
    if len(data) <= CHUNK:
        return (data,)
    room = CHUNK - HEAD
    count = -(-len(data) // room)
    if count > MOST:
        raise OSError(f"a message of GELF can have {MOST} chunks, and this one needs {count}")
    return tuple(
        MAGIC + identity + bytes((number, count)) + data[number * room : (number + 1) * room]
        for number in range(count)
    )


@loggers.member("graylog2")
class Graylog(DatagramEngine):
    """Sends records to Graylog as GELF by UDP.

    :param host: the source of the messages.
    :param clock: unix seconds.
    """

    def __init__(self, address: Address, host: str, clock: Callable[[], float] = time.time) -> None:
        super().__init__(Sender(address.settle()))
        self._host: Final = host
        self._clock: Final = clock

    @staticmethod
    def _read(argument: str) -> tuple[Address, str]:
        target, _, host = argument.partition(",")
        name, port = read_host_port(target, f"graylog2:{argument}", PORT)
        return Address(target or name, host=name, port=port), host or socket.gethostname()

    @classmethod
    def check_argument(cls, argument: str, settings: Settings) -> None:
        """:raises ConfigError: the address is none."""
        cls._read(argument)

    @classmethod
    def from_argument(cls, argument: str, settings: Settings) -> Graylog:
        """What ``logger = graylog2:ADDRESS[:PORT][,HOST]`` names.

        :raises ConfigError: the address is none.
        """
        return cls(*cls._read(argument))

    def packets(self, record: bytes) -> tuple[bytes, ...]:
        """The message for *record*, in as many datagrams as it needs."""
        text = whole_text_of(record)
        first = text.partition("\n")[0]
        message: dict[str, object] = {
            "version": "1.1",
            "host": self._host,
            "short_message": first[:SHORT].strip() or "-",  # it has to be there, and not empty
            "full_message": text,
            "timestamp": round(self._clock(), 6),
            "level": NOTICE,
            "_facility": f"uWSGI-{__version__}",
        }
        return chunks(zlib.compress(json.dumps(message).encode(), 1), os.urandom(8))
