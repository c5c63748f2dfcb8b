"""One client of the gateway, from its first byte to its last.

::

    HEAD ──request──▶ BODY ──complete──▶ ASKED ──answered──▶ FLUSH ──all sent──▶ HEAD, or closed
      │                 │                                      ▲
      └──────────── refused ──────────▶ LAST WORDS ────────────┘

A client may be as slow as it likes, within the timeouts: its request is complete before an instance hears of
it, and what the instance says is taken as fast as it comes.  Only what does not fit into a `Spool` has to
wait on either side, and so does what belongs to a tunnel.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Final

from mypy_extensions import mypyc_attr

from uwsgid.errors import PeerError
from uwsgid.gateways.http_answer import Answer
from uwsgid.gateways.http_request import Ask, Asking
from uwsgid.gateways.http_upstream import Upstream, packet_of
from uwsgid.gateways.rounds import BROKEN, HUNG, IN, OUT, TURNS
from uwsgid.gateways.spool import Spool
from uwsgid.wire.events import NEED_DATA, BodyChunk, EndOfBody
from uwsgid.wire.response import CONTINUE, error_page
from uwsgid.wire.uwsgi import write_vars

if TYPE_CHECKING:
    from uwsgid.gateways.http_router import Router

READ: Final = 1 << 15
#: How often a request is sent, as in uWSGI (plugins/corerouter).
TRIES: Final = 3
#: Bytes, and seconds, that a client may still send after it got its last answer.
LINGER: Final = 1 << 20
LINGER_SECONDS: Final = 4.0

HEAD: Final = 0  # between requests, or within a head
BODY: Final = 1  # the head is known, and its body still comes
ASKED: Final = 2  # an instance has the request, or is going to
FLUSH: Final = 3  # the answer is complete, the client has not taken all of it
LAST: Final = 4  # what the client says does not matter any more


@mypyc_attr(allow_interpreted_subclasses=True)
class Session:
    """One connection of a client.

    :param fd: non-blocking; it is ours.
    :param peer: the variables of the connection, as in a packet.
    :param who: the client, for the log.
    """

    __slots__ = ("answering", "ask", "asking", "deadline", "down", "fd", "hung", "is_tunnel", "packet",
                 "peer", "readable", "redirect", "router", "state", "surplus", "tries", "up",
                 "up_size", "upstream", "who", "writable")  # fmt: skip

    def __init__(self, router: Router, fd: int, peer: bytes, who: str, redirect: str | None = None) -> None:
        self.router = router
        self.fd = fd
        self.peer = peer
        self.who = who
        self.redirect = redirect
        terms = router.terms
        self.asking = Asking(
            router.limits, router.known, websockets=terms.websockets, raw_body=terms.raw_body
        )
        self.state = HEAD
        self.readable = True  # most have sent something already
        self.writable = True
        self.hung = False
        self.ask: Ask | None = None
        self.is_tunnel = False
        self.answering: Answer | None = None
        self.upstream: Upstream | None = None
        self.packet = b""
        self.tries = 0
        self.up: Spool | None = None
        self.up_size = 0
        self.down: Spool | None = None
        self.surplus = 0
        self.deadline = router.rounds.now + terms.headers_timeout

    @property
    def is_being_answered(self) -> bool:
        """It waits for an answer, or for the rest of one."""
        return self.state in (ASKED, FLUSH) and not self.is_tunnel

    def start(self) -> None:
        """Begin to listen to it."""
        self.router.rounds.watch(self.fd, self.heard)
        self.read()

    # ---- the wire, which TLS replaces ----------------------------------------------------------------------

    def receive(self) -> bytes:
        """What arrived; nothing at the end.

        :raises BlockingIOError: there is nothing yet.
        :raises OSError: it broke.
        """
        data = os.read(self.fd, READ)
        if len(data) < READ and not self.hung:
            self.readable = False  # the end would be told as an event of its own
        return data

    def transmit(self, data: bytes) -> int:
        """Send some of *data*.

        :raises BlockingIOError: none could be sent.
        :raises OSError: it broke.
        """
        return os.write(self.fd, data)

    def say_last_word(self) -> None:
        """Nothing more is going to be sent."""
        with socket.socket(fileno=os.dup(self.fd)) as sock:
            sock.shutdown(socket.SHUT_WR)

    # ---- hot path, watched by bench-protocols --------------------------------------------------------------

    def heard(self, mask: int) -> None:
        """The kernel says that something changed."""
        if mask & BROKEN and self.state in (ASKED, FLUSH):
            self.close()
            return
        if mask & OUT and not self.writable:
            self.writable = True
            if self.down is not None:
                self.flush()
        if mask & IN:
            self.readable = True
            if mask & HUNG:
                self.hung = True
            self.read()

    def read(self) -> None:
        """Read as long as there is somebody to read for."""
        for _ in range(TURNS):
            if not self.readable or self.fd < 0:
                return
            state = self.state
            if state == ASKED:
                if not self.is_tunnel or (self.up is not None and self.up.outgrown):
                    return
            elif state == FLUSH:
                return
            elif state == BODY and self.upstream is not None and self.up is not None and self.up.outgrown:
                return  # it is passed on at the pace of the instance
            try:
                data = self.receive()
            except BlockingIOError:
                self.readable = False
                return
            except OSError:
                self.close()
                return
            if not data:
                self.readable = False
                self.end_of_input()
                return
            if state <= BODY:
                if state == HEAD and self.asking.idle:
                    self.deadline = self.router.rounds.now + self.router.terms.headers_timeout
                self.asking.feed(data)
                self.proceed()
            elif state == LAST:
                self.surplus += len(data)
                if self.surplus > LINGER:
                    self.close()
            else:
                self.pass_up(data)
        self.router.soon(self.read)

    def proceed(self) -> None:
        """Let the request come together."""
        try:
            while self.state <= BODY:
                event = self.asking.next()
                if type(event) is Ask:
                    self.begin(event)
                elif type(event) is BodyChunk:
                    self.collect(event.data)
                elif type(event) is EndOfBody:
                    self.collected()
                elif event is NEED_DATA:
                    return
        except PeerError as error:
            self.refuse(error)

    def begin(self, ask: Ask) -> None:
        """The head of a request is there."""
        self.ask = ask
        self.tries = 0
        if ask.length == 0 and not ask.is_tunnel and self.redirect is None:
            self.state = ASKED
            self.dispatch(ask, b"")
        else:
            self.begin_slowly(ask)

    def dispatch(self, ask: Ask, body: bytes) -> None:
        """Send the request to an instance; *body* is all of it, or what comes first of that in `up`."""
        router = self.router
        terms = router.terms
        more = self.peer
        if ask.length is None and not ask.is_tunnel:
            more = write_vars({"CONTENT_LENGTH": str(self.up_size)}) + more
        packet = packet_of(terms.modifier1, terms.modifier2, ask.block, more)
        if not packet or len(packet) - 4 > terms.most_packet > 0:
            raise PeerError("a head that an instance would refuse", status=431, option="buffer-size")
        self.packet = packet + body if body else packet
        self.send()

    def send(self) -> None:
        """Send what is ready, maybe not for the first time."""
        router = self.router
        terms = router.terms
        ask = self.ask
        assert ask is not None, "there is a request"
        now = router.rounds.now
        self.deadline = now + terms.timeout
        upstream = router.connect(self, self.tries)
        self.upstream = upstream
        self.answering = Answer(ask, terms.keep_alive, terms.auto_chunked, upstream.node.is_own)
        upstream.send(self.packet, self.up, self.state == ASKED and not self.is_tunnel)
        if not upstream.connected and self.state == ASKED:
            self.deadline = now + terms.connect_timeout

    def answer(self, upstream: Upstream, data: bytes) -> None:
        """An instance says something."""
        answering = self.answering
        assert answering is not None, "somebody was asked"
        try:
            out = answering.take(data)
        except PeerError as error:
            self.blame(upstream, error)
            return
        if out:
            self.write(out)
            if self.fd < 0:
                return
        if answering.ended:
            self.router.release(upstream, answering.reusable)
            self.upstream = None
            self.answered()
        elif self.down is None:
            self.deadline = self.router.rounds.now + self.router.terms.timeout

    def write(self, data: bytes) -> None:
        """Send *data* to the client, now or when it takes it."""
        if self.down is None:
            if self.writable:
                try:
                    sent = self.transmit(data)
                except BlockingIOError:
                    sent = 0
                except OSError:
                    self.close()
                    return
                if sent == len(data):
                    return
                self.writable = False
                self.deadline = self.router.rounds.now + self.router.terms.timeout
                data = data[sent:]
            self.down = Spool()
        try:
            self.down.push(data)
        except OSError as error:
            self.router.say(f"[uwsgi-http] an answer can not be kept for {self.who}: {error.strerror}")
            self.close()
            return
        if self.upstream is not None and (self.down.full or (self.is_tunnel and self.down.outgrown)):
            self.upstream.paused = True

    def answered(self) -> None:
        """The answer is complete."""
        if self.down is not None:
            self.state = FLUSH
            return
        answering = self.answering
        if answering is not None and answering.keep_alive and self.state == ASKED and not self.router.leaving:
            self.next()
        else:
            self.end()

    def next(self) -> None:
        """Wait for the next request, which may be there already."""
        router = self.router
        self.state = HEAD
        self.answering = self.ask = None
        self.packet = b""
        if self.up is not None:
            self.up.close()
            self.up = None
        self.deadline = router.rounds.now + router.terms.idle_timeout
        self.proceed()
        if self.readable:
            self.read()

    # ---- end of the hot path -------------------------------------------------------------------------------

    def begin_slowly(self, ask: Ask) -> None:
        """The head of a request that has a body, or leads elsewhere."""
        terms = self.router.terms
        if self.redirect is not None:
            self.lead_elsewhere(ask)
            return
        self.up = Spool()
        self.up_size = 0
        if ask.is_tunnel:
            self.is_tunnel = True
            self.state = ASKED
            self.dispatch(ask, self.asking.leftover())
            return
        for limit, option in (
            (terms.limit_post, "limit-post"),
            (terms.expect_limit if ask.expects else 0, "http-manage-expect"),
        ):
            if ask.length is not None and ask.length > limit > 0:
                raise PeerError(f"a body of {ask.length} bytes", status=413, option=option)
        self.state = BODY
        self.deadline = self.router.rounds.now + terms.timeout
        if ask.expects:
            self.write(CONTINUE)

    def lead_elsewhere(self, ask: Ask) -> None:
        """``http-to-https``."""
        host = ask.host.partition("]")
        name = host[0] + host[1] if host[1] else ask.host.partition(":")[0]
        path = ask.uri if ask.uri.startswith("/") else "/"
        place = f"https://{name or self.router.hostname}{self.redirect}{path}"
        self.state = ASKED
        self.write(
            b"HTTP/1.1 301 Moved Permanently\r\nContent-Length: 0\r\nConnection: close\r\n"
            b"Location: " + place.encode("latin-1") + b"\r\n\r\n"
        )
        self.last_words()

    def collect(self, data: bytes) -> None:
        """Some of a body."""
        terms = self.router.terms
        ask, up = self.ask, self.up
        assert ask is not None and up is not None, "a body has a head"
        self.up_size += len(data)
        self.deadline = self.router.rounds.now + terms.timeout
        if ask.length is None:
            if self.up_size > terms.limit_post > 0:
                raise PeerError(
                    f"a body of more than {terms.limit_post} bytes", status=413, option="limit-post"
                )
            if up.full:
                raise PeerError(f"a body in chunks of more than {len(up)} bytes", status=413)
        try:
            up.push(data)
        except OSError as error:
            raise PeerError(f"a body that can not be kept: {error.strerror}", status=507) from None
        if self.upstream is not None:
            self.upstream.push()
        elif up.full:
            self.dispatch(ask, b"")

    def collected(self) -> None:
        """A body is complete."""
        ask, up = self.ask, self.up
        assert ask is not None and up is not None, "a body has a head"
        self.state = ASKED
        if self.upstream is not None:
            self.upstream.is_ended = True
            self.upstream.push()
            return
        body = b""
        if not up.outgrown:
            pieces = []
            while data := up.pop():
                pieces.append(data)
            body = b"".join(pieces)
            self.up = None
        self.dispatch(ask, body)

    def pass_up(self, data: bytes) -> None:
        """Bytes of a tunnel."""
        assert self.up is not None, "a tunnel has two ends"
        self.deadline = self.router.rounds.now + self.router.terms.timeout
        try:
            self.up.push(data)
        except OSError:
            self.close()
            return
        if self.upstream is not None:
            self.upstream.push()

    def took_body(self) -> None:
        """The instance takes more of what the client sends."""
        self.deadline = self.router.rounds.now + self.router.terms.timeout
        if self.readable and (self.state == BODY or self.is_tunnel) and self.up is not None and not self.up:
            self.router.soon(self.read)

    def flush(self) -> None:
        """Send what waits for the client."""
        down = self.down
        assert down is not None, "there is something to send"
        while self.writable and self.fd >= 0:
            data = down.pop()
            if not data:
                self.down = None
                down.close()
                break
            try:
                sent = self.transmit(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.close()
                return
            if sent:
                self.deadline = self.router.rounds.now + self.router.terms.timeout
            if sent < len(data):
                down.put_back(data[sent:])
                self.writable = False
        upstream = self.upstream
        if upstream is not None and upstream.paused and not (down.full or (self.is_tunnel and down.outgrown)):
            upstream.paused = False
            self.router.soon(upstream.pull)
        if self.down is None:
            if self.state == FLUSH:
                self.state = ASKED
                self.answered()
            elif self.state == LAST:
                self.last_words()

    def end_of_input(self) -> None:
        """The client says nothing more; it may still listen."""
        if self.state == LAST:
            self.close()
        elif self.state == ASKED:
            if self.is_tunnel and self.upstream is not None:
                self.upstream.is_ended = True
                self.upstream.push()
        else:
            self.close()

    def reached(self) -> None:
        """The connection to an instance took its time, and is there."""
        self.deadline = self.router.rounds.now + self.router.terms.timeout

    def not_reached(self, upstream: Upstream, why: str) -> None:
        """An instance can not be reached."""
        self.upstream = None
        self.tries += 1
        self.router.not_reached(upstream.node, self.tries - 1, why)
        if self.tries < TRIES and (self.up is None or self.state == ASKED):
            self.router.soon(self.try_again)
        else:
            self.fail(502)

    def try_again(self) -> None:
        """Send the same elsewhere."""
        if self.fd >= 0 and self.ask is not None and self.upstream is None and self.packet:
            self.send()

    def instance_closed(self, upstream: Upstream, error: OSError | None, untouched: bool) -> None:
        """The connection to an instance is gone."""
        answering = self.answering
        assert answering is not None, "somebody was asked"
        self.upstream = None
        if untouched and self.tries + 1 < TRIES and not answering.started:
            self.tries += 1
            self.router.retries += 1
            self.router.soon(self.try_again)
            return
        try:
            rest = answering.finish()
        except PeerError as incomplete:
            self.blame(upstream, incomplete)
            return
        if rest:
            self.write(rest)
        if self.fd >= 0:
            self.answered()

    def blame(self, upstream: Upstream, error: PeerError) -> None:
        """What an instance said can not be passed on."""
        self.router.say(
            f"[uwsgi-http] {upstream.node.name}: {error} [{self.who}, {self.ask.what if self.ask else ''}]"
        )
        self.router.broken_answers += 1
        self.fail(502)

    def fail(self, status: int) -> None:
        """The client gets *status*, or where its answer began, an end that it can notice."""
        if self.upstream is not None:
            self.upstream.close()
            self.upstream = None
        if self.answering is not None and self.answering.started:
            self.close()
            return
        self.router.failures += 1
        self.packet = b""
        self.write(error_page(status))
        self.last_words()

    def refuse(self, error: PeerError) -> None:
        """Answer a request that is none, and say why."""
        self.router.refuse(self.who, error)
        if self.upstream is not None:
            self.upstream.close()
            self.upstream = None
        if not error.status:
            self.close()
            return
        self.write(error_page(error.status))
        self.last_words()

    def last_words(self) -> None:
        """Let the client read its answer before the connection goes: bytes nobody reads would reset it."""
        if self.fd < 0:
            return
        self.state = LAST
        if self.down is None:
            self.deadline = self.router.rounds.now + LINGER_SECONDS
            try:
                self.say_last_word()
            except OSError:
                self.close()
                return
            self.router.soon(self.read)

    def end(self) -> None:
        """There is no further request."""
        if self.readable or not self.asking.idle:
            self.last_words()
        else:
            self.close()

    def expire(self) -> None:
        """Its time is over."""
        state = self.state
        if state == HEAD and not self.asking.idle:
            self.refuse(PeerError("no complete head in time", status=408, option="http-headers-timeout"))
        elif state == BODY:
            self.refuse(PeerError("no complete body in time", status=408, option="http-timeout"))
        elif state == ASKED and self.down is None and not self.is_tunnel:
            upstream = self.upstream
            if upstream is not None and not upstream.connected:
                self.router.not_reached(upstream.node, self.tries, "timeout")
                upstream.close()
            node = upstream.node.name if upstream is not None else "nobody"
            self.router.say(
                f"[uwsgi-http] no answer of {node} in time [{self.who}, {self.ask.what if self.ask else ''}]"
            )
            self.fail(504)
        else:
            self.close()

    def close(self) -> None:
        """Let go of everything.  A second call does nothing."""
        fd, self.fd = self.fd, -1
        if fd < 0:
            return
        self.router.sessions.discard(self)
        self.router.rounds.close(fd)
        if self.upstream is not None:
            self.upstream.close()
            self.upstream = None
        for spool in (self.up, self.down):
            if spool is not None:
                spool.close()
        self.up = self.down = None
