"""What the machine is, and how much memory a process takes."""

from __future__ import annotations

import mmap
import os
import platform
import socket
from dataclasses import dataclass
from typing import Final

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


def memory_of(pid: int) -> Memory:
    """The size of any process; zeros where it is gone or hidden."""
    try:
        with open(f"/proc/{pid}/statm", "rb", buffering=0) as file:
            return _statm(file.read())
    except OSError:
        return Memory()


def uss_of(pid: int) -> int:
    """The bytes that would be free if *pid* ended: its private pages.  0 where it is gone or hidden.

    The kernel walks all mappings for it, so this is for reports and not for each request.
    """
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            return sum(
                int(line.split()[1]) << 10
                for line in file
                if line.startswith((b"Private_Clean:", b"Private_Dirty:", b"Private_Hugetlb:"))
            )
    except OSError:
        return 0


def cpu_count() -> int:
    """All CPUs of the machine that are online, what uWSGI calls the detected cores."""
    return os.cpu_count() or 1


def hostname() -> str:
    """The name of the machine, what HTTP requests get as SERVER_NAME."""
    return socket.gethostname()


def machine_lines() -> tuple[str, ...]:
    """The banner's lines about the machine, in uWSGI's words and order."""
    system = platform.uname()
    return (
        f"os: {system.system}-{system.release} {system.version}",
        f"nodename: {system.node}",
        f"machine: {system.machine}",
        "clock source: unix",
    )


def page_line() -> str:
    """The banner's line about memory pages."""
    return f"your memory page size is {PAGE} bytes"


def cpu_line() -> str:
    """The banner's line about CPUs."""
    return f"detected number of CPU cores: {cpu_count()}"


def _statm(text: bytes) -> Memory:
    fields = text.split()
    return Memory(int(fields[1]) * PAGE, int(fields[0]) * PAGE) if len(fields) > 1 else Memory()
