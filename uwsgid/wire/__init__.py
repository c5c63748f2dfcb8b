"""Bytes to events and back, one module per protocol.  No sockets, no Twisted, no clock.

The decoders share one shape: ``feed(bytes)``, ``next_event()`` until it says `NEED_DATA`, ``leftover()`` for
drivers that read a body themselves, and ``idle`` between requests.  The records of `uwsgid.wire.control`, the
modifiers and packets of `uwsgid.wire.uwsgi`, and what the TunTap router reads and writes (`uwsgid.wire.ip`,
`uwsgid.wire.tunframe`, `uwsgid.wire.handover`, `uwsgid.wire.pcapng`) are imported from their modules.
"""

from uwsgid.wire.chunked import ChunkedDecoder
from uwsgid.wire.events import NEED_DATA, BodyChunk, EndOfBody, Event, NeedData, RequestHead
from uwsgid.wire.http1 import HttpDecoder
from uwsgid.wire.limits import Limits
from uwsgid.wire.response import CONTINUE, LAST_CHUNK, Frame, Framing, chunk, error_page, framing, head
from uwsgid.wire.uwsgi import Modifier, UwsgiDecoder, packet, read_vars, write_vars

__all__ = [
    "CONTINUE",
    "LAST_CHUNK",
    "NEED_DATA",
    "BodyChunk",
    "ChunkedDecoder",
    "EndOfBody",
    "Event",
    "Frame",
    "Framing",
    "HttpDecoder",
    "Limits",
    "Modifier",
    "NeedData",
    "RequestHead",
    "UwsgiDecoder",
    "chunk",
    "error_page",
    "framing",
    "head",
    "packet",
    "read_vars",
    "write_vars",
]
