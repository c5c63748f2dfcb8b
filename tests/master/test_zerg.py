"""The sockets are given to zergs, and zergs are called."""

from __future__ import annotations

import os
import socket
from typing import cast

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.host import Listener
from uwsgid.master.zerg import Sos, SosWatch, ZergServer
from uwsgid.supervise.board import Board, Phase
from uwsgid.testing import MemoryReactor
from uwsgid.wire.zerg import unpack


class _Door:
    def __init__(self, fd: int) -> None:
        self.fd = fd


class ServerTests(SynchronousTestCase):
    def setUp(self) -> None:
        folder = self.mktemp()
        os.mkdir(folder)
        here = os.getcwd()
        os.chdir(folder)
        self.addCleanup(os.chdir, here)
        self.reactor = MemoryReactor()
        self.lines: list[str] = []

    def server(self, path: str, *fds: int) -> ZergServer:
        doors = cast("list[Listener]", [_Door(fd) for fd in fds])
        server = ZergServer(self.reactor, path, doors, self.lines.append)
        server.start()
        self.addCleanup(server.stop)
        return server

    def test_gives(self) -> None:
        """Whoever connects gets each socket once, though several lines may mean the same one."""
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        for sock in sockets:
            self.addCleanup(sock.close)
        one, two = (sock.fileno() for sock in sockets)
        self.server("s", one, two, one)
        self.assertEqual(self.lines, ["*** Zerg server enabled on s ***"])
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect("s")
            self.reactor.poll()
            message, fds, _, _ = socket.recv_fds(asking, 100, 8)
        self.assertEqual((unpack(message), len(fds)), (2, 2))
        for fd in fds:
            os.close(fd)

    def test_off(self) -> None:
        """Without the option, or without a socket, there is no server."""
        self.server("")
        self.server("s")
        self.assertEqual((self.reactor.readers, os.listdir("."), self.lines), ([], [], []))

    def test_stop(self) -> None:
        """The file goes at the end."""
        with socket.create_server(("127.0.0.1", 0)) as sock:
            self.server("s", sock.fileno()).stop()
        self.assertEqual((self.reactor.readers, os.listdir(".")), ([], []))


class SosTests(SynchronousTestCase):
    def watch(self, config: str) -> None:
        self.clock, self.board, self.queue = Clock(), Board(2, 2), 0
        self.calls = 0
        self.sos = SosWatch(
            settings_of(config)[Sos], self.board, lambda: self.queue, self.call, self.clock.seconds
        )

    def call(self) -> None:
        self.calls += 1

    def look(self, seconds: int = 1) -> int:
        """How often zergs were called in so many seconds."""
        before = self.calls
        for _ in range(seconds):
            self.clock.advance(1)
            self.sos.look()
        return self.calls - before

    def test_off(self) -> None:
        """Without the options nobody is called."""
        self.watch("")
        self.queue = 1000
        self.assertEqual(self.look(10), 0)

    def test_backlog(self) -> None:
        """A queue that is as long as the option says calls, at each look."""
        self.watch("vassal-sos-backlog = 10")
        self.queue = 9
        self.assertEqual(self.look(3), 0)
        self.queue = 10
        self.assertEqual(self.look(3), 3)

    def test_busy(self) -> None:
        """All cores of all workers busy call once in the seconds of the option; one free core does not."""
        self.watch("vassal-sos = 5")
        self.assertEqual(self.look(3), 0)
        self.board.phase[0] = self.board.phase[1] = Phase.READY
        for core in range(3):
            self.board.in_request[core] = 1
        self.assertEqual(self.look(3), 0)
        self.board.in_request[3] = 1
        self.assertEqual(self.look(10), 2)
