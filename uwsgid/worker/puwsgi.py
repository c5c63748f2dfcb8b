"""Sockets for persistent uwsgi (``puwsgi-socket``): packet after packet on one connection, without bodies.

The peer has to find the end of an answer by itself (``Content-Length``).  A packet says nothing about where a
body would end if the application did not read it, so there is none: reading it fails, as in uWSGI 2.0
(proto/puwsgi.c), and a connection whose packet announces one ends with its answer, so that bytes of a body
are never taken for a packet.
"""

from __future__ import annotations

from typing import Any

from uwsgid.errors import PeerError
from uwsgid.request.body import Body
from uwsgid.request.connection import AGAIN, CLOSE, PARK_IDLE, Connection, Next
from uwsgid.request.reply import Reply
from uwsgid.request.request import Request
from uwsgid.wire.events import RequestHead
from uwsgid.wire.uwsgi import UwsgiDecoder
from uwsgid.worker.station import DISCARD, Place, Prepared, Station, linger


class PuwsgiStation(Station):
    """A socket for front ends that speak persistent uwsgi."""

    __slots__ = ()

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.closes = False

    def connect(self, fd: int, peer: Any) -> Connection:
        connection = Connection(fd, "", self.listener, self, self.terms)
        connection.decoder = self.decoder()
        return connection

    def open(self, connection: Connection, head: RequestHead, request: Request) -> Prepared:
        decoder: UwsgiDecoder = connection.decoder
        request.reply = Reply(connection, head.vars)
        request.reply.close = head.body_length != 0 or self.farewell.due
        block = connection.received[4 : 4 + head.size]
        if head.body_length:
            decoder.leftover()
            return request, NoBody(connection, head.body_length), block
        decoder.next_event()  # the end of the body
        return request, Body(connection, 0), block

    def after(self, connection: Connection, reply: Reply, body: Body) -> Next:
        decoder: UwsgiDecoder = connection.decoder
        if reply.close:
            # not a byte of a body was read
            return CLOSE if body.at_end or body.discard(DISCARD) else linger(connection)
        if decoder.idle:
            return PARK_IDLE
        connection.received = decoder.leftover()
        decoder.feed(connection.received)
        return AGAIN


class NoBody(Body):
    """A body that can not be had."""

    __slots__ = ()

    def _piece(self, most: int) -> bytes:
        raise PeerError("!!! the current protocol does not support request body !!!", status=411)

    def _piece_at_once(self, most: int) -> bytes | None:
        return self._piece(most)
