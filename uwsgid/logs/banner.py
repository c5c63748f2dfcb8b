"""What an instance says while it starts, in uWSGI's words.

Pure functions from facts to lines.  Boot calls them in the order of this file, each where the thing it speaks
of has just happened; operators and their tools know the texts, so they are kept to the letter, except that
the first line names uwsgid and the second its Python (core/uwsgi.c, core/init.c, core/lock.c).
"""

from __future__ import annotations

import mmap
import os
import platform
import sys
import time
from dataclasses import dataclass, field
from typing import Final

from uwsgid._version import __version__


@dataclass(frozen=True, slots=True)
class BannerFacts:
    """What the first lines tell.

    :ivar started: unix seconds.
    :ivar cpus: cores of the machine.
    :ivar cwd: the current folder.
    :ivar binary: the program that runs.
    """

    version: str = __version__
    started: float = field(default_factory=time.time)
    python: str = platform.python_version()
    built: str = " ".join(platform.python_build())
    bits: int = 64 if sys.maxsize > 2**32 else 32
    system: str = field(default_factory=lambda: os.uname().sysname)
    release: str = field(default_factory=lambda: os.uname().release)
    kernel: str = field(default_factory=lambda: os.uname().version)
    node: str = field(default_factory=lambda: os.uname().nodename)
    machine: str = field(default_factory=lambda: os.uname().machine)
    cpus: int = field(default_factory=lambda: os.cpu_count() or 1)
    cwd: str = field(default_factory=os.getcwd)
    binary: str = sys.executable


def banner_lines(facts: BannerFacts) -> list[str]:
    """The first lines: who starts, on what, and where."""
    return [
        f"*** Starting uwsgid {facts.version} ({facts.bits}bit) on [{time.ctime(facts.started)}] ***",
        f"compiled with version: Python {facts.python} on {facts.built}",
        f"os: {facts.system}-{facts.release} {facts.kernel}",
        f"nodename: {facts.node}",
        f"machine: {facts.machine}",
        "clock source: unix",
        "pcre jit disabled",
        f"detected number of CPU cores: {facts.cpus}",
        f"current working directory: {facts.cwd}",
        f"detected binary path: {facts.binary}",
    ]


def start_lines(cwd: str, *, started: float, binary: str) -> list[str]:
    """`banner_lines` of this machine.

    :param started: unix seconds.
    """
    return banner_lines(BannerFacts(cwd=cwd, started=started, binary=binary))


#: For those who count the upload of a slow client as work.  The blanks are uWSGI's.
HARAKIRI_WITHOUT_BUFFERING: Final = (
    " *** WARNING: you have enabled harakiri without post buffering. "
    "Slow upload could be rejected on post-unbuffered webservers *** "
)


def lock_lines(thunder: bool) -> list[str]:
    """The engine of the locks, and whether only one worker at a time waits for connections."""
    return [
        "lock engine: pthread robust mutexes",
        f"thunder lock: {'enabled' if thunder else 'disabled (you can enable it with --thunder-lock)'}",
    ]


def page_line() -> str:
    """Memory is given out in these."""
    return f"your memory page size is {mmap.PAGESIZE} bytes"


def backlog_line(backlog: int) -> str:
    """The option ``listen``."""
    return f"your server socket listen backlog is limited to {backlog} connections"


def mercy_line(seconds: int) -> str:
    """The option ``worker-reload-mercy``."""
    return f"your mercy for graceful operations on workers is {seconds} seconds"


def buffering_line(size: int) -> str:
    """``post-buffering-bufsize``, where ``post-buffering`` raised it.

    :param size: bytes.
    """
    return f"setting request body buffering size to {size} bytes"


def mapped_line(size: int, cores: int) -> str:
    """The memory that the processes of the instance share.

    :param size: bytes.
    :param cores: of all workers together.
    """
    return f"mapped {size} bytes ({size // 1024} KB) for {cores} cores"


def mode_line(processes: int, threads: int = 1, asynchronous: int = 1, *, command: bool = False) -> str:
    """The mode of operation; the first that fits in uWSGI's order (core/uwsgi.c, uwsgi_setup_workers)."""
    many = processes > 1
    if command:
        mode = "command"
    elif not processes:
        mode = "no-workers"
    elif threads > 1:
        mode = "preforking+threaded" if many else "threaded"
    elif asynchronous > 1:
        mode = "preforking+async" if many else "async"
    else:
        mode = "preforking" if many else "single process"
    return f"*** Operational MODE: {mode} ***"


def master_line(pid: int, again: bool = False) -> str:
    """The master begins its work, for the first time or after a reload."""
    return f"{'gracefully (RE)spawned' if again else 'spawned'} uWSGI master process (pid: {pid})"


def worker_line(slot: int, pid: int, cores: int) -> str:
    """A worker was born."""
    return f"spawned uWSGI worker {slot} (pid: {pid}, cores: {cores})"
