"""Buries children that nobody knows: whatever an application left behind comes to the master, as to an init.

In a pid namespace of its own the master is process 1 and everybody's last parent, so it does not wait for its
next look around: it looks when the kernel says that a child ended.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Collection
from typing import Any, Final

from uwsgid.host.children import Orphans
from uwsgid.interfaces import IKernel

#: Seconds in which whoever knows a child reaps it.
_COURTESY: Final = 0.1


class Undertaker:
    """Reaps what is left over.

    :param known: the process ids that have a supervisor.
    :param expecting: tells whether there may be a child whose process id is not known yet.
    """

    def __init__(
        self,
        reactor: Any,
        kernel: IKernel,
        known: Callable[[], Collection[int]],
        expecting: Callable[[], bool],
        say: Callable[[str], None],
    ) -> None:
        self._reactor: Final = reactor
        self._orphans: Final = Orphans(kernel)
        self._known: Final = known
        self._expecting: Final = expecting
        self._say: Final = say
        self._call: Any = None
        self._over = False

    def install(self) -> None:
        """Hear of every end.  The reactor does so by another way, the descriptor that signals write to."""
        signal.signal(signal.SIGCHLD, lambda number, frame: self._reactor.callFromThread(self.soon))

    def soon(self) -> None:
        """Look, once those who know the dead had their time."""
        if self._call is None and not self._over:
            self._call = self._reactor.callLater(_COURTESY, self._look_again)

    def _look_again(self) -> None:
        self._call = None
        self.look()

    def look(self) -> None:
        """Bury whoever was unknown in the last look too; look again where somebody was spared."""
        if self._expecting():
            return  # the next regular look is soon enough
        reaped = self._orphans.sweep(self._known())
        for pid, status in reaped:
            how = f"by signal {status.signal}" if status.signal else f"with code {status.code}"
            self._say(f"subprocess {pid} exited {how}")
        if reaped or self._orphans.suspects:
            self.soon()

    def end(self) -> None:
        """Look no more."""
        self._over = True
        if self._call is not None:
            self._call.cancel()
            self._call = None
