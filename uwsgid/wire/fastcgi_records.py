"""The records of FastCGI 1.0 by number, and as bytes: answers, and what front ends send.

A connection carries records of eight bytes of header, up to 65535 of content and up to 255 of padding.  The
answer to a request is a stream of them (STDOUT), and one record says that the request is over.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

MAX_CONTENT: Final = 65535  #: bytes of the longest record

BEGIN_REQUEST: Final = 1
ABORT_REQUEST: Final = 2
END_REQUEST: Final = 3
PARAMS: Final = 4
STDIN: Final = 5
STDOUT: Final = 6
STDERR: Final = 7
DATA: Final = 8
GET_VALUES: Final = 9
GET_VALUES_RESULT: Final = 10
UNKNOWN_TYPE: Final = 11

RESPONDER: Final = 1  #: the role of whoever answers requests
AUTHORIZER: Final = 2
FILTER: Final = 3

KEEP_CONN: Final = 1  #: the flag of a peer that wants to go on with the connection

REQUEST_COMPLETE: Final = 0  #: how a request ended
CANT_MPX_CONN: Final = 1
OVERLOADED: Final = 2
UNKNOWN_ROLE: Final = 3


# ---- hot path, watched by bench-protocols ------------------------------------------------------------------


def stdout(number: bytes, data: bytes) -> bytes:
    """*data* in records of an answer.

    :param number: the two bytes that the peer knows the request by.
    """
    size = len(data)
    if size <= MAX_CONTENT:
        if not size:
            return b""  # for an empty record ends the stream
        return b"".join((b"\x01\x06", number, size.to_bytes(2, "big"), b"\0\0", data))
    parts: list[bytes] = []
    for start in range(0, size, MAX_CONTENT):
        piece = data[start : start + MAX_CONTENT]
        parts += (_record(number, len(piece)), piece)
    return b"".join(parts)


def answer_parts(number: bytes, head: bytes, data: bytes) -> list[bytes | memoryview]:
    """A whole answer in records, its end included, none of *data* copied.

    :param head: status and header fields; at most `MAX_CONTENT` bytes.
    """
    size = len(data)
    end = min(size, MAX_CONTENT - len(head))
    parts: list[bytes | memoryview] = [_record(number, len(head) + end) + head]
    view = memoryview(data)
    parts.append(view[:end])
    while end < size:
        start = end
        end = min(size, start + MAX_CONTENT)
        parts.append(_record(number, end - start))
        parts.append(view[start:end])
    parts.append(trailer(number))
    return parts


def _record(number: bytes, size: int) -> bytes:
    """What stands before *size* bytes of an answer."""
    return b"".join((b"\x01\x06", number, size.to_bytes(2, "big"), b"\0\0"))


def trailer(number: bytes) -> bytes:
    """The 24 bytes behind every answer: the end of STDOUT, and the end of the request.

    Not one more.  In uWSGI up to 1.9.15 a NUL followed them, which Apache's mod_fastcgi took for the start
    of another record (proto/fastcgi.c, uwsgi_proto_fastcgi_close).
    """
    return b"".join((b"\x01\x06", number, b"\0\0\0\0\x01\x03", number, b"\0\x08\0\0\0\0\0\0\0\0\0\0"))


# ---- end of the hot path: records, one by one --------------------------------------------------------------


def record(kind: int, number: bytes, content: bytes = b"", padding: int = 0) -> bytes:
    """One record.

    :param number: two bytes, the request it belongs to; ``b"\\0\\0"`` for none.
    """
    size = len(content)
    return b"".join(
        (bytes((1, kind)), number, size.to_bytes(2, "big"), bytes((padding, 0)), content, bytes(padding))
    )


def end_request(number: bytes, status: int, code: int = 0) -> bytes:
    """The record that ends a request.

    :param status: how, `REQUEST_COMPLETE` and its kin.
    :param code: what the application would have exited with.
    """
    return record(END_REQUEST, number, code.to_bytes(4, "big") + bytes((status, 0, 0, 0)))


def begin_request(number: bytes, role: int = RESPONDER, flags: int = 0) -> bytes:
    """The record that begins a request."""
    return record(BEGIN_REQUEST, number, bytes((0, role, flags, 0, 0, 0, 0, 0)))


def pairs(items: Iterable[tuple[str, str]]) -> bytes:
    """Names and values as PARAMS and GET_VALUES carry them."""
    parts: list[bytes] = []
    for name, value in items:
        key, text = name.encode("latin-1"), value.encode("latin-1")
        for size in (len(key), len(text)):
            parts.append(bytes((size,)) if size < 128 else (size | 1 << 31).to_bytes(4, "big"))
        parts += (key, text)
    return b"".join(parts)


def request(
    items: Iterable[tuple[str, str]], body: bytes = b"", *, number: bytes = b"\0\x01", flags: int = 0
) -> bytes:
    """All records of a request, as a front end sends them."""
    block = pairs(items)
    parts = [begin_request(number, flags=flags)]
    for kind, data in ((PARAMS, block), (STDIN, body)):
        for start in range(0, len(data), MAX_CONTENT):
            parts.append(record(kind, number, data[start : start + MAX_CONTENT]))
        parts.append(record(kind, number))
    return b"".join(parts)
