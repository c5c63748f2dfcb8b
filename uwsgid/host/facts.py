"""How much memory a process takes: this one after each request, others once in a while."""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass
from typing import Final

import psutil

PAGE: Final = mmap.PAGESIZE


@dataclass(frozen=True, slots=True)
class Memory:
    """The size of a process in bytes.

    :ivar rss: what lies in memory, shared pages included.
    :ivar vsz: the address space; uWSGI calls it ``as``.
    """

    rss: int = 0
    vsz: int = 0


class MemoryProbe:
    """Reads the size of this process again and again, for one system call each.

    It belongs to the process that made it; a newborn makes its own.  Where ``/proc`` is hidden it reads
    zeros.
    """

    def __init__(self) -> None:
        try:
            self._fd = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._fd = -1

    def read(self) -> Memory:
        """The size now."""
        return _statm(os.pread(self._fd, 128, 0)) if self._fd >= 0 else Memory()

    def close(self) -> None:
        """Close the descriptor."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def is_proc_ours() -> bool:
    """Whether ``/proc`` numbers processes as this one does; not so in a pid namespace without its own."""
    try:
        return os.readlink("/proc/self") == str(os.getpid())
    except OSError:
        return False


def memory_of(pid: int) -> Memory:
    """The size of any process; zeros where it is gone or hidden, or would be somebody else's."""
    if not is_proc_ours():
        return Memory()
    try:
        size = psutil.Process(pid).memory_info()
    except psutil.Error:
        return Memory()
    return Memory(size.rss, size.vms)


def _statm(text: bytes) -> Memory:
    fields = text.split()
    return Memory(int(fields[1]) * PAGE, int(fields[0]) * PAGE) if len(fields) > 1 else Memory()
