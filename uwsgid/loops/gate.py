"""Where the connections of a worker wait: listening sockets, wake-ups, and clients that are not ready yet.

A client costs a worker nothing until its request is complete: one that sends a byte a second is *parked* in
the same epoll that watches the listening sockets, with a deadline, and so is one that keeps its connection
for a next request.  Each reason to park has a limit of its own, the same for all, so a queue by reason is a
queue by deadline and the oldest is always in front.

A worker that is killed takes with it all that it accepted, so it accepts one client and serves it before it
accepts another.  Most clients send right after they connect; one that does not has a *moment* in which the
worker waits for it alone, and is parked after that.

`Gate.next` says who is next to be served; what becomes of the connection then is `attend`, `park` or `close`.
"""

from __future__ import annotations

import errno
import math
import select
import socket
from collections import OrderedDict
from collections.abc import Callable
from os import set_blocking
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from uwsgid.logs.held import PATIENCE
from uwsgid.loops.limits import (
    FAREWELL_GRACE,
    MOMENT_REST,
    SPARED_FIRST,
    defers,
    hurry,
    moment,
    most_parked,
    patience,
)
from uwsgid.request.connection import AGAIN, PARK_HEAD, PARK_IDLE, Connection, Cycling, Next
from uwsgid.request.serving import Serving

if TYPE_CHECKING:
    from uwsgid.host.locks import Lock

#: What a listening socket gives: a descriptor and the address of the peer.
Accept = Callable[[], tuple[int, Any]]

#: Events taken from the kernel at a time.
_BATCH: Final = 32
#: Clients to accept without asking epoll, which knows of parked clients and of what the master wants.
_EAGER: Final = 16
#: Clients for which epoll is asked after there was none without it.
_SOBER: Final = 32
#: Seconds to accept nothing after the process or the system ran out of descriptors.
_BREATHER: Final = 0.1
#: Seconds the leader of several threads sleeps at most: others park while it does.
_LEADER_SLEEP: Final = 0.5
#: Seconds of silence after which the listening sockets are looked at unasked.  The kernel wakes one worker
#: for a client, and one that is killed, stopped or frozen right then takes the news with it.
_ROUND: Final = 5.0

