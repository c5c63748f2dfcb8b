"""Sockets on which front ends speak SCGI (``scgi-socket``, ``scgi-nph-socket``)."""

from __future__ import annotations

from typing import Any

from uwsgid.request.body import Body
from uwsgid.request.connection import Connection
from uwsgid.request.reply import Reply, StatusReply
from uwsgid.request.request import Request
from uwsgid.supervise.board import RequestKind
from uwsgid.wire.events import RequestHead
from uwsgid.wire.scgi import ScgiDecoder
from uwsgid.worker.station import Place, Prepared, Station


class ScgiStation(Station):
    """A socket for front ends that speak SCGI: as with uwsgi, every connection ends with its answer."""

    __slots__ = ("_nph",)

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.name = "scgi"
        self.kind = RequestKind.SCGI
        self.modifier1 = place.dispatch.scgi_modifier1
        self.modifier2 = place.dispatch.scgi_modifier2
        self._nph = place.listener.protocol == "scgi-nph"

    # ---- hot path, watched by bench-protocols --------------------------------------------------------------

    def decoder(self) -> Any:
        return ScgiDecoder(self.base, self.limits, modifier1=self.modifier1, modifier2=self.modifier2)

    def connect(self, fd: int, peer: Any) -> Connection:
        connection = Connection(fd, "", self.listener, self, self.terms)
        connection.decoder = self.decoder()
        return connection

    def open(self, connection: Connection, head: RequestHead, request: Request) -> Prepared:
        decoder: ScgiDecoder = connection.decoder
        vars = head.vars
        request.reply = Reply(connection, vars) if self._nph else StatusReply(connection, vars)
        start = decoder.leftover()
        length = head.body_length
        return request, Body(connection, length, start if length else b""), decoder.block
