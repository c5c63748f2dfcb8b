"""What an instance says while it starts, in uWSGI's words.

Pure functions from facts to lines.  Boot calls them in the order of this file, each where the thing it speaks
of has just happened; operators and their tools know the texts, so they are kept to the letter, except that
the first line names uwsgid and the second its Python (core/uwsgi.c, core/init.c, core/lock.c).
"""

from __future__ import annotations

import os
import platform
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from uwsgid._version import __version__

_MEGABYTE: Final = 1 << 20


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
    system: str = field(default_factory=platform.system)
    release: str = field(default_factory=platform.release)
    kernel: str = field(default_factory=platform.version)
    node: str = field(default_factory=platform.node)
    machine: str = field(default_factory=platform.machine)
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


def pidfile_line(path: str) -> str:
    """Before the pidfile is written."""
    return f"writing pidfile to {path}"


@dataclass(frozen=True, slots=True)
class LimitFacts:
    """The limits of this process.

    :ivar processes: the most processes this user can have; None for no limit.
    :ivar memory: bytes of address space; None for no limit.
    :ivar page_size: bytes.
    :ivar files: the most descriptors of a process; None for no limit.
    """

    processes: int | None = field(default_factory=lambda: _soft(resource.RLIMIT_NPROC))
    memory: int | None = field(default_factory=lambda: _soft(resource.RLIMIT_AS))
    page_size: int = field(default_factory=resource.getpagesize)
    files: int | None = field(default_factory=lambda: _soft(resource.RLIMIT_NOFILE))


def _soft(what: int) -> int | None:
    limit = resource.getrlimit(what)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def limit_lines(facts: LimitFacts | None = None) -> Iterator[str]:
    """The limits this instance lives under; those of this process where no facts are given."""
    facts = facts or LimitFacts()
    if facts.processes is not None:
        yield f"your processes number limit is {facts.processes}"
    if facts.memory is not None:
        yield f"your process address space limit is {facts.memory} bytes ({facts.memory // _MEGABYTE} MB)"
    yield f"your memory page size is {facts.page_size} bytes"
    if facts.files is not None:
        yield f"detected max file descriptor number: {facts.files}"


#: For those who count the upload of a slow client as work.  The blanks are uWSGI's.
HARAKIRI_WITHOUT_BUFFERING: Final = (
    " *** WARNING: you have enabled harakiri without post buffering. "
    "Slow upload could be rejected on post-unbuffered webservers *** "
)
#: For a process that is root and can still change that.
ROOT_BEFORE_DROP: Final = "uWSGI running as root, you can use --uid/--gid/--chroot options"
#: For a process that stays root.
ROOT: Final = "*** WARNING: you are running uWSGI as root !!! (use the --uid flag) *** "
#: For an instance that did not ask for a master.
NO_MASTER: Final = "*** WARNING: you are running uWSGI without its master process manager ***"


def lock_lines(thunder: bool) -> list[str]:
    """The engine of the locks, and whether only one worker at a time waits for connections."""
    return [
        "lock engine: pthread robust mutexes",
        f"thunder lock: {'enabled' if thunder else 'disabled (you can enable it with --thunder-lock)'}",
    ]


def backlog_line(backlog: int) -> str:
    """The option ``listen``."""
    return f"your server socket listen backlog is limited to {backlog} connections"


def mercy_line(seconds: int) -> str:
    """The option ``worker-reload-mercy``."""
    return f"your mercy for graceful operations on workers is {seconds} seconds"


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


def interpreter_lines(threads: bool) -> Iterator[str]:
    """The Python that the applications get."""
    yield f"Python version: {' '.join(sys.version.split())}"
    if threads:
        yield "python threads support enabled"
    else:
        yield "*** Python threads support is disabled. You can enable it with --enable-threads ***"
