"""Descriptors that another process hands out on a UNIX socket: those of a zerg server, or of a vassal's talk.

`uwsgid.supervise.handing` is the other side.
"""

from __future__ import annotations

import array
import os
import socket
from collections.abc import Sequence
from typing import Final

from uwsgid.errors import PeerError
from uwsgid.wire.zerg import NAME, size, unpack

PATIENCE: Final = 30.0  #: seconds to wait for a server
_USUAL: Final = 8  #: descriptors for which there is room at first


def fetch(path: str, patience: float = PATIENCE, name: bytes = NAME) -> list[int]:
    """The descriptors that the server at *path* gives; they close on exec.

    :param name: what it calls itself.

    :raises OSError: it is not there, or does not answer in time.
    :raises PeerError: it answers something else.
    """
    fds, count = _ask(path, _USUAL, patience, name)
    if count > len(fds):
        _close(fds)
        fds, count = _ask(path, count, patience, name)
    if count != len(fds):
        _close(fds)
        raise PeerError(f"a server that announces {count} descriptors and gives {len(fds)}", status=0)
    return fds


def _ask(path: str, room: int, patience: float, name: bytes) -> tuple[list[int], int]:
    numbers = array.array("i")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(patience)
        asking.connect("\0" + path[1:] if path.startswith("@") else path)
        message, extra, _, _ = asking.recvmsg(
            size(name), socket.CMSG_SPACE(room * numbers.itemsize), socket.MSG_CMSG_CLOEXEC
        )
    for level, kind, content in extra:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
    fds = numbers.tolist()
    try:
        return fds, unpack(message, name)
    except PeerError:
        _close(fds)
        raise


def _close(fds: Sequence[int]) -> None:
    for fd in fds:
        os.close(fd)
