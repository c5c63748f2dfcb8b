"""Where connections come in: what all of one listening socket have in common, and how they begin.

A station is made once for a socket, so that a connection costs an object and, over HTTP, a copy of a dict.
"""

from __future__ import annotations

from typing import Any, Final

from uwsgid.host import Listener
from uwsgid.request.connection import Connection
from uwsgid.request.terms import Terms
from uwsgid.supervise.board import RequestKind
from uwsgid.wire.http1 import HttpDecoder
from uwsgid.wire.limits import Limits

_HTTP: Final = RequestKind.HTTP
#: Variables that a request may well have.
_ROOM: Final = 30


class Station:
    """Where connections come in: what they have in common.

    :ivar base: what the variables of every request start from.
    :ivar kind: how the bytes of its requests are to be read.
    :ivar trusted: `Request.trusted` of its requests.
    """

    __slots__ = ("base", "kind", "limits", "listener", "terms", "trusted")

    def __init__(self, listener: Listener, base: dict[str, Any], limits: Limits, terms: Terms, trusted: bool):
        self.listener = listener
        self.base = _roomy(base)
        self.limits = limits
        self.terms = terms
        self.trusted = trusted
        self.kind = _HTTP if listener.protocol == "http" else RequestKind.UWSGI

    # ---- hot path, watched by bench-requests (a) and (b) ---------------------------------------------------

    def connect_uwsgi(self, fd: int, peer: Any) -> Connection:
        """A connection of a front end; what it says of its client is in the packet."""
        return Connection(fd, "", self.listener, self, self.terms)

    def connect_http(self, fd: int, peer: Any) -> Connection:
        """A connection of an HTTP client, whose address becomes ``REMOTE_ADDR`` of its requests."""
        base = self.base
        address = ""
        if type(peer) is tuple:
            address = peer[0].removeprefix("::ffff:")
            base = base.copy()
            base["REMOTE_ADDR"] = address
        connection = Connection(fd, address, self.listener, self, self.terms)
        connection.decoder = HttpDecoder(base, self.limits)
        return connection


def _roomy(base: dict[str, Any]) -> dict[str, Any]:
    """A copy with room for a request: CPython copies that too, and a dict that grows costs a microsecond."""
    copy = base.copy()
    for number in range(_ROOM):
        copy[f" {number}"] = ""
    for _ in range(_ROOM):
        copy.popitem()
    return copy
