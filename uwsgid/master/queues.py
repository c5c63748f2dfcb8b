"""How many connections wait in the listening sockets, and a word when one is full."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from uwsgid.host import Listener
from uwsgid.interfaces import IKernel


class Queues:
    """Looks at the backlog of each socket.

    :param full: told of each socket that is full, with how many wait and how many may.
    :ivar longest: connections waiting on the busiest socket at the last look.
    :ivar errors: how many looks found a full socket.
    """

    def __init__(
        self,
        kernel: IKernel,
        listeners: Sequence[Listener],
        say: Callable[[str], None],
        full: Callable[[Listener, int, int], None] = lambda listener, waiting, most: None,
    ) -> None:
        self._kernel = kernel
        self._listeners = listeners
        self._say = say
        self._full = full
        self.longest = 0
        self.errors = 0

    def lengths(self) -> list[tuple[int, int]]:
        """For each socket, how many wait and how many may."""
        return [self._kernel.queue_length(listener.fd) for listener in self._listeners]

    def look(self) -> None:
        """Measure, and tell of sockets that are full."""
        found = self.lengths()
        self.longest = max((waiting for waiting, _ in found), default=0)
        for listener, (waiting, most) in zip(self._listeners, found, strict=True):
            if most and waiting >= most:
                self.errors += 1
                self._say(
                    f'*** uWSGI listen queue of socket "{listener.name}" (fd: {listener.fd}) full !!! '
                    f"({waiting}/{most}) ***"
                )
                self._full(listener, waiting, most)
