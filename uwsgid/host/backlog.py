"""How many connections wait on a listening socket, and how many may.

For TCP the kernel tells it in ``TCP_INFO``, where a listening socket reuses two counters
(linux/net/ipv4/tcp.c, tcp_get_info).  For UNIX sockets it answers a question over netlink
(linux/net/unix/diag.c), which uWSGI never asks: its ``backlog`` cheaper algorithm is blind to them.
"""

from __future__ import annotations

import os
import socket
import struct
from typing import Final

_TCPI_UNACKED: Final = struct.Struct("=24xII")  #: of a listening socket: queued, limit

_NETLINK_SOCK_DIAG: Final = 4
_SOCK_DIAG_BY_FAMILY: Final = 20
_NLM_F_REQUEST: Final = 1
_NLMSG_ERROR: Final = 2
_TCP_LISTEN_BIT: Final = 1 << 10
_UDIAG_SHOW_RQLEN: Final = 0x10
_UNIX_DIAG_RQLEN: Final = 4
_NO_COOKIE: Final = 0xFFFFFFFF

_NLMSGHDR: Final = struct.Struct("=IHHII")
_UNIX_DIAG_REQ: Final = struct.Struct("=BBHIIIII")
_UNIX_DIAG_MSG: Final = struct.Struct("=BBBBIII")
_RTATTR: Final = struct.Struct("=HH")
_RQLEN: Final = struct.Struct("=II")

UNKNOWN: Final = (0, 0)


def queue_length(fd: int) -> tuple[int, int]:
    """``(queued, limit)`` of the listening socket *fd*; ``(0, 0)`` where the kernel does not tell."""
    try:
        view = socket.socket(fileno=fd)
    except OSError:
        return UNKNOWN
    try:
        if view.family == socket.AF_UNIX:
            return _unix_queue(os.fstat(fd).st_ino)
        info = view.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        queued, limit = _TCPI_UNACKED.unpack_from(info)
        return queued, limit
    except (OSError, struct.error):
        return UNKNOWN
    finally:
        view.detach()


def question(inode: int) -> bytes:
    """The netlink message that asks for the queue of the UNIX socket with this inode.  Pure."""
    body = _UNIX_DIAG_REQ.pack(
        socket.AF_UNIX, 0, 0, _TCP_LISTEN_BIT, inode, _UDIAG_SHOW_RQLEN, _NO_COOKIE, _NO_COOKIE
    )
    size = _NLMSGHDR.size + len(body)
    return _NLMSGHDR.pack(size, _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0) + body


def answer(message: bytes) -> tuple[int, int]:
    """``(queued, limit)`` from the kernel's reply; ``(0, 0)`` where it is a refusal.  Pure."""
    size, kind, _, _, _ = _NLMSGHDR.unpack_from(message)
    if kind == _NLMSG_ERROR:
        return UNKNOWN
    at = _NLMSGHDR.size + _UNIX_DIAG_MSG.size
    end = min(size, len(message))
    while at + _RTATTR.size <= end:
        length, attribute = _RTATTR.unpack_from(message, at)
        if attribute == _UNIX_DIAG_RQLEN:
            queued, limit = _RQLEN.unpack_from(message, at + _RTATTR.size)
            return queued, limit
        if length < _RTATTR.size:
            break
        at += (length + 3) & ~3
    return UNKNOWN


def _unix_queue(inode: int) -> tuple[int, int]:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG) as asking:
        asking.settimeout(1)  # the kernel answers within send(); this is a belt
        asking.sendto(question(inode), (0, 0))
        return answer(asking.recv(4096))
