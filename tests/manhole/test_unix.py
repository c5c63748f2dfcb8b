"""The door of the master, with a reactor that is played."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.manhole import listening
from uwsgid.manhole.line import Peer
from uwsgid.manhole.names import Name
from uwsgid.manhole.unix import ENOUGH, MOST_SESSIONS, UnixClient, UnixDoor


class Reactor:
    """Remembers who wants to read and to write."""

    def __init__(self) -> None:
        self.readers: set[Any] = set()
        self.writers: set[Any] = set()
        self.addReader = self.readers.add
        self.addWriter = self.writers.add
        self.removeReader = self.readers.discard
        self.removeWriter = self.writers.discard


class DoorTests(SynchronousTestCase):
    def setUp(self) -> None:
        folder = tempfile.mkdtemp(prefix="uwsgid-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.path = f"{folder}/site.hole"
        self.said: list[str] = []
        self.reactor = Reactor()
        self.door = UnixDoor(
            self.path, (Name("thing", 6, "a thing"),), self.reactor, self.said.append, greeting="hello"
        )
        self.door.open()
        self.addCleanup(self.door.close, "the test is over")

    def connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.settimeout(30)
        client.connect(self.path)
        self.door.doRead()
        return client

    def only(self) -> UnixClient:
        (client,) = self.door.clients
        return client

    def test_a_session(self) -> None:
        """Who comes in is logged, and answered."""
        self.door.doRead()  # somebody who went away again
        client = self.connect()
        client.sendall(b"thing\n")
        self.only().doRead()
        self.assertEqual(client.recv(100), b"6\n")
        client.close()
        self.only().doRead()
        self.assertEqual((self.door.clients, self.reactor.readers), (set(), {self.door}))
        self.assertEqual(self.said[0], f"manhole at unix:{self.path}")
        self.assertRegex(self.said[1], rf"uid {os.getuid()}, pid {os.getpid()}\) at unix:")
        self.assertRegex(self.said[-1], r"over \(end of input\)")

    def test_half_closed(self) -> None:
        """Who has said everything gets the rest of its answers."""
        client = self.connect()
        client.sendall(b"print('x' * 3_00_000)\nthing")
        client.shutdown(socket.SHUT_WR)
        ours = self.only()
        ours.doRead()
        got = b""
        while ours in self.reactor.readers or ours in self.reactor.writers:
            if ours in self.reactor.readers:
                ours.doRead()
            if ours in self.reactor.writers:
                got += client.recv(1 << 20)
                ours.doWrite()
        while data := client.recv(1 << 20):
            got += data
        self.assertEqual(got, b"x" * 300_000 + b"\n6\n")

    def test_who_does_not_read(self) -> None:
        """No more is read from one who does not take what there is."""
        client = self.connect()
        client.sendall(f"print('x' * {ENOUGH * 10})\n".encode())
        ours = self.only()
        ours.doRead()
        self.assertNotIn(ours, self.reactor.readers)
        self.assertIn(ours, self.reactor.writers)
        client.close()
        ours.doWrite()
        self.assertEqual((self.door.clients, self.reactor.writers), (set(), set()))

    def test_strangers(self) -> None:
        """Others are refused, and it is logged."""
        self.patch(listening, "peer_of", lambda connection: Peer(7, 65534, 65534))
        self.patch(os, "geteuid", lambda: 33)
        client = self.connect()
        self.assertEqual(client.recv(10), b"")
        self.assertRegex(self.said[-1], r"manhole: refused nobody \(uid 65534, pid 7\) at .*only root")

    def test_too_many(self) -> None:
        """There is an end to sessions."""
        for _ in range(MOST_SESSIONS):
            self.connect()
        self.assertEqual(self.connect().recv(10), b"")
        self.assertIn("sessions already", self.said[-1])

    def test_the_end(self) -> None:
        """All sessions are told, and nothing is left."""
        client = self.connect()
        client.sendall(b"\x1b[8;24;80t")
        self.only().doRead()
        self.door.connectionLost(None)
        text = b""
        while data := client.recv(1000):
            text += data
        self.assertIn(b"*** the instance ends ***", text)
        self.assertFalse(os.path.exists(self.path))
        self.assertEqual((self.reactor.readers, self.door.clients, self.door.fileno()), (set(), set(), -1))
        self.door.doRead()

    def test_an_end_from_inside(self) -> None:
        """A statement may close the door through which it came."""
        client = self.connect()
        ours = self.only()
        ours.session._console.names["door"] = self.door
        client.sendall(b"door.close('from inside')\nthing\n")
        ours.doRead()
        ours.connectionLost(None)
        self.assertEqual(client.recv(100), b"*** from inside ***\n")
        self.assertEqual(client.recv(100), b"")
