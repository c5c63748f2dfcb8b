"""Addresses of peers: read from arguments, resolved early, and connected to late.

A name is resolved when a logger is made, as a jail may hide the resolver later, and what was found then
stands in when it can not be asked again.  That a name can not be resolved at the start is nothing to stop
for: it is tried again with the next record.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from uwsgid.errors import ConfigError

#: A family and an address as `socket.socket.connect` takes it.
Found = tuple[int, Any]

_PORTS: Final = range(1, 65536)


@dataclass(slots=True)
class Address:
    """Where a peer listens.

    :ivar text: as it was written, for messages.
    :ivar path: of a UNIX socket, with a zero byte at its start for an abstract one; empty for others.
    :ivar host: name or number, without brackets.
    :ivar kind: ``socket.SOCK_DGRAM`` or ``socket.SOCK_STREAM``.
    """

    text: str
    path: str = ""
    host: str = ""
    port: int = 0
    kind: int = socket.SOCK_DGRAM
    _known: list[Found] = field(default_factory=list)

    @property
    def is_local(self) -> bool:
        """Whether it is a UNIX socket."""
        return bool(self.path)

    @property
    def is_known(self) -> bool:
        """Whether it can be connected to without asking anybody for its name."""
        return self.is_local or bool(self._known)

    def resolve(self) -> list[Found]:
        """All addresses it has now; those that it had the last time where that can not be said.

        :raises OSError: it has none, and never had.
        """
        if self.path:
            return [(socket.AF_UNIX, self.path)]
        try:
            found = socket.getaddrinfo(self.host, self.port, type=self.kind)
        except (OSError, UnicodeError) as error:
            if not self._known:
                reason = getattr(error, "strerror", None) or error
                raise OSError(f"can not resolve {self.host}: {reason}") from None
        else:
            self._known = [(int(family), address) for family, _, _, _, address in found]
            if (
                self.kind == socket.SOCK_DGRAM
            ):  # nobody says whether a datagram arrives; uWSGI knows IPv4 only
                self._known.sort(key=lambda each: each[0] != socket.AF_INET)
        return self._known

    def settle(self) -> Address:
        """Resolve it now, if that is possible."""
        try:
            self.resolve()
        except OSError:
            pass
        return self

    def found(self) -> list[Found]:
        """What `resolve` found the last time; it is only asked where it never found anything.

        :raises OSError: it has no address.
        """
        return self._known or self.resolve()

    def connect(self, timeout: float) -> socket.socket:
        """A connected stream socket with *timeout* on it.

        :raises OSError: none of the addresses answers.
        """
        return connected(self.resolve(), socket.SOCK_STREAM, timeout)


def connected(addresses: Iterable[Found], kind: socket.SocketKind, timeout: float) -> socket.socket:
    """A socket that is connected to the first of *addresses* that takes it, with *timeout* on it.

    :raises OSError: none does, or there is none.
    """
    last = OSError("it has no address")
    for family, address in addresses:
        made = socket.socket(family, kind)
        made.settimeout(timeout)
        try:
            made.connect(address)
        except OSError as error:
            made.close()
            last = error
        else:
            return made
    raise last


def read_port(text: str, where: str) -> int:
    """A port.

    :raises ConfigError: it is none.
    """
    if not (text.isascii() and text.isdecimal() and int(text) in _PORTS):
        raise ConfigError(f"{where}: {text!r} is no port; expected a number from 1 to 65535")
    return int(text)


def read_host_port(text: str, where: str, default_port: int | None = None) -> tuple[str, int]:
    """``host:port``, ``[::1]:port``, and, with a *default_port*, ``host`` or ``::1``.

    :raises ConfigError: it is none of them.
    """
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        colon, port = rest[:1], rest[1:]
        if not closed or colon not in ("", ":"):
            raise ConfigError(f"{where}: {text!r} is no address; expected [IPv6]:port")
    elif text.count(":") > 1 and default_port is not None:
        host, colon, port = text, "", ""
    else:
        host, colon, port = text.rpartition(":") if ":" in text else (text, "", "")
    if not colon and default_port is None:
        raise ConfigError(f"{where}: {text!r} has no port; expected host:port")
    number = read_port(port, where) if colon else default_port
    assert number is not None
    if any(blank in host for blank in " \t\n\0/"):
        raise ConfigError(f"{where}: {host!r} is no name of a host")
    return host or "127.0.0.1", number


def read_path(text: str, where: str) -> str:
    """The path of a UNIX socket; ``@name`` is an abstract one.

    :raises ConfigError: it is too long for the kernel, or empty.
    """
    path = "\0" + text[1:] if text.startswith("@") else text
    if not path.strip("\0") or "\0" in path[1:]:
        raise ConfigError(f"{where}: {text!r} is no path of a socket")
    if len(path.encode("utf-8", "surrogateescape")) > 107:
        raise ConfigError(f"{where}: the path {text!r} is too long for a socket, it can have 107 bytes")
    return path
