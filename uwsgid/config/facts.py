"""What a configuration may ask about the process that reads it.

Gathered once and handed down, so that a test can say who and where it is.
"""

from __future__ import annotations

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
        try:
            user = pwd.getpwuid(uid).pw_name
        except KeyError:
            user = str(uid)
        try:
            group = grp.getgrgid(gid).gr_name
        except KeyError:
            group = str(gid)
        return cls(
            cwd=os.getcwd(),
            hostname=os.uname().nodename,
            binary=os.path.abspath(sys.argv[0]) if sys.argv and sys.argv[0] else sys.executable,
            cpus=os.cpu_count() or 1,
            started=time.time_ns() // 1000,
            uid=uid,
            user=user,
            gid=gid,
            group=group,
            resolve=resolve,
            from_emperor=from_emperor,
        )
