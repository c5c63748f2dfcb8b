"""The gateway process: clients on one side, instances on the other, and what all of them share.

Started by `uwsgid.gateways.http.serve` in a process of its own.  What is decided about one request is in
`uwsgid.gateways.http_client`.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, Protocol

from uwsgid.errors import PeerError
from uwsgid.gateways.http_client import Session
from uwsgid.gateways.http_exchange import Exchange
from uwsgid.gateways.http_request import Ask
from uwsgid.gateways.http_upstream import ATOMIC, Node, Nodes, Upstream
from uwsgid.gateways.rounds import DOOR, Rounds
from uwsgid.wire.limits import Limits
from uwsgid.wire.uwsgi import write_vars

SWEEP: Final = 1.0  #: seconds between two looks at who is late
BREATHER: Final = 0.2  #: seconds to accept nobody after the descriptors ran out
ACCEPTS: Final = 16  #: clients that are accepted before others are served
FAREWELL: Final = 0.7  #: seconds for answers that are on their way at the end; less than masters grant
SECOND: Final = 1.0  #: at most one line about refused requests in that time

_OUT_OF_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


@dataclass(frozen=True, slots=True)
class HttpTerms:
    """What the options say, ready for use.  All times are in seconds, all sizes in bytes; 0 is no limit.

    :ivar most_packet: of the variables of a request that our own workers take.
    :ivar expect_limit: of a body that waits for ``100 Continue``.
    """

    modifier1: int = 0
    modifier2: int = 0
    timeout: float = 60.0
    headers_timeout: float = 60.0
    connect_timeout: float = 60.0
    idle_timeout: float = 60.0
    keep_alive: bool = False
    auto_chunked: bool = False
    websockets: bool = False
    raw_body: bool = False
    limit_post: int = 0
    expect_limit: int = 0
    most_packet: int = 0


class Seal(Protocol):
    """How the connections of a door are encrypted."""

    def session(self, router: Router, fd: int, peer: bytes, who: str) -> Session:
        """One connection that has come in."""


@dataclass(frozen=True, slots=True)
class Door:
    """A listening socket of the gateway.

    :ivar name: its address as it was written.
    :ivar vars: what all requests that come in there have.
    :ivar redirect: clients are sent to HTTPS; what follows the host there, ``:8443`` or nothing.  Else None.
    :ivar tls: how to encrypt; None for not.
    """

    fd: int
    name: str
    vars: dict[str, str]
    redirect: str | None = None
    tls: Seal | None = None


class Router:
    """All of one gateway process.

    :param per_worker: requests that a worker of our own gets at a time.
    :ivar known: heads that came before, for all clients.
    :ivar names: where clients come in.
    :ivar requests: that were passed on, again where they had to be.
    :ivar refused: requests that were none.
    :ivar retries: how often one was sent again.
    :ivar failures: requests that were answered with 502 or 504.
    :ivar broken_answers: what instances said and nobody could use.
    :ivar leaving: the process is about to end.
    """

    def __init__(
        self,
        reactor: Any,
        say: Callable[[str], None],
        terms: HttpTerms,
        limits: Limits,
        nodes: Nodes,
        *,
        events: int = 64,
        per_worker: int = 1,
    ) -> None:
        self.reactor = reactor
        self.say = say
        self.terms = terms
        self.limits = limits
        self.nodes = nodes
        self.rounds = Rounds(reactor, say, events)
        self.soon = self.rounds.soon
        self.hostname = socket.gethostname()
        self.known: dict[bytes, Ask] = {}
        self.sessions: set[Session] = set()
        self.names: tuple[str, ...] = ()
        self.leaving = False
        self.requests = 0
        self.refused = 0
        self.retries = 0
        self.failures = 0
        self.broken_answers = 0
        self._listeners: list[socket.socket] = []
        self._unsaid = 0
        self._said_at = 0.0
        self._per_worker = per_worker
        self._idle: dict[Upstream, None] = {}
        self._owned: dict[int, int] = {}
        self._unknown = 0

    # ---- clients -------------------------------------------------------------------------------------------

    def start(self, doors: Sequence[Door]) -> None:
        """Let clients in."""
        self.names = tuple(door.name for door in doors)
        for door in doors:
            self._open(door)
        self.rounds.start()
        self.reactor.callLater(SWEEP, self._sweep)

    def _open(self, door: Door) -> None:
        static = write_vars(door.vars)
        listener = socket.socket(fileno=os.dup(door.fd))
        listener.setblocking(False)
        accept = listener._accept  # type: ignore[attr-defined]

        def heard(mask: int) -> None:
            for _ in range(ACCEPTS):
                try:
                    fd, peer = accept()
                except BlockingIOError:
                    return
                except OSError as error:
                    if error.errno in _OUT_OF_ROOM:
                        self._take_a_breath(door, listener, error)
                    return
                try:
                    self._let_in(door, static, fd, peer)
                except Exception as error:
                    # whatever it is, it must not close the door
                    self.say(f"[uwsgi-http] a client could not be let in: {error!r}")

        self._listeners.append(listener)
        self.rounds.watch(listener.fileno(), heard, DOOR)

    def _shut(self, listener: socket.socket) -> None:
        self._listeners.remove(listener)
        self.rounds.ignore(listener.fileno())
        listener.close()

    def _let_in(self, door: Door, static: bytes, fd: int, peer: Any) -> None:
        os.set_blocking(fd, False)
        block, who = static, door.name
        if type(peer) is tuple:
            address, port = peer[0].removeprefix("::ffff:"), str(peer[1])
            who = f"{address}:{port}"
            block += write_vars({"REMOTE_ADDR": address, "REMOTE_PORT": port})
        if door.tls is None:
            session = Session(self, fd, block, who, door.redirect)
        else:
            session = door.tls.session(self, fd, block, who)
        self.sessions.add(session)
        session.start()

    def _take_a_breath(self, door: Door, listener: socket.socket, error: OSError) -> None:
        self.say(f"[uwsgi-http] accept(): {error.strerror}; {len(self.sessions)} clients are connected")
        self._shut(listener)
        self.reactor.callLater(BREATHER, self._reopen, door)

    def _reopen(self, door: Door) -> None:
        if not self.leaving:
            self._open(door)

    def _sweep(self) -> None:
        """Send away who is late."""
        if self.leaving:
            return
        now = self.rounds.look_at_the_clock()
        for session in [session for session in self.sessions if session.deadline < now]:
            session.expire()
        if self._unsaid and now - self._said_at >= SECOND:
            self.say(f"[uwsgi-http] {self._unsaid} more requests were refused ({self.refused} in all)")
            self._unsaid, self._said_at = 0, now
        self.reactor.callLater(SWEEP, self._sweep)

    def refuse(self, who: str, error: PeerError) -> None:
        """A client was refused: counted, and told in the log, though not once for each of a flood."""
        self.refused += 1
        now = self.rounds.now
        if now - self._said_at < SECOND and self.refused > 1:
            self._unsaid += 1
            return
        self._said_at = now
        option = f", option {error.option}" if error.option else ""
        answered = f"answered {error.status}" if error.status else "closed"
        self.say(
            f"[uwsgi-http] request of {who} refused: {error}{option}, {answered} ({self.refused} in all)"
        )

    def refused_handshake(self, who: str, why: str) -> None:
        """A client could not be agreed with about encryption."""
        self.refuse(who, PeerError(f"TLS: {why}", status=0))

    # ---- instances -----------------------------------------------------------------------------------------

    def connect(self, session: Exchange, tried: int) -> Upstream:
        """A connection to the instance whose turn it is."""
        self.requests += 1
        node = self.nodes.choose(self.rounds.now, tried)
        node.hits += 1
        if node.is_own:
            # whoever waits to be accepted gets the next worker that is free, so the others wait behind it
            if self._idle and not self._unknown and not tried and len(session.packet) <= ATOMIC:
                upstream = self._idle.popitem()[0]
                upstream.session = session
                return upstream
            self._unknown += 1
        return Upstream(self.rounds, node, session, self)

    def release(self, upstream: Upstream, reusable: bool) -> None:
        """An answer is complete: keep the connection for the next request, or close it."""
        pid = upstream.pid
        if reusable and pid and self._owned[pid] <= self._per_worker and not self.leaving:
            upstream.session = None
            upstream.body = None
            self._idle[upstream] = None
            return
        upstream.close()
        if pid in self._owned:
            # it has enough connections, or it is about to leave: then it should not wait for us
            for idle in [one for one in self._idle if one.pid == pid and not reusable]:
                idle.close()

    def introduced(self, upstream: Upstream) -> None:
        """A worker of our own accepted a connection and said who it is."""
        self._unknown -= 1
        self._owned[upstream.pid] = self._owned.get(upstream.pid, 0) + 1

    def lost(self, upstream: Upstream) -> None:
        """A connection to our own workers is no more."""
        pid = upstream.pid
        if not pid:
            self._unknown -= 1
            return
        self._idle.pop(upstream, None)
        self._owned[pid] -= 1
        if not self._owned[pid]:
            del self._owned[pid]

    def not_reached(self, node: Node, retries: int, why: str) -> None:
        """Say that an instance could not be reached."""
        self.say(f'[uwsgi-http] unable to connect() to node "{node.name}" ({retries} retries): {why}')
        if self.nodes.failed(node, self.rounds.now):
            self.say(f"[uwsgi-http] {self.hostname} => marking {node.name} as failed")

    def leave(self) -> None:
        """The process ends: answers that are on their way get a moment, the reactor having stopped."""
        self.leaving = True
        for listener in list(self._listeners):
            self._shut(listener)
        end = monotonic() + FAREWELL
        while any(session.is_being_answered for session in self.sessions) and monotonic() < end:
            self.rounds.doRead()
        for session in list(self.sessions):
            session.close()
        self.rounds.shut()
