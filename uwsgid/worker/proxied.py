"""HTTP sockets behind a balancer that tells who its client is (``enable-proxy-protocol``)."""

from __future__ import annotations

from typing import Any

from uwsgid.request.connection import Connection
from uwsgid.request.request import Request
from uwsgid.wire.events import RequestHead
from uwsgid.wire.proxyprotocol import ProxiedDecoder
from uwsgid.worker.station import HttpStation, Prepared


class ProxiedStation(HttpStation):
    """A socket on which every connection begins with a PROXY header."""

    __slots__ = ()

    def connect(self, fd: int, peer: Any) -> Connection:
        """A connection of the balancer, whose address stands for that of its client until the header came."""
        connection = super().connect(fd, peer)
        base = self.base
        if connection.peer:
            base = base.copy()
            base["REMOTE_ADDR"] = connection.peer
        connection.decoder = ProxiedDecoder(
            base, self.limits, modifier1=self.modifier1, modifier2=self.modifier2
        )
        return connection

    def open(self, connection: Connection, head: RequestHead, request: Request) -> Prepared:
        decoder: ProxiedDecoder = connection.decoder
        if decoder.header:
            connection.received = connection.received[decoder.header :]
            decoder.header = 0
            client: str = head.vars.get("REMOTE_ADDR", "")
            connection.peer = client
            connection.peer_line = client.encode("latin-1") + b"\n"
        return super().open(connection, head, request)
