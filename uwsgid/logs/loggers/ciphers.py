"""The ciphers of the engine ``crypto``, by OpenSSL's names.

uWSGI takes whatever its OpenSSL knows (``EVP_get_cipherbyname``).  These are those of them that the library
cryptography has; which of them are fit to be used is said here as well.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.padding import PKCS7

from uwsgid.errors import ConfigError

#: Where classes are, the newer place first: old algorithms and modes have moved.
_PLACES: Final = ("cryptography.hazmat.decrepit.ciphers", "cryptography.hazmat.primitives.ciphers")

#: OpenSSL's names of algorithms: class, bytes of the key, bytes of a block.
_ALGORITHMS: Final = {
    "aes-128": ("AES", 16, 16),
    "aes-192": ("AES", 24, 16),
    "aes-256": ("AES", 32, 16),
    "camellia-128": ("Camellia", 16, 16),
    "camellia-192": ("Camellia", 24, 16),
    "camellia-256": ("Camellia", 32, 16),
    "sm4": ("SM4", 16, 16),
    "seed": ("SEED", 16, 16),
    "bf": ("Blowfish", 16, 8),
    "cast5": ("CAST5", 16, 8),
    "idea": ("IDEA", 16, 8),
    "des-ede3": ("TripleDES", 24, 8),
}
_SAFE: Final = ("aes-", "camellia-", "sm4")
_MODES: Final = {"cbc": "CBC", "cfb": "CFB", "cfb8": "CFB8", "ofb": "OFB", "ctr": "CTR", "ecb": "ECB"}
#: What OpenSSL calls some of them as well.
_SYNONYMS: Final = {
    "aes128": "aes-128-cbc",
    "aes192": "aes-192-cbc",
    "aes256": "aes-256-cbc",
    "bf": "bf-cbc",
    "blowfish": "bf-cbc",
    "cast": "cast5-cbc",
    "cast-cbc": "cast5-cbc",
    "des3": "des-ede3-cbc",
    "idea": "idea-cbc",
    "seed": "seed-cbc",
    "sm4": "sm4-cbc",
}


def _find(module: str, name: str) -> Any:
    for place in _PLACES:
        try:
            return getattr(importlib.import_module(f"{place}.{module}"), name)
        except (ImportError, AttributeError):
            continue
    raise ConfigError(f"crypto: this version of the library cryptography has no {name}")


@dataclass(frozen=True, slots=True)
class Scheme:
    """An algorithm in a mode.

    :ivar key_size: bytes.
    :ivar block_size: bytes, of the IV too.
    :ivar weakness: why nobody should use it; empty for those that are fine.
    """

    name: str
    algorithm: str
    mode: str
    key_size: int
    block_size: int
    weakness: str

    def padded(self, secret: bytes) -> bytes:
        """*secret* as a key: behind it zeros, or cut (plugins/logcrypto/logcrypto.c)."""
        return secret[: self.key_size].ljust(self.key_size, b"\0")

    def padded_iv(self, iv: bytes) -> bytes:
        """*iv* as an IV: behind it the digit 0, or cut (plugins/logcrypto/logcrypto.c)."""
        return iv[: self.block_size].ljust(self.block_size, b"0")

    def cipher(self, secret: bytes, iv: bytes) -> Cipher[Any]:
        """A cipher with these, padded.

        :raises ConfigError: the OpenSSL that the library has been built with does not have it.
        """
        mode = _find("modes", self.mode)
        made: Cipher[Any] = Cipher(
            _find("algorithms", self.algorithm)(self.padded(secret)),
            mode() if self.mode == "ECB" else mode(self.padded_iv(iv)),
        )
        try:
            made.encryptor()
        except UnsupportedAlgorithm as error:
            raise ConfigError(f"crypto: {self.name} is not supported here: {error}") from None
        return made

    def pad(self, text: bytes) -> bytes:
        """*text* as long as the mode needs it."""
        if self.mode not in ("CBC", "ECB"):
            return text
        padder = PKCS7(self.block_size * 8).padder()
        return padder.update(text) + padder.finalize()


def scheme_of(name: str) -> Scheme:
    """The scheme that OpenSSL calls *name*.

    :raises ConfigError: nobody knows it.
    """
    word = name.lower()
    algorithm, _, mode = _SYNONYMS.get(word, word).rpartition("-")
    if algorithm not in _ALGORITHMS or mode not in _MODES:
        raise ConfigError(
            f"[uwsgi-logcrypto] unable to find algorithm/cipher: {name!r}; expected for example aes-256-cbc"
        )
    cls, key_size, block_size = _ALGORITHMS[algorithm]
    if not algorithm.startswith(_SAFE):
        weakness = f"{algorithm} is an old cipher with small blocks or short keys"
    elif mode == "ecb":
        weakness = "the mode ecb shows what is the same in two records"
    elif mode != "cbc":
        weakness = f"the mode {mode} gives records away where the iv is always the same, as it is here"
    else:
        weakness = ""
    return Scheme(word, cls, _MODES[mode], key_size, block_size, weakness)
