"""The other side of the gateway: instances, and the connections to them.

An instance gets a request when all of it is there, body included, so that a worker never waits for a client.
One that can not be reached rests for a while, and its requests go elsewhere.  A request that no worker has
begun to read may be sent again; one that somebody may have read is not.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from uwsgid.gateways.rounds import HUNG, IN, OUT, TURNS, Rounds
from uwsgid.wire.uwsgi import MAX_BLOCK

if TYPE_CHECKING:
    from uwsgid.gateways.http_exchange import Exchange
    from uwsgid.gateways.http_router import Router
    from uwsgid.gateways.spool import Spool

READ: Final = 1 << 16
#: Bytes that a worker reads at once: a request of no more was read as a whole or not at all.
ATOMIC: Final = 8192
#: Seconds until an instance whose queue is full is asked again.
AGAIN: Final = 0.01

_IN_PROGRESS: Final = frozenset({errno.EINPROGRESS, errno.EALREADY})
_QUEUE_FULL: Final = frozenset({errno.EAGAIN})
_RESET: Final = frozenset({errno.ECONNRESET, errno.EPIPE})


@dataclass(slots=True)
class Node:
    """An instance that requests are sent to.

    :ivar name: its address as it was written.
    :ivar where: the same for the kernel.
    :ivar is_own: one of our own instance, whose workers keep the connection and say who they are.
    :ivar hits: requests that it got.
    :ivar failures: how often it could not be reached.
    :ivar rests_until: monotonic seconds.
    """

    name: str
    family: int
    where: Any
    is_own: bool = False
    hits: int = 0
    failures: int = 0
    rests_until: float = 0.0


class Nodes:
    """All instances, and who is next.

    :param grace: seconds that one rests which could not be reached (``http-gracetime``).
    :param fallbacks: asked where others failed.
    """

    def __init__(self, nodes: Sequence[Node], fallbacks: Sequence[Node] = (), grace: float = 30.0) -> None:
        self.all = tuple(nodes)
        self.fallbacks = tuple(fallbacks)
        self._grace = grace
        self._turn = 0

    def choose(self, now: float, tried: int = 0) -> Node:
        """Who gets a request that failed *tried* times: fallbacks come after the first failure.

        Where all rest, the one that is next gets it all the same: a chance is better than none.
        """
        if tried and tried <= len(self.fallbacks):
            return self.fallbacks[tried - 1]
        every = self.all
        for _ in every:
            node = every[self._turn % len(every)]
            self._turn += 1
            if node.rests_until <= now:
                return node
        node = every[self._turn % len(every)]
        self._turn += 1
        return node

    def failed(self, node: Node, now: float) -> bool:
        """*node* could not be reached; whether it rests from now on."""
        node.failures += 1
        if node in self.fallbacks or len(self.all) == 1:
            return False
        was_resting = node.rests_until > now
        node.rests_until = now + self._grace
        return not was_resting


class Upstream:
    """One connection to an instance, for one request at a time.

    :ivar answered: something came back.
    :ivar body: what follows the packet; None for nothing.
    :ivar is_broken: it takes no more; what it says still counts.
    :ivar is_ended: `body` has all that there is going to be.
    :ivar hung: the other side said its last word.
    :ivar pid: the worker at the other end, where it said so; 0 where not.
    :ivar paused: what it says is not read for the time being.
    :ivar is_used: it has carried a request before.
    """

    __slots__ = (
        "_offset",
        "_packet",
        "_rounds",
        "_router",
        "answered",
        "body",
        "connected",
        "fd",
        "hung",
        "is_broken",
        "is_ended",
        "is_used",
        "node",
        "paused",
        "pid",
        "readable",
        "session",
        "writable",
    )  # fmt: skip

    def __init__(self, rounds: Rounds, node: Node, session: Exchange, router: Router) -> None:
        self._rounds = rounds
        self._router: Router | None = router
        self.pid = 0
        self.node = node
        self.session: Exchange | None = session
        self.fd = -1
        self.connected = False
        self.readable = False
        self.writable = False
        self.hung = False
        self.paused = False
        self.answered = False
        self.is_used = False
        self.is_broken = False
        self.is_ended = False
        self.body: Spool | None = None
        self._packet = b""
        self._offset = 0

    def send(self, packet: bytes, body: Spool | None, is_ended: bool) -> None:
        """Send a request.  *packet* is kept, so that it can be sent elsewhere."""
        self._packet = packet
        self._offset = 0
        self.body = body
        self.is_ended = is_ended
        self.answered = False
        if self.fd < 0:
            self._connect()
        else:
            self.push()

    # ---- hot path, watched by bench-protocols --------------------------------------------------------------

    def _connect(self) -> None:
        node = self.node
        try:
            sock = socket.socket(node.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        except OSError as error:
            self._refused(error)
            return
        code = sock.connect_ex(node.where)
        if code in _QUEUE_FULL:
            sock.close()
            if self._router is not None:
                self._router.reactor.callLater(AGAIN, self._connect_again)
            return
        if code and code not in _IN_PROGRESS:
            sock.close()
            self._refused(OSError(code, os.strerror(code)))
            return
        self.fd = fd = sock.detach()
        if not code:
            self.connected = self.writable = True
            self.push()
            if self.fd < 0:
                return
        self._rounds.watch(fd, self.heard)

    def push(self) -> None:
        """Send what there is to send."""
        while self.writable and not self.is_broken and self.fd >= 0:
            packet, offset = self._packet, self._offset
            if offset < len(packet):
                data = packet if not offset else packet[offset:]
                from_body = False
            else:
                body = self.body
                if body is None:
                    return
                data = body.pop()
                if not data:
                    if self.is_ended and self.session is not None and self.session.is_tunnel:
                        self._say_last_word()
                    return
                from_body = True
            try:
                sent = os.write(self.fd, data)
            except BlockingIOError:
                sent = 0
                self.writable = False
            except OSError as error:
                self._broken(error)
                return
            self._offset += sent
            if sent < len(data):
                self.writable = False
                if from_body and self.body is not None:
                    self.body.put_back(data[sent:])
            if from_body and self.session is not None:
                self.session.took_body()

    def heard(self, mask: int) -> None:
        """The kernel says that something changed."""
        if mask & OUT and not self.writable:
            if not self.connected and not self._arrived():
                return
            self.writable = True
            self.push()
        if mask & IN:
            self.readable = True
            if mask & HUNG:
                self.hung = True
            if not self.paused:
                self.pull()

    def pull(self) -> None:
        """Read what there is of an answer."""
        for _ in range(TURNS):
            if not self.readable or self.paused or self.fd < 0:
                return
            try:
                data = os.read(self.fd, READ)
            except BlockingIOError:
                self.readable = False
                return
            except OSError as error:
                self._ended(error)
                return
            if not data:
                self._ended(None)
                return
            if len(data) < READ and not self.hung:
                self.readable = False  # a hang-up would be told as an event of its own
            if not self.pid and self.node.is_own:
                data = self._meet(data)
                if not data:
                    continue
            self.answered = True
            session = self.session
            if session is None:
                self.close()  # nobody asked
                return
            session.answer(self, data)
        self._rounds.soon(self.pull)

    # ---- end of the hot path -------------------------------------------------------------------------------

    def _meet(self, data: bytes) -> bytes:
        """Our own worker says who it is, then what there is to say."""
        self.pid = int.from_bytes(data[:4], "little")
        if self._router is not None:
            self._router.introduced(self)
        return data[4:]

    def _say_last_word(self) -> None:
        """The client of a tunnel says nothing more."""
        self.is_ended = False
        with socket.socket(fileno=os.dup(self.fd)) as sock:
            try:
                sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass

    def _connect_again(self) -> None:
        if self.session is not None and self.fd < 0:
            self._connect()

    def _arrived(self) -> bool:
        """A connection that took its time is there, or is not."""
        with socket.socket(fileno=os.dup(self.fd)) as sock:
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._refused(OSError(code, os.strerror(code)))
            return False
        self.connected = True
        if self.session is not None:
            self.session.reached()
        return True

    def _refused(self, error: OSError) -> None:
        session, self.session = self.session, None
        self.close()
        if session is not None:
            session.not_reached(self, error.strerror or str(error))

    def _broken(self, error: OSError) -> None:
        """It takes no more.  It may have answered all the same, so what it said is still read."""
        self.is_broken = True
        if self.answered:
            return
        try:
            data = os.read(self.fd, READ)
        except BlockingIOError:
            return
        except OSError as worse:
            self._ended(worse if worse.errno in _RESET else error)
            return
        if data and self.session is not None:
            self.answered = True
            self.session.answer(self, data)
        else:
            self._ended(error)

    def _ended(self, error: OSError | None) -> None:
        session, self.session = self.session, None
        has_body = session is None or session.ask is None or session.ask.length != 0
        # a UNIX socket whose other end was closed with something unread is reset, otherwise it just ends
        # (net/unix/af_unix.c, unix_release_sock)
        untouched = (
            not self.answered
            and self.body is None
            and (len(self._packet) <= ATOMIC or not has_body)
            and self.node.family == socket.AF_UNIX
            and error is not None
            and error.errno in _RESET
        )
        self.close()
        if session is not None:
            session.instance_closed(self, error, untouched)

    def close(self) -> None:
        """Let go.  A second call does nothing."""
        self.session = None
        self.body = None
        router, self._router = self._router, None
        if router is not None and self.node.is_own:
            router.lost(self)
        fd, self.fd = self.fd, -1
        if fd >= 0:
            self._rounds.close(fd)


def packet_of(modifier1: int, modifier2: int, block: bytes, more: bytes) -> bytes:
    """A packet of a request and of its connection; empty where it would be too large."""
    size = len(block) + len(more)
    if size > MAX_BLOCK:
        return b""
    return bytes((modifier1, size & 0xFF, size >> 8, modifier2)) + block + more
