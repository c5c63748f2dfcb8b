"""An accepted connection: a bare descriptor, how to move bytes over it, and what it waits for.

There is no socket object, because making one and setting its timeout costs more than parsing a request.  The
descriptor does not block; where a read or a write would, the connection polls it for no longer than
``socket-timeout``.  Loops that wait in another way (a reactor, greenlets) come with a subclass of their own.

Between requests a connection belongs to the loop, which *parks* it; what it is parked for is the answer of
`Cycling.advance`.
"""

from __future__ import annotations

import enum
import os
import select
import socket
from collections import OrderedDict
from collections.abc import Callable, Sequence
from os import close, write, writev
from typing import TYPE_CHECKING, Any, Final, Protocol

from mypy_extensions import mypyc_attr

from uwsgid.errors import PeerTimeout

if TYPE_CHECKING:
    from uwsgid.host import Listener
    from uwsgid.request.terms import Terms

#: Bytes to move in one go where sendfile() is not to be used.
COPY_SIZE: Final = 32768
#: The most that one sendfile() is asked for, so that its count fits everywhere.
_SENDFILE_MAX: Final = 1 << 30


class Next(enum.IntEnum):
    """What a loop does with a connection now.  A number, because loops look it up for every request."""

    CLOSE = 0
    AGAIN = 1  #: the next request is here already; advance again when it is its turn
    PARK_HEAD = 2  #: park: the head of a request is not complete
    PARK_IDLE = 3  #: park: between requests
    LINGER = 4  #: park: all is answered, the rest of what the client sends is thrown away


# The hot path asks for these by a global name, which costs less than an attribute of the class.
CLOSE: Final = Next.CLOSE
AGAIN: Final = Next.AGAIN
PARK_HEAD: Final = Next.PARK_HEAD
PARK_IDLE: Final = Next.PARK_IDLE
LINGER: Final = Next.LINGER


