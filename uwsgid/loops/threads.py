"""The loop of a worker that serves several requests at a time, each in a thread.

Threads take turns at one gate: whoever has its lock waits for the next client, lets go of the lock, and
serves; so nothing is handed from one thread to another, and a client that keeps its connection is served by
whichever thread is free.  The main thread serves nobody.  It watches the master and runs the handlers of
signals, so that the worker listens however busy its threads are.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable

from uwsgid.families import loop_engines
from uwsgid.loops.gate import Gate
from uwsgid.request.connection import AGAIN, CLOSE, PARK_HEAD, Connection, Cycling, Next
from uwsgid.request.serving import Serving


@loop_engines.member("threads")
class Threads:
    """Serves as many requests at a time as the option ``threads`` says.

    :param cycle: what serves them; each thread gets its own by `Cycling.on_core`.
    """

    def __init__(self, serving: Serving, cycle: Cycling) -> None:
        self._serving = serving
        self._cycle = cycle
        self._gate = Gate(serving, cycle, shared=True)
        self._turn = threading.Lock()
        self._poke = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)  # wakes whoever waits at the gate
        self._ended = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)  # a thread is through
        self._gate.watch(self._poke, self._drain)

    def run(self) -> int:
        """Serve until the farewell is due and nobody waits any more; the exit code."""
        threads = []
        for core in range(self._serving.cores):
            thread = threading.Thread(
                target=self._serve, args=(self._cycle.on_core(core),), name=f"uWSGI core {core}", daemon=True
            )
            # `import uwsgi` finds out by this which request the thread is working on
            thread.core = core  # type: ignore[attr-defined]
            threads.append(thread)
            thread.start()
        self._listen(len(threads))
        for thread in threads:
            thread.join()
        self._gate.shut()
        os.close(self._poke)
        os.close(self._ended)
        return self._serving.farewell.code

    def _listen(self, threads: int) -> None:
        """Watch what is not a client, until all *threads* have ended."""
        calls = dict(self._serving.wakeups)
        with select.epoll() as epoll:
            for fd in (*calls, self._ended):
                epoll.register(fd, select.EPOLLIN)
            while threads:
                for fd, _ in epoll.poll():
                    if fd == self._ended:
                        threads -= os.eventfd_read(self._ended)
                    else:
                        calls[fd]()
                # the farewell may have changed, and only one who passes the gate looks at it
                os.eventfd_write(self._poke, 1)

    def _serve(self, cycle: Cycling) -> None:
        gate, turn, advance, farewell = self._gate, self._turn, cycle.advance, self._serving.farewell
        # hot path, watched by bench-requests
        try:
            while True:
                with turn:
                    connection = gate.next()
                if connection is None:
                    return
                after = advance(connection)
                if after is not CLOSE:
                    after = self._go_on(connection, after, advance)
                if after is CLOSE:
                    gate.close(connection)
                else:
                    gate.park(connection, after)
                if farewell.due:
                    os.eventfd_write(self._poke, 1)
        finally:
            os.eventfd_write(self._ended, 1)

    def _go_on(self, connection: Connection, after: Next, advance: Callable[[Connection], Next]) -> Next:
        """See a head that began through, and answer what else is here already."""
        while True:
            if after is PARK_HEAD:
                after = self._gate.attend(connection, advance)
            if after is not AGAIN:
                return after
            connection.waits = after
            after = advance(connection)

    def _drain(self) -> None:
        try:
            os.eventfd_read(self._poke)
        except BlockingIOError:
            pass
