"""A UNIX socket that hands descriptors out: whoever connects gets one message, and the descriptors with it.

Zergs get listening sockets so, and a stand-in of a vassal the talk with its emperor.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from collections.abc import Callable, Sequence
from typing import Any, Final

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from uwsgid.errors import KernelError

_BACKLOG: Final = 64
_BATCH: Final = 16  #: connections that are answered before the reactor gets its turn again


def bind(option: str, path: str, mode: int | None = None) -> socket.socket:
    """A listening socket at *path*, in the place of one that nobody listens on any more.

    :param option: for the error.
    :param mode: the permissions of the file; those that the umask leaves where not given.
    :raises KernelError: the kernel refuses, or something else is in its place.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.startswith("@"):
            listener.bind("\0" + path[1:])
        else:
            with contextlib.suppress(FileNotFoundError):
                if not stat.S_ISSOCK(os.lstat(path).st_mode):
                    raise KernelError(
                        f"{option}: {path} exists and is no socket; remove it or choose another"
                    )
                os.unlink(path)
            before = os.umask(0o777 & ~mode) if mode is not None else None
            try:
                listener.bind(path)
            finally:
                if before is not None:
                    os.umask(before)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise KernelError(f"{option}: {path}: {error.strerror or error}") from None
    except KernelError:
        listener.close()
        raise
    return listener


@implementer(IReadDescriptor)
class Handing:
    """Answers each connection and closes it.

    :param listener: as `bind` makes it.
    :param message: what is said.
    :param descriptors: what goes with it.
    :param is_ours: the file goes with us; False where somebody else keeps the socket.
    """

    def __init__(
        self,
        reactor: Any,
        listener: socket.socket,
        message: bytes,
        descriptors: Sequence[int],
        say: Callable[[str], None],
        *,
        is_ours: bool = True,
    ) -> None:
        self._reactor = reactor
        self._listener = listener
        self._message = message
        self._descriptors = list(descriptors)
        self._say = say
        self._inode = _inode(listener) if is_ours else 0

    def start(self) -> None:
        """Answer from now on."""
        self._reactor.addReader(self)

    def stop(self) -> None:
        """Answer no more, and remove the file, unless somebody else's is in its place."""
        if self._listener.fileno() < 0:
            return
        self._reactor.removeReader(self)
        path = self._listener.getsockname()
        if self._inode and _inode(self._listener) == self._inode:
            with contextlib.suppress(OSError):
                os.unlink(path)
        self._listener.close()

    def fileno(self) -> int:
        return self._listener.fileno()

    def logPrefix(self) -> str:
        return "handing"

    def doRead(self) -> None:
        for _ in range(_BATCH):
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # nobody any more, or somebody changed his mind
            with connection:
                # one message fits into every socket, so nobody can keep us waiting
                connection.setblocking(False)
                try:
                    socket.send_fds(connection, [self._message], self._descriptors)
                except OSError as error:
                    self._say(f"{self._message[:-4].decode()}: {error.strerror}")

    def connectionLost(self, reason: Failure) -> None:
        """The reactor stops."""
        self.stop()


def _inode(listener: socket.socket) -> int:
    """The inode of the file at the address of *listener*; 0 for none."""
    path = listener.getsockname()
    if not isinstance(path, str) or not path:
        return 0
    try:
        return os.lstat(path).st_ino
    except OSError:
        return 0
