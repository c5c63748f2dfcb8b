"""The manhole of the master by ssh: twisted.conch speaks the protocol, the sessions are those of `session`.

Who comes in is decided by public keys alone (`uwsgid.manhole.ssh_login`).  A login has a shell or a command
on each of its channels (`uwsgid.manhole.ssh_channel`), and nothing else: no forwarding, no subsystem, no
agent.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Iterable
from typing import Any, Final

from twisted.conch.ssh.common import NS, getNS
from twisted.conch.ssh.connection import (
    MSG_CHANNEL_OPEN_FAILURE,
    OPEN_ADMINISTRATIVELY_PROHIBITED,
    SSHConnection,
)
from twisted.conch.ssh.factory import SSHFactory
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.transport import DISCONNECT_BY_APPLICATION, SSHServerTransport
from twisted.cred.portal import Portal
from twisted.internet.error import CannotListenError
from twisted.python.failure import Failure

from uwsgid.errors import KernelError
from uwsgid.manhole.hostkey import host_key
from uwsgid.manhole.names import Name
from uwsgid.manhole.options import Place
from uwsgid.manhole.relay import no_worker
from uwsgid.manhole.ssh_channel import SshChannel, quiet
from uwsgid.manhole.ssh_login import LOGIN_TAKES, Authentication, KeyChecker, Realm

#: Connections at a time, those that have not logged in yet included.
MOST_CONNECTIONS: Final = 16


class _Connection(SSHConnection):
    """Sessions, and no forwarding."""

    _log = quiet
    transport: Any

    def ssh_CHANNEL_OPEN(self, packet: bytes) -> None:
        kind, rest = getNS(packet)
        if kind == b"session":
            SSHConnection.ssh_CHANNEL_OPEN(self, packet)
            return
        sender = struct.unpack(">L", rest[:4])[0]
        self.transport.sendPacket(
            MSG_CHANNEL_OPEN_FAILURE,
            struct.pack(">2L", sender, OPEN_ADMINISTRATIVELY_PROHIBITED)
            + NS(b"a manhole has sessions only")
            + NS(b""),
        )


class SshTransport(SSHServerTransport):
    """One connection.

    :ivar channels: its sessions.
    :ivar is_full: enough waits to be sent.
    """

    factory: Any
    transport: Any
    _log = quiet

    def connectionMade(self) -> None:
        self.channels: set[SshChannel] = set()
        self.is_full = False
        peer = self.transport.getPeer()
        self.address = f"{peer.host} port {peer.port}"
        self.factory.door.connections.add(self)
        # a stranger who says nothing must not hold a place for ever
        self._patience = self.factory.door.reactor.callLater(LOGIN_TAKES, self._give_up)
        SSHServerTransport.connectionMade(self)
        self.transport.registerProducer(self, True)

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.factory.door.connections.discard(self)
        if self._patience.active():
            self._patience.cancel()
        SSHServerTransport.connectionLost(self, reason)
        for channel in tuple(self.channels):
            channel.closed()

    def _give_up(self) -> None:
        if getattr(self, "avatar", None) is None:
            self.transport.abortConnection()

    def ssh_DISCONNECT(self, packet: bytes) -> None:
        """The client leaves, which is no error."""
        self.transport.loseConnection()

    def pauseProducing(self) -> None:
        """The client does not take what was sent."""
        self.is_full = True

    def resumeProducing(self) -> None:
        """It goes on."""
        self.is_full = False
        for channel in tuple(self.channels):
            channel.flush()

    def stopProducing(self) -> None:
        """The connection is lost, of which `connectionLost` tells as well."""


class SshFactory(SSHFactory):
    """Makes connections.

    :param door: what they belong to.
    """

    protocol = SshTransport
    noisy = False
    _log = quiet
    services = {  # noqa: RUF012 - Twisted declares it
        b"ssh-userauth": Authentication,
        b"ssh-connection": _Connection,
    }

    def __init__(self, door: SshDoor, key: Key) -> None:
        self.door = door
        self.portal = Portal(Realm(), [KeyChecker(door.keys, door.say, str(door.place), "")])
        self.privateKeys = {key.sshType(): key}
        self.publicKeys = {key.sshType(): key.public()}

    def buildProtocol(self, addr: Any) -> Any:
        """A connection, or None, which closes it, where there are too many."""
        return SSHFactory.buildProtocol(self, addr) if len(self.door.connections) < MOST_CONNECTIONS else None


class SshDoor:
    """Lets in who holds a key.

    :param keys: the file ``manhole-keys``.
    :param host_key: the file ``manhole-host-key``.
    :param names: what statements know.
    :param say: writes a line to the log.
    :param greeting: the first line of a session.
    :param reach: a connection to the prompt of a worker, given its slot and the words for it
        (`uwsgid.manhole.listening.guest_words`); raises `UwsgidError` with the reason why there is none.
    :ivar connections: those who are connected, logged in or not.
    """

    def __init__(
        self,
        place: Place,
        keys: str,
        host_key: str,
        names: Iterable[Name],
        reactor: Any,
        say: Callable[[str], None],
        *,
        greeting: str = "",
        reach: Callable[[int, str], socket.socket] = no_worker,
    ) -> None:
        self.place: Final = place
        self.keys: Final = keys
        self.names: Final = tuple(names)
        self.reactor = reactor
        self.say = say
        self.greeting: Final = greeting
        self.reach: Final = reach
        self.connections: set[SshTransport] = set()
        self._host_key = host_key
        self._port: Any = None

    def open(self) -> None:
        """Listen.

        :raises KernelError: the address can not be had, or there is no host key.
        """
        if not os.access(self.keys, os.R_OK):
            self.say(f"manhole-keys: {self.keys} can not be read, so nobody can log in yet")
        factory = SshFactory(self, host_key(self._host_key, self.say))
        try:
            self._port = self.reactor.listenTCP(self.place.port, factory, interface=self.place.host)
        except CannotListenError as error:
            reason = error.socketError.strerror or error.socketError
            raise KernelError(f"manhole: bind(): {reason} [{self.place}]") from None
        self.say(f"manhole at {self.place}")

    def close(self, why: str) -> None:
        """Tell all sessions why they end, and listen no more."""
        port, self._port = self._port, None
        if port is not None:
            port.stopListening()
        for connection in tuple(self.connections):
            for channel in tuple(connection.channels):
                channel.dismiss(why)
            SSHServerTransport.sendDisconnect(connection, DISCONNECT_BY_APPLICATION, why.encode())
            if connection.transport is not None and connection.transport.connected:
                connection.transport.doWrite()  # there may be no next round of the reactor
