"""Ciphers by OpenSSL's names."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import ConfigError
from uwsgid.logs.loggers import ciphers
from uwsgid.logs.loggers.ciphers import scheme_of


class CipherTests(SynchronousTestCase):
    def test_schemes(self) -> None:
        """OpenSSL's names are found, whatever their case, and tell how long keys are and who is fit."""
        for name, key_size, block_size, weak in (
            ("aes-256-cbc", 32, 16, False),
            ("AES-128-CBC", 16, 16, False),
            ("camellia-192-cbc", 24, 16, False),
            ("aes256", 32, 16, False),
            ("aes-256-ecb", 32, 16, True),
            ("aes-256-ctr", 32, 16, True),
            ("bf-cbc", 16, 8, True),
            ("bf", 16, 8, True),
            ("des3", 24, 8, True),
            ("cast5-cfb", 16, 8, True),
        ):
            scheme = scheme_of(name)
            self.assertEqual(
                (scheme.key_size, scheme.block_size, bool(scheme.weakness)),
                (key_size, block_size, weak),
                name,
            )

    def test_unknown(self) -> None:
        """Others are refused in uWSGI's words."""
        for name in ("", "aes", "rot13", "aes-256-xyz", "aes-cbc"):
            text = str(self.assertRaises(ConfigError, scheme_of, name))
            self.assertIn("[uwsgi-logcrypto] unable to find algorithm/cipher", text)

    def test_not_in_this_library(self) -> None:
        """What this version of the library does not have is a mistake of the configuration."""
        self.patch(ciphers, "_PLACES", ("no.such.package",))
        text = str(self.assertRaises(ConfigError, scheme_of("bf-cbc").cipher, b"x", b"y"))
        self.assertIn("has no CBC", text)

    def test_round_trips(self) -> None:
        """What each of them encrypts can be decrypted with the same key and IV."""
        for name in ("aes-256-cbc", "aes-128-ecb", "aes-192-ctr", "aes-256-cfb", "bf-cbc", "des-ede3-cbc"):
            scheme = scheme_of(name)
            cipher = scheme.cipher(b"a secret", b"an iv")
            text = scheme.pad(b"some text")
            encryptor, decryptor = cipher.encryptor(), cipher.decryptor()
            made = encryptor.update(text) + encryptor.finalize()
            self.assertNotIn(b"some text", made)
            self.assertEqual(decryptor.update(made) + decryptor.finalize(), text, name)

    def test_padding(self) -> None:
        """Keys are filled with zeros, IVs with the digit 0, and both cut, as in uWSGI."""
        scheme = scheme_of("aes-128-cbc")
        self.assertEqual(scheme.padded(b"abc"), b"abc" + bytes(13))
        self.assertEqual(scheme.padded(b"a" * 20), b"a" * 16)
        self.assertEqual(scheme.padded_iv(b"xyz"), b"xyz0000000000000")
        self.assertEqual(scheme.padded_iv(b""), b"0" * 16)
