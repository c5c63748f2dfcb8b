"""What a worker is working on, read from the board by somebody else.

The worker copies the bytes of each request head to its snapshot, when anybody may want to see it, and counts
``in_request`` up before and after the request.  A reader takes the bytes between two looks at that count: if
it changed meanwhile, or is even, what was read belongs to no request.
"""

from __future__ import annotations

from uwsgid.errors import PeerError
from uwsgid.supervise.board import Board, RequestKind
from uwsgid.wire.events import RequestHead
from uwsgid.wire.http1 import HttpDecoder
from uwsgid.wire.limits import Limits
from uwsgid.wire.uwsgi import read_vars

_PLENTY = Limits(1 << 20, 1 << 16)


def request_vars(board: Board, seat: int, core: int) -> dict[str, str]:
    """The variables of the request in progress; empty where there is none or it ended while we looked."""
    index = seat * board.cores + core
    before = board.in_request[index]
    if not before & 1:
        return {}
    kind = board.request_kind[index]
    size = min(board.request_size[index], board.snapshot)
    data = bytes(board.snapshot_of(seat, core)[:size])
    if board.in_request[index] != before:
        return {}
    found: dict[str, str] = {}
    try:
        if kind == RequestKind.UWSGI:
            read_vars(data, found)
        elif kind == RequestKind.HTTP:
            decoder = HttpDecoder({}, _PLENTY)
            decoder.feed(data)
            event = decoder.next_event()
            if isinstance(event, RequestHead):
                found = event.vars
    except PeerError:
        return {}
    return found


def describe_request(board: Board, seat: int, core: int) -> str:
    """Method, URI and client of the request in progress, for a log line."""
    found = request_vars(board, seat, core)
    if not found:
        return "(unknown)"
    text = f"{found.get('REQUEST_METHOD', '-')} {found.get('REQUEST_URI', '-')}"
    client = found.get("REMOTE_ADDR")
    return f"{text} of {client}" if client else text
