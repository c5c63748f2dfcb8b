"""Sockets on which front ends speak SCGI (``scgi-socket``, ``scgi-nph-socket``)."""

from __future__ import annotations

from typing import Any

from uwsgid.host import Listener
from uwsgid.request.body import Body
from uwsgid.request.connection import Connection
from uwsgid.request.reply import Reply, StatusReply
from uwsgid.request.request import Request
from uwsgid.request.serving import Farewell
from uwsgid.request.terms import Terms
from uwsgid.supervise.board import RequestKind
from uwsgid.wire.events import RequestHead
from uwsgid.wire.limits import Limits
from uwsgid.wire.scgi import ScgiDecoder
from uwsgid.worker.station import Prepared, Station


class ScgiStation(Station):
    """A socket for front ends that speak SCGI: as with uwsgi, every connection ends with its answer.

    :param modifier1: who answers (``scgi-modifier1``).
    :param modifier2: its argument (``scgi-modifier2``).
    """

    __slots__ = ("_modifier1", "_modifier2", "_nph")

    def __init__(
        self,
        listener: Listener,
        base: dict[str, Any],
        limits: Limits,
        terms: Terms,
        trusted: bool = False,
        farewell: Farewell | None = None,
        modifier1: int = 0,
        modifier2: int = 0,
    ) -> None:
        super().__init__(listener, base, limits, terms, trusted, farewell)
        self.name = "scgi"
        self.kind = RequestKind.SCGI
        self._modifier1 = modifier1
        self._modifier2 = modifier2
        self._nph = listener.protocol == "scgi-nph"

    # ---- hot path, watched by bench-protocols --------------------------------------------------------------

    def decoder(self) -> Any:
        return ScgiDecoder(self.base, self.limits, modifier1=self._modifier1, modifier2=self._modifier2)

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
