"""Who comes in by ssh: holders of the public keys of ``manhole-keys``, and nobody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from twisted.conch.avatar import ConchUser
from twisted.conch.error import ValidPublicKey
from twisted.conch.interfaces import IConchUser
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.userauth import SSHUserAuthServer
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import ISSHPrivateKey
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from zope.interface import implementer

from uwsgid.manhole.authorized import find_key, fingerprint
from uwsgid.manhole.record import Record
from uwsgid.manhole.ssh_channel import SshChannel, quiet

#: Seconds within which a client has to log in.
LOGIN_TAKES: Final = 60


@dataclass(frozen=True, slots=True)
class Login:
    """Who logged in."""

    user: str
    key: str
    comment: str

    def __str__(self) -> str:
        comment = f" ({self.comment})" if self.comment else ""
        return f"{self.user} with key {self.key}{comment}"


class _User(ConchUser):
    """What a login may do: open sessions."""

    def __init__(self, login: Login) -> None:
        ConchUser.__init__(self)
        self.login = login
        self.channelLookup = {b"session": SshChannel}


@implementer(IRealm)
class Realm:
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


class Authentication(SSHUserAuthServer):
    """Public keys only, a few of them, and soon."""

    loginTimeout = LOGIN_TAKES
    attemptsBeforeDisconnect = 6
    _log = quiet
    transport: Any

    def serviceStarted(self) -> None:
        factory = self.transport.factory
        self.clock = factory.door.reactor
        SSHUserAuthServer.serviceStarted(self)
        self.portal = Portal(
            Realm(),
            [
                KeyChecker(
                    factory.door.keys, factory.door.say, str(factory.door.place), self.transport.address
                )
            ],
        )
