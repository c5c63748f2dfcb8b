"""``aead``: records that only who has the key can read, and nobody can change unnoticed.

uWSGI has the logger ``crypto`` for this, which encrypts and does not authenticate, always begins with the
same bytes, and ends at a UDP socket.  A sealed record goes wherever records go.  What it looks like, and why
its nonces never repeat, stands in `uwsgid.logs.encoders.sealed`; ``uwsgid unseal`` reads it.

    log-encoder = aead key-file=/etc/site.key
"""

from __future__ import annotations

import base64
import difflib
import os
import weakref
from collections.abc import Callable
from typing import Final

from uwsgid.errors import ConfigError
from uwsgid.families import log_encoders
from uwsgid.logs.encoders import Encoder
from uwsgid.logs.encoders.sealed import (
    CIPHERS,
    HEAD,
    SESSION,
    TAG,
    VERSION,
    Cipher,
    Key,
    make_key,
    nonce,
    read_key,
)
from uwsgid.logs.lines import encode

#: Records of a session, which bounds what one key encrypts.
MOST_RECORDS: Final = 1 << 32

_WORDS: Final = ("key-file", "key", "cipher", "form")
_FORMS: Final = ("binary", "text")


@log_encoders.member("aead")
def aead(arguments: str) -> Encoder:
    """Encrypts and authenticates each record.

    The arguments are ``key-file=FILE`` or ``key=HEX-OR-BASE64``, and behind a comma, where wanted,
    ``cipher=chacha20-poly1305`` in place of ``aes-256-gcm``, and ``form=text`` for base64 in lines.
    uWSGI has none.
    """
    given = _words(arguments)
    seal = Sealer(_key(given), CIPHERS[_choice(given, "cipher", tuple(CIPHERS))])
    if _choice(given, "form", _FORMS) == "text":
        return lambda record: base64.b64encode(seal(record)) + b"\n"
    return seal


class Sealer:
    """Seals record after record.

    :param draw: names a session; by chance where not given.
    """

    def __init__(self, key: Key, cipher: int, draw: Callable[[int], bytes] = os.urandom) -> None:
        self._key: Final = key
        self._cipher: Final = cipher
        self._draw: Final = draw
        self._session = b""
        self._number = self._end = 0
        self._encrypt: Callable[[bytes, bytes, bytes | None], bytes] = _no_session
        _sealers.add(self)

    # hot path
    def __call__(self, record: bytes) -> bytes:
        if self._number == self._end:
            self._begin()
        number = self._number
        self._number = number + 1
        head = HEAD.pack(VERSION, self._cipher, len(record) + TAG, self._key.id, self._session, number)
        return head + self._encrypt(nonce(number), record, head)

    def forget(self) -> None:
        """End the session: who forked us goes on with it."""
        self._number = self._end = 0
        self._encrypt = _no_session

    def _begin(self) -> None:
        self._session = self._draw(SESSION)
        cipher: Cipher = self._key.session(self._session, self._cipher)
        self._encrypt = cipher.encrypt
        self._number, self._end = 0, MOST_RECORDS


_sealers: Final[weakref.WeakSet[Sealer]] = weakref.WeakSet()


def _no_session(nonce: bytes, record: bytes, head: bytes | None) -> bytes:
    raise AssertionError("a session begins with its first record")


def _forget_sessions() -> None:
    for sealer in list(_sealers):
        sealer.forget()


os.register_at_fork(after_in_child=_forget_sessions)


def _words(arguments: str) -> dict[str, str]:
    given: dict[str, str] = {}
    for word in filter(None, (word.strip() for word in arguments.split(","))):
        name, _, value = word.partition("=")
        if name not in _WORDS:
            near = difflib.get_close_matches(name, _WORDS, n=1)
            hint = f"did you mean {near[0]}=?" if near else f"known: {'=, '.join(_WORDS)}="
            raise ConfigError(f"aead: {name[:20]!r} means nothing here; {hint}")
        if name in given:
            raise ConfigError(f"aead: {name}= is there twice")
        given[name] = value
    return given


def _key(given: dict[str, str]) -> Key:
    if ("key" in given) == ("key-file" in given):
        raise ConfigError(
            "aead: a key is needed, key-file=FILE, or key= with 64 hexadecimal digits or base64"
        )
    try:
        if "key" in given:
            return make_key(encode(given["key"]).strip(), "key=")
        return read_key(given["key-file"])
    except ConfigError as error:
        raise ConfigError(f"aead: {error}") from None


def _choice(given: dict[str, str], name: str, known: tuple[str, ...]) -> str:
    """The value of a word that has few; the first where it was not given."""
    value = given.get(name, known[0])
    if value not in known:
        near = difflib.get_close_matches(value, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
        raise ConfigError(f"aead: there is no {name} called {value!r}; {hint}")
    return value
