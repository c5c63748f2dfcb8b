"""What a start waits for: network interfaces, files, mounts and sockets that somebody else provides.

The wait is synchronous, as the whole boot is: there is nobody yet who could be disturbed.  uWSGI looks once a
second; here it is ten times, since a jailed start usually waits for something that takes milliseconds.
"""

from __future__ import annotations

import enum
import os
import socket
import struct
import time
from collections.abc import Callable
from typing import Annotated, Final

from uwsgid.config.kinds import Kind, Seconds, Texts
from uwsgid.config.section import Section, option, section
from uwsgid.errors import KernelError
from uwsgid.host.addresses import Address, Family, parse_address
from uwsgid.interfaces import IKernel

Say = Callable[[str], None]
Pause = Callable[[float], None]
Clock = Callable[[], float]

#: Seconds between two looks.
EVERY: Final = 0.1
#: Seconds that a limit of 0 stands for (core/init.c).
DEFAULT: Final = 60
#: How long one attempt to connect may take, as the ``timeval`` of SO_SNDTIMEO.
_ONE_SECOND: Final = struct.pack("@ll", 1, 0)


def _peer(text: str) -> Address:
    address = parse_address(text)
    if not (address.is_unix or address.is_tcp) or address.is_pattern or address.auto_port:
        raise ValueError(f"expected the address of a socket that somebody listens on, got {text!r}")
    return address


_PEERS: Final = Kind("list of addresses", "the address of a socket", _peer, many=True)
Peers = Annotated[tuple[Address, ...], _PEERS]


@section("Waiting")
class Waits(Section):
    """What has to be there before the instance starts."""

    interfaces: Texts = option(
        "wait-for-interface",
        "wait-interface",
        "wait-for-iface",
        "wait-iface",
        default=(),
        help="wait until a network interface is there",
    )
    interface_timeout: Seconds = option(
        "wait-for-interface-timeout",
        "wait-interface-timeout",
        "wait-for-iface-timeout",
        "wait-iface-timeout",
        default=DEFAULT,
        help="seconds to wait for an interface",
    )
    paths: Texts = option("wait-for-fs", default=(), help="wait until a path is there")
    files: Texts = option(
        "wait-for-file",
        default=(),
        help="wait until a regular file is there",
        note="uWSGI takes anything that has the name.",
    )
    directories: Texts = option(
        "wait-for-dir",
        default=(),
        help="wait until a directory is there",
        note="uWSGI takes anything that has the name.",
    )
    mountpoints: Texts = option(
        "wait-for-mountpoint", default=(), help="wait until something is mounted on a directory"
    )
    fs_timeout: Seconds = option(
        "wait-for-fs-timeout", default=DEFAULT, help="seconds to wait for a path, a file or a mount"
    )
    sockets: Peers = option("wait-for-socket", default=(), help="wait until somebody accepts connections")
    socket_timeout: Seconds = option(
        "wait-for-socket-timeout", default=DEFAULT, help="seconds to wait for a socket"
    )


class When(enum.Enum):
    """The two moments of waiting."""

    AS_ROOT = "before privileges are dropped"
    AFTERWARDS = "after privileges were dropped"


class PathKind(enum.Enum):
    """What a path has to be."""

    ANY = "there"
    FILE = "a regular file"
    DIRECTORY = "a directory"
    MOUNTPOINT = "a mount point"


def wait_for(
    kernel: IKernel,
    waits: Waits,
    say: Say,
    when: When,
    *,
    pause: Pause = time.sleep,
    clock: Clock = time.monotonic,
) -> None:
    """Wait for all that belongs to a moment: everything but sockets while we are root, sockets afterwards.

    :raises KernelError: ``eth7 unavailable after 60 seconds``.
    """
    if when is When.AFTERWARDS:
        for address in waits.sockets:
            wait_for_socket(kernel, address, waits.socket_timeout, say, pause=pause, clock=clock)
        return
    for name in waits.interfaces:
        wait_for_interface(kernel, name, waits.interface_timeout, say, pause=pause, clock=clock)
    for kind, paths in (
        (PathKind.ANY, waits.paths),
        (PathKind.FILE, waits.files),
        (PathKind.DIRECTORY, waits.directories),
        (PathKind.MOUNTPOINT, waits.mountpoints),
    ):
        for path in paths:
            wait_for_path(kernel, path, kind, waits.fs_timeout, say, pause=pause, clock=clock)


