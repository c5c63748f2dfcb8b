"""A front end that speaks FastCGI, written without uwsgid's codec."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from tests.loops.support import VARS

KEEP = 1


def record(kind: int, content: bytes = b"", number: int = 1, padding: int = 0) -> bytes:
    return struct.pack(">BBHHBx", 1, kind, number, len(content), padding) + content + bytes(padding)


def begin(number: int = 1, *, flags: int = 0, role: int = 1) -> bytes:
    return record(1, struct.pack(">HB5x", role, flags), number)


def params(vars: Mapping[str, str]) -> bytes:
    parts = []
    for pair in vars.items():
        texts = [text.encode("latin-1") for text in pair]
        parts += [_size(len(text)) for text in texts]
        parts += texts
    return b"".join(parts)


def _size(size: int) -> bytes:
    return bytes([size]) if size < 128 else struct.pack(">I", size | 1 << 31)


def ask(number: int = 1, *, flags: int = 0, body: bytes | None = None, **vars: str) -> bytes:
    """A whole request."""
    told = {**VARS, **vars}
    if body is not None:
        told.setdefault("CONTENT_LENGTH", str(len(body)))
    data = begin(number, flags=flags) + record(4, params(told), number, padding=3) + record(4, b"", number)
    rest = body or b""
    while rest:
        data += record(5, rest[:30000], number, padding=1)
        rest = rest[30000:]
    return data + record(5, b"", number)


@dataclass
class Told:
    """One answer: what STDOUT said, and how the request ended."""

    number: int
    stdout: bytes
    code: int
    status: int

    @property
    def body(self) -> bytes:
        return self.stdout.partition(b"\r\n\r\n")[2]


def read_record(client: socket.socket) -> tuple[int, int, bytes] | None:
    """Kind, id and content; None at the end of the connection."""
    head = _exactly(client, 8)
    if not head:
        return None
    version, kind, number, size, padding = struct.unpack(">BBHHBx", head)
    assert version == 1, head
    content = _exactly(client, size)
    _exactly(client, padding)
    return kind, number, content


def read_told(client: socket.socket) -> Told:
    """The next answer; its records have to be in order."""
    stdout = b""
    ended = False
    while (found := read_record(client)) is not None:
        kind, number, content = found
        if kind == 6:
            assert not ended, "STDOUT after its end"
            ended = not content
            stdout += content
        elif kind == 3:
            code, status = struct.unpack(">IB3x", content)
            return Told(number, stdout, code, status)
        else:
            raise AssertionError(f"a record of type {kind}")
    raise AssertionError(f"the connection ended within an answer: {stdout[:200]!r}")


def _exactly(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = client.recv(count - len(data))
        if not more:
            assert not data, f"the connection ended within a record: {data!r}"
            return b""
        data += more
    return data
