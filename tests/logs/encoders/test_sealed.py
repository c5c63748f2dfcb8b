"""Keys, and what a sealed record is."""

from __future__ import annotations

import base64
import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import ConfigError
from uwsgid.logs.encoders.sealed import make_key, nonce, read_key

SECRET = bytes.fromhex("8f1d7ac03be6925418f0c47d6b2ea9135fd8037b91e64c2ab07f15d3894ee260")


class KeyTests(SynchronousTestCase):
    """Which keys are taken."""

    def test_forms(self) -> None:
        """A key is the same as bytes, in hexadecimal of either case, and in both kinds of base64."""
        forms = [
            SECRET,
            SECRET.hex().encode(),
            SECRET.hex().upper().encode() + b"\n",
            base64.b64encode(SECRET) + b"\r\n",
            base64.urlsafe_b64encode(SECRET).rstrip(b"="),
        ]
        self.assertEqual([make_key(form, "it") for form in forms], [make_key(SECRET, "it")] * len(forms))
        self.assertEqual(make_key(SECRET, "it").secret, SECRET)

    def test_wrong_sizes(self) -> None:
        """Shorter and longer keys are refused, and the error says how to make one."""
        for text in (
            b"",
            b"secret",
            SECRET[:31],
            SECRET + b"x",
            SECRET[:16].hex().encode() + b"\n",
            b"g" * 64,
        ):
            with self.assertRaisesRegex(ConfigError, "^it has to be 32 bytes, .*openssl rand -hex 32"):
                make_key(text, "it")

    def test_weak_keys(self) -> None:
        """What nobody drew by chance is refused: the same byte, few of them, a row of numbers, a password."""
        for text in (
            bytes(32),
            b"\xaa" * 32,
            bytes(range(32)),
            bytes(range(255, 191, -2)),
            bytes(range(8)) * 4,
            b"correct horse battery staple, 32",
            SECRET[:16].hex().encode(),  # 32 digits would do for a smaller key, and are no 32 bytes by chance
            b"00" * 32,
        ):
            with self.assertRaisesRegex(ConfigError, "it can be guessed"):
                make_key(text, "it")

    def test_errors_and_keys_show_nothing(self) -> None:
        """Neither an error nor the key as text shows anything of the secret."""
        key = make_key(SECRET, "it")
        self.assertNotIn(SECRET.hex()[:8], repr(key))
        self.assertEqual(repr(key), f"Key({key.id.hex()})")
        with self.assertRaises(ConfigError) as raised:
            make_key(b"secret!", "it")
        self.assertNotIn("secret!", str(raised.exception))

    def test_chance_is_strong(self) -> None:
        """Keys by chance are taken."""
        for _ in range(1000):
            secret = os.urandom(32)
            self.assertEqual(make_key(secret, "it").secret, secret)


class FileTests(SynchronousTestCase):
    """Keys in files."""

    def file(self, text: bytes, mode: int = 0o600) -> str:
        path = Path(self.mktemp())
        path.write_bytes(text)
        path.chmod(mode)
        return str(path)

    def test_file(self) -> None:
        """A file holds the key as it is, or as text."""
        for text in (SECRET, SECRET.hex().encode() + b"\n"):
            self.assertEqual(read_key(self.file(text)).secret, SECRET)
        self.assertEqual(read_key(self.file(SECRET, 0o640)).secret, SECRET)

    def test_open_to_everybody(self) -> None:
        """Whoever seals refuses a file that everybody can use; whoever reads may have it as it is."""
        for mode in (0o644, 0o602):
            path = self.file(SECRET, mode)
            with self.assertRaisesRegex(ConfigError, f"everybody can use the key in {path}; chmod o= "):
                read_key(path)
            self.assertEqual(read_key(path, private=False).secret, SECRET)

    def test_unreadable(self) -> None:
        """An error names the file, and why it is of no use."""
        for path, why in (
            ("/nowhere/key", "'/nowhere/key' can not be read: No such file"),
            ("/", "Is a directory"),
            ("a\0b", "null byte"),
            (self.file(b"short"), "the key in .* has to be 32 bytes"),
        ):
            with self.assertRaisesRegex(ConfigError, why):
                read_key(path)


class SessionTests(SynchronousTestCase):
    """Keys of sessions."""

    def test_different(self) -> None:
        """Sessions, ciphers and keys encrypt the same in different ways."""
        other = make_key(SECRET[::-1], "it")
        made = {
            key.session(name, cipher).encrypt(nonce(0), b"record", b"")
            for key in (make_key(SECRET, "it"), other)
            for name in (bytes(16), b"\1" * 16)
            for cipher in (1, 2)
        }
        self.assertEqual(len(made), 8)
        self.assertNotEqual(make_key(SECRET, "it").id, other.id)

    def test_nonces(self) -> None:
        """Each number has a nonce of its own, of the twelve bytes that ciphers want."""
        self.assertEqual(nonce(0), bytes(12))
        self.assertEqual(nonce(258), bytes(10) + b"\1\2")
        self.assertEqual(len(nonce((1 << 64) - 1)), 12)
