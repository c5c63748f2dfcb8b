"""Locks between processes that die with their holder.

Each lock is one byte of a file that has no name (memfd) under a POSIX record lock.  The kernel releases it
when its holder ends, however it ends, so that a worker killed inside a critical section blocks nobody and
needs no robust mutex.  A record lock belongs to a process: children that inherited the descriptor are
strangers to each other, which is wanted, and threads of one process are not, so a thread lock stands in
front.

The descriptor must not be duplicated and closed: closing any descriptor of the file in a process drops all
its locks (fcntl(2)).
"""

from __future__ import annotations

import fcntl
import os
import struct
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Final

_FLOCK: Final = struct.Struct("hhqqi4x")  #: struct flock of 64-bit Linux: type, whence, start, length, pid


class Lock:
    """One lock; made by `LockTable`.

    :ivar name: as uWSGI registers it: ``thunder``, ``user 0``, ``rpc`` …
    """

    __slots__ = ("_fd", "_slot", "_threads", "name")

    def __init__(self, name: str, fd: int, slot: int) -> None:
        self.name = name
        self._fd = fd
        self._slot = slot
        self._threads = threading.Lock()

    def acquire(self) -> None:
        """Wait for the lock and take it.  Not reentrant.

        :raises OSError: with EDEADLK, when waiting would never end.
        """
        self._threads.acquire()
        try:
            fcntl.lockf(self._fd, fcntl.LOCK_EX, 1, self._slot)
        except BaseException:
            self._threads.release()
            raise

    def try_acquire(self) -> bool:
        """Take the lock if nobody has it."""
        if not self._threads.acquire(blocking=False):
            return False
        try:
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, self._slot)
        except (BlockingIOError, PermissionError):
            self._threads.release()
            return False
        except BaseException:
            self._threads.release()
            raise
        return True

    def release(self) -> None:
        """Let go.

        :raises RuntimeError: when this process does not hold it.
        """
        if not self._threads.locked():
            raise RuntimeError(f"the lock {self.name!r} is not held by this process")
        fcntl.lockf(self._fd, fcntl.LOCK_UN, 1, self._slot)
        self._threads.release()

    def holder(self) -> int:
        """The process id of whoever holds the lock, 0 where nobody does."""
        if self._threads.locked():
            return os.getpid()
        asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, self._slot, 1, 0)
        kind, _, _, _, pid = _FLOCK.unpack(fcntl.fcntl(self._fd, fcntl.F_GETLK, asked))
        return 0 if kind == fcntl.F_UNLCK else int(pid)

    def is_locked(self) -> bool:
        """Whether anybody holds the lock."""
        return self.holder() != 0

    def forget_threads(self) -> None:
        """Start afresh in a newborn: the threads of the parent did not come along, its locks neither."""
        self._threads = threading.Lock()

    def __enter__(self) -> Lock:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


class LockTable:
    """All locks of an instance, in one nameless file.  Made by boot, before the first fork.

    :param names: one lock each, in the order that the stats show.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._fd = os.memfd_create("uwsgid locks", os.MFD_CLOEXEC)
        self.locks = tuple(Lock(name, self._fd, slot) for slot, name in enumerate(names))
        self._by_name = {lock.name: lock for lock in self.locks}

    def __getitem__(self, name: str) -> Lock:
        return self._by_name[name]

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def fileno(self) -> int:
        """The descriptor that a newborn must keep."""
        return self._fd

    def born(self) -> None:
        """To be called in each newborn."""
        for lock in self.locks:
            lock.forget_threads()

    def close(self) -> None:
        """Drop all locks of this process."""
        os.close(self._fd)
