"""Where connections come in: what all of one listening socket have in common, above all what they speak.

A station is made once for a socket, and is all that the cycle knows of a protocol: how a connection begins,
what a head becomes, what is said to a peer that broke the rules, and whether the connection goes on behind an
answer.  So a connection costs an object and, over HTTP, a copy of a dict, and no request asks which protocols
there are.

Here are the two that nearly everybody uses; `make_station` finds the others, whose modules nobody else loads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from uwsgid.host import Listener
from uwsgid.request.body import Body
from uwsgid.request.connection import AGAIN, CLOSE, LINGER, PARK_IDLE, Connection, Next
from uwsgid.request.options import Dispatch
from uwsgid.request.reply import HttpReply, Reply
from uwsgid.request.request import Request
from uwsgid.request.serving import Farewell
from uwsgid.request.terms import Terms
from uwsgid.supervise.board import RequestKind
from uwsgid.wire.events import RequestHead
from uwsgid.wire.http1 import HttpDecoder
from uwsgid.wire.limits import Limits
from uwsgid.wire.response import error_page
from uwsgid.wire.uwsgi import UwsgiDecoder

#: Bytes of an unread body that are thrown away so that the connection can be used again.
DISCARD: Final = 1 << 16
#: Variables that a request may well have.
_ROOM: Final = 30
#: A request, its body, and its bytes for whoever looks at requests in progress.
Prepared = tuple[Request, Body, bytes]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a station is, whatever is spoken there.

    :ivar base: variables that every request starts from.
    :ivar dispatch: who answers, for protocols that do not say it.
    :ivar trusted: `Request.trusted` of its requests.
    :ivar farewell: of the worker, for protocols that keep connections.
    :ivar cores: requests that the instance serves at a time.
    """

    listener: Listener
    base: dict[str, Any]
    limits: Limits
    terms: Terms
    dispatch: Dispatch
    trusted: bool = False
    farewell: Farewell = field(default_factory=Farewell)
    cores: int = 1


class Station:
    """A socket on which front ends speak uwsgi: one packet, one answer, and the end of the connection.

    :ivar base: what the variables of every request start from.
    :ivar name: what the log calls the protocol.
    :ivar kind: how the bytes of its requests are to be read.
    :ivar closes: every connection ends with its first answer, so that nobody need ask `after`.
    :ivar trusted: `Request.trusted` of its requests.
    :ivar modifier1: who answers, where the protocol does not say it.
    :ivar modifier2: what that one is told.
    """

    __slots__ = ("base", "closes", "farewell", "kind", "limits", "listener", "modifier1", "modifier2", "name",
                 "terms", "trusted")  # fmt: skip

    def __init__(self, place: Place) -> None:
        self.listener = place.listener
        self.base = _roomy(place.base)
        self.limits = place.limits
        self.terms = place.terms
        self.trusted = place.trusted
        self.farewell = place.farewell
        self.modifier1 = 0
        self.modifier2 = 0
        self.name = "uwsgi"
        self.kind = RequestKind.UWSGI
        self.closes = True

    # ---- hot path, watched by bench-requests (a) -----------------------------------------------------------

    def connect(self, fd: int, peer: Any) -> Connection:
        """A connection, of the descriptor and the peer address that accept() returned.

        What a front end says of its client is in the packet.
        """
        return Connection(fd, "", self.listener, self, self.terms)

    # ---- end of the hot path -------------------------------------------------------------------------------

    def decoder(self) -> Any:
        """What reads the bytes of a connection that began without one."""
        return UwsgiDecoder(self.base, self.limits)

    def open(self, connection: Connection, head: RequestHead, request: Request) -> Prepared:
        """Give *request* what follows from its head: its reply, its body, and the bytes to show of it."""
        request.reply = Reply(connection, head.vars)
        start: bytes = connection.decoder.leftover()
        length = head.body_length
        return (
            request,
            Body(connection, length, start if length else b""),
            connection.received[4:][: head.size],
        )

    def after(self, connection: Connection, reply: Reply, body: Body) -> Next:
        """What becomes of the connection behind an answer."""
        return CLOSE if body.at_end or body.discard(DISCARD) else linger(connection)

    def refusal(self, connection: Connection, status: int) -> bytes:
        """What a peer is told whose bytes are no request, before the connection ends; nothing, mostly."""
        return b""

    def turn_away(self, connection: Connection, status: int) -> bytes:
        """The whole answer to a request that is one and gets none of an application."""
        return b""


