"""The pid files of an instance: written on the way up, and taken back where the start fails.

uWSGI writes them before it knows whether it can start.  A second start by mistake, which fails because its
port is taken, so leaves a dead process id where the one of the running instance was, and ``--reload`` finds
nobody; here the file then says again what it said before.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from uwsgid.errors import KernelError, UwsgidError
from uwsgid.host import read_pidfile, write_pidfile
from uwsgid.interfaces import IKernel

if TYPE_CHECKING:
    from uwsgid.door.boot import Boot


def write_one(boot: Boot, label: str, path: str) -> None:
    """Write a pid file, unless an earlier image of this instance did.

    :param label: the option.
    :param path: empty for none.
    :raises KernelError: it can not be written.
    """
    if not path:
        return
    path = os.path.join(boot.kernel.getcwd(), path)
    boot.cleanup.append((label, path))
    if boot.site.is_reload:
        with contextlib.suppress(UwsgidError):
            boot.named[path] = read_pidfile(boot.kernel, path)
        return
    before = _of_the_living(boot.kernel, path)
    if before:
        boot.overwritten[path] = before
    write_pidfile(boot.kernel, path, boot.say)
    boot.named[path] = boot.kernel.getpid()


def rewrite_pidfiles(boot: Boot) -> None:
    """Write all of them again, as an operator asked, with the process that each of them named.

    That may be another one than this, which stands outside of our pid namespace.
    """
    for label, path in boot.cleanup:
        try:
            write_pidfile(boot.kernel, path, boot.say, boot.named.get(path))
        except KernelError as error:
            boot.say(f"{label}: {error}")


def take_back_pidfiles(boot: Boot) -> None:
    """The start failed: who was named before is named again, and a ``safe-pidfile`` of nobody goes."""
    if boot.site.is_reload:
        return
    for label, path in boot.cleanup:
        with contextlib.suppress(OSError):
            if path in boot.overwritten:
                boot.kernel.write_file(path, boot.overwritten[path], 0o644)
            elif label.startswith("safe-"):
                boot.kernel.unlink(path)


def _of_the_living(kernel: IKernel, path: str) -> bytes:
    """What *path* says, where it names another process that lives; nothing otherwise."""
    try:
        text = kernel.read_file(path)
        pid = int(text)
    except (OSError, ValueError):
        return b""
    if pid <= 0 or pid == kernel.getpid():
        return b""
    with contextlib.suppress(PermissionError):  # it lives, as somebody else
        try:
            kernel.kill(pid, 0)
        except ProcessLookupError:
            return b""
    return text
