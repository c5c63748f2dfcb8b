"""The public keys that may log in: a file like OpenSSH's ``authorized_keys``, read anew at each login.

Lines with options (``from="…"``, ``command="…"``) are passed over: we would not do what they demand, and a
key that somebody restricted must not work without its restriction.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from typing import Final

from uwsgid.manhole.record import escaped

_KINDS: Final = ("ssh-", "ecdsa-", "sk-")


def fingerprint(blob: bytes) -> str:
    """The fingerprint of a public key, as ``ssh-keygen -l`` prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).rstrip(b"=").decode("ascii")


def find_key(path: str, blob: bytes, say: Callable[[str], None]) -> str | None:
    """The comment of the key *blob* in the file *path*; None where it is not there, or the file is not.

    :param say: is told of a file that can not be read.
    """
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError as error:
        say(f"manhole-keys: {error.strerror or error} [{path}]; nobody can log in")
        return None
    for line in lines:
        words = line.split(None, 2)
        if len(words) < 2 or not words[0].startswith(_KINDS):
            continue
        try:
            known = base64.b64decode(words[1], validate=True)
        except (binascii.Error, ValueError):
            continue
        if known == blob:
            return escaped(words[2].strip()) if len(words) > 2 else ""
    return None