def wait_for_interface(
    kernel: IKernel,
    name: str,
    seconds: int,
    say: Say,
    *,
    pause: Pause = time.sleep,
    clock: Clock = time.monotonic,
) -> None:
    """Wait until a network interface of this name exists, be it up or down.

    :raises KernelError: it does not within *seconds*, of which 0 are 60.
    """

    def missing() -> str | None:
        try:
            kernel.interface_index(name)
        except OSError as error:
            return reason_of(error)
        return None

    _wait(f"interface {name}", seconds, say, missing, pause, clock)


def wait_for_path(
    kernel: IKernel,
    path: str,
    kind: PathKind,
    seconds: int,
    say: Say,
    *,
    pause: Pause = time.sleep,
    clock: Clock = time.monotonic,
) -> None:
    """Wait until *path* exists and is what *kind* says.

    :raises KernelError: it is not within *seconds*, of which 0 are 60.
    """

    def missing() -> str | None:
        try:
            return None if is_there(kernel, path, kind) else f"it is not {kind.value}"
        except OSError as error:
            return reason_of(error)

    _wait(path, seconds, say, missing, pause, clock)


def wait_for_socket(
    kernel: IKernel,
    address: Address,
    seconds: int,
    say: Say,
    *,
    pause: Pause = time.sleep,
    clock: Clock = time.monotonic,
) -> None:
    """Wait until a connection to *address* succeeds.  It is closed again at once.

    :raises KernelError: none does within *seconds*, of which 0 are 60.
    """

    def missing() -> str | None:
        try:
            try_to_connect(kernel, address)
        except OSError as error:
            return reason_of(error)
        return None

    _wait(f"socket {address}", seconds, say, missing, pause, clock)


def is_mountpoint(kernel: IKernel, path: str) -> bool:
    """Whether a directory is on another file system than its parent, or has no parent.

    A directory that is bound to another one of the same file system is not told apart.

    :raises OSError: it does not exist, or may not be looked at.
    """
    here = kernel.stat(path)
    if not here.is_directory:
        return False
    above = kernel.stat(os.path.join(path, ".."))
    return here.device != above.device or here.inode == above.inode


def is_there(kernel: IKernel, path: str, kind: PathKind) -> bool:
    """Whether *path* is what *kind* says.

    :raises OSError: it does not exist, or may not be looked at.
    """
    match kind:
        case PathKind.MOUNTPOINT:
            return is_mountpoint(kernel, path)
        case PathKind.FILE:
            return kernel.stat(path).is_regular
        case PathKind.DIRECTORY:
            return kernel.stat(path).is_directory
        case PathKind.ANY:
            kernel.stat(path)
            return True


def try_to_connect(kernel: IKernel, address: Address) -> None:
    """Connect to *address* and close the connection.

    :raises OSError: nobody accepts it, or not within a second.
    """
    fd = kernel.socket(family_of(address), socket.SOCK_STREAM)
    try:
        # it limits connect(2) as well (socket(7)); a host that never answers would take minutes
        kernel.setsockopt(fd, socket.SOL_SOCKET, socket.SO_SNDTIMEO, _ONE_SECOND)
        kernel.connect(fd, sockaddr_of(kernel, address))
    finally:
        kernel.close(fd)


def family_of(address: Address) -> int:
    """The family of sockets that connect to *address*."""
    return {Family.INET: socket.AF_INET, Family.INET6: socket.AF_INET6}.get(address.family, socket.AF_UNIX)


def sockaddr_of(kernel: IKernel, address: Address) -> str | bytes | tuple[str, int]:
    """*address* in Python's form, with its host looked up.

    :raises OSError: nobody knows the host.
    """
    if address.family is Family.INET and address.host:
        address = address.with_host(kernel.resolve(address.host))
    return address.sockaddr()


def reason_of(error: OSError) -> str:
    """The reason of the kernel in words."""
    return error.strerror or str(error)


def _wait(
    what: str, seconds: int, say: Say, missing: Callable[[], str | None], pause: Pause, clock: Clock
) -> None:
    if missing() is None:
        return
    limit = seconds or DEFAULT
    say(f"waiting for {what} (max {limit} seconds) ...")
    end = clock() + limit
    while True:
        pause(EVERY)
        reason = missing()
        if reason is None:
            say(f"{what} is there")
            return
        if clock() >= end:
            raise KernelError(f"{what} unavailable after {limit} seconds: {reason}")
