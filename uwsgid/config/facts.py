"""What a configuration may ask about the process that reads it.

Gathered once and handed down, so that a test can say who and where it is.
"""

from __future__ import annotations

import functools
import grp
import os
import pwd
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from uwsgid._version import __version__


@dataclass(frozen=True, slots=True)
class Facts:
    """What a configuration may ask about the process that reads it.

    :ivar cwd: the initial current directory, absolute.
    :ivar started: microseconds since the epoch.
    :ivar binary: path of the program, whose appended data ``data://N`` reads.
    :ivar plugins: what ``if-plugin`` finds loaded.
    :ivar resolve: the address of a host, for the option ``resolve``; raises `OSError`.  None where
        the reader must not ask the network.
    :ivar from_emperor: the text an emperor sent under a name, for ``emperor://NAME``; raises `OSError`.
    """

    cwd: str
    hostname: str
    version: str = __version__
    binary: str = ""
    cpus: int = 1
    started: int = 0
    uid: int = 0
    user: str = "root"
    gid: int = 0
    group: str = "root"
    plugins: frozenset[str] = frozenset({"python", "python3", "http"})
    resolve: Callable[[str], str] | None = None
    from_emperor: Callable[[str], str] | None = None

    @classmethod
    def of_this_process(
        cls,
        *,
        resolve: Callable[[str], str] | None = None,
        from_emperor: Callable[[str], str] | None = None,
    ) -> Facts:
        """What is true here and now."""
        uid, gid = os.getuid(), os.getgid()
        return cls(
            cwd=os.getcwd(),
            hostname=os.uname().nodename,
            binary=os.path.abspath(sys.argv[0]) if sys.argv and sys.argv[0] else sys.executable,
            cpus=os.cpu_count() or 1,
            started=time.time_ns() // 1000,
            uid=uid,
            user=_user(uid),
            gid=gid,
            group=_group(gid),
            resolve=resolve,
            from_emperor=from_emperor,
        )


@functools.cache
def _user(uid: int) -> str:
    """The name of a user; his number where he has none.  Whom we are we are asked for more than once."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@functools.cache
def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