_OUT_OF_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Gate:
    """The waiting room of one worker.

    :param shared: several threads serve, one of them at a time in `next`.  A connection that a thread has is
        not watched, and `Next.AGAIN` is the thread's own business.
    """

    def __init__(self, serving: Serving, cycle: Cycling, *, shared: bool = False) -> None:
        self._serving = serving
        self._farewell = serving.farewell
        self._cycle = cycle
        self._shared = shared
        self._limits = {**patience(cycle.terms), AGAIN: math.inf}
        self._queues: dict[Next, OrderedDict[int, Connection]] = {why: OrderedDict() for why in self._limits}
        self._parked: dict[int, Connection] = {}
        self._most = most_parked()
        self._sweep_at = math.inf
        self._moment = moment()
        self._moments_from = 0.0  # monotonic seconds
        self._deferring: set[int] = set()
        self._ready: list[tuple[int, int]] = []
        self._again: list[tuple[int, int]] = []  # whose next request is here already
        self._epoll = select.epoll()
        self._wakeups: dict[int, Callable[[], None]] = {}
        self._round = _ROUND
        self._round_at = 0.0  # monotonic seconds
        self._sockets: list[socket.socket] = []
        self._accepts: dict[int, tuple[Accept, Callable[[int, Any], Connection]]] = {}
        self._doors: list[int] = []
        self._open = False
        self._door = -1  # where a client came in since epoll was asked
        self._eager = (
            0  # how often to ask there again before epoll; below 0, how many clients to wait with that
        )
        self._leaving = False
        self._lines = serving.lines
        for listener in serving.listeners:
            sock = listener.socket()
            sock.setblocking(False)
            hurry(sock)
            if defers(sock):
                self._deferring.add(sock.fileno())
            self._sockets.append(sock)
            self._doors.append(sock.fileno())
            accept: Accept = sock._accept  # type: ignore[attr-defined]
            if serving.thunder is not None:
                accept = _one_worker_at_a_time(accept, serving.thunder)
            self._accepts[sock.fileno()] = (accept, cycle.connector(listener))

    def watch(self, fd: int, call: Callable[[], None]) -> None:
        """Call *call* when *fd* is readable."""
        self._wakeups[fd] = call
        self._epoll.register(fd, select.EPOLLIN)

    def __len__(self) -> int:
        """How many connections are parked."""
        return len(self._parked)

    # ---- hot path, watched by bench-requests (a) -----------------------------------------------------------

    def next(self) -> Connection | None:
        """Who is next; sleeps until somebody is.  None when it is time to leave and nobody waits any more."""
        farewell = self._farewell
        while True:
            if (farewell.due or farewell.paused or not self._open) and self._is_over():
                return None
            if self._ready:
                fd = self._ready.pop()[0]
            elif self._eager > 0:
                # under load the next client is there already, and asking for it is cheaper than epoll
                self._eager -= 1
                fd = self._door
            else:
                self._wait()
                continue
            door = self._accepts.get(fd)
            if door is not None:
                accept, connect = door
                try:
                    new, peer = accept()
                except BlockingIOError:
                    self._eager = -_SOBER  # or another worker was faster
                    continue
                except OSError as error:
                    self._not_accepted(error)
                    continue
                if fd != self._door:
                    self._door = fd
                    self._eager += 1 if self._eager < 0 else _EAGER
                set_blocking(new, False)
                return connect(new, peer)
            connection = self._parked.get(fd)
            if connection is not None:
                connection.busy = True
                return connection
            wake = self._wakeups.get(fd)
            if wake is not None:
                wake()

    def _wait(self) -> None:
        """Sleep until something happens, and throw out who waited too long."""
        timeout = _LEADER_SLEEP if self._shared else self._round
        if self._sweep_at != math.inf:
            now = monotonic()
            if now >= self._sweep_at:
                self._sweep(now)
                return  # perhaps nobody is left to wait for
            timeout = min(timeout, self._sweep_at - now)
        lines = self._lines
        if lines is not None and lines.size:
            timeout = min(timeout, PATIENCE)
        again = self._again
        self._door = -1
        if self._eager > 0:
            self._eager = 0
        self._ready = self._epoll.poll(0 if again else timeout, _BATCH)
        if again:
            self._ready += again
            again.clear()
        elif not self._ready and lines is not None and lines.size:
            lines.flush()
        elif not self._ready and self._open:
            now = monotonic()
            if now >= self._round_at:
                self._round_at = now + self._round
                self._ready = [(fd, select.EPOLLIN) for fd in self._doors]

    def attend(self, connection: Connection, advance: Callable[[Connection], Next]) -> Next:
        """Wait a moment for the head that *connection* owes, alone; the answer of *advance* to what came.

        `Next.PARK_HEAD` where it had its moment already, or none is given: whoever is silent for long must
        not stop the worker.
        """
        if connection.place is self._queues[PARK_HEAD]:
            return PARK_HEAD
        if not connection.received and connection.listener.fd in self._deferring:
            return PARK_HEAD  # the kernel waited
        now = monotonic()
        if now < self._moments_from:
            return PARK_HEAD
        end = now + self._moment
        connection.waits = PARK_HEAD
        poll = select.poll()
        poll.register(connection.fd, select.POLLIN)
        while now < end and poll.poll((end - now) * 1000):
            after = advance(connection)
            if after is not PARK_HEAD:
                return after
            now = monotonic()
        self._moments_from = monotonic() + MOMENT_REST
        return PARK_HEAD

    def park(self, connection: Connection, why: Next) -> None:
        """Keep *connection* until it has something to say."""
        fd = connection.fd
        queue = self._queues[why]
        connection.waits = why
        place = connection.place
        # a head has one deadline, however often it is looked at; whoever is idle starts anew
        if place is not queue or why is not PARK_HEAD:
            if place is not None:
                place.pop(fd, None)
            connection.place = queue
            connection.deadline = monotonic() + self._limits[why]
            queue[fd] = connection
        if connection.deadline < self._sweep_at:
            self._sweep_at = connection.deadline
        connection.busy = False
        if not connection.registered:
            self._register(connection)
        elif self._shared:
            self._epoll.modify(fd, _ONCE)
        if why is AGAIN:
            self._again.append((fd, select.EPOLLIN))

    def close(self, connection: Connection) -> None:
        """Be done with *connection*."""
        fd = connection.fd
        if connection.registered:
            if connection.place is not None:
                connection.place.pop(fd, None)
            self._parked.pop(fd, None)
            # an application may have forked, and its child keep the connection open: epoll would go on
            # reporting it after the close
            self._epoll.unregister(fd)
            connection.registered = False
        connection.close()

    # ---- end of the hot path -------------------------------------------------------------------------------

    def _register(self, connection: Connection) -> None:
        if len(self._parked) >= self._most:
            self._make_room()
        fd = connection.fd
        self._parked[fd] = connection
        connection.registered = True
        self._epoll.register(fd, _ONCE if self._shared else select.EPOLLIN)

    def _make_room(self) -> None:
        """Close who can best be spared."""
        for why in SPARED_FIRST:
            for connection in list(self._queues[why].values()):
                if not connection.busy:
                    if why is PARK_HEAD:
                        self._serving.say(
                            f"{self._most} connections wait with incomplete requests: closing the oldest "
                            f"[{connection.who}]"
                        )
                    self.close(connection)
                    return

    def _sweep(self, now: float) -> None:
        """Close whose time is over, and find out when the next one's is."""
        nearest = math.inf
        for why, queue in self._queues.items():
            for connection in list(queue.values()):
                if connection.deadline > now:
                    nearest = min(nearest, connection.deadline)
                    break
                if not connection.busy:
                    self._cycle.expire(connection, why)
                    self.close(connection)
        self._sweep_at = nearest

    def _not_accepted(self, error: OSError) -> None:
        if error.errno in _OUT_OF_ROOM:
            self._serving.say(f"accept(): {error.strerror}; parked connections: {len(self._parked)}")
            self._make_room()
            # nobody is served by trying again at once: the connection stays in the queue of the kernel
            select.poll().poll(_BREATHER * 1000)
        elif error.errno not in (errno.ECONNABORTED, errno.EPROTO, errno.EPERM):
            self._serving.say(f"accept(): {error.strerror}")

    def _is_over(self) -> bool:
        """Open or close the listening sockets as the farewell says; True when it is time to leave."""
        farewell = self._farewell
        wanted = not (farewell.due or farewell.paused)
        if wanted != self._open:
            self._open = wanted
            for fd in self._doors:
                if wanted:
                    self._epoll.register(fd, select.EPOLLIN | select.EPOLLEXCLUSIVE)
                else:
                    self._epoll.unregister(fd)
            if not wanted:
                self._eager = 0
        if not farewell.due or self._ready:
            return False  # for a client in `_ready` no other worker was woken
        if not self._leaving:
            self._leaving = True
            self._hasten()
        return not self._parked

    def _hasten(self) -> None:
        """Leave those who have not begun a request a short time to do so."""
        soon = monotonic() + FAREWELL_GRACE
        for why in (PARK_HEAD, PARK_IDLE):
            queue = self._queues[why]
            for connection in list(queue.values()):
                if not connection.received and connection.deadline > soon:
                    connection.deadline = soon
                    queue.move_to_end(connection.fd, last=False)
        self._limits[PARK_IDLE] = min(self._limits[PARK_IDLE], FAREWELL_GRACE)
        self._sweep_at = min(self._sweep_at, soon)

    def shut(self) -> None:
        """Give everything back but the listening sockets, which are the worker's."""
        for connection in list(self._parked.values()):
            self.close(connection)
        for sock in self._sockets:
            sock.detach()
        self._epoll.close()


_ONCE: Final = select.EPOLLIN | select.EPOLLONESHOT


def _one_worker_at_a_time(accept: Accept, lock: Lock) -> Accept:
    """Accept under the thunder lock.

    In uWSGI the lock is held while waiting too, because all waiting workers would wake up.  Here the kernel
    wakes one (EPOLLEXCLUSIVE), which may so go on watching its parked clients and its master.
    """

    def accept_locked() -> tuple[int, Any]:
        with lock:
            return accept()

    return accept_locked
