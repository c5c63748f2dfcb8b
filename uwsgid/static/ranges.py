"""Parts of a file, as a client asks for them (RFC 9110 section 14).

What can not be understood is ignored, and the whole file is the answer; so is a request for so many pieces,
or for pieces that so overlap, that it would cost more than the file (section 14.2 allows both).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

#: The most pieces that are sent in one answer.
MOST: Final = 32
#: Digits of a position.  More would be no file, and only cost time.
_DIGITS: Final = 18

#: Offset and count of bytes.
Piece = tuple[int, int]


def pieces(header: str, size: int) -> list[Piece] | None:
    """The pieces of a file of *size* bytes that the header ``Range`` asks for.

    :returns: None where the header is to be ignored; an empty list where none of the pieces exists (416).
    """
    unit, equals, specs = header.partition("=")
    if not equals or unit.strip(" \t").lower() != "bytes":
        return None
    found = []
    total = 0
    for number, spec in enumerate(specs.split(",")):
        text = spec.strip(" \t")
        if number >= MOST:
            return None
        if not text:
            continue  # an empty element of a list is allowed (RFC 9110 section 5.6.1.2)
        piece = _piece(text, size)
        if piece is None:
            return None
        if piece[1]:
            found.append(piece)
            total += piece[1]
    if not found and not specs.strip(" \t,"):
        return None
    return None if total > size and len(found) > 1 else found


def _piece(text: str, size: int) -> Piece | None:
    """Offset and count of one part, of no bytes where the file ends before it; None where it is no range."""
    first, minus, last = text.partition("-")
    if not minus or not (first or last) or len(text) > 2 * _DIGITS or not f"{first}{last}".isascii():
        return None
    if (first and not first.isdecimal()) or (last and not last.isdecimal()):
        return None
    if not first:
        count = min(int(last), size)
        return size - count, count
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        return start, 0
    end = min(int(last), size - 1) if last else size - 1
    return start, end - start + 1


def content_range(piece: Piece, size: int) -> str:
    """The header ``Content-Range`` of a part."""
    offset, count = piece
    return f"bytes {offset}-{offset + count - 1}/{size}"


def multipart(parts: Sequence[Piece], size: int, kind: str, boundary: str) -> tuple[list[bytes], int]:
    """What goes before each part of a ``multipart/byteranges``, and after the last; and its length in bytes.

    :param kind: the MIME type of the file, empty for none.
    """
    typed = f"Content-Type: {kind}\r\n" if kind else ""
    texts = []
    for number, piece in enumerate(parts):
        start = "\r\n" if number else ""
        said = f"{start}--{boundary}\r\n{typed}Content-Range: {content_range(piece, size)}\r\n\r\n"
        texts.append(said.encode("latin-1"))
    texts.append(f"\r\n--{boundary}--\r\n".encode())
    return texts, sum(len(text) for text in texts) + sum(count for _, count in parts)
