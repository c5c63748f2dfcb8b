"""Mounts without which the instance is better dead: ``check-mount``.

Asking a file system of a server that went away can take for ever, and the master has workers to look after.
So a thread asks, one at a time, and the master hears of it when there is an answer.  A mount that does not
answer is told once; only one that answers with an error ends the instance, as in uWSGI.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final

from uwsgid.config.kinds import Texts
from uwsgid.config.section import Section, option, section
from uwsgid.interfaces import IKernel

#: Seconds after which the log tells that a mount is silent.
SILENCE: Final = 5.0


@section("Stopping and reloading")
class CheckedMounts(Section):
    """File systems that have to stay."""

    paths: Texts = option(
        "mount-check",
        "mountpoint-check",
        "check-mount",
        "check-mountpoint",
        default=(),
        implies=("master",),
        help="end the instance at once, with code 1, when this mount can not be asked any more",
        note="The master goes on while a mount does not answer, and says so once.",
    )


class MountCheck:
    """Looks after the mounts.

    :param detonate: ends the instance.
    :param start: runs something in a thread of its own.
    """

    def __init__(
        self,
        kernel: IKernel,
        mounts: CheckedMounts,
        reactor: Any,
        say: Callable[[str], None],
        detonate: Callable[[], None],
        *,
        start: Callable[[Callable[[], None]], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kernel = kernel
        self._paths = mounts.paths
        self._reactor = reactor
        self._say = say
        self._detonate = detonate
        self._start = start or _in_a_thread
        self._clock = clock
        self._asked: str | None = None
        self._since = 0.0
        self._told = False

    def look(self) -> None:
        """Begin to ask all mounts, or see how long the one that is being asked takes."""
        if not self._paths:
            return
        if self._asked is None:
            self._asked, self._since, self._told = self._paths[0], self._clock(), False
            self._start(self._ask)
        elif not self._told and self._clock() - self._since >= SILENCE:
            self._told = True
            self._say(f"*** WARNING: mountpoint {self._asked} has not answered for {SILENCE:g} seconds ***")

    def _ask(self) -> None:
        # in the thread: one assignment and one call into the reactor are all that others see of it
        for path in self._paths:
            self._asked = path
            try:
                self._kernel.statfs(path)
            except OSError:
                self._reactor.callFromThread(self._failed, path)
                return
        self._reactor.callFromThread(self._answered)

    def _answered(self) -> None:
        self._asked = None
        if self._told:
            self._say("all mountpoints answer again")

    def _failed(self, path: str) -> None:
        self._asked = None
        self._say(f"mountpoint {path} failed, triggering detonation...")
        self._detonate()


def _in_a_thread(what: Callable[[], None]) -> None:
    # a daemon, since nobody can end a thread that waits for a server that went away
    threading.Thread(target=what, name="check-mount", daemon=True).start()
