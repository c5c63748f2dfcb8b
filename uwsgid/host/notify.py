"""Telling systemd how we are, as sd_notify(3) describes it."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Final

from uwsgid.interfaces import IKernel

READY: Final = "STATUS=uWSGI is ready\nREADY=1\n"
STOPPING: Final = "STOPPING=1\n"


def reloading(monotonic: float) -> str:
    """What is said when a reload begins; systemd wants the monotonic time with it, here in seconds.  Pure."""
    return f"RELOADING=1\nMONOTONIC_USEC={int(monotonic * 1_000_000)}\n"


def notify(kernel: IKernel, environ: Mapping[str, str], text: str) -> bool:
    """Send *text* to ``$NOTIFY_SOCKET``.

    :return: whether somebody was there.  An absent or unreachable listener is no reason to stop.
    """
    target = environ.get("NOTIFY_SOCKET", "")
    if not target.startswith(("/", "@")):
        return False
    try:
        fd = kernel.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    except OSError:
        return False
    try:
        kernel.connect(fd, b"\0" + os.fsencode(target[1:]) if target.startswith("@") else target)
        kernel.write(fd, text.encode())
    except OSError:
        return False
    finally:
        kernel.close(fd)
    return True
