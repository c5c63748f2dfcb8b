"""The engine ``crypto``."""

from __future__ import annotations

import os

from tests.logs.loggers.receivers import PeerCase
from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError, KernelError
from uwsgid.families import loggers
from uwsgid.logs.loggers.ciphers import scheme_of
from uwsgid.logs.loggers.crypto import Crypto, Wish

SETTINGS = settings_of("")
LONG = "0123456789abcdef0123456789abcdef"  #: as long as a key of aes-256


def decrypt(packet: bytes, algorithm: str, secret: bytes, iv: bytes) -> bytes:
    """What *packet* says, without its padding."""
    decryptor = scheme_of(algorithm).cipher(secret, iv).decryptor()
    text = decryptor.update(packet) + decryptor.finalize()
    return text[: -text[-1]]


class CryptoTests(PeerCase):
    def refused(self, argument: str) -> str:
        return str(self.assertRaises(ConfigError, Crypto.check_argument, argument, SETTINGS))

    def test_member(self) -> None:
        """It is registered by its name in uWSGI."""
        self.assertIs(loggers["crypto"], Crypto)

    def test_packet(self) -> None:
        """Microseconds, prefix and record, encrypted anew for each packet with the same IV."""
        peer, port = self.udp()
        wish = Wish.read(f"addr=127.0.0.1:{port},algo=aes-256-cbc,secret={LONG},iv=xyz,prefix=web1")
        engine = Crypto(wish, wish.read_secret(), clock=lambda: 1378195872.25)
        self.addCleanup(engine.close)
        engine.write([b"line\n", b"line\n"])
        first, second = peer.recv(999), peer.recv(999)
        self.assertEqual(first, second)
        self.assertEqual(
            decrypt(first, "aes-256-cbc", LONG.encode(), b"xyz"), b"1378195872250000 web1 line\n"
        )

    def test_bytes_of_uwsgi(self) -> None:
        """The bytes are those that uWSGI 2.0.21 sends for the same key, IV and microsecond."""
        wish = Wish.read("addr=127.0.0.1:9,algo=aes-256-cbc,secret=abc,iv=xyz,weak")
        engine = Crypto(wish, wish.read_secret(), clock=lambda: 1378195872.25)
        (packet,) = engine.packets(b"x")
        self.assertEqual(decrypt(packet, "aes-256-cbc", b"abc", b"xyz"), b"1378195872250000 x")

    def test_words_of_uwsgi(self) -> None:
        """What uWSGI refuses is refused in its words."""
        self.assertIn("you have to specify at least addr,algo and secret", self.refused("addr=a:1,secret=x"))
        self.assertIn(
            "[uwsgi-logcrypto] invalid UDP address", self.refused("addr=a,algo=aes-256-cbc,secret=x")
        )
        self.assertIn("unable to find algorithm/cipher", self.refused("addr=a:1,algo=x,secret=y"))

    def test_weak(self) -> None:
        """Old ciphers, unfit modes and short secrets need somebody to insist; no text repeats a secret."""
        for argument in (
            f"addr=a:1,algo=bf-cbc,secret={LONG}",
            f"addr=a:1,algo=aes-256-ctr,secret={LONG}",
            "addr=a:1,algo=aes-256-cbc,secret=abcxyz",
        ):
            text = self.refused(argument)
            self.assertIn("weak=true", text)
            self.assertNotIn("abcxyz", text)
            Crypto.check_argument(f"{argument},weak=true", SETTINGS)

    def test_secret_file(self) -> None:
        """The secret can be in a file, one that strangers can not read."""
        peer, port = self.udp()
        argument = f"addr=127.0.0.1:{port},algo=aes-256-cbc,secret-file={self.path('key')}"
        Crypto.check_argument(argument, SETTINGS)
        self.assertRaises(KernelError, Crypto.from_argument, argument, SETTINGS)
        with open(self.path("key"), "w") as file:
            file.write(LONG + "\n")
        os.chmod(self.path("key"), 0o644)
        text = str(self.assertRaises(ConfigError, Crypto.from_argument, argument, SETTINGS))
        self.assertIn("chmod 600", text)
        os.chmod(self.path("key"), 0o600)
        engine = Crypto.from_argument(argument, SETTINGS)
        self.addCleanup(engine.close)
        engine.write([b"line\n"])
        text = decrypt(peer.recv(999), "aes-256-cbc", LONG.encode(), b"").decode()
        self.assertRegex(text, r"^\d{16} line\n$")
        with open(self.path("key"), "w") as file:
            file.write("short\n")
        self.assertRaises(ConfigError, Crypto.from_argument, argument, SETTINGS)

    def test_two_secrets(self) -> None:
        """A secret and a file with one is one too many."""
        text = self.refused(f"addr=a:1,algo=aes-256-cbc,secret={LONG},secret-file=/x")
        self.assertIn("expected one of them", text)
