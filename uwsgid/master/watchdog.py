"""Ends workers that never come back: harakiri, mercy, memory and lifetime limits.

Once per ``check-interval`` it reads the board and the list of children.  What it finds is decided by pure
functions beside their options; it only logs and sends signals.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any, Final

from uwsgid.host.facts import Memory, memory_of
from uwsgid.master.workforce import OLD_AGE, Workforce
from uwsgid.request.log_options import RequestLog
from uwsgid.supervise.child import Child
from uwsgid.supervise.deadline import Harakiri, overdue
from uwsgid.supervise.household import Household
from uwsgid.supervise.memory import MemoryLimits
from uwsgid.supervise.processes import Endings, Recycling
from uwsgid.supervise.snapshot import describe_request

#: Seconds between asking a stuck worker for its stack and killing it, as in uWSGI.
_LAST_WORDS: Final = 1.0


class Watchdog:
    """Looks after each worker.

    :param queue_length: connections waiting on the busiest socket.
    :param clock: monotonic seconds, as the workers' deadlines are.
    :param measure: how much memory a process uses.
    """

    def __init__(
        self,
        household: Household,
        workforce: Workforce,
        reactor: Any,
        say: Callable[[str], None],
        queue_length: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
        measure: Callable[[int], Memory] = memory_of,
    ) -> None:
        settings = household.settings
        self._harakiri = settings[Harakiri]
        self._memory = settings[MemoryLimits]
        self._measures = self._memory.any or settings[RequestLog].memory_report
        self._recycling = settings[Recycling]
        self._endings = settings[Endings]
        self._board = household.board
        self._workforce = workforce
        self._reactor = reactor
        self._say = say
        self._queue_length = queue_length
        self._clock = clock
        self._memory_of = measure

    def look(self) -> None:
        """Check every worker once."""
        now = self._clock()
        for child in self._workforce.workers():
            if child.pid and not child.killed:
                self._check_harakiri(child, now)
                self._check_memory(child)
                self._check_lifetime(child, now)
                self._check_mercy(child, now)

    def _check_harakiri(self, child: Child, now: float) -> None:
        core = overdue(self._board, child.seat, now)
        if core is None or child.harakiri:
            return
        threshold = self._harakiri.queue_threshold
        if threshold and self._queue_length() <= threshold:
            return
        child.harakiri = 1
        self._board.harakiris[child.slot - 1] += 1
        graceful = self._harakiri.graceful_timeout
        how = f", graceful: {'yes' if graceful else 'no'}"
        self._say(f"*** HARAKIRI ON WORKER {child.slot} (pid: {child.pid}, try: 1{how}) ***")
        self._say_what(child, core)
        if self._harakiri.verbose:
            for name in ("syscall", "wchan"):
                self._say(f"HARAKIRI: -- {name}> {_proc(child.pid, name)}")
        child.signal(signal.SIGUSR2)
        if graceful:
            child.signal(self._harakiri.graceful_signal)
        self._reactor.callLater(max(_LAST_WORDS, graceful), child.kill)

    def _say_what(self, child: Child, core: int) -> None:
        """Who was doing what, and for how long."""
        index = child.seat * self._board.cores + core
        started = self._board.started[index]
        what = describe_request(self._board, child.seat, core)
        on_core = f" core {core}" if self._board.cores > 1 else ""
        self._say(
            f"HARAKIRI: --- uWSGI worker {child.slot}{on_core} (pid: {child.pid}) WAS managing request "
            f"{what} since {time.ctime(started)} (for {max(0.0, time.time() - started):.1f} seconds) ---"
        )

    def _check_memory(self, child: Child) -> None:
        if not self._measures:
            return
        memory = self._memory_of(child.pid)
        if (
            memory == Memory() and child.seat >= 0
        ):  # /proc hides it: what it found itself after its last request
            memory = Memory(self._board.rss[child.seat], self._board.vsz[child.seat])
        limits = self._memory
        if limits.evil_as and memory.vsz >= limits.evil_as:
            what, size = "ADDRESS SPACE", memory.vsz
        elif limits.evil_rss and memory.rss >= limits.evil_rss:
            what, size = "RSS", memory.rss
        else:
            return
        self._say(f"*** EVIL RELOAD ON WORKER {child.slot} {what}: {size} (pid: {child.pid}) ***")
        child.kill()

    def _check_lifetime(self, child: Child, now: float) -> None:
        limit = self._recycling.lifetime_limit(child.slot)
        age = now - child.born_at
        if limit and child.is_ready and age > limit:
            self._say(f"worker {child.slot} lifetime reached, it was running for {int(age)} second(s)")
            self._workforce.replace(child, OLD_AGE)

    def _check_mercy(self, child: Child, now: float) -> None:
        if child.told and not child.killed and now - child.told_at > self._endings.mercy():
            self._say(f"worker {child.slot} (pid: {child.pid}) is taking too much time to die...NO MERCY !!!")
            child.kill()


def _proc(pid: int, name: str) -> str:
    """A line of /proc about a process."""
    try:
        with open(os.path.join("/proc", str(pid), name)) as file:
            return file.read().strip()
    except OSError as error:
        return f"({error.strerror})"
