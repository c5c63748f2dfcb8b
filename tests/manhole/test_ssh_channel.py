"""Channels of ssh, also those whose client is slow; the real client is in the live tests."""

from __future__ import annotations

import socket
import struct
from types import SimpleNamespace
from typing import Any

from twisted.conch.ssh.common import NS
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from tests.manhole.support import PLACE
from uwsgid.manhole.names import Name
from uwsgid.manhole.ssh import SshDoor
from uwsgid.manhole.ssh_channel import ENOUGH, MOST, SshChannel
from uwsgid.manhole.ssh_login import Login


class Connection:
    """The connection of a channel: takes note of what is sent."""

    def __init__(self, door: Any) -> None:
        self.sent = bytearray()
        self.requests: list[tuple[bytes, bytes]] = []
        self.is_closed = False
        self.transport = SimpleNamespace(
            factory=SimpleNamespace(door=door), address="there", channels=set(), is_full=False
        )

    def sendData(self, channel: object, data: bytes) -> None:
        self.sent += data

    def sendRequest(self, channel: object, kind: bytes, data: bytes) -> None:
        self.requests.append((kind, data))

    def sendClose(self, channel: Any) -> None:
        self.is_closed = True
        channel.localClosed = True


class ChannelTests(SynchronousTestCase):
    """Shells and commands."""

    def setUp(self) -> None:
        self.said: list[str] = []
        self.clock = MemoryReactorClock()
        self.reached: list[tuple[int, str]] = []
        self.worker = socket.socket()
        door = SshDoor(
            PLACE,
            "",
            "",
            (Name("thing", 6, "a thing"),),
            self.clock,
            self.said.append,
            greeting="hello",
            reach=self.reach,
        )
        self.connection = Connection(door)
        self.channel = self.log_in("operator")

    def log_in(self, user: str) -> SshChannel:
        return SshChannel(
            remoteWindow=1000,
            remoteMaxPacket=500,
            conn=self.connection,
            avatar=SimpleNamespace(login=Login(user, "SHA256:x", "")),
        )

    def reach(self, slot: int, words: str) -> socket.socket:
        self.reached.append((slot, words))
        ours, self.worker = socket.socketpair()
        self.worker.settimeout(30)
        self.addCleanup(ours.close)
        self.addCleanup(self.worker.close)
        return ours

    def test_a_terminal(self) -> None:
        """A shell in a terminal is greeted, and hears of a new size."""
        self.assertEqual(
            self.channel.request_pty_req(NS(b"xterm") + struct.pack(">4L", 100, 24, 0, 0) + NS(b"")), 1
        )
        self.assertEqual(self.channel.request_shell(b""), 1)
        self.assertEqual(self.channel.request_shell(b""), 0)
        self.channel.dataReceived(b"thing\r")
        self.assertEqual(bytes(self.connection.sent), b"")
        self.clock.advance(0)
        self.assertTrue(self.connection.sent.startswith(b"hello\r\n"))
        self.assertTrue(self.connection.sent.endswith(b"\r\n6\r\n\r\x1b[J>>> "))
        self.assertEqual(self.channel.request_window_change(struct.pack(">4L", 40, 24, 0, 0)), 1)
        self.channel.dismiss("the instance ends")
        self.assertIn(b"*** the instance ends ***", self.connection.sent)
        self.assertTrue(self.connection.is_closed)
        self.assertIn("operator with key SHA256:x from there at ssh:127.0.0.1:2222", self.said[0])

    def test_a_command(self) -> None:
        """A command is answered with its exit code, also where the input ended before it began."""
        self.assertEqual(self.channel.request_exec(NS(b"thing\n1/0")), 1)
        self.assertEqual(self.channel.request_exec(NS(b"thing")), 0)
        self.channel.eofReceived()
        self.clock.advance(0)
        self.assertTrue(self.connection.sent.startswith(b"6\nTraceback"))
        self.assertEqual(self.connection.requests, [(b"exit-status", struct.pack(">L", 1))])
        self.assertTrue(self.connection.is_closed)

    def test_a_small_window(self) -> None:
        """What the client has no room for waits until it has, and then the channel closes."""
        self.channel.request_exec(NS(b"print('x' * 2500)"))
        self.clock.advance(0)
        self.assertEqual((len(self.connection.sent), self.connection.is_closed), (1000, False))
        self.channel.addWindowBytes(1000)
        self.connection.transport.is_full = True
        self.channel.addWindowBytes(1000)
        self.assertEqual(len(self.connection.sent), 2000)
        self.connection.transport.is_full = False
        self.channel.flush()
        self.assertEqual((len(self.connection.sent), self.connection.is_closed), (2501, True))

    def test_who_does_not_read(self) -> None:
        """There is an end to what is kept for a client."""
        self.channel.request_shell(b"")
        self.clock.advance(0)
        self.channel.dataReceived(f"while True: print('x' * {MOST // 8})\n\n".encode())
        self.assertRegex(self.said[-1], r"over \(left\)")
        self.channel.dataReceived(b"thing\n")
        self.channel.eofReceived()

    def test_hung_up(self) -> None:
        """A channel that is closed from outside ends its session."""
        self.channel.dataReceived(b"before anything was asked for\n")
        self.channel.request_shell(b"")
        self.channel.closed()
        self.assertRegex(self.said[-1], r"over \(hung up\)")
        self.assertEqual(self.connection.transport.channels, set())

    def test_a_worker(self) -> None:
        """A user called worker2 is carried to worker 2, who is told what the log says of the login."""
        channel = self.log_in("worker2")
        self.assertEqual(channel.request_exec(NS(b"thing")), 1)
        self.assertEqual(channel.request_exec(NS(b"thing")), 0)
        self.clock.advance(0)
        who = "worker2 with key SHA256:x from there"
        self.assertEqual(self.reached, [(2, f"ssh:127.0.0.1:2222 {who}")])
        self.assertRegex(self.said[0], rf"session \d+ for worker 2: {who} at ssh:127.0.0.1:2222$")
        self.assertEqual(self.worker.recv(100), b"\0thing\n")
        self.worker.sendall(b"6\n\x001")
        self.worker.close()
        (relay,) = self.clock.getReaders()
        relay.doRead()
        relay.doRead()
        self.assertEqual(bytes(self.connection.sent), b"6\n")
        self.assertEqual(self.connection.requests, [(b"exit-status", struct.pack(">L", 1))])
        self.assertTrue(self.connection.is_closed)
        self.assertRegex(self.said[-1], r"session \d+ for worker 2: over \(left\)$")

    def test_a_terminal_at_a_worker(self) -> None:
        """Keys and sizes go to the worker; one that prints much is not read while the client is slow."""
        channel = self.log_in("worker1")
        channel.request_pty_req(NS(b"xterm") + struct.pack(">4L", 100, 24, 0, 0) + NS(b""))
        channel.request_shell(b"")
        channel.dataReceived(b"thing\r")
        self.clock.advance(0)
        channel.request_window_change(struct.pack(">4L", 40, 24, 0, 0))
        self.assertEqual(self.worker.recv(100), b"\x1b[8;24;100tthing\r\x1b[8;24;40t")
        (relay,) = self.clock.getReaders()
        self.worker.settimeout(0)
        sent = 0
        while self.clock.getReaders():
            try:
                sent += self.worker.send(b"x" * 4096)
            except BlockingIOError:
                relay.doRead()
        self.assertLessEqual(len(channel._pending), ENOUGH + (1 << 16))
        channel.addWindowBytes(1 << 20)
        self.assertEqual(self.clock.getReaders(), [relay])
        channel.eofReceived()
        channel.dismiss("the instance ends")
        self.assertTrue(self.connection.sent.endswith(b"\r\n*** the instance ends ***\r\n"))
        self.assertEqual(self.clock.getReaders(), [])

    def test_hung_up_at_a_worker(self) -> None:
        """A client that goes away is gone for the worker as well."""
        channel = self.log_in("worker1")
        channel.request_shell(b"")
        self.clock.advance(0)
        channel.closed()
        self.assertEqual(self.worker.recv(100), b"\0")
        self.assertEqual(self.worker.recv(100), b"")
        self.assertRegex(self.said[-1], r"over \(hung up\)")
