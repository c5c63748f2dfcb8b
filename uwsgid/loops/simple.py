"""The loop of a worker that serves one request at a time.

No reactor and no thread: it sleeps in one epoll until somebody is there, serves, and looks again.  This is
what most workers run, and what `uwsgid.worker.cycle` was made for.
"""

from __future__ import annotations

from uwsgid.families import loop_engines
from uwsgid.loops.gate import Gate
from uwsgid.request.connection import CLOSE, PARK_HEAD, Cycling
from uwsgid.request.serving import Serving


@loop_engines.member("simple")
class Simple:
    """Serves one request after the other, in the main thread.

    :param cycle: what serves them.
    """

    def __init__(self, serving: Serving, cycle: Cycling) -> None:
        self._serving = serving
        self._cycle = cycle
        self._gate = Gate(serving, cycle)
        for fd, call in serving.wakeups:
            self._gate.watch(fd, call)

    def run(self) -> int:
        """Serve until the farewell is due and nobody waits any more; the exit code."""
        # hot path, watched by bench-requests (a)
        gate = self._gate
        next, attend, park, close, advance = (
            gate.next,
            gate.attend,
            gate.park,
            gate.close,
            self._cycle.advance,
        )
        while (connection := next()) is not None:
            after = advance(connection)
            if after is not CLOSE:
                if after is PARK_HEAD:
                    after = attend(connection, advance)
                if after is not CLOSE:
                    park(connection, after)
                    continue
            if connection.fd >= 0:
                close(connection)
        gate.shut()
        return self._serving.farewell.code
