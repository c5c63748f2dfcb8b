"""The ways to write the address of a socket, and what each of them means.

::

    /run/shop.sock   shop.sock      a UNIX socket, relative to the current directory
    127.0.0.1:3031   shop.lan:3031  TCP over IPv4; :3031 is every address of the machine
    [::1]:3031                      TCP over IPv6
    10.0.*:3031                     the first interface address that matches the pattern
    @shop            \\0shop         a UNIX socket without a file (abstract)
    =0                              the first shared-socket
    fd://5           5              a listening socket that was inherited under this number

A port that is missing or begins with 0 is chosen by the kernel, as in uWSGI (core/socket.c).  Parsing is
pure: names are resolved and patterns matched when the socket is bound.
"""

from __future__ import annotations

import enum
import ipaddress
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Final

from uwsgid.errors import ConfigError

#: uWSGI's limit of a UNIX path in bytes (core/socket.c, bind_to_unix); the kernel's own is 107
MAX_PATH: Final = 102

EMPTY: Final = "invalid/empty uwsgi socket name"


class AddressError(ConfigError, ValueError):
    """This text is not the address of a socket."""


class Family(enum.Enum):
    """What kind of place an address names."""

    UNIX = "UNIX"
    ABSTRACT = "abstract"
    INET = "TCP"
    INET6 = "TCP6"
    SHARED = "shared"
    DESCRIPTOR = "fd"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a socket is.

    :ivar text: as it was written, and as uWSGI prints it.
    :ivar path: of a UNIX socket; for an abstract one its name without the leading NUL.
    :ivar host: of a TCP socket: a name, an address, a pattern, or empty for all addresses.
    :ivar port: 0 where the kernel chooses.
    :ivar number: of a shared socket or a descriptor.
    :ivar padded: an abstract name written as ``@name``, which uWSGI binds with one NUL behind it
        (core/socket.c, bind_to_unix); those of the option ``abstract-socket`` have none.
    """

    family: Family
    text: str
    path: str = ""
    host: str = ""
    port: int = 0
    number: int = -1
    padded: bool = False

    def __str__(self) -> str:
        return self.text

    @property
    def is_unix(self) -> bool:
        return self.family in (Family.UNIX, Family.ABSTRACT)

    @property
    def is_tcp(self) -> bool:
        return self.family in (Family.INET, Family.INET6)

    @property
    def auto_port(self) -> bool:
        return self.is_tcp and self.port == 0

    @property
    def is_pattern(self) -> bool:
        return self.family is Family.INET and "*" in self.host

    def with_port(self, port: int) -> Address:
        """The same place with the port that the kernel chose, in the text too."""
        return replace(self, port=port, text=f"{self.text.rpartition(':')[0]}:{port}")

    def with_host(self, host: str) -> Address:
        """The same port of another host, in the text too."""
        return replace(self, host=host, text=f"{host}:{self.text.rpartition(':')[2]}")

    def abstract(self) -> Address:
        """A UNIX path as an abstract name, for the option ``abstract-socket``; others as they are."""
        return replace(self, family=Family.ABSTRACT) if self.family is Family.UNIX else self

    def sockaddr(self) -> str | bytes | tuple[str, int]:
        """The address in Python's form.  Only for UNIX sockets and for hosts that are addresses."""
        match self.family:
            case Family.UNIX:
                return self.path
            case Family.ABSTRACT:
                # surrogateescape: what came as bytes from a config goes as bytes to the kernel
                name = self.path.encode(errors="surrogateescape")
                return b"\0" + name + (b"\0" if self.padded else b"")
            case Family.INET:
                return (self.host or "0.0.0.0", self.port)
            case Family.INET6:
                return (self.host, self.port)
            case _:
                raise AddressError(f"{self.text} is not an address that can be bound")


