"""Closes descriptors that take their time, without having the peers wait.

A vassal that was killed has closed its device already, so ours is the last descriptor: the kernel takes the
interface away while it is closed, which lasts some 15 ms, and seconds where hundreds leave at once.

A descriptor that somebody passed and that is no device may be anything; its ``close`` can take as long as its
owner likes (a file of a FUSE file system asks its owner to flush).  So those have threads of their own, and
never more than a few: when all of them hang, what else is to be closed waits, and nobody else does.
"""

from __future__ import annotations

import contextlib
import os
import threading
from queue import SimpleQueue
from typing import Final


def close_now(fd: int) -> None:
    """Close *fd*, which is closed whatever the kernel says of it."""
    with contextlib.suppress(OSError):
        os.close(fd)


class Closer:
    """Closes descriptors in threads, the first of which begins with the first of them.

    :param most: threads, at most; one closes in order.
    """

    def __init__(self, most: int = 1) -> None:
        self._waiting: SimpleQueue[int] = SimpleQueue()
        self._most = most
        self._threads = 0

    def close(self, fd: int) -> None:
        """Have *fd* closed soon; it is nobody else's from now on."""
        self._waiting.put(fd)
        if self._threads < self._most:
            # where there is no thread to be had, the next call tries again
            with contextlib.suppress(RuntimeError):
                threading.Thread(target=self._work, name="tuntap closer", daemon=True).start()
                self._threads += 1

    def _work(self) -> None:
        while True:
            close_now(self._waiting.get())


MOST_HANGING: Final = 16  #: descriptors of strangers that are being closed at a time

closer = Closer()  #: of this process, for devices
strange_closer = Closer(MOST_HANGING)  #: likewise, for what was passed and refused
