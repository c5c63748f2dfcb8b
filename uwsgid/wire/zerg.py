"""What a zerg server sends to whoever connects: one message, with its listening sockets beside it.

The message is a name and the number of sockets; then the server closes the connection (core/zerg.c).  The
proxy of an emperor says the same, by another name.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from uwsgid.errors import PeerError

NAME: Final = b"uwsgi-zerg"
_COUNT: Final = Struct("=i")  #: a C int, as both ends are on one machine
#: Descriptors that the kernel carries in one message (SCM_MAX_FD).
MOST: Final = 253


def size(name: bytes = NAME) -> int:
    """The bytes of a message."""
    return len(name) + _COUNT.size


def pack(count: int, name: bytes = NAME) -> bytes:
    """The message that goes with *count* sockets."""
    return name + _COUNT.pack(count)


def unpack(message: bytes, name: bytes = NAME) -> int:
    """How many sockets go with *message*.

    :raises PeerError: it is none.
    """
    if len(message) != size(name) or not message.startswith(name):
        raise PeerError(f"{message!r} is not what a {name.decode()} server says", status=0)
    (count,) = _COUNT.unpack_from(message, len(name))
    if not 0 < count <= MOST:
        raise PeerError(f"a {name.decode()} server that has {count} sockets", status=0)
    return int(count)
