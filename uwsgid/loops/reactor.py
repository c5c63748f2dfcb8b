"""The loop of a worker in which a Twisted reactor runs, for applications that want one.

Bytes belong to the reactor's thread, applications run in its thread pool, one for each core.  What becomes
of a client is in `uwsgid.loops.reactor_protocol`, what an application has of it in
`uwsgid.loops.reactor_connection`; here is who runs when, and who waits.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from uwsgid.families import loop_engines
from uwsgid.loops.limits import SPARED_FIRST, hurry, most_parked, patience
from uwsgid.loops.reactor_protocol import ServerFactory, ServerProtocol
from uwsgid.request.connection import Cycling, Next
from uwsgid.request.offload_options import Offloading
from uwsgid.request.serving import Serving


@implementer(IReadDescriptor)
class _Wakeup:
    """Something that is not a client and may be readable."""

    def __init__(self, fd: int, call: Callable[[], None], then: Callable[[], None]) -> None:
        self._fd = fd
        self._call = call
        self._then = then

    def fileno(self) -> int:
        return self._fd

    def logPrefix(self) -> str:
        return "wake-up"

    def doRead(self) -> None:
        self._call()
        self._then()

    def connectionLost(self, reason: Failure) -> None:
        """Nothing of ours ends with the reactor."""


@loop_engines.member("reactor", "twisted")
class Reactor:
    """Runs a Twisted reactor; applications answer in threads and may use it.

    :param cycle: what serves requests; each core gets its own by `Cycling.on_core`.
    :param reactor: None makes a fresh one when `run` is called.
    """

    def __init__(self, serving: Serving, cycle: Cycling, reactor: Any = None) -> None:
        self._serving = serving
        self.cycle = cycle
        self.reactor = reactor
        #: all clients, those longest without a request first
        self.protocols: dict[ServerProtocol, None] = {}
        self.limits = patience(cycle.terms)
        self._most = most_parked()
        self._cores = [cycle.on_core(core) for core in range(serving.cores)]
        self._free = deque(range(serving.cores))
        self._waiting: deque[tuple[ServerProtocol, Any]] = deque()
        self._ports: list[Any] = []
        self._accepting = True
        self._leaving = False
        self._stopped = False
        if serving.settings[Offloading].threads:
            from uwsgid.loops.sending import ReactorSenders

            serving.offload = ReactorSenders(serving)

    def run(self) -> int:
        """Serve until the farewell is due and nobody waits any more; the exit code."""
        if self.reactor is None:
            self.reactor = fresh_reactor()
        reactor = self.reactor
        reactor.suggestThreadPoolSize(self._serving.cores)
        self.listen()
        reactor.run(installSignalHandlers=False)
        return self._serving.farewell.code

    def listen(self) -> None:
        """Begin to accept, and to watch what has to be watched."""
        for listener in self._serving.listeners:
            os.set_blocking(listener.fd, False)
            with listener.socket() as sock:
                hurry(sock)
                family = sock.family
                self._ports.append(
                    self.reactor.adoptStreamPort(listener.fd, family, ServerFactory(self, listener))
                )
                sock.detach()
        for fd, call in self._serving.wakeups:
            self.reactor.addReader(_Wakeup(fd, call, self.look))
        self.reactor.callWhenRunning(self.look)

    def make_room(self) -> None:
        """Where too many clients wait, close who can best be spared."""
        if len(self.protocols) >= self._most:
            for why in SPARED_FIRST:
                for protocol in self.protocols:
                    if protocol.waits is why and not protocol.busy:
                        protocol.leave()
                        return

    def submit(self, protocol: ServerProtocol, prepared: Any) -> None:
        """Serve a request as soon as a core is free."""
        if self._free:
            self.reactor.callInThread(self._serve, self._free.popleft(), protocol, prepared)
        else:
            self._waiting.append((protocol, prepared))

    def _serve(self, core: int, protocol: ServerProtocol, prepared: Any) -> None:
        # `import uwsgi` finds out by this which request the thread is working on
        threading.current_thread().core = core  # type: ignore[attr-defined]
        prepared[0].core = core  # it was prepared before it was known who would be free
        after = Next.CLOSE
        try:
            after = self._cores[core].serve(protocol.connection, prepared)
        finally:
            self.reactor.callFromThread(self._served, core, protocol, after)

    def _served(self, core: int, protocol: ServerProtocol, after: Next) -> None:
        self._free.append(core)
        if self._waiting:
            self.submit(*self._waiting.popleft())
        if protocol in self.protocols:
            protocol.conclude(after)
        elif protocol.connection.sending is not None:
            protocol.connection.sending.stopProducing()
        self.look()

    def look(self) -> None:
        """See whether the farewell has changed."""
        farewell = self._serving.farewell
        accepting = not (farewell.due or farewell.paused)
        if accepting != self._accepting:
            self._accepting = accepting
            for port in self._ports:
                if accepting:
                    port.startReading()
                else:
                    port.stopReading()
        if not farewell.due:
            return
        if not self._leaving:
            self._leaving = True
            for protocol in list(self.protocols):
                protocol.hasten()
        busy = len(self._free) < len(self._cores)
        if not self.protocols and not busy and not self._stopped:
            self._stopped = True
            self.reactor.callLater(0, self.reactor.stop)


def fresh_reactor() -> Any:
    """A reactor of this process's own.

    The one that the master's twistd imported was inherited by the fork, with its poller and its waker; it
    must not run here.
    """
    sys.modules.pop("twisted.internet.reactor", None)
    from twisted.internet import epollreactor

    epollreactor.install()
    return sys.modules["twisted.internet.reactor"]
