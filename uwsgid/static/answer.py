"""The answer to a request for a file, decided from what was asked and what the file is.

The order of the headers is uWSGI's (core/static.c), those that it does not have follow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote_from_bytes

from uwsgid.static.conditions import Verdict, ranges_hold, tag_of, verdict
from uwsgid.static.finding import Found
from uwsgid.static.ranges import Piece, content_range, multipart, pieces
from uwsgid.wire.httpdate import http_date

_SECOND: Final = 1_000_000_000  # nanoseconds

Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is to be sent.

    :ivar parts: of the body, in their order: bytes, or a piece of the file.
    """

    status: str
    headers: list[Header]
    parts: Sequence[bytes | Piece] = ()


@dataclass(frozen=True, slots=True)
class Looks:
    """What the options say about a file and its answer.

    :ivar kind: its MIME type, empty for none.
    :ivar coding: what it is compressed with, empty for nothing.
    :ivar varies: another client may get another file.
    :ivar expires: unix seconds, None for nothing said.
    :ivar ranged: parts of it may be asked for.
    :ivar handed_to: the header that lets a front end send it, empty where we do.
    """

    kind: str = ""
    coding: str = ""
    varies: bool = False
    expires: float | None = None
    ranged: bool = False
    handed_to: str = ""


def answer(vars: Mapping[str, Any], found: Found, looks: Looks, boundary: str) -> Answer:
    """What answers a GET or HEAD.

    :param boundary: separates several parts in one answer; nobody could guess it when the file was made.
    """
    size, mtime = found.size, found.mtime // _SECOND
    tag = tag_of(found.mtime, size, looks.coding)
    wants_body = vars.get("REQUEST_METHOD") != "HEAD"
    first = [("Expires", http_date(looks.expires))] if looks.expires is not None else []
    last = [("ETag", tag)]
    if looks.varies:
        last.append(("Vary", "Accept-Encoding"))
    decided = verdict(vars, tag, mtime)
    if decided is Verdict.NOT_MODIFIED:
        return Answer("304 Not Modified", [*first, *last])
    if decided is Verdict.FAILED:
        return Answer("412 Precondition Failed", [("Content-Length", "0"), *last])
    if looks.coding:
        first.append(("Content-Encoding", looks.coding))
    typed = [("Content-Type", looks.kind)] if looks.kind else []
    modified = ("Last-Modified", http_date(mtime))
    if looks.handed_to:
        # all front ends take the path as one of a URL
        handed = (looks.handed_to, quote_from_bytes(found.path, safe="/~!$&'()*+,;=:@"))
        return Answer("200 OK", [*first, *typed, handed, modified, *last])
    if looks.ranged:
        last.append(("Accept-Ranges", "bytes"))
        asked = vars.get("HTTP_RANGE", "")
        if asked and wants_body and ranges_hold(vars, tag, mtime):
            parts = pieces(asked, size)
            if parts is not None:
                return _partial(parts, size, looks.kind, boundary, first, typed, [modified, *last])
    return Answer(
        "200 OK",
        [*first, *typed, ("Content-Length", str(size)), modified, *last],
        [(0, size)] if wants_body and size else (),
    )


def _partial(
    parts: list[Piece],
    size: int,
    kind: str,
    boundary: str,
    first: list[Header],
    typed: list[Header],
    last: list[Header],
) -> Answer:
    if not parts:
        unsatisfied = [("Content-Length", "0"), ("Content-Range", f"bytes */{size}")]
        return Answer("416 Requested Range Not Satisfiable", [*unsatisfied, *last])
    if len(parts) == 1:
        length = ("Content-Length", str(parts[0][1]))
        ranged = ("Content-Range", content_range(parts[0], size))
        return Answer("206 Partial Content", [*first, *typed, length, ranged, *last], parts)
    texts, total = multipart(parts, size, kind, boundary)
    headers = [
        *first,
        ("Content-Type", f"multipart/byteranges; boundary={boundary}"),
        ("Content-Length", str(total)),
        *last,
    ]
    body: list[bytes | Piece] = []
    for text, piece in zip(texts, parts, strict=False):
        body += (text, piece)
    body.append(texts[-1])
    return Answer("206 Partial Content", headers, body)