class Cycling(Protocol):
    """What a loop needs of `uwsgid.worker.cycle.Cycle`."""

    terms: Terms

    def connector(self, listener: Listener) -> Callable[[int, Any], Connection]:
        """What makes a connection of the descriptor and the peer address that accept() returned."""

    def advance(self, connection: Connection) -> Next:
        """Read what arrived, and answer at most one request."""

    def expire(self, connection: Connection, why: Next) -> None:
        """Tell the client, and the log where that matters, that it took too long.  The caller closes."""

    def prepare(self, connection: Connection, data: bytes) -> Any:
        """For loops that read themselves: what to pass to `serve`, or a `Next`."""
        ...

    def serve(self, connection: Connection, prepared: Any) -> Next:
        """Answer a request that `prepare` returned."""
        ...

    def abandon(self, connection: Connection, why: str) -> Next:
        """Note that the client went away, where it was in the middle of something."""
        ...

    def on_core(self, core: int) -> Cycling:
        """The same for another core of this worker."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Connection:
    """One client.

    :ivar fd: -1 once it is closed.
    :ivar peer: the address of a TCP client as text; empty on UNIX sockets.
    :ivar peer_line: the same as bytes with a newline, for who looks at requests in progress.
    :ivar listener: where it came in.
    :ivar received: the bytes of the request head that is being read.
    :ivar waits: what it is parked for; `Next.PARK_HEAD` before its first byte.
    :ivar deadline: monotonic seconds at which waiting ends; 0 before it was parked.
    :ivar place: the queue that its loop keeps it in.
    :ivar registered: whether the loop's epoll knows it.
    :ivar busy: a core is serving it, so that nobody else may close it.
    :ivar served: how many requests it had.
    :ivar surplus: bytes that were thrown away after the answer.
    :ivar taken: how many bytes of a `send` or `send_file` that failed the kernel took nonetheless.
    """

    __slots__ = (
        "busy",
        "deadline",
        "decoder",
        "fd",
        "listener",
        "peer",
        "peer_line",
        "place",
        "received",
        "registered",
        "served",
        "station",
        "surplus",
        "taken",
        "terms",
        "waits",
    )

    def __init__(self, fd: int, peer: str, listener: Any, station: Any, terms: Terms) -> None:
        self.fd = fd
        self.peer = peer
        self.peer_line = peer.encode("latin-1") + b"\n" if peer else b"\n"
        self.listener = listener
        self.station = station
        self.terms = terms
        self.decoder: Any = None
        self.received = b""
        self.waits = Next.PARK_HEAD
        self.deadline = 0.0
        self.place: OrderedDict[int, Connection] | None = None
        self.registered = False
        self.busy = False
        self.served = 0
        self.surplus = 0
        self.taken = 0

    def receive(self, most: int, seconds: float = 0.0) -> bytes:
        """Up to *most* bytes as soon as there are any; none once the client has sent its last.

        :param seconds: to wait, 0 for ``socket-timeout``.
        :raises PeerTimeout: nothing came for so long.
        :raises OSError: the connection broke.
        """
        while True:
            try:
                return os.read(self.fd, most)
            except BlockingIOError:
                self.wait(select.POLLIN, seconds)

    def receive_now(self, most: int) -> bytes | None:
        """As `receive`, but None where nothing is there yet.

        :raises OSError: the connection broke.
        """
        try:
            return os.read(self.fd, most)
        except BlockingIOError:
            return None

    # ---- hot path, watched by bench-requests (a) -----------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Write all of *data*.

        :raises PeerTimeout: the client took nothing for ``socket-timeout``.
        :raises OSError: the connection broke.
        """
        try:
            sent = write(self.fd, data)
        except BlockingIOError:
            sent = 0
        if sent != len(data):
            self._send_rest(data, sent)

    def send_parts(self, parts: Sequence[bytes | memoryview]) -> None:
        """Write all of *parts*, none of which is copied.

        :raises PeerTimeout: the client took nothing for ``socket-timeout``.
        :raises OSError: the connection broke.
        """
        try:
            sent = writev(self.fd, parts)
        except BlockingIOError:
            sent = 0
        if sent != sum([len(part) for part in parts]):
            self._send_rest(b"".join(parts), sent)

    # ---- end of the hot path -------------------------------------------------------------------------------

    def send_now(self, data: bytes) -> None:
        """Write of *data* what is taken at once; never waits and never raises."""
        try:
            os.write(self.fd, data)
        except OSError:
            pass

    def _send_rest(self, data: bytes, sent: int) -> None:
        rest = memoryview(data)[sent:]
        try:
            while rest:
                self.wait(select.POLLOUT)
                try:
                    sent = os.write(self.fd, rest)  # mypyc would do twice what stands in a bound of a slice
                except BlockingIOError:
                    continue
                rest = rest[sent:]
        except (OSError, PeerTimeout):
            self.taken = len(data) - len(rest)
            raise

    def send_file(self, fd: int, offset: int | None, count: int | None) -> int:
        """Send *count* bytes of a file, or all there is, and say how many they were.

        :param offset: where to start; None takes the file's own position and moves it.
        :raises PeerTimeout: the client took nothing for ``socket-timeout``.
        :raises OSError: the connection broke, or the descriptor is not a file that sendfile() takes and
            not a byte was sent.
        """
        if not self.terms.sendfile:
            return self._copy_file(fd, offset, count)
        total = 0
        try:
            while count is None or total < count:
                most = _SENDFILE_MAX if count is None else min(count - total, _SENDFILE_MAX)
                try:
                    sent = os.sendfile(self.fd, fd, None if offset is None else offset + total, most)
                except BlockingIOError:
                    self.wait(select.POLLOUT)
                    continue
                if not sent:
                    break
                total += sent
        except (OSError, PeerTimeout):
            self.taken = total
            raise
        return total

    def _copy_file(self, fd: int, offset: int | None, count: int | None) -> int:
        total = 0
        while count is None or total < count:
            most = COPY_SIZE if count is None else min(count - total, COPY_SIZE)
            data = os.read(fd, most) if offset is None else os.pread(fd, most, offset + total)
            if not data:
                break
            try:
                self.send(data)
            except (OSError, PeerTimeout):
                self.taken += total
                raise
            total += len(data)
        return total

    def wait(self, events: int, seconds: float = 0.0) -> None:
        """Sleep until the descriptor is ready for *events* of `select.poll`.

        :param seconds: at most, 0 for ``socket-timeout``.
        :raises PeerTimeout: it was not, for so long.
        """
        seconds = seconds or self.terms.timeout
        poll = select.poll()
        poll.register(self.fd, events)
        if not poll.poll(seconds * 1000):
            doing = "send anything" if events & select.POLLIN else "take any of the answer"
            raise PeerTimeout(f"the client did not {doing} for {seconds:g} seconds")

    @property
    def watched_fd(self) -> int:
        """The descriptor by which poll() tells that more can be received; -1 where only receiving tells."""
        return self.fd

    @property
    def is_lost(self) -> bool:
        """Whether the client is gone for both directions, as far as can be said without writing to it."""
        poll = select.poll()
        poll.register(self.fd, 0)
        return bool(poll.poll(0))

    def say_last_word(self) -> None:
        """Tell the client that nothing more comes, while it may go on sending."""
        sock = socket.socket(fileno=self.fd)
        try:
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        finally:
            sock.detach()

    def close(self) -> None:
        """Give the descriptor back; a second time does nothing."""
        fd = self.fd
        if fd >= 0:
            self.fd = -1
            close(fd)

    @property
    def who(self) -> str:
        """The client, for the log."""
        return self.peer or f"a client of {self.listener.name}"
