"""``systemd``: records for the journal of this host, by its native protocol.

https://systemd.io/JOURNAL_NATIVE_PROTOCOL/ is the format: fields, each on a line, with a length where the
value has newlines; an entry that is too long for a datagram is written to sealed memory, and the descriptor
of that is sent.
"""

from __future__ import annotations

import array
import errno
import fcntl
import os
import socket
from collections.abc import Iterable, Mapping
from typing import Final

from uwsgid.config.settings import Settings
from uwsgid.errors import ConfigError
from uwsgid.families import loggers
from uwsgid.logs.lines import encode
from uwsgid.logs.loggers.addresses import Address
from uwsgid.logs.loggers.sending import DatagramEngine, Sender

SOCKET: Final = "/run/systemd/journal/socket"
INFO: Final = b"6"
_SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL


def entry(fields: Mapping[bytes, bytes]) -> bytes:
    """An entry of the journal."""
    parts = []
    for name, value in fields.items():
        if b"\n" in value:
            parts.append(b"%b\n%b%b\n" % (name, len(value).to_bytes(8, "little"), value))
        else:
            parts.append(b"%b=%b\n" % (name, value))
    return b"".join(parts)


class JournalSender(Sender):
    """Sends entries, those that are too long for a datagram in memory."""

    def send(self, packet: bytes) -> None:
        """Send *packet*.

        :raises OSError: it was not sent.
        """
        try:
            super().send(packet)
        except OSError as error:
            if error.errno not in (errno.EMSGSIZE, errno.ENOBUFS):
                raise
            self._send_memory(packet)

    def _send_memory(self, packet: bytes) -> None:
        with open(os.memfd_create("journal-entry", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING), "wb") as memory:
            memory.write(packet)
            memory.flush()
            fcntl.fcntl(memory, fcntl.F_ADD_SEALS, _SEALS)
            rights = array.array("i", [memory.fileno()])
            made = self.socket or self.open()
            made.sendmsg([b""], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])


@loggers.member("systemd")
class Journal(DatagramEngine):
    """Sends records to the systemd journal at level info.

    :param ident: what ``journalctl -t`` looks for.
    """

    SLOW = True

    def __init__(self, ident: str = "uwsgi", path: str = SOCKET) -> None:
        super().__init__(JournalSender(Address(path, path=path)))
        self._ident: Final = encode(ident)

    @classmethod
    def check_argument(cls, argument: str, settings: Settings) -> None:
        """:raises ConfigError: the ident has a newline."""
        if "\n" in argument:
            raise ConfigError(f"systemd:{argument!r}: an ident has no newline in it")

    @classmethod
    def from_argument(cls, argument: str, settings: Settings) -> Journal:
        """What ``logger = systemd[:IDENT]`` names; uWSGI has no argument here.

        :raises ConfigError: the ident has a newline.
        """
        cls.check_argument(argument, settings)
        return cls(argument or "uwsgi")

    def packets(self, record: bytes) -> Iterable[bytes]:
        """An entry for each line of *record* that is not empty, without blanks at its end, as in uWSGI."""
        return [
            entry({b"MESSAGE": line, b"PRIORITY": INFO, b"SYSLOG_IDENTIFIER": self._ident})
            for line in map(bytes.rstrip, record.split(b"\n"))
            if line
        ]
