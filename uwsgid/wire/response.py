"""What goes back: status line, header fields, and on HTTP sockets the framing of the body.

`head` is the one place where an application's texts become bytes on a connection, so it is the place that
makes response splitting impossible.  `framing` decides, and only decides, how an HTTP client will find the
end of the body; for the uwsgi protocol nothing is invented: no Date, no Server, no Connection, no length.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

from uwsgid.errors import AppError

MAX_HEAD: Final = 65535  #: bytes of the longest response head, as in uWSGI

#: Reason phrases; some are older than the ones of today, because uWSGI says them and clients may match.
REASONS: Final[Mapping[int, str]] = {status.value: status.phrase for status in HTTPStatus} | {
    302: "Found",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    416: "Requested Range Not Satisfiable",
}

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"  #: to a peer that waits with its body
LAST_CHUNK: Final = b"0\r\n\r\n"  #: ends a chunked body


class Framing(enum.Enum):
    """How the end of a response body is told."""

    CLOSE = "close"  #: by the end of the connection
    LENGTH = (
        "length"  #: by Content-Length; less than that must be answered with a close, more must not be sent
    )
    CHUNKED = "chunked"  #: each piece goes through `chunk`, and `LAST_CHUNK` ends it
    NONE = "none"  #: there is no body, and none may be sent


#: What `framing` decided: how the body goes out; header lines to add, for the argument ``extra`` of `head`;
#: whether the connection serves another request, if all of this one went well; bytes of the body under
#: `Framing.LENGTH`, otherwise None.
Frame = tuple[Framing, bytes, bool, int | None]

# global names cost less than attributes of the class
_CLOSE: Final = Framing.CLOSE
_LENGTH: Final = Framing.LENGTH
_CHUNKED: Final = Framing.CHUNKED
_NONE: Final = Framing.NONE

#: Header fields that were found good, as the lines they become, learnt on the way: most come again.
_LINES: Final[dict[tuple[str, str], bytes]] = {}
_FIRST_LINES: Final[dict[str, dict[str, bytes]]] = {}  # by protocol, then by status
_PROTOCOLS: Final = frozenset({"HTTP/1.0", "HTTP/1.1", "HTTP/2.0", "Status:"})
_MAX_LINES: Final = 1024  # nobody can fill the memory with values of their own
_MAX_KNOWN: Final = 256  # characters of such a value

#: The codes of statuses that were found good, learnt on the way.
_CODES: Final[dict[str, int]] = {}
_MAX_CODES: Final = 1024  # nobody can fill the memory with invented reasons


def full_status(status: str) -> str:
    """The status with its reason: a bare code of 3 characters gets the one from `REASONS`.

    A code without one becomes ``NNN Unknown``, as in uWSGI (``uwsgi_response_prepare_headers`` in
    core/writer.c).

    :raises AppError: it does not begin with three digits.
    """
    code = status[:3]
    if len(code) < 3 or not (code.isascii() and code.isdecimal()) or status[3:4] not in ("", " "):
        raise AppError(f"the application gave the status {status!r}, which does not begin like '200 OK'")
    if len(status) > 4:
        return status
    return f"{code} {REASONS.get(int(code), 'Unknown')}"


# ---- hot path, watched by bench-requests -------------------------------------------------------------------


def status_code(status: str) -> int:
    """The number of a status like ``200 OK``.

    :raises AppError: it does not begin with three digits.
    """
    code = _CODES.get(status)
    if code is None:
        code = int(full_status(status)[:3])
        if len(_CODES) < _MAX_CODES:
            _CODES[status] = code
    return code


def head(protocol: str, status: str, headers: Sequence[tuple[str, str]], extra: bytes = b"") -> bytes:
    """The bytes of a response head, the empty line included.

    :param protocol: SERVER_PROTOCOL of the request, ``HTTP/1.0`` where it had none, or ``Status:`` for the
        CGI way of saying it.
    :param status: as the application gave it, ``200 OK`` or a bare code.
    :param extra: complete header lines to put behind those of the application.
    :raises AppError: a CR, LF or NUL in any of the texts, a character beyond latin-1, something that is not a
        str, a bad status, or a head of more than `MAX_HEAD` bytes.
    """
    try:
        known = _FIRST_LINES.get(protocol)
        first = known.get(status) if known is not None else None
        lines = [_first_line(protocol, status) if first is None else first]
        for field in headers:
            line = _LINES.get(field)
            lines.append(_field(field) if line is None else line)
    except (TypeError, ValueError) as error:
        raise AppError(f"a header of the application can not be sent: {error}") from None
    lines.append(extra)
    lines.append(b"\r\n")
    data = b"".join(lines)
    if len(data) - len(extra) - 2 > MAX_HEAD:
        size = len(data) - len(extra) - 2
        raise AppError(f"the application's headers take {size} bytes, and {MAX_HEAD} is the limit")
    return data


def _first_line(protocol: str, status: str) -> bytes:
    line = _line(f"{protocol} {full_status(status)}")
    if protocol in _PROTOCOLS and len(line) <= _MAX_KNOWN:
        known = _FIRST_LINES.setdefault(protocol, {})
        if len(known) < _MAX_LINES:
            known[status] = line
    return line


def _field(field: tuple[str, str]) -> bytes:
    name, value = field
    line = _line(name + ": " + value)
    if len(_LINES) < _MAX_LINES and len(value) <= _MAX_KNOWN:
        _LINES[field] = line
    return line


def _line(text: str) -> bytes:
    if "\n" in text or "\r" in text or "\0" in text:
        raise AppError(f"a line break or NUL in the response header {text[:80]!r}")
    return text.encode("latin-1") + b"\r\n"


def framing(
    method: str,
    status: int,
    headers: Sequence[tuple[str, str]],
    http_version: tuple[int, int],
    keep_alive: bool,
    known_length: int | None = None,
) -> Frame:
    """How the body of a response goes out.

    RFC 9112 section 6.3 from the server's side.  An application that sets Transfer-Encoding itself sends the
    coded body itself, as under uWSGI; the connection is closed behind it, since nobody here saw its end.

    :param http_version: of the request; (0, 0) where the protocol is not HTTP, and then nothing is added.
    :param keep_alive: both we and the peer would go on.
    :param known_length: bytes of the whole body, where the server happens to know.
    :raises AppError: a Content-Length that is no number or contradicts another one, or one beside a
        Transfer-Encoding.
    """
    if not http_version[0]:
        return _CLOSE, b"", False, None
    length: int | None = None
    coded = closing = False
    for name, value in headers:
        # Only names of these three lengths matter, and asking for the length is the cheapest question.
        size = len(name)
        if size == 14:
            if name == "Content-Length" or name.lower() == "content-length":
                if length is None and known_length is not None and value == str(known_length):
                    length = known_length
                else:
                    length = _length(value, length)
        elif size == 10:
            if name.lower() == "connection" and "close" in value.lower():
                closing = True
        elif size == 17 and name.lower() == "transfer-encoding":
            coded = True
    if coded and length is not None:
        raise AppError("the application set both Content-Length and Transfer-Encoding")
    if status == 101:
        return _CLOSE, b"", False, None
    extra = b""
    keep_alive = keep_alive and not closing
    if method == "HEAD" or status == 204 or status == 304 or 100 <= status <= 199:
        how = _NONE
        length = None
    elif coded:
        how = _CLOSE
        keep_alive = False
    elif length is not None:
        how = _LENGTH
    elif known_length is not None:
        how = _LENGTH
        length = known_length
        extra = b"Content-Length: %d\r\n" % known_length
    elif http_version[1]:
        how = _CHUNKED
        extra = b"Transfer-Encoding: chunked\r\n"
    else:
        how = _CLOSE
        keep_alive = False
    if http_version[1]:
        if not keep_alive and not closing:
            extra += b"Connection: close\r\n"
    elif keep_alive:
        extra += b"Connection: keep-alive\r\n"
    return how, extra, keep_alive, length


def chunk(data: bytes) -> bytes:
    """A piece of a chunked body.  Nothing gives nothing, for an empty chunk would end the body."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


# ---- answers of the server itself --------------------------------------------------------------------------


def error_page(status: int, protocol: str = "HTTP/1.1", detail: str = "") -> bytes:
    """A complete small answer in plain text that closes the connection.

    :param detail: a sentence for the client, below the status.
    """
    said = f"{status} {REASONS.get(status, 'Unknown')}"
    body = f"{said}\n{detail}\n" if detail else f"{said}\n"
    data = body.encode("utf-8", "replace")
    fields = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(data))),
        ("Connection", "close"),
    ]
    return head(protocol, said, fields) + data


def _length(value: str, before: int | None) -> int:
    digits = value.strip(" \t")
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > 18:
        raise AppError(f"the application set the Content-Length {value[:80]!r}, which is no number")
    length = int(digits)
    if before is not None and before != length:
        raise AppError(f"the application set two Content-Length, {before} and {length}")
    return length
