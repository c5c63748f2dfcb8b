"""Connections for a factory, at a socket that stays its owner's."""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted.internet.protocol import Factory
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.loops.door import FactoryDoor


class Adopting:
    """The one method of a reactor that is called."""

    def __init__(self) -> None:
        self.adopted: list[tuple[int, Any]] = []

    def adoptStreamConnection(self, descriptor: int, family: int, factory: Factory) -> None:
        self.adopted.append((family, factory))


class FactoryDoorTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.listener.close)
        self.reactor = Adopting()
        self.factory = Factory()
        self.door = FactoryDoor(self.reactor, self.listener.fileno(), self.factory)

    def test_connection(self) -> None:
        """Whoever connects is the factory's; our copy of the descriptor is closed."""
        before = len(os.listdir("/proc/self/fd"))
        with socket.create_connection(self.listener.getsockname()):
            self.door.doRead()
            self.assertEqual(len(os.listdir("/proc/self/fd")), before + 1)
        self.assertEqual(self.reactor.adopted, [(socket.AF_INET, self.factory)])
        self.door.connectionLost(None)

    def test_nobody(self) -> None:
        """Somebody who went away meanwhile is no error."""
        self.door.doRead()
        self.assertEqual(self.reactor.adopted, [])
        self.door.connectionLost(None)

    def test_end(self) -> None:
        """At the end the socket goes on where its owner has it."""
        self.door.connectionLost(None)
        self.assertEqual(self.door.fileno(), -1)
        with socket.create_connection(self.listener.getsockname()):
            self.listener.accept()[0].close()
