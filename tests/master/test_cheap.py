"""Cheap mode: nobody, until somebody connects."""

from __future__ import annotations

import socket
from typing import cast

from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host import Listener
from uwsgid.master.cheap import CheapMode
from uwsgid.testing import MemoryReactor


class _Door:
    def __init__(self, fd: int) -> None:
        self.fd = fd


class Cheap(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = MemoryReactor()
        self.knocks: list[bool] = []
        self.sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        for sock in self.sockets:
            self.addCleanup(sock.close)
        doors = [_Door(sock.fileno()) for sock in (*self.sockets, self.sockets[0])]
        self.cheap = CheapMode(self.reactor, cast("list[Listener]", doors), lambda: self.knocks.append(True))

    def test_first_connection(self) -> None:
        """The first connection on any socket wakes, once; it is left in its queue."""
        self.cheap.begin()
        self.cheap.begin()
        self.assertEqual((self.cheap.is_on, len(self.reactor.readers)), (True, 2))
        self.reactor.poll()
        self.assertEqual(self.knocks, [])
        with socket.create_connection(self.sockets[1].getsockname()):
            self.reactor.poll()
            self.assertFalse(self.reactor.poll())
            self.assertEqual((self.knocks, self.cheap.is_on), ([True], False))
            accepted, _ = self.sockets[1].accept()
            accepted.close()

    def test_end(self) -> None:
        """After the end nobody is woken; the sockets stay open."""
        self.cheap.begin()
        sentry = self.reactor.readers[0]
        self.assertEqual(sentry.logPrefix(), "sentry")
        sentry.connectionLost(Failure(OSError()))
        self.cheap.end()
        self.assertEqual((self.reactor.readers, self.sockets[0].fileno() >= 0), ([], True))
