"""The door of a worker, with its threads."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import threading
import time
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.manhole import listening
from uwsgid.manhole.line import Peer
from uwsgid.manhole.listening import guest_words
from uwsgid.manhole.names import Name
from uwsgid.manhole.thread import MOST_SESSIONS, ThreadDoor, open_door, open_hatch
from uwsgid.supervise.hatch import Hatch

PATIENCE = 30


class DoorTests(SynchronousTestCase):
    def setUp(self) -> None:
        folder = tempfile.mkdtemp(prefix="uwsgid-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.path = f"{folder}/site.hole"
        self.said: list[str] = []
        self.began = threading.Event()
        names = (Name("thing", 6, "a thing"), Name("began", self.began.set, "tells the test"))
        door = open_door(self.path, names, self.said.append, greeting="hello", whose=" of worker 2")
        assert door is not None
        self.door: ThreadDoor = door
        self.addCleanup(door.close, "the test is over")

    def connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.settimeout(PATIENCE)
        client.connect(self.path)
        return client

    def read_until(self, client: socket.socket, end: bytes) -> bytes:
        got = b""
        while not got.endswith(end):
            piece = client.recv(1 << 20)
            self.assertNotEqual(piece, b"", got)
            got += piece
        return got

    def wait(self, look: Any) -> None:
        end = time.monotonic() + PATIENCE
        while not look():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.005)

    def test_a_session(self) -> None:
        """Lines are answered, all of them, also those to one who has said everything."""
        client = self.connect()
        client.sendall(b"\x00thing\nprint('x' * 3_000_000)")
        client.shutdown(socket.SHUT_WR)
        got = self.read_until(client, b"\x000")
        self.assertEqual(len(got), 2 + 3_000_001 + 2)
        self.assertEqual(client.recv(10), b"")
        self.wait(lambda: not self.door.clients)
        self.assertRegex(self.said[0], r"manhole session \d+ of worker 2: .* at unix:")

    def test_interrupt(self) -> None:
        """Ctrl-C ends what runs, and the prompt comes back."""
        client = self.connect()
        client.sendall(b"\x1b[8;24;80t")
        self.read_until(client, b">>> ")
        client.sendall(b"while began() is None: pass\r")
        self.read_until(client, b"... ")
        client.sendall(b"\r")
        self.assertTrue(self.began.wait(PATIENCE))
        client.sendall(b"\x03")
        self.assertIn(b"KeyboardInterrupt\r\n", self.read_until(client, b">>> "))
        client.sendall(b"\x03")
        self.assertIn(b"^C", self.read_until(client, b">>> "))

    def test_interrupt_behind_a_statement(self) -> None:
        """Ctrl-C ends a statement that it came together with, and what stands behind it is run."""
        client = self.connect()
        client.sendall(b"\x1b[8;24;80t")
        self.read_until(client, b">>> ")
        client.sendall(b"while began() is None: pass\r")
        self.read_until(client, b"... ")
        client.sendall(b"\r\x0320 + 3\r")
        self.assertIn(b"KeyboardInterrupt\r\n", self.read_until(client, b"23\r\n\r\x1b[J>>> "))

    def test_hung_up(self) -> None:
        """A client that goes away takes its endless statement with it."""
        client = self.connect()
        client.sendall(b"while began() is None: pass\n\n")
        self.assertTrue(self.began.wait(PATIENCE))
        client.close()
        self.wait(lambda: not self.door.clients)

    def test_the_end(self) -> None:
        """Sessions are told of the end, and the socket goes; a fork of the application removes nothing."""
        client = self.connect()
        client.sendall(b"\x1b[8;24;80t")
        self.read_until(client, b">>> ")
        pid, self.door._pid = self.door._pid, -1
        self.door.close("not us")
        self.assertTrue(os.path.exists(self.path))
        self.door._pid = pid
        self.door.close("the worker ends")
        got = b""
        while data := client.recv(1000):
            got += data
        self.assertIn(b"*** the worker ends ***", got)
        self.assertFalse(os.path.exists(self.path))

    def test_strangers(self) -> None:
        """Others are refused, and it is logged."""
        self.patch(listening, "peer_of", lambda connection: Peer(7, 65534, 65534))
        self.patch(os, "geteuid", lambda: 33)
        self.assertEqual(self.connect().recv(10), b"")
        self.assertRegex(self.said[-1], r"manhole: refused nobody \(uid 65534, pid 7\) at .*only root")

    def test_too_many(self) -> None:
        """There is an end to sessions."""
        for number in range(MOST_SESSIONS):
            self.connect()
            self.wait(lambda: len(self.door.clients) > number)  # noqa: B023 - it is called at once
        self.assertEqual(self.connect().recv(10), b"")
        self.assertIn("sessions already", self.said[-1])

    def test_where_it_can_not_be(self) -> None:
        """A worker serves without, and says so."""
        self.assertIsNone(open_door("/nonexistent/a.hole", (), self.said.append))
        self.assertIn("make the directory /nonexistent first", self.said[-1])


class HatchTests(SynchronousTestCase):
    """The door at the hatch."""

    WORDS = guest_words("ssh:127.0.0.1:2222", "alice with key SHA256:x from there")

    def setUp(self) -> None:
        self.hatch = Hatch()
        self.addCleanup(self.hatch.close)
        self.said: list[str] = []
        names = (Name("thing", 6, "a thing"),)
        self.theirs = socket.socket(fileno=os.dup(self.hatch.theirs.fileno()))
        self.before = set(threading.enumerate())  # those of other tests may take a moment to end
        self.door = open_hatch(self.theirs, names, self.said.append, greeting="hello", whose=" of worker 2")
        self.addCleanup(self.door.close, "the test is over")

    def come(self) -> socket.socket:
        guest = self.hatch.guest(self.WORDS)
        self.addCleanup(guest.close)
        guest.settimeout(PATIENCE)
        return guest

    def read(self, guest: socket.socket) -> bytes:
        got = b""
        while piece := guest.recv(1 << 16):
            got += piece
        return got

    def test_a_session(self) -> None:
        """Whom the master hands on has a session, and the log tells what the master knows of him."""
        guest = self.come()
        guest.sendall(b"\0thing + 1\n")
        guest.shutdown(socket.SHUT_WR)
        self.assertEqual(self.read(guest), b"7\n\x000")
        login, line, logout = self.said
        self.assertRegex(
            login,
            r"manhole session \d+ of worker 2: alice with key SHA256:x from there at ssh:127.0.0.1:2222$",
        )
        self.assertRegex(line, r"manhole session \d+ of worker 2> thing \+ 1$")
        self.assertRegex(logout, r"manhole session \d+ of worker 2: over \(end of input\)$")

    def test_too_many(self) -> None:
        """There is an end to sessions, of which who comes is told."""
        for _ in range(MOST_SESSIONS):
            guest = self.come()
            guest.sendall(b"\x1b[8;24;80t")
            self.assertTrue(guest.recv(100))
        self.assertEqual(self.read(self.come()), b"*** there are 4 sessions already ***\r\n")
        self.assertRegex(self.said[-1], "refused alice with key .*: there are 4 sessions already")

    def test_the_end(self) -> None:
        """Sessions are told of it, and nobody comes in any more."""
        guest = self.come()
        guest.sendall(b"\x1b[8;24;80t")
        self.assertTrue(guest.recv(100))
        self.door.close("the worker ends")
        self.assertTrue(self.read(guest).endswith(b"*** the worker ends ***\r\n"))
        self.assertEqual(self.theirs.fileno(), -1)

    def test_without_a_master(self) -> None:
        """The thread that listens ends with the master, and waits for nobody."""
        new = set(threading.enumerate()) - self.before
        (listening_thread,) = [thread for thread in new if thread.name == "manhole"]
        self.hatch.close()
        listening_thread.join(PATIENCE)
        self.assertFalse(listening_thread.is_alive())
        self.assertEqual(self.said, [])