def parse_address(text: str) -> Address:
    """What *text* means as the address of a socket.

    :raises AddressError: which is a `ConfigError` and a `ValueError`, when it means nothing.
    """
    if not text:
        raise AddressError(EMPTY)
    if text.startswith("="):
        return Address(
            Family.SHARED, text, number=_number(text[1:], f"unable to use shared socket {text[1:]}")
        )
    if text.startswith("fd://"):
        return Address(
            Family.DESCRIPTOR, text, number=_number(text[5:], f"{text}: expected a descriptor number")
        )
    if text.isascii() and text.isdigit():
        return Address(Family.DESCRIPTOR, text, number=int(text))
    if text.startswith("@"):
        return _abstract(text, text[1:])
    if text.startswith("\\0"):
        return _abstract(text, text[2:])
    if text.startswith("\0"):
        return _abstract("\\0" + text[1:], text[1:])
    # a path may contain a colon; uWSGI would take it for a TCP address
    if ":" not in text or text.startswith(("/", "./", "../")):
        return _unix(text)
    if text.startswith("["):
        return _inet6(text)
    host, _, port = text.rpartition(":")
    if ":" in host:
        raise AddressError(f"{text}: an IPv6 address is written in brackets, [{host}]:{port}")
    return Address(Family.INET, text, host=host, port=_port(port, text))


def match_interface(pattern: str, addresses: list[tuple[str, str]]) -> tuple[str, str] | None:
    """The first ``(interface, address)`` whose address matches *pattern*, None where none does."""
    for interface, address in addresses:
        if fnmatchcase(address, pattern):
            return interface, address
    return None


def same_place(one: Address, other: Address) -> bool:
    """Whether both name the same local address: ``:80`` is ``0.0.0.0:80`` (core/socket.c).  Pure.

    Ports that the kernel chooses and unresolved names are the same only where they are written the same.
    """
    return _place(one) == _place(other)


def _place(address: Address) -> tuple[object, ...]:
    match address.family:
        case Family.UNIX:
            return (address.family, address.path)
        case Family.ABSTRACT:
            return (address.family, address.sockaddr())
        case Family.INET:
            return (address.family, address.host or "0.0.0.0", address.port)
        case Family.INET6:
            return (address.family, _canonical6(address.host), address.port)
        case _:
            return (address.family, address.number)


def _canonical6(host: str) -> str:
    try:
        return str(ipaddress.IPv6Address(host.partition("%")[0]))
    except ValueError:
        return host


def _number(digits: str, complaint: str) -> int:
    if not (digits.isascii() and digits.isdigit()):
        raise AddressError(complaint)
    return int(digits)


def _unix(text: str) -> Address:
    if len(text.encode(errors="surrogateescape")) > MAX_PATH:
        raise AddressError(f"invalid socket name: {text} is longer than {MAX_PATH} bytes")
    if "\0" in text:
        raise AddressError(f"invalid socket name: {text!r} contains a NUL")
    return Address(Family.UNIX, text, path=text)


def _abstract(text: str, name: str) -> Address:
    if not name:
        raise AddressError(EMPTY)
    if len(name.encode(errors="surrogateescape")) > MAX_PATH:
        raise AddressError(f"invalid socket name: {text} is longer than {MAX_PATH} bytes")
    return Address(Family.ABSTRACT, text, path=name, padded=True)


def _inet6(text: str) -> Address:
    host, bracket, port = text[1:].rpartition("]:")
    if not bracket:
        raise AddressError(f"{text}: expected [address]:port")
    try:
        ipaddress.IPv6Address(host.partition("%")[0])
    except ValueError:
        raise AddressError(f"{text}: {host} is not an IPv6 address") from None
    return Address(Family.INET6, text, host=host, port=_port(port, text))


def _port(digits: str, text: str) -> int:
    if not digits or digits.startswith("0"):
        return 0  # "08080" too, as in 1.9.16 (core/socket.c, bind_to_tcp)
    port = _number(digits, f"{text}: {digits} is not a port; to name a file, write ./{text}")
    if port > 65535:
        raise AddressError(f"{text}: {digits} is not a port, the highest is 65535")
    return port
