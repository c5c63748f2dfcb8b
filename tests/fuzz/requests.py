"""What has to hold for any bytes that are to be a request, in each of the protocols of workers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tests.wire import corpus, test_fastcgi, test_proxyprotocol
from tests.wire.driving import Decoder, drive, meaning
from uwsgid.errors import PeerError
from uwsgid.wire.fastcgi import MAX_ITEM
from uwsgid.wire.http1 import HttpDecoder
from uwsgid.wire.limits import Limits
from uwsgid.wire.proxyprotocol import ProxiedDecoder, read_header
from uwsgid.wire.scgi import ScgiDecoder
from uwsgid.wire.uwsgi import UwsgiDecoder

LIMITS: Final = Limits(buffer_size=200, max_vars=4)


def _same(data: bytes, make: Callable[[], Decoder]) -> None:
    """Bytes mean the same however they are cut: the first byte says how."""
    if not data:
        return
    size, stream = data[0] % 16 + 1, data[1:]
    whole, pieces = drive(make(), stream), drive(make(), stream, range(0, len(stream), size))
    assert meaning(whole) == meaning(pieces), (whole, pieces)
    for said in whole.requests:
        assert "" not in said.head.vars
        if said.end is not None and said.head.body_length is not None:
            assert len(said.body) == said.head.body_length


def uwsgi(data: bytes) -> None:
    """A stream of uwsgi packets means the same however it is cut."""
    _same(data, lambda: UwsgiDecoder({}, LIMITS))


def http(data: bytes) -> None:
    """A stream of HTTP requests means the same however it is cut, and a bad one is answered the same."""
    _same(data, lambda: HttpDecoder({}, LIMITS))


def scgi(data: bytes) -> None:
    """An SCGI request means the same however it is cut."""
    _same(data, lambda: ScgiDecoder({}, LIMITS))


def fastcgi(data: bytes) -> None:
    """A stream of FastCGI records means the same however it is cut, and its limits hold."""
    if not data:
        return
    size, stream = data[0] % 16 + 1, data[1:]
    whole = test_fastcgi.drive(test_fastcgi.decoder(LIMITS), stream)
    pieces = test_fastcgi.drive(test_fastcgi.decoder(LIMITS), stream, range(0, len(stream), size))
    assert test_fastcgi.plain(whole) == test_fastcgi.plain(pieces), (whole, pieces)
    for head in whole.heads:
        assert head.count <= LIMITS.variables
        assert head.size <= LIMITS.buffer_size
        assert all(0 < len(name) <= MAX_ITEM for name in head.vars)


def proxy(data: bytes) -> None:
    """Any bytes are a PROXY header, the beginning of one or refused; behind it HTTP is as always."""
    _same(data, lambda: ProxiedDecoder({}, LIMITS))
    try:
        found = read_header(data)
    except PeerError as error:
        assert error.status == 400
        return
    if found is not None:
        assert read_header(data[: found[0]]) == found
        assert set(found[1]) in (set(), {"REMOTE_ADDR", "REMOTE_PORT", "SERVER_ADDR", "SERVER_PORT"})


REQUESTS: Final = {"uwsgi": uwsgi, "http": http, "fastcgi": fastcgi, "scgi": scgi, "proxy": proxy}


def seeds(name: str) -> list[bytes]:
    """Bytes that lead a target into every corner that is known."""
    if name == "proxy":
        get = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        good = [header + get for header, _ in test_proxyprotocol.GOOD.values()]
        return [b"\x04" + one for one in (*good, *test_proxyprotocol.BAD.values())]
    cases = {"uwsgi": corpus.uwsgi, "http": corpus.http, "fastcgi": corpus.fastcgi, "scgi": corpus.scgi}[name]
    found = [case.data for kind in ("good", "bad") for case in cases(kind)]
    return [bytes((at % 16,)) + data for at, data in enumerate(found) if len(data) < 400]
