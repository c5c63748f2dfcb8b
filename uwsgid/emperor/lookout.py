"""When the monitors look: now and then, when a directory changes, and whenever somebody wants it.

A monitor that may have to wait, for a database say, looks in a thread, one look of it at a time.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from typing import Any, Final

from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure

from uwsgid.emperor.monitors.monitor import Court, Look, Monitor
from uwsgid.emperor.watching import DirectoryWatch
from uwsgid.errors import ConfigError


class Lookout:
    """Has all monitors look.

    :param period: seconds between two looks (``emperor-freq``).
    :param compare: acts upon what a monitor saw.
    """

    def __init__(
        self,
        reactor: Any,
        monitors: Sequence[Monitor],
        period: float,
        say: Callable[[str], None],
        compare: Callable[[Monitor, Look], None],
    ) -> None:
        self._reactor = reactor
        self._monitors: Final = monitors
        self._period: Final = period
        self._say: Final = say
        self._compare: Final = compare
        self._looking: Final[set[Monitor]] = set()
        self._watch: DirectoryWatch | None = None
        self._is_over = False
        self._calls: Final = LoopingCall(self.look)
        self._calls.clock = reactor

    def start(self, court: Court) -> None:
        """Begin with a look at once; those monitors that have no list report to *court*."""
        self._watch = DirectoryWatch(self._reactor, self.look, self._say)
        for monitor in self._monitors:
            try:
                monitor.start(court, self._reactor)
            except ConfigError as error:
                monitor.complain(str(error))
        self._calls.start(self._period)

    def stop(self) -> None:
        """Look no more; what is still seen in a thread is not told."""
        self._is_over = True
        if self._calls.running:
            self._calls.stop()
        for monitor in self._monitors:
            monitor.stop()
        if self._watch is not None:
            self._watch.close()

    def look(self) -> None:
        """Look at every source, and act."""
        try:
            self._look()
        except Exception:  # a mistake of ours; the others are looked at again
            self._say(f"*** a look failed ***\n{traceback.format_exc().rstrip()}")

    def _look(self) -> None:
        if self._is_over:
            return
        for monitor in self._monitors:
            if self._watch is not None:
                self._watch.watch(monitor.directories)
            if not monitor.lists or monitor in self._looking:
                continue
            if monitor.waits:
                self._look_in_a_thread(monitor)
            else:
                self._compare(monitor, monitor.look())
        if self._watch is not None:
            self._watch.watch_files(
                {identity: path for monitor in self._monitors for identity, path in monitor.links.items()}
            )

    def _look_in_a_thread(self, monitor: Monitor) -> None:
        self._looking.add(monitor)

        def seen(found: Look) -> None:
            self._looking.discard(monitor)
            if not self._is_over:
                self._compare(monitor, found)

        def failed(failure: Failure) -> None:
            self._looking.discard(monitor)
            monitor.complain(f"{monitor.text}: {failure.getErrorMessage()}")

        pool = self._reactor.getThreadPool()
        deferToThreadPool(self._reactor, pool, monitor.look).addCallbacks(seen, failed)
