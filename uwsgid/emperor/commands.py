"""``emperor-command-socket``: commands about vassals, one datagram each (uWSGI 2.1).

A datagram is a uwsgi packet; its header does not matter.  Its variables are ``cmd`` (or ``command``),
``vassal`` and, for ``log``, ``msg``::

    spawn    let a vassal start that waits for this (emperor-wait-for-command)
    respawn  reload a vassal
    stop     stop a vassal; one that waits for commands stays away
    log      write a line to the log

Whoever may write to the socket may do all of it, so only the emperor's own user may, unless ``chmod-socket``
says otherwise.
"""

from __future__ import annotations

import os
import socket
import stat
from typing import Final, Protocol

from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer

from uwsgid.errors import KernelError, PeerError
from uwsgid.wire.uwsgi import read_vars

_HEADER: Final = 4
_MOST: Final = 65536 + _HEADER  #: bytes of a datagram
_OWNER_ONLY: Final = 0o600


class Commanded(Protocol):
    """Who carries commands out: the emperor."""

    def allow(self, name: str) -> None:
        """Let a vassal start."""

    def reload(self, name: str) -> None:
        """Reload one."""

    def stop(self, name: str) -> None:
        """Stop one."""

    def say(self, text: str) -> None:
        """Write to the log."""


def bind_datagrams(path: str, mode: int | None) -> socket.socket:
    """A socket at *path* that takes datagrams.

    :param mode: of its file (``chmod-socket``).
    :raises KernelError: it can not be bound.
    """
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        if os.path.lexists(path) and stat.S_ISSOCK(os.lstat(path).st_mode):
            os.unlink(path)
        made.bind(path)
        os.chmod(path, _OWNER_ONLY if mode is None else mode)
        made.setblocking(False)
    except OSError as error:
        made.close()
        raise KernelError(f"emperor-command-socket: bind(): {error.strerror} [{path}]") from None
    return made


@implementer(IReadDescriptor)
class CommandSocket:
    """Hears commands.

    :param descriptor: bound and non-blocking.
    """

    def __init__(self, descriptor: int, emperor: Commanded) -> None:
        self._socket = socket.socket(fileno=os.dup(descriptor))
        self._emperor = emperor

    def fileno(self) -> int:
        return self._socket.fileno()

    def logPrefix(self) -> str:
        return "emperor commands"

    def doRead(self) -> None:
        try:
            data = self._socket.recv(_MOST)
        except (BlockingIOError, InterruptedError):
            return
        self.obey(data)

    def connectionLost(self, reason: object) -> None:
        """The reactor stops."""
        self._socket.close()

    def obey(self, data: bytes) -> None:
        """Carry out one datagram; what is none is told."""
        said: dict[str, str] = {}
        try:
            read_vars(data[_HEADER:], said)
        except PeerError as error:
            self._emperor.say(f"[emperor] a command that can not be read: {error}")
            return
        command = said.get("cmd") or said.get("command", "")
        name = os.fsdecode(said.get("vassal", "").encode("latin-1"))
        match command:
            case "spawn":
                self._emperor.allow(name)
            case "respawn":
                self._emperor.reload(name)
            case "stop":
                self._emperor.stop(name)
            case "log":
                self._emperor.say(f"[emperor] {name}: {said.get('msg', '')}")
            case _:
                self._emperor.say(f"[emperor] nobody knows the command {command!r}")
