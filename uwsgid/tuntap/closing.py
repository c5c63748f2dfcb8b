"""Closes devices that peers have left, without having the others wait.

A vassal that was killed has closed its device already, so ours is the last descriptor: the kernel takes the
interface away while it is closed, which lasts some 15 ms, and seconds where hundreds leave at once.
"""

from __future__ import annotations

import contextlib
import os
import threading
from queue import SimpleQueue


def close_now(fd: int) -> None:
    """Close *fd*, which is closed whatever the kernel says of it."""
    with contextlib.suppress(OSError):
        os.close(fd)


class Closer:
    """Closes descriptors, one after the other, in a thread that begins with the first of them."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[int] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def close(self, fd: int) -> None:
        """Have *fd* closed soon; it is nobody else's from now on."""
        self._waiting.put(fd)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="tuntap closer", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while True:
            close_now(self._waiting.get())


closer = Closer()  #: of this process
