"""Accepts connections for a Twisted factory at a socket that the instance owns."""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.protocol import Factory
from zope.interface import implementer


@implementer(IReadDescriptor)
class FactoryDoor:
    """A listening socket that a reactor watches.

    A port of Twisted's would change the mode of a UNIX socket, which is another user's, and remove it at the
    end, while a reload means to keep it.

    :param descriptor: listening; ours is a copy.
    :param factory: has a protocol for each connection.
    """

    def __init__(self, reactor: Any, descriptor: int, factory: Factory) -> None:
        self._reactor = reactor
        self._factory = factory
        self._socket = socket.socket(fileno=os.dup(descriptor))
        self._socket.setblocking(False)

    def fileno(self) -> int:
        return self._socket.fileno()

    def logPrefix(self) -> str:
        return "door"

    def doRead(self) -> None:
        try:
            client, _ = self._socket.accept()
        except OSError:
            return  # it went away meanwhile, or no descriptor is left
        with client:
            client.setblocking(False)
            self._reactor.adoptStreamConnection(client.fileno(), client.family, self._factory)

    def connectionLost(self, reason: object) -> None:
        """The reactor stops."""
        self._socket.close()
