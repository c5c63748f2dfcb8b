"""A way into a child for guests: the master hands it connected sockets, each with a few words.

It goes beside the talk between the two (`uwsgid.supervise.channel`), since the loop of a worker hears that
only between two requests, and a guest comes to see what keeps it there.  Nothing of it is in the file system,
so nobody but the master can use it.
"""

from __future__ import annotations

import socket
import weakref
from typing import Final

from uwsgid.errors import KernelError
from uwsgid.supervise.seed import receive

_MOST_WORDS: Final = 8192  #: bytes


class Hatch:
    """The master's end, of one child."""

    def __init__(self) -> None:
        """Make both ends.

        :raises OSError: no descriptor is left.
        """
        self._ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ours.setblocking(False)  # send_fds of Python 3.11 ignores its flags
        self._guests: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    def guest(self, words: str) -> socket.socket:
        """A connection whose other end the child has.

        It reads end-of-file when the child has gone, also where a process that the child forked holds a copy.

        :param words: tell the child what it is.
        :raises KernelError: the child takes nobody, or is gone.
        """
        ours, theirs = _pair()
        with theirs:
            try:
                data = words.encode("utf-8", "backslashreplace")[:_MOST_WORDS]
                socket.send_fds(self._ours, [data], [theirs.fileno()])
            except OSError as error:
                ours.close()
                raise KernelError(f"it takes nobody: {error.strerror or error}") from None
        self._guests.add(ours)
        return ours

    def close(self) -> None:
        """The child is gone."""
        self._ours.close()
        self.theirs.close()
        for guest in tuple(self._guests):
            try:
                guest.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it left before


def _pair() -> tuple[socket.socket, socket.socket]:
    try:
        return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    except OSError as error:
        raise KernelError(f"socketpair(): {error.strerror}") from None


def guest_at(hatch: socket.socket) -> tuple[str, socket.socket] | None:
    """The next guest in the child: the words of the master, and the connection.  None where there is none.

    :raises ConnectionError: there will be no other, the master is gone.
    """
    try:
        data, descriptors = receive(hatch, socket.MSG_DONTWAIT)
    except (BlockingIOError, InterruptedError):
        return None
    except OSError as error:
        if hatch.fileno() < 0:  # closed by another thread
            raise ConnectionError("the hatch is closed") from error
        raise
    if not descriptors:
        if data:
            return None  # no descriptor was left for it
        raise ConnectionError("the master is gone")
    return data.decode("utf-8", "replace"), socket.socket(fileno=descriptors[0])
