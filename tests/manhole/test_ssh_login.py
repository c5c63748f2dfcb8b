"""Who comes in by ssh."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.conch.error import ValidPublicKey
from twisted.conch.ssh.keys import Key
from twisted.cred.error import UnauthorizedLogin

from tests.manhole.support import SshCase
from uwsgid.manhole.hostkey import host_key
from uwsgid.manhole.ssh_login import KeyChecker


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
