"""The socket of a manhole in the file system: for its owner alone, and gone when its process is."""

from __future__ import annotations

import contextlib
import os
import socket
import stat

from uwsgid.errors import KernelError
from uwsgid.manhole.line import name_of, peer_of, why_not
from uwsgid.manhole.record import Record

_BACKLOG = 8


class Hole:
    """A listening UNIX socket.

    :ivar socket: non-blocking.
    """

    def __init__(self, path: str) -> None:
        """Bind and listen.

        :raises KernelError: it can not be made.
        """
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            if os.path.lexists(path):
                if not stat.S_ISSOCK(os.lstat(path).st_mode):
                    raise KernelError(
                        f"manhole: {path} exists and is no socket; remove it or choose another path"
                    )
                os.unlink(path)  # an earlier life left it
            self.socket.bind(path)
            # nobody can connect before we listen, so nobody comes through while the mode is another one
            os.chmod(path, 0o600)
            self._file = os.lstat(path)
            self.socket.listen(_BACKLOG)
            self.socket.setblocking(False)
        except OSError as error:
            self.socket.close()
            hint = ""
            if isinstance(error, PermissionError):
                hint = f"; {name_of(os.geteuid())} has to be able to write to {os.path.dirname(path)}"
            elif isinstance(error, FileNotFoundError):
                hint = f"; make the directory {os.path.dirname(path)} first"
            raise KernelError(f"manhole: bind(): {error.strerror or error} [{path}]{hint}") from None
        except KernelError:
            self.socket.close()
            raise

    def close(self) -> None:
        """Stop listening and remove the socket, unless somebody has put something else in its place."""
        self.socket.close()
        with contextlib.suppress(OSError):
            if os.path.samestat(self._file, os.lstat(self.path)):
                os.unlink(self.path)


def accept(listening: socket.socket) -> socket.socket | None:
    """The next client, non-blocking; None where there is none after all."""
    try:
        connection, _ = listening.accept()
    except OSError:
        return None
    connection.setblocking(False)
    return connection


def admit(connection: socket.socket, record: Record, whose: str, sessions: int, most: int) -> bool:
    """Whether who connected may have a session.  The log hears of it, and who may not is gone.

    :param whose: process it is, in words.
    :param sessions: how many there are, of at most *most*.
    """
    peer = peer_of(connection)
    if why := why_not(peer, whose, sessions, most):
        record.refused(str(peer), why)
        connection.close()
        return False
    record.login(str(peer))
    return True
