"""Passing namespaces from one instance to another over a UNIX socket, as uWSGI 2.0 does.

Whoever listens answers each connection with one message: ``uwsgi-setns``, the number of descriptors as a
native integer of four bytes, and the descriptors themselves.  The other side joins what it got, in the order
it got it.  Which namespace a descriptor stands for is not said; the kernel knows.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import socket
import struct
import time
from collections.abc import Callable, Collection, Sequence
from typing import Final

from uwsgid.host.calls import attempt
from uwsgid.host.namespaces import CLONE_NEWPID, CLONE_NEWTIME
from uwsgid.host.roots import forget_paths
from uwsgid.interfaces import IKernel

Say = Callable[[str], None]

#: What is passed, in an order in which it can be joined: with the mounts goes the way to everything else.
#: The user namespace never is, as in uWSGI since 2.0.7.
ORDER: Final = ("net", "uts", "ipc", "pid", "cgroup", "mnt")
WORDS: Final = b"uwsgi-setns"
MOST: Final = 64  #: descriptors in one message
PATIENCE: Final = 30.0  #: seconds to connect and to be answered
REST: Final = 1.0  #: seconds until the next attempt

_COUNT: Final = struct.Struct("@i")
_LENGTH: Final = len(WORDS) + _COUNT.size
_NS_GET_NSTYPE: Final = 0xB703


def open_namespaces(kernel: IKernel, skipped: Collection[str]) -> tuple[int, ...]:
    """Descriptors of our namespaces, without those that are skipped and those the kernel does not have.

    :raises KernelError: one may not be opened.
    """
    found: list[int] = []
    for name in ORDER:
        if name not in skipped:
            path = f"/proc/self/ns/{name}"
            with contextlib.suppress(FileNotFoundError):
                found.append(kernel.open(path, os.O_RDONLY))
    return tuple(found)


def message(count: int) -> bytes:
    """What goes before the descriptors."""
    return WORDS + _COUNT.pack(count)


def offer(connection: socket.socket, descriptors: Sequence[int]) -> None:
    """Pass *descriptors* to whoever is connected.

    :raises OSError: the other side is gone, or reads nothing.
    """
    numbers = array.array("i", descriptors).tobytes()
    connection.sendmsg([message(len(descriptors))], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)])


def receive(connection: socket.socket) -> list[int]:
    """The descriptors that are passed; they close on exec.

    :raises OSError: the answer is none of a setns socket, or does not come.
    """
    numbers = array.array("i")
    data, extra, _, _ = connection.recvmsg(
        _LENGTH, socket.CMSG_SPACE(MOST * numbers.itemsize), socket.MSG_CMSG_CLOEXEC
    )
    for level, kind, content in extra:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
    found = list(numbers)
    if len(data) != _LENGTH or not data.startswith(WORDS) or not found:
        for descriptor in found:
            os.close(descriptor)
        raise OSError(71, os.strerror(71))  # EPROTO
    return found


def kind_of(descriptor: int) -> int:
    """Which ``CLONE_NEW…`` the namespace behind *descriptor* is; 0 where the kernel does not tell."""
    try:
        return fcntl.ioctl(descriptor, _NS_GET_NSTYPE)
    except OSError:
        return 0


def join(
    kernel: IKernel,
    path: str,
    say: Say,
    *,
    pause: Callable[[float], None] = time.sleep,
    kinds: Callable[[int], int] = kind_of,
) -> bool:
    """Join the namespaces that are passed on the socket *path*; it is waited for, as long as it takes.

    :return: whether only children of this process are in one of them: it was a new pid or time namespace.
    :raises KernelError: one of them can not be joined.
    """
    say(f"joining namespaces from {path} ...")
    complained = ""
    while True:
        try:
            found = _ask(path)
            break
        except OSError as error:
            if str(error) != complained:
                say(f"{path}: {error.strerror or error}, trying again every second")
                complained = str(error)
            pause(REST)
    of_children = False
    for descriptor in found:
        kind = kinds(descriptor)
        if kind in (CLONE_NEWPID, CLONE_NEWTIME):
            of_children |= kernel.fstat(descriptor).inode != _inode(
                kernel, "pid" if kind == CLONE_NEWPID else "time"
            )
        attempt("setns()", path, lambda: kernel.setns(descriptor, 0))  # noqa: B023
        kernel.close(descriptor)
    forget_paths()  # there may be other mounts now
    return of_children


def _ask(path: str) -> list[int]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(path)
        return receive(connection)


def _inode(kernel: IKernel, name: str) -> int:
    try:
        return kernel.stat(f"/proc/self/ns/{name}").inode
    except OSError:
        return -1
