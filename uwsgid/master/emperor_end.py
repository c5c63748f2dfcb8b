"""A vassal's end of a talk with its emperor, as the reactor watches it.

The descriptor was inherited and stays open whatever happens here: the next image goes on with it, and the
emperor notices the end of the process by it.
"""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from typing import Any, Final

from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer


@implementer(IReadDescriptor)
class EmperorEnd(ABC):
    """What `Loyalty` and `Inbox` have in common.

    :param fd: the vassal's end; None where there is no emperor, or it has nothing to say this way.
    """

    def __init__(self, reactor: Any, fd: int | None) -> None:
        self._reactor: Final = reactor
        self._fd: Final = fd
        self._socket: socket.socket | None = None

    def _let_go(self) -> None:
        """Watch no longer."""
        if self._socket is not None:
            self._reactor.removeReader(self)
            self._socket.detach()
            self._socket = None

    @abstractmethod
    def end(self) -> None:
        """Listen no more."""

    @abstractmethod
    def doRead(self) -> None:
        """The emperor said something, or is gone."""

    def fileno(self) -> int:
        return -1 if self._socket is None else self._socket.fileno()

    def logPrefix(self) -> str:
        return "emperor"

    def connectionLost(self, reason: object) -> None:
        """The reactor stops."""
        self.end()
