"""Sockets on which front ends speak FastCGI (``fastcgi-socket``, ``fastcgi-nph-socket``).

A front end that says so keeps its connection (KEEP_CONN), and asks one thing after the other; two at a time
on one connection are refused as the specification says, and connections are cheap.  uWSGI closes in any case.
"""

from __future__ import annotations

from typing import Any

from uwsgid.errors import PeerTimeout
from uwsgid.request.body import Body
from uwsgid.request.connection import AGAIN, CLOSE, PARK_IDLE, Connection, Next
from uwsgid.request.fastcgi import FastCgiBody, FastCgiReply
from uwsgid.request.reply import Reply
from uwsgid.request.request import Request
from uwsgid.supervise.board import RequestKind
from uwsgid.wire.events import RequestHead
from uwsgid.wire.fastcgi import FastCgiDecoder
from uwsgid.worker.station import DISCARD, Place, Prepared, Station, linger


class FastCgiStation(Station):
    """A socket for front ends that speak FastCGI."""

    __slots__ = ("_nph", "_values")

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.name = "fastcgi"
        self.kind = RequestKind.FASTCGI
        self.closes = False
        self.modifier1 = place.dispatch.fastcgi_modifier1
        self.modifier2 = place.dispatch.fastcgi_modifier2
        self._nph = place.listener.protocol == "fastcgi-nph"
        self._values = {
            "FCGI_MAX_CONNS": str(place.cores),
            "FCGI_MAX_REQS": str(place.cores),
            "FCGI_MPXS_CONNS": "0",
        }

    # ---- hot path, watched by bench-protocols --------------------------------------------------------------

    def decoder(self) -> Any:
        return FastCgiDecoder(
            self.base,
            self.limits,
            modifier1=self.modifier1,
            modifier2=self.modifier2,
            values=self._values,
        )

    def connect(self, fd: int, peer: Any) -> Connection:
        connection = Connection(fd, "", self.listener, self, self.terms)
        connection.decoder = self.decoder()
        return connection

    def open(self, connection: Connection, head: RequestHead, request: Request) -> Prepared:
        decoder: FastCgiDecoder = connection.decoder
        reply = FastCgiReply(connection, head.vars, decoder.number, self._nph)
        reply.close = not head.keep_alive or self.farewell.due
        request.reply = reply
        return request, FastCgiBody(connection, head.body_length, decoder), decoder.params

    def after(self, connection: Connection, reply: Reply, body: Body) -> Next:
        decoder: FastCgiDecoder = connection.decoder
        assert isinstance(reply, FastCgiReply)
        reply.end()
        if not reply.close:
            decoder.end()
            return PARK_IDLE if decoder.idle else AGAIN
        refusals = decoder.end(True)
        if refusals:
            try:
                connection.send(refusals)
            except (OSError, PeerTimeout):
                return CLOSE
        if not decoder.drained and not self._drain(connection, decoder):
            return linger(connection)
        if not connection.registered:
            connection.close()  # before the log line, for the sake of whoever waits for the end
        return CLOSE

    # ---- end of the hot path -------------------------------------------------------------------------------

    def _drain(self, connection: Connection, decoder: FastCgiDecoder) -> bool:
        """Pass over what is here already of a request that was answered; whether that is all of it."""
        try:
            data = connection.receive_now(DISCARD)
        except OSError:
            return True
        if not data:
            return data is not None
        decoder.feed(data)
        decoder.end(True)
        return decoder.drained

    def refusal(self, connection: Connection, status: int) -> bytes:
        decoder: FastCgiDecoder = connection.decoder
        return decoder.refuse()
