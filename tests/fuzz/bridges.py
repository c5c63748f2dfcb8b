"""What an interpreter of another language may say to its worker: any bytes, in any pieces."""

from __future__ import annotations

from collections.abc import Callable
from struct import pack, unpack
from typing import Final

from uwsgid.languages.foreign.frames import (
    BridgeError,
    FrameReader,
    counted,
    frame,
    read_counted,
    read_head,
    request_frame,
)

_LETTERS: Final = b"whbfexruiz"


def _heard(data: bytes, size: int) -> tuple[list[tuple[int, bytes]], str, bool]:
    """The frames, what was wrong with them, and whether all was used up."""
    reader, found = FrameReader(_LETTERS), []
    try:
        for at in range(0, len(data), size):
            reader.feed(data[at : at + size])
            while (heard := reader.next()) is not None:
                found.append(heard)
    except BridgeError as error:
        return found, str(error)[:20], False
    return found, "", reader.idle


def answers(data: bytes) -> None:
    """Frames mean the same however they are cut; heads and lists in them are read or refused."""
    if not data:
        return
    whole = _heard(data[1:], 1 << 20)
    assert _heard(data[1:], data[0] % 7 + 1) == whole, "cut in another way it says something else"
    found, _, complete = whole
    said = b"".join(frame(bytes((letter,)), payload) for letter, payload in found)
    assert data[1:].startswith(said)
    assert not complete or data[1:] == said
    for _, payload in found:
        try:
            status, headers = read_head(payload)
            assert (
                "\0".join([status, *(text for pair in headers for text in pair)]).encode("latin-1") == payload
            )
        except BridgeError:
            pass
        try:
            assert counted(read_counted(payload)) == payload
        except BridgeError:
            pass


def questions(data: bytes) -> None:
    """Variables arrive as they were, whatever is in them."""
    texts = data.decode("latin-1").split("\n")
    vars = {name: value for name, value in zip(texts[::2], texts[1::2], strict=False) if name}
    vars = {name: value for name, value in vars.items() if not name.startswith(("wsgi.", "uwsgi."))}
    said = request_frame(1, 0, {**vars, "wsgi.version": (1, 0)}, 0, b"")
    size, rest = unpack("<II", said[19:27])
    found = []
    for block in (said[27 : 27 + size], said[28 + size : 28 + size + rest]):
        items = read_counted(block) if said[6] & 4 else block.split(b"\0")
        found.append([item.decode("latin-1") for item in items])
    assert said[27 + size] == said[-1] == 0 and len(said) == 29 + size + rest
    assert dict(zip(*found, strict=True)) == vars


BRIDGES: Final[dict[str, Callable[[bytes], None]]] = {"bridge": answers, "crossing": questions}


def seeds(name: str) -> list[bytes]:
    """Bytes that lead a target into every corner that is known."""
    if name == "crossing":
        return [b"A\nb\nC\n", b"A\nb\0HTTP_C\0d\nE\nf", b"\n\n", b"A\n\xff"]
    head = b"200 OK\0Content-Type\0text/plain"
    whole = frame(b"w", pack("<BBI", 1, 0, len(head)) + head + b"body")
    pieces = frame(b"h", b"\1" + head) + frame(b"b", b"x" * 40) + frame(b"e", b"\0")
    calls = frame(b"u", counted([b"lock", b"0"])) + frame(b"r", pack("<I", 9)) + frame(b"z")
    return [
        b"\0" + whole,
        b"\3" + pieces,
        b"\1" + calls,
        b"\2junk",
        b"\2b\xff\xff\xff\xff",
        b"\4" + whole[:-1],
    ]
