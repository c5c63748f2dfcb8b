"""What a sealed record is, and the keys for it: pure bytes, shared by who seals and who unseals.

A sealed record, all numbers big-endian::

    u8        version, 1
    u8        cipher: 1 AES-256-GCM, 2 ChaCha20-Poly1305
    u32       length of what follows the head
    8 bytes   which key
    16 bytes  session: drawn by chance by each process that seals, for each of its loggers
    u64       number of the record in its session, from 0
    …         the record encrypted, and the tag of 16 bytes

The head, 38 bytes, is authenticated with the record.  The nonce is four zero bytes and the number.  That is
safe since no key is used in two sessions: the key of a session is made of the operator's key by HKDF-SHA256,
with the session as salt, so neither workers nor restarts have to know of each other.  A session ends with a
fork and after 2**32 records.

As text a record is the same in base64, on a line of its own.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
import struct
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from uwsgid.errors import ConfigError

VERSION: Final = 1
HEAD: Final = struct.Struct(">BBI8s16sQ")
TAG: Final = 16  #: bytes that are authentic or not
SESSION: Final = 16  #: bytes of the name of a session
LONGEST: Final = 1 << 24  #: bytes of a record, encrypted; whoever says more is damaged

Cipher = AESGCM | ChaCha20Poly1305

#: Names of ciphers in the configuration, and their numbers in records.
CIPHERS: Final = {"aes-256-gcm": 1, "chacha20-poly1305": 2}

_MAKE: Final[dict[int, type[AESGCM] | type[ChaCha20Poly1305]]] = {1: AESGCM, 2: ChaCha20Poly1305}
_KEY: Final = 32  #: bytes
_ENOUGH: Final = 16  #: different bytes of a key, and steps from one to the next; chance makes some thirty
_HEX: Final = re.compile(rb"[0-9A-Fa-f]{64}")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_-]{43}=?")
_HOW: Final = "openssl rand -hex 32 makes a key"


@dataclass(frozen=True, slots=True)
class Key:
    """What the operator keeps secret.

    :ivar secret: 32 bytes.
    :ivar id: tells the key from others and nothing about it.
    """

    secret: bytes
    id: bytes

    def __repr__(self) -> str:
        return f"Key({self.id.hex()})"

    def session(self, name: bytes, cipher: int) -> Cipher:
        """What encrypts the records of one session."""
        return _MAKE[cipher](_derive(self.secret, name, b"uwsgid sealed log 1, cipher %d" % cipher))


def nonce(number: int) -> bytes:
    """The nonce of a record by its number in the session."""
    return number.to_bytes(12, "big")


def read_key(path: str, *, private: bool = True) -> Key:
    """The key in a file: its 32 bytes, or these in hexadecimal or base64.

    :param private: insist on a file that not everybody can read.
    :raises ConfigError: it can not be read, holds no key or a weak one, or everybody can read it.
    """
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(4096)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(f"the key file {path!r} can not be read: {reason}") from None
    if private and stat.S_ISREG(mode) and mode & 0o007:
        raise ConfigError(f"everybody can use the key in {path}; chmod o= {path}")
    return make_key(text, f"the key in {path}")


def make_key(text: bytes, name: str) -> Key:
    """A key of its 32 bytes, or of these in hexadecimal or base64.

    :param name: what the key is called in errors, which never show it.
    :raises ConfigError: it is no key, or one that can be guessed.
    """
    secret = _decoded(text)
    if secret is None:
        raise ConfigError(
            f"{name} has to be 32 bytes, or these as 64 hexadecimal digits or in base64, "
            f"not {len(text)} bytes; {_HOW}"
        )
    steps = {(after - before) % 256 for before, after in pairwise(secret)}
    if (
        len(set(secret)) < _ENOUGH
        or len(steps) < _ENOUGH
        or (secret.isascii() and secret.decode().isprintable())
    ):
        raise ConfigError(f"{name} does not look as if chance had made it, so it can be guessed; {_HOW}")
    return Key(secret, _derive(secret, None, b"uwsgid sealed log, key id")[:8])


def _decoded(text: bytes) -> bytes | None:
    if len(text) == _KEY:
        return text
    word = text.strip()
    try:
        if _HEX.fullmatch(word):
            return bytes.fromhex(word.decode("ascii"))
        if _BASE64.fullmatch(word):
            return base64.urlsafe_b64decode(word.replace(b"+", b"-").replace(b"/", b"_")[:43] + b"=")
    except binascii.Error:
        pass
    return None


def _derive(secret: bytes, salt: bytes | None, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=purpose).derive(secret)
