"""What an emperor gave its vassal: one end of the talk, and perhaps one on which the configuration comes.

The numbers stand in the environment, see `uwsgid.wire.vassal`.  Here is what a vassal does with them before
and beside its master's loop, which talks (`uwsgid.master.loyalty`).
"""

from __future__ import annotations

import fcntl
import os
import select
import stat
import time
from collections.abc import Callable, Mapping, MutableMapping
from typing import Final

from uwsgid.errors import PeerError
from uwsgid.host.fetching import fetch
from uwsgid.wire.vassal import (
    CONFIG_HEADER,
    EMPEROR_FD,
    EMPEROR_FD_CONFIG,
    EMPEROR_PROXY,
    PROXY_NAME,
    config_size,
)

#: Seconds that a vassal waits for each part of its configuration, as uWSGI does.
PATIENCE: Final = 5.0


def find(environ: Mapping[str, str], variable: str = EMPEROR_FD) -> int | None:
    """The descriptor that *variable* tells; None where there is no emperor.

    A variable that was inherited by accident, of a descriptor that is no socket here, counts for nothing.
    """
    text = environ.get(variable, "")
    if not (text.isascii() and text.isdecimal()):
        return None
    try:
        return int(text) if stat.S_ISSOCK(os.fstat(int(text)).st_mode) else None
    except (OSError, OverflowError):
        return None


def descriptors(environ: Mapping[str, str]) -> tuple[int, ...]:
    """Both of them, as far as they are there."""
    found = (find(environ), find(environ, EMPEROR_FD_CONFIG))
    return tuple(fd for fd in found if fd is not None)


def keep_from_commands(environ: Mapping[str, str], keep: bool = True) -> None:
    """Have them close on exec, so that no program that we run holds them; or not, for our own next image."""
    for fd in descriptors(environ):
        flags = fcntl.fcntl(fd, fcntl.F_GETFD)
        wanted = flags | fcntl.FD_CLOEXEC if keep else flags & ~fcntl.FD_CLOEXEC
        if wanted != flags:
            fcntl.fcntl(fd, fcntl.F_SETFD, wanted)


def join_by_proxy(
    environ: MutableMapping[str, str],
    say: Callable[[str], None],
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Become the vassal that another process is, where `EMPEROR_PROXY` names the socket that makes it so.

    As with uWSGI 2.0 it is tried once a second until there is one (``emperor-proxy-socket``).  Afterwards
    *environ* tells of the descriptors as an emperor would have.
    """
    path = environ.get(EMPEROR_PROXY, "")
    if not path or find(environ) is not None:
        return
    complaint = ""
    while True:
        try:
            fds = fetch(path, name=PROXY_NAME)
            break
        except (OSError, PeerError) as error:
            reason = f"emperor proxy {path}: {getattr(error, 'strerror', None) or error}"
            if reason != complaint:
                say(reason)
                complaint = reason
            pause(1)
    for name, fd in zip((EMPEROR_FD, EMPEROR_FD_CONFIG), fds, strict=False):
        environ[name] = str(fd)
    for fd in fds[2:]:
        os.close(fd)


def receive_config(fd: int, patience: float = PATIENCE) -> bytes:
    """The latest configuration that the emperor sent.

    uWSGI 2.0 sends it at a reload, and once more when it is asked to, so there may be more than one: whoever
    took the first would start with what was true a reload ago.

    :param patience: seconds to wait for each part.
    :raises OSError: nothing came in time, or the emperor is gone.
    :raises PeerError: it sent something else.
    """
    text = _receive_one(fd, patience)
    while _waits(fd, 0):
        try:
            text = _receive_one(fd, patience)
        except ConnectionError:
            break  # the emperor closed its end after the last one
    return text


def _receive_one(fd: int, patience: float) -> bytes:
    return _exactly(fd, config_size(_exactly(fd, CONFIG_HEADER, patience)), patience)


def _exactly(fd: int, size: int, patience: float) -> bytes:
    received = bytearray()
    while len(received) < size:
        if not _waits(fd, patience):
            raise TimeoutError(0, f"the emperor sends no configuration within {patience:g} seconds")
        part = os.read(fd, size - len(received))
        if not part:
            raise ConnectionResetError(0, "the emperor sends no configuration any more")
        received += part
    return bytes(received)


def _waits(fd: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def configuration(environ: Mapping[str, str]) -> str:
    """The text behind ``emperor://``, for this start of the vassal.

    :raises OSError: there is no emperor that sends one, or it does not.
    """
    fd = find(environ, EMPEROR_FD_CONFIG)
    if fd is None:
        raise OSError(0, "this is not a vassal instance")
    try:
        return receive_config(fd).decode("utf-8", "surrogateescape")
    except PeerError as error:
        raise OSError(0, str(error)) from None
