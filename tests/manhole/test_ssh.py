"""Who comes in by ssh, and channels whose client is slow; the real client is in the live tests."""

from __future__ import annotations

import struct
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from twisted.conch.error import ValidPublicKey
from twisted.conch.ssh.common import NS
from twisted.conch.ssh.keys import Key
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import KernelError
from uwsgid.manhole.hostkey import host_key
from uwsgid.manhole.names import Name
from uwsgid.manhole.options import Place
from uwsgid.manhole.ssh import (
    LOGIN_TAKES,
    MOST,
    MOST_CONNECTIONS,
    KeyChecker,
    Login,
    SshChannel,
    SshDoor,
    SshFactory,
)

PLACE = Place("ssh", host="127.0.0.1", port=2222)


class SshCase(SynchronousTestCase):
    """A key, and a file in which it stands."""

    def setUp(self) -> None:
        self.said: list[str] = []
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.key: Key = host_key(str(self.folder / "alice"), lambda text: None)
        self.keys = self.folder / "keys"
        self.keys.write_text(self.key.public().toString("openssh").decode() + " alice@example\n")


class CheckerTests(SshCase):
    """Keys and signatures."""

    def login(self, key: Key, signature: bytes | None, data: bytes = b"data") -> Any:
        credentials = SimpleNamespace(
            username=b"operator", blob=key.public().blob(), signature=signature, sigData=data
        )
        return KeyChecker(str(self.keys), self.said.append, "here", "there").requestAvatarId(credentials)

    def test_the_key(self) -> None:
        """A key of the file may prove itself, and a proof is a login."""
        self.assertRaises(ValidPublicKey, self.login, self.key, None)
        login = self.login(self.key, self.key.sign(b"data"))
        self.assertRegex(str(login), r"^operator with key SHA256:\S+ \(alice@example\)$")
        self.assertEqual(self.said, [])

    def test_strangers(self) -> None:
        """Another key, another signature and nonsense are refused, and logged."""
        other: Key = host_key(str(self.folder / "mallory"), lambda text: None)
        self.assertRaises(UnauthorizedLogin, self.login, other, other.sign(b"data"))
        self.assertRaises(UnauthorizedLogin, self.login, self.key, self.key.sign(b"something else"))
        self.assertRaises(UnauthorizedLogin, self.login, self.key, b"nonsense")
        self.assertRegex(
            self.said[0], r"refused operator with key SHA256:\S+ from there at here: the key is not in"
        )
        self.assertIn("the signature is not by the key", self.said[1])
        self.assertEqual(len(self.said), 3)


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


class ChannelTests(SshCase):
    """Shells and commands."""

    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        door = SshDoor(
            PLACE, "", "", (Name("thing", 6, "a thing"),), self.clock, self.said.append, greeting="hello"
        )
        self.connection = Connection(door)
        self.channel = SshChannel(
            remoteWindow=1000,
            remoteMaxPacket=500,
            conn=self.connection,
            avatar=SimpleNamespace(login=Login("operator", "SHA256:x", "")),
        )

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


class DoorTests(SshCase):
    """Listening."""

    def door(self, reactor: Any) -> SshDoor:
        return SshDoor(PLACE, str(self.keys), str(self.folder / "alice"), (), reactor, self.said.append)

    def test_open_and_close(self) -> None:
        """It listens where it was told to, and connections are told when it closes."""
        reactor = MemoryReactorClock()
        door = self.door(reactor)
        door.open()
        ((port, factory, _, interface),) = reactor.tcpServers
        self.assertEqual(
            (port, interface, self.said[-1]), (2222, "127.0.0.1", "manhole at ssh:127.0.0.1:2222")
        )
        assert isinstance(factory, SshFactory)
        factory.doStart()
        protocol = factory.buildProtocol(None)
        transport = StringTransport()
        transport.doWrite = lambda: None  # type: ignore[attr-defined]
        protocol.makeConnection(transport)
        self.assertEqual(len(door.connections), 1)
        protocol.pauseProducing()
        self.assertTrue(protocol.is_full)
        protocol.resumeProducing()
        protocol.stopProducing()
        door.close("the instance ends")
        self.assertTrue(transport.disconnecting)
        self.assertIn(b"the instance ends", transport.value())
        door.connections.update(object() for _ in range(MOST_CONNECTIONS))  # type: ignore[misc]
        self.assertIsNone(factory.buildProtocol(None))

    def test_who_says_nothing(self) -> None:
        """A connection that does not log in is ended; one that did is not."""
        reactor = MemoryReactorClock()
        door = self.door(reactor)
        door.open()
        factory: Any = reactor.tcpServers[0][1]
        factory.doStart()
        aborted: list[str] = []
        for name in ("stranger", "alice"):
            protocol = factory.buildProtocol(None)
            transport: Any = StringTransport()
            transport.abortConnection = partial(aborted.append, name)
            protocol.makeConnection(transport)
            if name == "alice":
                protocol.avatar = object()
        reactor.advance(LOGIN_TAKES)
        self.assertEqual(aborted, ["stranger"])
        protocol.avatar = SimpleNamespace(conn=None)
        before = len(reactor.getDelayedCalls())
        for each in tuple(door.connections):
            each.logoutFunction = lambda: None
            each.connectionLost(Failure(ConnectionDone()))
        self.assertEqual((len(door.connections), before), (0, 0))

    def test_taken(self) -> None:
        """An address that somebody has is an error that names it."""
        from twisted.internet.error import CannotListenError

        class Taken:
            def listenTCP(self, port: int, factory: object, interface: str) -> None:
                raise CannotListenError(interface, port, OSError(98, "Address already in use"))

        error = self.assertRaises(KernelError, self.door(Taken()).open)
        self.assertEqual(str(error), "manhole: bind(): Address already in use [ssh:127.0.0.1:2222]")
