"""What has to hold for anything that a CGI script writes."""

from __future__ import annotations

import re
from typing import Final

from uwsgid.languages.cgi.head import BadOutput, Head, HeadReader
from uwsgid.wire.response import head as response_head

_MOST: Final = 200  #: bytes of a head
_STATUS: Final = re.compile(r"[2-5][0-9][0-9] .*", re.DOTALL)


def _said(stream: bytes, size: int) -> Head | str | None:
    """What is made of a stream in pieces: a head with all of the body, a complaint, or nothing yet."""
    reader = HeadReader(_MOST)
    try:
        for at in range(0, len(stream), size):
            found = reader.feed(stream[at : at + size])
            if found is not None:
                return Head(found.status, found.fields, found.length, found.rest + stream[at + size :])
    except BadOutput as error:
        return str(error)
    return None


def written(data: bytes) -> None:
    """A head means the same however the pipe cuts it, and what is taken can be sent as it is."""
    if not data:
        return
    whole, pieces = _said(data[1:], len(data)), _said(data[1:], data[0] % 16 + 1)
    assert whole == pieces, (whole, pieces)
    if isinstance(whole, Head):
        assert _STATUS.fullmatch(whole.status), whole.status
        lines = response_head("HTTP/1.1", whole.status, whole.fields)
        assert lines.count(b"\r\n") == len(whole.fields) + 2
        assert data.endswith(whole.rest)


SCRIPTS: Final = {"cgi": written}


def seeds(name: str) -> list[bytes]:
    """Bytes that lead the target into every corner that is known."""
    heads = (
        b"Content-Type: text/plain\r\nX-A: b\r\n\r\nbody",
        b"Status: 404 Nope\nContent-Length: 3\n\nabc",
        b"Location: /x\n\n",
        b"HTTP/1.1 200 OK\nX: y\n\n",
        b"Status: 200\nStatus: 404\n\n",
        b"X: y\n folded\n\n",
        b"Transfer-Encoding: chunked\n\n",
        b"X: " + b"y" * 300 + b"\n\n",
        b"X: y\rZ: \0\n\n",
        b"\n\n",
    )
    return [bytes((at,)) + data for at, data in enumerate(heads)]
