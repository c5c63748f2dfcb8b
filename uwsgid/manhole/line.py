"""A connected UNIX socket with a client at its other end: who that is, and what is still to be sent.

What is printed may be of any size, and a client that reads gets all of it.  One that does not read must not
make us grow: beyond `MOST` bytes a statement waits for it, `PATIENCE` seconds and no longer, and is ended.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from uwsgid.manhole.console import ClientGone

MOST: Final = 1 << 20  #: bytes that may wait for the client
PATIENCE: Final = 2.0  #: seconds that a statement waits for it

_CREDENTIALS: Final = struct.Struct("iII")
_PIECE: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end, as the kernel knows it."""

    pid: int
    uid: int
    gid: int

    def __str__(self) -> str:
        return f"{name_of(self.uid)} (uid {self.uid}, pid {self.pid})"

    @property
    def is_welcome(self) -> bool:
        """Root and the user of this process may do here what they could do anyway."""
        return self.uid in (0, os.geteuid())


def peer_of(connection: socket.socket) -> Peer:
    """Who is connected (``SO_PEERCRED``)."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return Peer(*_CREDENTIALS.unpack(data))


def why_not(peer: Peer, whose: str, sessions: int, most: int) -> str:
    """Why *peer* may not come in to where there are *sessions* of *most*; empty where he may.

    :param whose: of what he would have to be the user.
    """
    if not peer.is_welcome:
        return f"only root and the user of the {whose} may come in"
    return f"there are {most} sessions already" if sessions >= most else ""


def name_of(uid: int) -> str:
    """The name of a user; its number where it has none, or where nobody can be asked."""
    try:
        import pwd

        return pwd.getpwuid(uid).pw_name
    except (ImportError, KeyError, OSError):
        return str(uid)


class Line:
    """What is sent to a client.

    :param connection: non-blocking.
    :param wait: called where something is left to be sent later.
    """

    def __init__(self, connection: socket.socket, wait: Callable[[], None] = lambda: None) -> None:
        self._connection = connection
        self._wait = wait
        self._pending = bytearray()
        self._lock = threading.Lock()  # a session in a thread may be ended by another one

    def __len__(self) -> int:
        """Bytes that are still to be sent."""
        return len(self._pending)

    def send(self, text: str) -> None:
        """Send *text*, now or later.

        :raises ClientGone: the client is gone, or takes nothing.
        """
        with self._lock:
            self._pending += text.encode("utf-8", "backslashreplace")
        self.flush()
        if len(self._pending) > MOST:
            self.drain(MOST)
        if self._pending:
            self._wait()

    def drain(self, most: int = 0) -> None:
        """Wait until no more than *most* bytes are left.

        :raises ClientGone: the client is gone, or takes nothing for `PATIENCE` seconds.
        """
        while len(self._pending) > most:
            poll = select.poll()
            try:
                poll.register(self._connection, select.POLLOUT)
                is_ready = bool(poll.poll(PATIENCE * 1000))
            except (OSError, ValueError):  # closed by another thread
                is_ready = False
            if not is_ready:
                self._drop()
                raise ClientGone("the client does not read")
            self.flush()

    def flush(self) -> None:
        """Send what the client takes now.

        :raises ClientGone: it is gone.
        """
        try:
            with self._lock:
                while self._pending:
                    with memoryview(self._pending) as whole, whole[:_PIECE] as piece:
                        sent = self._connection.send(piece)
                    del self._pending[:sent]
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            self._drop()
            raise ClientGone("the client is gone") from None

    def _drop(self) -> None:
        with self._lock:
            self._pending.clear()
