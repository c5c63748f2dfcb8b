"""What a zerg server sends to whoever connects: one message, with its listening sockets beside it.

The message is a name and the number of sockets; then the server closes the connection (core/zerg.c).
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from uwsgid.errors import PeerError

NAME: Final = b"uwsgi-zerg"
_COUNT: Final = Struct("=i")  #: a C int, as both ends are on one machine
SIZE: Final = len(NAME) + _COUNT.size  #: bytes of a message
#: Descriptors that the kernel carries in one message (SCM_MAX_FD).
MOST: Final = 253


def pack(count: int) -> bytes:
    """The message that goes with *count* sockets."""
    return NAME + _COUNT.pack(count)


def unpack(message: bytes) -> int:
    """How many sockets go with *message*.

    :raises PeerError: it is none.
    """
    if len(message) != SIZE or not message.startswith(NAME):
        raise PeerError(f"{message!r} is not what a zerg server says", status=0)
    (count,) = _COUNT.unpack_from(message, len(NAME))
    if not 0 < count <= MOST:
        raise PeerError(f"a zerg server that has {count} sockets", status=0)
    return int(count)
