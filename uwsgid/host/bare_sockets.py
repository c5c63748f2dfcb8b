"""Sockets that are bare descriptors, and the network interfaces of this machine.

Boot hands sockets on by number, over forks and new images, so nobody has a socket object of them.  Each call
borrows the descriptor for one and gives it back.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
from collections.abc import Callable
from typing import Final

from uwsgid.interfaces import SocketFacts

_SIOCGIFADDR: Final = 0x8915


def make(family: int, kind: int) -> int:
    """A new one."""
    return socket.socket(family, kind).detach()


def set_option(fd: int, level: int, name: int, value: int | bytes) -> None:
    """Set a socket option.

    :raises OSError: the kernel refuses.
    """
    view = socket.socket(fileno=fd)
    try:
        view.setsockopt(level, name, value)
    finally:
        view.detach()


def bind(fd: int, address: str | bytes | tuple[str, int]) -> None:
    """Give it an address.

    :raises OSError: that can not be; the call is its file name.
    """
    _do("bind()", fd, lambda view: view.bind(address))


def connect(fd: int, address: str | bytes | tuple[str, int]) -> None:
    """Connect it.

    :raises OSError: as `bind`.
    """
    _do("connect()", fd, lambda view: view.connect(address))


def listen(fd: int, backlog: int) -> None:
    """Let others connect.

    :raises OSError: as `bind`.
    """
    _do("listen()", fd, lambda view: view.listen(backlog))


def _do(call: str, fd: int, what: Callable[[socket.socket], None]) -> None:
    view = socket.socket(fileno=fd)
    try:
        what(view)
    except OSError as error:
        raise OSError(error.errno, error.strerror, call) from None
    finally:
        view.detach()


def facts(fd: int) -> SocketFacts | None:
    """What the kernel knows about it; None where it is no socket."""
    try:
        view = socket.socket(fileno=fd)
    except OSError:
        return None
    try:
        listening = bool(view.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
        name = view.getsockname()
        family, kind = int(view.family), int(view.type)
    finally:
        view.detach()
    if family == socket.AF_UNIX:
        path = name if isinstance(name, str) else os.fsdecode(name)
        return SocketFacts(family, kind, listening, path=path)
    if family in (socket.AF_INET, socket.AF_INET6):
        return SocketFacts(family, kind, listening, host=name[0], port=name[1])
    return SocketFacts(family, kind, listening)


def interface_addresses() -> list[tuple[str, str]]:
    """The network interfaces that have an IPv4 address, with the first one of each."""
    found: list[tuple[str, str]] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(asking, _SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
            except OSError:
                continue  # an interface without an IPv4 address
            found.append((name, socket.inet_ntoa(answer[20:24])))
    return found


def interface_index(name: str) -> int:
    """The number of a network interface.

    :raises OSError: there is none of that name.
    """
    try:
        return socket.if_nametoindex(name)
    except OSError:  # without an errno
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV), name) from None
