"""The door of the manhole by ssh, and its connections; the real client is in the live tests."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from tests.manhole.support import PLACE, SshCase
from uwsgid.errors import KernelError
from uwsgid.manhole.ssh import MOST_CONNECTIONS, SshDoor, SshFactory
from uwsgid.manhole.ssh_login import LOGIN_TAKES


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
