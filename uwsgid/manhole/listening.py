"""Where the clients of a manhole come from: a socket in the file system, or the hatch of a worker.

The socket is for its owner alone, and gone when its process is.  Through the hatch comes whom the master has
let in by ssh, with the words in which the log shall tell of it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from collections.abc import Callable
from typing import Final, Protocol

from uwsgid.errors import KernelError
from uwsgid.manhole.line import name_of, peer_of, why_not
from uwsgid.manhole.record import Record
from uwsgid.supervise.hatch import guest_at

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


class Entrance(Protocol):
    """Where clients of a process come from, one after the other."""

    def open(self) -> socket.socket:
        """Begin; what becomes readable when somebody comes.

        :raises KernelError: it can not be had.
        """

    def admitted(self, sessions: int, most: int) -> tuple[socket.socket, Record] | None:
        """Who came, where he may have a session; the log has heard of it.

        :param sessions: how many there are, of at most *most*.
        :raises ConnectionError: nobody will come any more.
        """

    def close(self) -> None:
        """Nobody shall come."""


class SocketEntrance:
    """A UNIX socket, for root and the user of the worker.

    :param whose: as in `Record`.
    """

    def __init__(self, path: str, say: Callable[[str], None], whose: str) -> None:
        self._path: Final = path
        self._say: Final = say
        self._whose: Final = whose
        self._hole: Hole | None = None

    def __str__(self) -> str:
        return f"unix:{self._path}"

    def open(self) -> socket.socket:
        """Bind and listen."""
        self._hole = Hole(self._path)
        return self._hole.socket

    def admitted(self, sessions: int, most: int) -> tuple[socket.socket, Record] | None:
        """Accept, and look whose process it is."""
        connection = None if self._hole is None else accept(self._hole.socket)
        if connection is None:
            return None
        record = Record(self._say, str(self), self._whose)
        return (connection, record) if admit(connection, record, "worker", sessions, most) else None

    def close(self) -> None:
        """Remove the socket."""
        if self._hole is not None:
            self._hole.close()


class HatchEntrance:
    """The hatch of a worker (`uwsgid.supervise.hatch`), for those whom the master let in.

    :param whose: as in `Record`.
    """

    def __init__(self, hatch: socket.socket, say: Callable[[str], None], whose: str) -> None:
        self._hatch: Final = hatch
        self._say: Final = say
        self._whose: Final = whose

    def __str__(self) -> str:
        return "the hatch"

    def open(self) -> socket.socket:
        """Listen to the master."""
        return self._hatch

    def admitted(self, sessions: int, most: int) -> tuple[socket.socket, Record] | None:
        """Take a connection, and believe the master who it is."""
        guest = guest_at(self._hatch)
        if guest is None:
            return None
        words, connection = guest
        connection.setblocking(False)
        where, _, who = words.partition(" ")
        record = Record(self._say, where, self._whose)
        if sessions >= most:
            record.refused(who, full := f"there are {most} sessions already")
            with connection, contextlib.suppress(OSError):
                connection.send(f"*** {full} ***\r\n".encode())
            return None
        record.login(who)
        return connection, record

    def close(self) -> None:
        """Hear no more."""
        self._hatch.close()


def guest_words(where: str, who: str) -> str:
    """What `HatchEntrance` is told of a guest.

    :param where: the manhole, a word.
    """
    return f"{where} {who}"
