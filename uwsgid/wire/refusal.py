"""Why an HTTP head is refused, and with which status: what llhttp does not say, or says too generally.

A bad head deserves the same answer however the network cut it.  llhttp stops at the first wrong byte of
what it has been given, but the status may depend on what surrounds that byte; `refusal` therefore looks
again, from the beginning.  Malformed requests are rare enough to pay for that.
"""

from __future__ import annotations

import re
from typing import Final

import httptools

from uwsgid.errors import PeerError

_MAX_METHOD: Final = 32
_TOKEN: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VERSION: Final = re.compile(rb"HTTP/([0-9]\.[0-9])")


class Fields:
    """What llhttp calls back, apart from the decoder: a cycle would have to wait for the collector."""

    __slots__ = ("fields",)

    def __init__(self) -> None:
        self.fields: list[tuple[bytes, bytes]] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value))


def request_line(line: bytes) -> tuple[str, str, int]:
    """Method, target and minor version of a request line without its CRLF.

    :raises PeerError: it has a line feed or not exactly two blanks (400), is CONNECT (501), or is neither
        HTTP/1.0 nor 1.1 (505, or 400 where it is no version at all).
    """
    if b"\n" in line:
        raise PeerError(f"a bare LF in a request line: {shown(line)}")
    parts = line.decode("latin-1").split(" ")
    if parts[0] == "CONNECT":
        raise PeerError("CONNECT is for proxies", status=501)
    if len(parts) != 3:
        raise PeerError(f"a request line with {len(parts) - 1} blanks: {shown(line)}")
    method, target, protocol = parts
    if protocol == "HTTP/1.1":
        return method, target, 1
    if protocol == "HTTP/1.0":
        return method, target, 0
    raise _version_refusal(protocol.encode("latin-1"))


def check_coding(coding: str) -> None:
    """Accept ``chunked`` and nothing else.

    :raises PeerError: 400 for what can not be delimited, 501 for what only we can not decode.
    """
    codings = [word.strip(" \t") for word in coding.lower().split(",")]
    if codings != ["chunked"]:
        broken = "" in codings or codings.count("chunked") > 1
        raise PeerError(f"a Transfer-Encoding of {coding[:80]!r}", status=400 if broken else 501)


def _version_refusal(protocol: bytes) -> PeerError:
    match = _VERSION.match(protocol)
    if match is None or match[1] in (b"1.0", b"1.1"):
        return PeerError(f"not a version of HTTP: {shown(protocol)}")
    return PeerError(f"{shown(protocol)} is not spoken here, only HTTP/1.0 and HTTP/1.1", status=505)


def refusal(received: bytes, error: Exception) -> PeerError | None:
    """Why llhttp refused what begins with ``received``, or None where the status needs more bytes.

    The head is replayed byte by byte, so that the answer depends on the first error alone and not on how the
    network cut the head; malformed requests are rare enough to pay for it.
    """
    fields = Fields()
    parser = httptools.HttpRequestParser(fields)
    for end in range(1, len(received) + 1):
        try:
            parser.feed_data(received[end - 1 : end])
        except httptools.HttpParserUpgrade:
            break
        except httptools.HttpParserError as first:
            return _diagnosis(received, received[:end], first, fields.fields)
        if received.endswith(b"\r\n", 0, end) and b"\r\n" not in received[: end - 1]:
            try:
                request_line(received[: end - 2])
            except PeerError as refused:
                return refused
    return PeerError(f"invalid HTTP request: {error}")


def _diagnosis(
    received: bytes, wrong: bytes, error: Exception, fields: list[tuple[bytes, bytes]]
) -> PeerError | None:
    """What to tell the peer of llhttp's ``error``, which came with the last byte of ``wrong``."""
    text = str(error)
    if isinstance(error, httptools.HttpParserInvalidMethodError) or text.startswith("Invalid method"):
        match = _TOKEN.match(received)
        method: bytes = match[0] if match else b""
        behind = received[len(method) : len(method) + 1]
        if len(method) > _MAX_METHOD or (method and behind == b" "):
            return PeerError(f"an unknown method: {shown(method)}", status=501)
        if method and not behind:
            return None
        return PeerError(f"this is not HTTP: {shown(received)}")
    parts = wrong.split(b" ")
    if parts[0] == b"CONNECT":
        return PeerError("CONNECT is for proxies", status=501)
    if b"\n" not in wrong and len(parts) == 3 and parts[2].startswith(b"HTTP/"):
        return _version_refusal(parts[2])
    if text.startswith("Request has invalid"):
        coding = b", ".join(value for name, value in fields if name.lower() == b"transfer-encoding")
        try:
            check_coding(coding.decode("latin-1"))
        except PeerError as refused:
            return refused
    return PeerError(f"invalid HTTP request: {text}")


def shown(data: bytes) -> str:
    """The beginning of `data` for the log: a peer can neither forge lines with it nor make it long."""
    return repr(data[:40])[1:]
