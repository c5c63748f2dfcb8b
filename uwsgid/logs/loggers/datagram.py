"""``socket``: each record is a datagram, as it is."""

from __future__ import annotations

from typing import Final

from uwsgid.config.settings import Settings
from uwsgid.families import loggers
from uwsgid.logs.lines import encode
from uwsgid.logs.loggers.addresses import Address, read_host_port, read_path
from uwsgid.logs.loggers.sending import DatagramEngine, Sender


def read_address(text: str, where: str) -> Address:
    """``host:port``, or the path of a UNIX socket where there is no colon or it begins with ``/`` or ``@``.

    :raises ConfigError: it is neither.
    """
    if ":" not in text or text.startswith(("/", "@")):
        return Address(text, path=read_path(text, where))
    host, port = read_host_port(text, where)
    return Address(text, host=host, port=port)


@loggers.member("socket")
class Datagrams(DatagramEngine):
    """Sends each record as a datagram to ``host:port`` or to a UNIX socket, behind a prefix if one is set."""

    def __init__(self, address: Address, prefix: bytes = b"") -> None:
        super().__init__(Sender(address.settle()))
        self._prefix: Final = prefix

    @staticmethod
    def _read(argument: str) -> tuple[Address, bytes]:
        address, _, prefix = argument.partition(",")
        return read_address(address, f"socket:{argument}"), encode(prefix)

    @classmethod
    def check_argument(cls, argument: str, settings: Settings) -> None:
        """:raises ConfigError: the address is none."""
        cls._read(argument)

    @classmethod
    def from_argument(cls, argument: str, settings: Settings) -> Datagrams:
        """What ``logger = socket:ADDRESS[,PREFIX]`` names.

        :raises ConfigError: the address is none.
        """
        return cls(*cls._read(argument))

    def packets(self, record: bytes) -> tuple[bytes]:
        """The prefix and the record; its newline is kept."""
        return (self._prefix + record,)
