"""The key by which ssh clients know an instance: made once, kept in a file that only its owner can read."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable

from twisted.conch.ssh.keys import BadKeyError, EncryptedKeyError, Key

from uwsgid.errors import KernelError
from uwsgid.manhole.authorized import fingerprint
from uwsgid.manhole.line import name_of


def host_key(path: str, say: Callable[[str], None]) -> Key:
    """The key in the file *path*, which is made where it is missing.

    :raises KernelError: there is none, and none can be made; or others may read it.
    """
    try:
        if not os.path.exists(path):
            _make(path)
            say(f"manhole: made the host key {path}")
        mode = os.stat(path).st_mode & 0o777
        if mode & 0o077:
            raise KernelError(f"manhole-host-key: others may read {path} (mode {mode:04o}); chmod 600 {path}")
        with open(path, "rb") as file:
            key: Key = Key.fromString(file.read())
    except OSError as error:
        hint = ""
        if isinstance(error, PermissionError):
            hint = f"; it belongs where {name_of(os.geteuid())} may write, which is who runs the instance"
        elif isinstance(error, FileNotFoundError):
            hint = f"; make the directory {os.path.dirname(path) or '.'} first"
        raise KernelError(f"manhole-host-key: {error.strerror or error} [{path}]{hint}") from None
    except (BadKeyError, EncryptedKeyError, ValueError) as error:
        raise KernelError(
            f"manhole-host-key: {path} holds no private key that can be used ({error}); "
            "remove it, and another one is made"
        ) from None
    say(f"manhole: the host key is {fingerprint(key.public().blob())}")
    return key


def _make(path: str) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    text = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    # whole or not at all: a start that is cut short must not leave half a key
    draft = f"{path}.{secrets.token_hex(4)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(text)
        with contextlib.suppress(FileExistsError):  # another one was faster
            os.link(draft, path)
    finally:
        os.unlink(draft)
