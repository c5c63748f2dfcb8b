"""Many descriptors under one reader of the reactor.

A Twisted transport costs several times what the kernel wants for the same bytes, and a gateway does little
else than pass bytes on.  So its connections wait in an epoll of their own, edge-triggered, and the reactor
watches that one descriptor.  While there is something to do the rounds go on here, for `TURN` seconds at
most; then the reactor gets its turn, which has the timers, the signals and the talk with the master.
"""

from __future__ import annotations

import os
import select
import traceback
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer

#: What a connection is watched for: it is told once when it becomes readable or writable, and reads and
#: writes until the kernel says that it would have to wait.
EDGE: Final = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
#: For a listening socket that several processes have.
DOOR: Final = select.EPOLLIN | select.EPOLLEXCLUSIVE

IN: Final = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
OUT: Final = select.EPOLLOUT | select.EPOLLHUP | select.EPOLLERR
HUNG: Final = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
BROKEN: Final = select.EPOLLHUP | select.EPOLLERR

TURN: Final = 0.02  #: seconds until the reactor has its turn
#: Events taken from the kernel at a time.
BATCH: Final = 128

#: Reads of one descriptor until others have their turn.
TURNS: Final = 16

Heard = Callable[[int], None]


@implementer(IReadDescriptor)
class Rounds:
    """An epoll that a reactor watches.

    :param batch: events taken at a time.
    :ivar now: monotonic seconds, as of the last events.
    """

    def __init__(self, reactor: Any, say: Callable[[str], None], batch: int = BATCH) -> None:
        self._reactor = reactor
        self._say = say
        self._batch = batch
        self._epoll = select.epoll()
        self._heard: dict[int, Heard] = {}
        self._soon: list[Callable[[], None]] = []
        self._turns = False
        self.now = monotonic()

    def start(self) -> None:
        """Begin."""
        self._reactor.addReader(self)

    def watch(self, fd: int, heard: Heard, events: int = EDGE) -> None:
        """Call *heard* with the events of *fd*."""
        self._heard[fd] = heard
        self._epoll.register(fd, events)

    def close(self, fd: int) -> None:
        """Watch *fd* no longer, and close it."""
        if self._heard.pop(fd, None) is not None:
            try:
                self._epoll.unregister(fd)
            except OSError:
                pass
        os.close(fd)

    def ignore(self, fd: int) -> None:
        """Watch *fd* no longer."""
        if self._heard.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def look_at_the_clock(self) -> float:
        """What time it is, `now` from here on."""
        self.now = monotonic()
        return self.now

    def soon(self, call: Callable[[], None]) -> None:
        """Call *call* after what is being done now."""
        if not self._soon and not self._turns:
            self._reactor.callLater(0, self._catch_up)
        self._soon.append(call)

    # ---- hot path, watched by bench-protocols --------------------------------------------------------------

    def doRead(self) -> None:
        """There is something to do."""
        heard = self._heard
        poll = self._epoll.poll
        batch = self._batch
        now = monotonic()
        end = now + TURN
        self._turns = True
        while now < end:
            events = poll(0 if self._soon else end - now, batch)
            self.now = now = monotonic()
            for fd, mask in events:
                call = heard.get(fd)
                if call is not None:
                    try:
                        call(mask)
                    except Exception:
                        self._failed(fd)
            if self._soon:
                self._catch_up()
        self._turns = False
        if self._soon:
            self._reactor.callLater(0, self._catch_up)

    # ---- end of the hot path -------------------------------------------------------------------------------

    def _catch_up(self) -> None:
        calls, self._soon = self._soon, []
        for call in calls:
            try:
                call()
            except Exception:
                self._say(f"a connection of the gateway failed:\n{traceback.format_exc()}")

    def _failed(self, fd: int) -> None:
        """Our own mistake costs one connection and no process."""
        self._say(f"a connection of the gateway failed:\n{traceback.format_exc()}")
        self.ignore(fd)

    def fileno(self) -> int:
        return self._epoll.fileno()

    def logPrefix(self) -> str:
        return "gateway"

    def connectionLost(self, reason: object) -> None:
        """The reactor ends."""

    def shut(self) -> None:
        """Close everything that is watched, and the epoll."""
        self._reactor.removeReader(self)
        for fd in list(self._heard):
            self.close(fd)
        self._epoll.close()
