"""The manhole of the master by ssh: twisted.conch speaks the protocol, the sessions are those of `session`.

Who comes in is decided by public keys alone.  A login has a shell or a command on each of its channels, and
nothing else: no forwarding, no subsystem, no agent.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from twisted.conch.avatar import ConchUser
from twisted.conch.error import ValidPublicKey
from twisted.conch.interfaces import IConchUser
from twisted.conch.ssh.channel import SSHChannel
from twisted.conch.ssh.common import NS, getNS
from twisted.conch.ssh.connection import (
    MSG_CHANNEL_OPEN_FAILURE,
    OPEN_ADMINISTRATIVELY_PROHIBITED,
    SSHConnection,
)
from twisted.conch.ssh.factory import SSHFactory
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.session import parseRequest_pty_req, parseRequest_window_change
from twisted.conch.ssh.transport import DISCONNECT_BY_APPLICATION, SSHServerTransport
from twisted.conch.ssh.userauth import SSHUserAuthServer
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import ISSHPrivateKey
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.internet.error import CannotListenError
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from uwsgid.errors import KernelError
from uwsgid.manhole.authorized import find_key, fingerprint
from uwsgid.manhole.console import ClientGone
from uwsgid.manhole.hostkey import host_key
from uwsgid.manhole.names import Name, namespace
from uwsgid.manhole.options import Place
from uwsgid.manhole.record import Record
from uwsgid.manhole.session import Session

#: Connections at a time, those that have not logged in yet included.
MOST_CONNECTIONS: Final = 16
#: Bytes of answers that may wait for a client.
MOST: Final = 16 << 20
#: Seconds within which a client has to log in.
LOGIN_TAKES: Final = 60

_PIECE: Final = 1 << 15
#: What conch says of channels that open and close is its own business, not that of our log.
_quiet: Final = property(lambda self: Logger("twisted.conch"))


@dataclass(frozen=True, slots=True)
class Login:
    """Who logged in."""

    user: str
    key: str
    comment: str

    def __str__(self) -> str:
        comment = f" ({self.comment})" if self.comment else ""
        return f"{self.user} with key {self.key}{comment}"


class SshChannel(SSHChannel):
    """A shell, or a command."""

    name = b"session"
    _log = _quiet
    avatar: Any
    conn: Any

    def __init__(self, *arguments: Any, **more: Any) -> None:
        SSHChannel.__init__(self, *arguments, **more)
        self._session: Session | None = None
        self._columns = 0
        self._pending = bytearray()
        self._is_leaving = False
        self._waiting: list[Callable[[], None]] | None = []  # what came before the session began

    # ---- what the client asks for

    def request_pty_req(self, data: bytes) -> int:
        """A terminal."""
        _, (_, columns, _, _), _ = parseRequest_pty_req(data)
        self._columns = columns or 80
        return 1

    def request_window_change(self, data: bytes) -> int:
        """Its size changed."""
        _, columns, _, _ = parseRequest_window_change(data)
        if self._session is not None and self._columns:
            self._session.open_terminal(columns)
        return 1

    def request_shell(self, data: bytes) -> int:
        """A prompt; without a terminal, answers to lines."""
        session = self._begin()
        if session is None:
            return 0
        self._later(lambda: session.open_terminal(self._columns) if self._columns else session.open_pipe())
        return 1

    def request_exec(self, data: bytes) -> int:
        """Run lines, and end."""
        session = self._begin()
        if session is None:
            return 0
        text = getNS(data)[0].decode("utf-8", "replace")
        self._later(lambda: session.run_command(text))
        return 1

    def dataReceived(self, data: bytes) -> None:
        self._in_turn(lambda session: session.receive(data))

    def eofReceived(self) -> None:
        self._in_turn(Session.end_of_input)

    def closed(self) -> None:
        self._is_leaving = True
        self._pending.clear()
        if self._session is not None:
            self._session.end("hung up")
        self.conn.transport.channels.discard(self)

    # ---- what is sent

    def addWindowBytes(self, data: int) -> None:
        SSHChannel.addWindowBytes(self, data)
        self.flush()

    def flush(self) -> None:
        """Send what the client and the connection take now."""
        while self._pending and self.remoteWindowLeft > 0 and not self.conn.transport.is_full:
            piece = bytes(self._pending[: min(_PIECE, self.remoteWindowLeft)])
            del self._pending[: len(piece)]
            SSHChannel.write(self, piece)
        if self._is_leaving and not self._pending and not self.localClosed:
            SSHChannel.loseConnection(self)

    def dismiss(self, why: str) -> None:
        """End the session, and tell the client why."""
        if self._session is not None:
            self._session.dismiss(why)

    def _send(self, text: str) -> None:
        if self.localClosed:
            raise ClientGone("the client is gone")
        self._pending += text.encode("utf-8", "backslashreplace")
        self.flush()
        if len(self._pending) > MOST:
            self._pending.clear()
            raise ClientGone("the client does not read")

    def _leave(self) -> None:
        self._is_leaving = True
        if not self.localClosed and self._session is not None:
            self.conn.sendRequest(self, b"exit-status", struct.pack(">L", int(self._session.failed)))
            self.flush()

    def _begin(self) -> Session | None:
        if self._session is not None:
            return None
        transport = self.conn.transport
        door: SshDoor = transport.factory.door
        record = Record(door.say, str(door.place))
        record.login(f"{self.avatar.login} from {transport.address}")
        self._session = Session(namespace(door.names), record, self._send, self._leave, door.greeting)
        transport.channels.add(self)
        return self._session

    def _later(self, begin: Callable[[], None]) -> None:
        """Begin once the client heard that it may, and go on with what came meanwhile."""

        def go() -> None:
            waiting, self._waiting = self._waiting or [], None
            for call in (begin, *waiting):
                call()

        self.conn.transport.factory.door.reactor.callLater(0, go)

    def _in_turn(self, call: Callable[[Session], None]) -> None:
        session = self._session
        if session is None:
            return
        if self._waiting is None:
            call(session)
        else:
            self._waiting.append(lambda: call(session))


class _User(ConchUser):
    """What a login may do: open sessions."""

    def __init__(self, login: Login) -> None:
        ConchUser.__init__(self)
        self.login = login
        self.channelLookup = {b"session": SshChannel}


@implementer(IRealm)
class _Realm:
    """Makes a user of a login."""

    def requestAvatar(self, avatarId: Any, mind: object, *interfaces: Any) -> Any:
        assert IConchUser in interfaces
        return IConchUser, _User(avatarId), lambda: None


@implementer(ICredentialsChecker)
class KeyChecker:
    """Lets in who holds a key of the file ``manhole-keys``.

    :param place: for the log.
    :param address: from where the client comes.
    """

    credentialInterfaces = (ISSHPrivateKey,)

    def __init__(self, keys: str, say: Callable[[str], None], place: str, address: str) -> None:
        self._keys = keys
        self._say = say
        self._place = place
        self._address = address

    def requestAvatarId(self, credentials: Any) -> Any:
        """A `Login`.

        :raises UnauthorizedLogin: the key is not in the file, or the signature is not by it.
        :raises ValidPublicKey: it is, and the client may prove now that it holds it.
        """
        user = credentials.username.decode("utf-8", "replace")
        comment = find_key(self._keys, credentials.blob, self._say)
        login = Login(user, fingerprint(credentials.blob), comment or "")
        if comment is None:
            self._refuse(login, "the key is not in manhole-keys")
        if not credentials.signature:
            raise ValidPublicKey
        try:
            proven = Key.fromString(credentials.blob).verify(credentials.signature, credentials.sigData)
        except Exception:  # whatever is wrong with what a stranger sent
            proven = False
        if not proven:
            self._refuse(login, "the signature is not by the key")
        return login

    def _refuse(self, login: Login, why: str) -> None:
        Record(self._say, self._place).refused(f"{login} from {self._address}", why)
        raise UnauthorizedLogin(why)


class _Auth(SSHUserAuthServer):
    """Public keys only, a few of them, and soon."""

    loginTimeout = LOGIN_TAKES
    attemptsBeforeDisconnect = 6
    _log = _quiet
    transport: Any

    def serviceStarted(self) -> None:
        factory = self.transport.factory
        self.clock = factory.door.reactor
        SSHUserAuthServer.serviceStarted(self)
        self.portal = Portal(
            _Realm(),
            [
                KeyChecker(
                    factory.door.keys, factory.door.say, str(factory.door.place), self.transport.address
                )
            ],
        )


class _Connection(SSHConnection):
    """Sessions, and no forwarding."""

    _log = _quiet
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
    _log = _quiet

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
    _log = _quiet
    services = {  # noqa: RUF012 - Twisted declares it
        b"ssh-userauth": _Auth,
        b"ssh-connection": _Connection,
    }

    def __init__(self, door: SshDoor, key: Key) -> None:
        self.door = door
        self.portal = Portal(_Realm(), [KeyChecker(door.keys, door.say, str(door.place), "")])
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
    ) -> None:
        self.place: Final = place
        self.keys: Final = keys
        self.names: Final = tuple(names)
        self.reactor = reactor
        self.say = say
        self.greeting: Final = greeting
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
