"""Files that are sent by threads, so that no worker waits for a slow client.

A worker gives away two descriptors, its client's and the file's, and is free; a thread with an epoll of its
own moves the bytes of any number of clients.  The connection ends behind the answer, for only the end of
it tells the thread and the worker apart.  The request's line is written by the thread, when it is known how
much was sent.

A worker that leaves waits for what its threads have in hand, as it does for requests.
"""

from __future__ import annotations

import os
import resource
import select
import socket
import threading
import time
import traceback
from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING, ClassVar, Final

from uwsgid.request.body import Body
from uwsgid.request.connection import COPY_SIZE, Connection
from uwsgid.request.offload_options import RAW
from uwsgid.request.reply import VIA_OFFLOAD, HttpReply, Reply
from uwsgid.request.request import Request

if TYPE_CHECKING:
    from uwsgid.request.serving import Serving
    from uwsgid.request.terms import Terms

#: Bytes from which a file is given away.  Less than this is taken by the kernel at once, nearly always.
LEAST: Final = 1 << 16
#: Bytes that one client gets before it is the next one's turn.
_TURN: Final = 1 << 20
#: Seconds between two looks at who takes nothing any more.
_LOOK: Final = 0.5
#: Seconds in which a client that was sent everything may end the connection itself.
_LINGER: Final = 2.0
#: Of the descriptors that a process may have, the part that transfers may take.
_SHARE: Final = 2


class Transfer:
    """A file on its way to a client.

    :ivar out: a descriptor of the connection, ours alone; -1 where the loop sends.
    :ivar file: a descriptor of the file, ours alone.
    :ivar offset: of the next byte.
    :ivar left: bytes that are still to be sent.
    :ivar deadline: monotonic seconds at which the client has been silent for too long.
    """

    __slots__ = ("deadline", "file", "left", "lingers", "offset", "out", "request", "terms", "who")

    def __init__(
        self, request: Request, who: str, terms: Terms, out: int, file: int, offset: int, left: int
    ) -> None:
        self.request = request
        self.who = who
        self.terms = terms
        self.out = out
        self.file = file
        self.offset = offset
        self.left = left
        self.deadline = time.monotonic() + terms.timeout
        self.lingers = False

    def move(self) -> bool:
        """Send what the client takes, in turns; True when there is no more to be sent.

        :raises OSError: the client is gone.
        """
        turn = _TURN
        while self.left and turn > 0:
            most = min(self.left, turn)
            try:
                if self.terms.sendfile:
                    sent = os.sendfile(self.out, self.file, self.offset, most)
                else:
                    data = os.pread(self.file, min(most, COPY_SIZE), self.offset)
                    sent = os.write(self.out, data) if data else 0
            except BlockingIOError:
                return False
            if not sent:
                return True  # the file has become shorter
            self.deadline = time.monotonic() + self.terms.timeout
            self.offset += sent
            self.left -= sent
            self.request.reply.body_size += sent
            turn -= sent
        return not self.left

    def close(self) -> None:
        """Give both descriptors back."""
        for fd in (self.out, self.file):
            if fd >= 0:
                os.close(fd)
        self.out = self.file = -1


