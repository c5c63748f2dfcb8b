"""Bodies whose client is a test, and the file that each should be like."""

from __future__ import annotations

import io
import socket
import threading
from typing import Any

from hypothesis import strategies as st

from uwsgid.config.settings import settings_of
from uwsgid.request.body import Body
from uwsgid.request.connection import Connection
from uwsgid.request.terms import Terms
from uwsgid.wire.http1 import HttpDecoder
from uwsgid.wire.limits import Limits


class Line:
    """A connection with its client's end.

    :ivar said: the lines of its log.
    """

    def __init__(self, config: str = "socket-timeout = 1") -> None:
        ours, self.client = socket.socketpair()
        ours.setblocking(False)
        self.said: list[str] = []
        self.terms = Terms(settings_of(config), self.said.append)
        self.connection = Connection(ours.detach(), "192.0.2.7", None, None, self.terms)

    def body(self, data: bytes, here: int = 0, length: int | None = None) -> Body:
        """A body of *data*, of which *here* bytes came with the head and the client sends the rest."""
        start, rest = data[:here], data[here:]
        if len(rest) < 60000:
            self.client.sendall(rest)
        else:
            threading.Thread(target=self.client.sendall, args=(rest,), daemon=True).start()
        return Body(self.connection, len(data) if length is None else length, start)

    def chunked(self, *pieces: bytes, end: bytes = b"") -> Body:
        """A chunked body whose coded *pieces* the client sends; *end* comes with the head."""
        decoder = HttpDecoder({}, Limits())
        decoder.feed(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + end)
        decoder.next_event()
        for piece in pieces:
            self.client.sendall(piece)
        return Body(self.connection, None, b"", decoder)

    def close(self) -> None:
        self.connection.close()
        self.client.close()


#: What an application may do with a body, and how often it may be told a size.
STEPS = st.lists(
    st.tuples(st.sampled_from(["read", "readline", "next"]), st.integers(-1, 40)), min_size=1, max_size=12
)
TEXTS = st.lists(st.sampled_from([b"\n", b"a", b"bc", b"line\n", b"\r\n", b"x" * 50]), max_size=30).map(
    b"".join
)


def model(file: io.BytesIO, step: str, size: int) -> bytes:
    if step == "next":
        return file.readline()
    # uWSGI takes a size of 0 for no size at all
    result: bytes = getattr(file, step)(size if size > 0 else -1)
    return result


def real(body: Any, step: str, size: int) -> bytes:
    result: bytes = next(body, b"") if step == "next" else getattr(body, step)(size)
    return result
