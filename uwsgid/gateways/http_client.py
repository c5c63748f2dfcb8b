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

from typing import TYPE_CHECKING, Final

from mypy_extensions import mypyc_attr

from uwsgid.errors import PeerError
from uwsgid.gateways.http_exchange import ASKED, BODY, FLUSH, HEAD, LAST, Exchange
from uwsgid.gateways.http_request import Ask, Asking
from uwsgid.gateways.rounds import BROKEN, HUNG, IN, OUT, TURNS
from uwsgid.gateways.spool import Spool
from uwsgid.wire.events import NEED_DATA, BodyChunk, EndOfBody
from uwsgid.wire.response import CONTINUE

if TYPE_CHECKING:
    from uwsgid.gateways.http_router import Router

#: Bytes that a client may still send after it got its last answer.
LINGER: Final = 1 << 20


@mypyc_attr(allow_interpreted_subclasses=True)
class Session(Exchange):
    """One connection of a client, request after request.

    :param fd: non-blocking; it is ours.
    :param peer: the variables of the connection, as in a packet.
    :param who: the client, for the log.
    :param redirect: the port of HTTPS to which it is led; None for nowhere.
    """

    __slots__ = ("asking", "redirect", "surplus")

    def __init__(self, router: Router, fd: int, peer: bytes, who: str, redirect: str | None = None) -> None:
        super().__init__(router, fd, peer, who)
        self.redirect = redirect
        terms = router.terms
        self.asking = Asking(
            router.limits, router.known, websockets=terms.websockets, raw_body=terms.raw_body
        )
        self.surplus = 0

    def start(self) -> None:
        """Begin to listen to it."""
        self.router.rounds.watch(self.fd, self.heard)
        self.read()

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