class Senders(ABC):
    """Those of a worker who send files after the request is over; not who they are.

    :cvar connections: whose clients they can serve.
    """

    connections: ClassVar[type[Connection]] = Connection

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._busy = 0
        self._idle = threading.Condition()
        # each takes two descriptors, and clients must be able to come in all the same
        self._most = max(1, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // _SHARE // 2)

    @abstractmethod
    def give(self, transfer: Transfer, connection: Connection) -> None:
        """Begin with *transfer*; `done` follows once it is closed."""

    def own(self, connection: Connection) -> int:
        """A descriptor of *connection* for a transfer.

        :raises OSError: there is none to be had.
        """
        return os.dup(connection.fd)

    # ---- what a core of the worker calls -------------------------------------------------------------------

    def take(self, request: Request, fd: int, offset: int, count: int) -> bool:
        """Send the head of an answer that was started, and see to its body, *count* bytes of a file.

        :param fd: of the file; it may be closed afterwards.
        :returns: False where somebody else has to: nothing was sent, and nothing changed.
        :raises OSError: as `Reply.write`.
        """
        reply, body = request.reply, request.body
        if count < LEAST or type(reply) not in (Reply, HttpReply) or reply.sent:
            return False
        if self._busy >= self._most:
            return False
        if type(body) is not Body or not body.at_end or body.surplus:
            return False
        connection = reply.connection
        if type(connection) is not self.connections or connection.listener.protocol not in RAW:
            return False
        try:
            file = os.dup(fd)
        except OSError:
            return False
        try:
            out = self.own(connection)
        except OSError:
            os.close(file)
            return False
        try:
            count = reply.hand_over(count)
        except BaseException:
            count = 0
            raise
        finally:
            if not count:
                os.close(file)
                if out >= 0:
                    os.close(out)
        if not count:
            return True
        transfer = Transfer(_twin(request), connection.who, connection.terms, out, file, offset, count)
        reply.body_size = count
        request.log = False
        serving = self._serving
        serving.board.offloaded_requests[serving.seat * serving.cores + request.core] += 1
        with self._idle:
            self._busy += 1
        self.give(transfer, connection)
        return True

    def finish(self, seconds: float) -> None:
        """Wait until all is sent, for so long at most."""
        with self._idle:
            self._idle.wait_for(lambda: not self._busy, seconds)

    # ---- what those call who send --------------------------------------------------------------------------

    def report(self, transfer: Transfer, error: OSError | None, *, late: bool = False) -> None:
        """Write the line of a request whose transfer is over.

        :param error: what ended it, if it was not its end.
        :param late: the client took nothing for too long.
        """
        request, terms, serving = transfer.request, transfer.terms, self._serving
        reply = request.reply
        if late:
            serving.say(
                f"uwsgi_response_sendfile_do() TIMEOUT !!! {transfer.who}: the client did not take any of "
                f"the answer for {terms.timeout:g} seconds (socket-timeout)"
            )
        elif isinstance(error, BrokenPipeError) and not terms.ignore_sigpipe:
            serving.say(
                "SIGPIPE: writing to a closed pipe/socket/fd (probably the client disconnected) on request "
                f"{request.vars.get('REQUEST_URI', '')} (ip {transfer.who}) !!!"
            )
        if error is not None and not terms.ignore_write_errors:
            serving.say(f"uwsgi_response_sendfile_do(): {error.strerror} [{transfer.who}]")
        if late or error is not None:
            reply.write_errors += 1
            serving.board.write_errors[serving.seat * serving.cores + request.core] += 1
        request.micros = max(0, int((time.time() - request.started) * 1000000))
        serving.log_request(request)

    def done(self) -> None:
        """A transfer is closed."""
        with self._idle:
            self._busy -= 1
            if not self._busy:
                self._idle.notify_all()

    def fail(self) -> None:
        """Tell the log what a sender did not expect."""
        self._serving.say(f"a file could not be sent:\n{traceback.format_exc()}")


class Offload(Senders):
    """The threads of a worker that send files.

    :param count: how many.
    """

    def __init__(self, count: int, serving: Serving) -> None:
        super().__init__(serving)
        self._turn = 0
        self._movers = [_Mover(self, number) for number in range(count)]
        for mover in self._movers:
            mover.start()
        serving.say(f"spawned {count} offload threads for uWSGI worker {serving.slot}")

    def give(self, transfer: Transfer, connection: Connection) -> None:
        with self._idle:
            self._turn = turn = (self._turn + 1) % len(self._movers)
        self._movers[turn].give(transfer)


class _Mover(threading.Thread):
    """One thread: its clients, and the epoll that says who of them takes more."""

    def __init__(self, offload: Offload, number: int) -> None:
        super().__init__(name=f"uWSGI offload {number}", daemon=True)
        self._offload = offload
        self._given: deque[Transfer] = deque()
        self._transfers: dict[int, Transfer] = {}
        self._epoll = select.epoll()
        self._poke = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._epoll.register(self._poke, select.EPOLLIN)

    def give(self, transfer: Transfer) -> None:
        """Called by the cores of the worker."""
        self._given.append(transfer)
        os.eventfd_write(self._poke, 1)

    def run(self) -> None:
        look_at = 0.0
        while True:
            for fd, _ in self._epoll.poll(_LOOK if self._transfers else None):
                if fd == self._poke:
                    os.eventfd_read(self._poke)
                    self._adopt()
                elif fd in self._transfers:
                    self._attend(self._transfers[fd])
            now = time.monotonic()
            if now >= look_at:
                look_at = now + _LOOK
                for transfer in list(self._transfers.values()):
                    if transfer.deadline <= now:
                        self._end(transfer, late=True)

    def _adopt(self) -> None:
        while self._given:
            transfer = self._given.popleft()
            self._transfers[transfer.out] = transfer
            self._epoll.register(transfer.out, select.EPOLLOUT)

    def _attend(self, transfer: Transfer) -> None:
        try:
            if transfer.lingers:
                if not self._drained(transfer):
                    return
            elif not transfer.move():
                return
        except OSError as error:
            self._end(transfer, error)
        except BaseException:
            self._offload.fail()
            self._end(transfer)
        else:
            self._end(transfer)

    def _end(self, transfer: Transfer, error: OSError | None = None, *, late: bool = False) -> None:
        """Be done with *transfer*, or let it linger where its client has sent something."""
        if not transfer.lingers:
            try:
                self._offload.report(transfer, error, late=late)
            except BaseException:
                self._offload.fail()
            if error is None and not late and not self._is_silent(transfer):
                self._linger(transfer)
                return
        del self._transfers[transfer.out]
        self._epoll.unregister(transfer.out)
        transfer.close()
        self._offload.done()

    @staticmethod
    def _is_silent(transfer: Transfer) -> bool:
        """Whether nothing unread would turn the close into a reset, at which the client lost its answer."""
        try:
            return not os.read(transfer.out, COPY_SIZE)
        except OSError:
            return True

    def _linger(self, transfer: Transfer) -> None:
        transfer.lingers = True
        transfer.deadline = time.monotonic() + _LINGER
        sock = socket.socket(fileno=transfer.out)
        try:
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        finally:
            sock.detach()
        self._epoll.modify(transfer.out, select.EPOLLIN)

    @staticmethod
    def _drained(transfer: Transfer) -> bool:
        try:
            return not os.read(transfer.out, COPY_SIZE)
        except BlockingIOError:
            return False


def _twin(request: Request) -> Request:
    """What the line of *request* needs, apart from what its worker still does with it."""
    twin = Request(request.vars, request.modifier1, request.modifier2, request.core, request.started)
    twin.packet_size = request.packet_size
    twin.var_count = request.var_count
    twin.app_id = request.app_id
    twin.app_requests = request.app_requests
    twin.switches = request.switches
    twin.logvars = request.logvars
    twin.who = request.who
    twin.uri = request.uri
    twin.wire = request.wire
    twin.log = request.log
    twin.body = request.body
    sent = request.reply
    twin.reply = reply = Reply(sent.connection, request.vars)
    reply.status = sent.status
    reply.header_count = sent.header_count
    reply.headers_size = sent.headers_size
    reply.write_errors = sent.write_errors
    reply.sent = True
    reply.via = VIA_OFFLOAD
    return twin
