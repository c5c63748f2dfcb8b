"""Where a gateway of the same instance comes in: uwsgi packets on a connection that is kept.

uWSGI's router makes a connection for each request, since a uwsgi answer ends with its connection.  Here both
ends are ours, so an answer is framed as on an HTTP socket, and the connection carries the next request.  The
gateway takes the framing off again where its client is not to see it (`uwsgid.gateways.http_answer`).

A worker that accepts such a connection says who it is, in four bytes, before anything else: so the gateway
knows whose connections it has, and never sends a request to a worker that is busy while others wait.
"""

from __future__ import annotations

import os
from typing import Any

from uwsgid.request.body import Body
from uwsgid.request.connection import Connection
from uwsgid.request.reply import HttpReply
from uwsgid.request.request import Request
from uwsgid.supervise.board import RequestKind
from uwsgid.wire.events import RequestHead
from uwsgid.wire.uwsgi import UwsgiDecoder
from uwsgid.worker.station import HttpStation, Prepared


class KeptStation(HttpStation):
    """A socket of gateways."""

    __slots__ = ()

    def connect(self, fd: int, peer: Any) -> Connection:
        """A connection of a gateway, which gets our process id, 32 bits and little-endian."""
        connection = Connection(fd, "", self.listener, self, self.terms)
        self.name = "uwsgi"
        self.kind = RequestKind.UWSGI
        connection.decoder = UwsgiDecoder(self.base, self.limits)
        try:
            os.write(fd, os.getpid().to_bytes(4, "little"))
        except OSError:
            pass  # it is gone, which its first read tells
        return connection

    def open(self, connection: Connection, head: RequestHead, request: Request) -> Prepared:
        request.reply = HttpReply(connection, head.vars, (1, 1), not self.farewell.due)
        body = Body(connection, head.body_length, connection.decoder.leftover())
        return request, body, connection.received[4 : 4 + head.size]

    def refusal(self, connection: Connection, status: int) -> bytes:
        return b""
