"""What a worker is working on, read from the board by somebody else.

The worker copies the bytes of each request head to its snapshot, when anybody may want to see it, and counts
``in_request`` up before and after the request.  It writes without asking its readers, so what one reads
counts only if a second copy and the counter say the same.
"""

from __future__ import annotations

from typing import Any, Final

from uwsgid.errors import PeerError
from uwsgid.supervise.board import Board, RequestKind
from uwsgid.wire.events import RequestHead
from uwsgid.wire.http1 import HttpDecoder
from uwsgid.wire.limits import Limits
from uwsgid.wire.uwsgi import read_vars

_GENEROUS: Final = Limits(buffer_size=1 << 20, max_vars=1 << 15)


def request_vars(board: Board, seat: int, core: int) -> dict[str, str]:
    """The variables of the request in progress; empty where there is none or it ended while we looked."""
    at = seat * board.cores + core
    before = board.in_request[at]
    if not before & 1:
        return {}
    kind, size = board.request_kind[at], board.request_size[at]
    snapshot = board.snapshot_of(seat, core)
    copied = bytes(snapshot[:size])
    if bytes(snapshot[:size]) != copied or (board.in_request[at], board.request_size[at]) != (before, size):
        return {}
    return _read(kind, copied)


def _read(kind: int, data: bytes) -> dict[str, str]:
    """The variables of a snapshot; of one that was too small for its request, those that are in it."""
    found: dict[str, Any] = {}
    try:
        if kind == RequestKind.UWSGI:
            read_vars(data, found, _GENEROUS.max_vars)
        elif kind == RequestKind.FASTCGI:
            from uwsgid.wire.fastcgi import read_params

            read_params(data, found, _GENEROUS.max_vars)
        elif kind == RequestKind.SCGI:
            # of a snapshot that was too small the last variable is cut
            parts = data.decode("latin-1").split("\0")
            found = dict(zip(parts[::2], parts[1:-1:2], strict=False))
        elif kind == RequestKind.HTTP:
            peer, separator, head = data.partition(b"\n")
            if not separator:
                return {}
            decoder = HttpDecoder({}, _GENEROUS)
            decoder.feed(head)
            event = decoder.next_event()
            found = event.vars if isinstance(event, RequestHead) else _request_line(head)
            if peer:
                found["REMOTE_ADDR"] = peer.decode("latin-1")
    except PeerError:
        pass
    return {name: value for name, value in found.items() if name and isinstance(value, str)}


def _request_line(data: bytes) -> dict[str, Any]:
    parts = data.partition(b"\r\n")[0].decode("latin-1").split(" ")
    return dict(zip(("REQUEST_METHOD", "REQUEST_URI", "SERVER_PROTOCOL"), parts, strict=False))


def describe_request(board: Board, seat: int, core: int) -> str:
    """Method, URI and client of the request in progress, for a log line."""
    found = request_vars(board, seat, core)
    if not found:
        return "(unknown)"
    text = f"{found.get('REQUEST_METHOD', '-')} {found.get('REQUEST_URI', '-')}"
    client = found.get("REMOTE_ADDR")
    return f"{text} of {client}" if client else text