class HttpStation(Station):
    """A socket on which HTTP clients are answered, request after request."""

    __slots__ = ()

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.name = "http"
        self.kind = RequestKind.HTTP
        self.closes = False
        self.modifier1 = place.dispatch.http_socket_modifier1
        self.modifier2 = place.dispatch.http_socket_modifier2

    # ---- hot path, watched by bench-requests (b) -----------------------------------------------------------

    def connect(self, fd: int, peer: Any) -> Connection:
        """A connection of a client, whose address becomes ``REMOTE_ADDR`` of its requests."""
        base = self.base
        address = ""
        if type(peer) is tuple:
            address = peer[0].removeprefix("::ffff:")
            base = base.copy()
            base["REMOTE_ADDR"] = address
        connection = Connection(fd, address, self.listener, self, self.terms)
        connection.decoder = HttpDecoder(
            base, self.limits, modifier1=self.modifier1, modifier2=self.modifier2
        )
        return connection

    def open(self, connection: Connection, head: RequestHead, request: Request) -> Prepared:
        decoder = connection.decoder
        length = head.body_length
        keep_alive = head.keep_alive and not self.farewell.due
        request.reply = HttpReply(connection, head.vars, head.http_version, keep_alive)
        if length is None:  # of a chunked body the decoder keeps what it has
            body = Body(connection, None, b"", decoder, head.expect_continue)
        else:
            body = Body(connection, length, decoder.leftover(), None, head.expect_continue)
        return request, body, connection.received[: head.size]

    def after(self, connection: Connection, reply: Reply, body: Body) -> Next:
        if reply.close:
            if (body.at_end or body.discard(DISCARD)) and not body.surplus:
                return CLOSE
            return linger(connection)
        if not body.at_end and (body.awaits_continue or not body.discard(DISCARD)):
            return linger(connection)
        if body.surplus:
            connection.decoder.feed(body.surplus)
            connection.received = body.surplus
            return AGAIN
        return PARK_IDLE if connection.decoder.idle else AGAIN

    # ---- end of the hot path -------------------------------------------------------------------------------

    def refusal(self, connection: Connection, status: int) -> bytes:
        return error_page(status) if status else b""

    def turn_away(self, connection: Connection, status: int) -> bytes:
        return error_page(status)


def make_station(place: Place, proxied: bool = False) -> Station:
    """The station of a listening socket, by what is spoken on it.

    :param proxied: connections of HTTP begin with a PROXY header.
    """
    protocol = place.listener.protocol
    kind = Station
    if protocol == "http":
        kind = HttpStation
        if proxied:
            from uwsgid.worker.proxied import ProxiedStation

            kind = ProxiedStation
    elif protocol == "kept":
        from uwsgid.worker.kept import KeptStation

        kind = KeptStation
    elif protocol in ("fastcgi", "fastcgi-nph"):
        from uwsgid.worker.fastcgi import FastCgiStation

        kind = FastCgiStation
    elif protocol in ("scgi", "scgi-nph"):
        from uwsgid.worker.scgi import ScgiStation

        kind = ScgiStation
    elif protocol == "puwsgi":
        from uwsgid.worker.puwsgi import PuwsgiStation

        kind = PuwsgiStation
    return kind(place)


def linger(connection: Connection) -> Next:
    """End our half: a close with unread bytes in the socket resets it, and the client loses its answer."""
    connection.say_last_word()
    return LINGER


def _roomy(base: dict[str, Any]) -> dict[str, Any]:
    """A copy with room for a request: CPython copies that too, and a dict that grows costs a microsecond."""
    copy = base.copy()
    for number in range(_ROOM):
        copy[f" {number}"] = ""
    for _ in range(_ROOM):
        copy.popitem()
    return copy
