"""What a configuration says about the HTTP gateway.

The names are those of uWSGI's http router (plugins/http/http.c, plugins/corerouter).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from uwsgid.config.directive import Directive
from uwsgid.config.kinds import (
    Count,
    Flag,
    Kind,
    Pairs,
    Seconds,
    Takes,
    Text,
)
from uwsgid.config.section import Section, flag, option, section
from uwsgid.gateways.tls_options import Https
from uwsgid.wire.uwsgi import MAX_BLOCK

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings


@dataclass(frozen=True, slots=True)
class HttpAddress:
    """Where clients come in.

    :ivar address: as written; ``=0`` is a shared socket.
    :ivar redirect: clients are sent to HTTPS; what follows the host there, ``:8443`` or nothing.  Else None.
    """

    address: str
    redirect: str | None = None


def _address(directive: Directive) -> HttpAddress:
    text = (directive.value or "").strip()
    redirect = None
    if directive.name == "http-to-https":
        text, comma, port = text.partition(",")
        if comma and not (port.isascii() and port.isdigit() and 0 < int(port) <= 65535):
            raise ValueError("expected ADDRESS[,PORT]")
        redirect = f":{port}" if port and port != "443" else ""
    if not text:
        raise ValueError("invalid/empty uwsgi socket name")
    return HttpAddress(text, redirect)


def _modifier(text: str) -> int:
    if not (text.strip().isascii() and text.strip().isdigit()) or int(text) > 255:
        raise ValueError
    return int(text)


def _head(text: str) -> int:
    if not (text.strip().isascii() and text.strip().isdigit()) or not 256 <= int(text) <= MAX_BLOCK:
        raise ValueError
    return int(text)


def _size(text: str) -> int:
    if not (text.strip().isascii() and text.strip().isdigit()):
        raise ValueError
    return int(text)


def _some(text: str) -> str:
    if not text.strip():
        raise ValueError
    return text.strip()


ADDRESSES: Final = Kind("address list", "the address of a socket", _address, many=True, reads_directive=True)
INSTANCES: Final = Kind("address list", "the address of an instance", _some, many=True)
MODIFIER: Final = Kind("modifier", "a number up to 255", _modifier)
HEAD_SIZE: Final = Kind("bytes", f"a number of bytes from 256 to {MAX_BLOCK}", _head)
EXPECT: Final = Kind("optional bytes", "a number of bytes", _size, Takes.MAYBE, bare=0)


@section("HTTP gateway")
class Http(Section):
    """A process that speaks HTTP with clients and uwsgi with instances."""

    addresses: Annotated[tuple[HttpAddress, ...], ADDRESSES] = option(
        "http",
        "httprouter",
        default=(),
        also={"http-to-https": "send HTTP clients of ADDRESS[,PORT] to HTTPS, on that port of the same host"},
        help="speak HTTP on this address, in a process of its own, and pass requests on to instances",
    )
    processes: Count = option(
        "http-processes", "http-workers", default=1, help="how many processes the gateway has"
    )
    to: Annotated[tuple[str, ...], INSTANCES] = option(
        "http-to",
        default=(),
        help="pass requests on to this uwsgi socket; to the workers of this instance where not given",
    )
    fallback: Annotated[tuple[str, ...], INSTANCES] = option(
        "http-fallback", default=(), help="where a request goes that an instance could not be given"
    )
    gracetime: Seconds = option(
        "http-gracetime", default=30, help="seconds that an instance rests which could not be reached"
    )
    timeout: Count = option(
        "http-timeout",
        default=60,
        help="seconds of silence, of a client or of an instance",
        note="an instance that says nothing for so long is answered for with 504",
    )
    headers_timeout: Seconds = option(
        "http-headers-timeout",
        default=0,
        help="seconds that a client gets for the whole head of a request; as http-timeout where not given",
    )
    connect_timeout: Seconds = option(
        "http-connect-timeout",
        default=0,
        help="seconds until an instance has to be reached; as http-timeout where not given",
    )
    modifier1: Annotated[int, MODIFIER] = option(
        "http-modifier1", default=0, help="the first modifier of requests"
    )
    modifier2: Annotated[int, MODIFIER] = option(
        "http-modifier2", default=0, help="the second modifier of requests"
    )
    variables: Pairs = option("http-var", default=(), help="a variable that every request gets, NAME=value")
    auto_chunked: Flag = flag(
        "http-auto-chunked",
        default=False,
        help="with http-keepalive, send answers without a length in chunks, and keep the connection",
    )
    buffer_size: Annotated[int, HEAD_SIZE] = option(
        "http-buffer-size",
        default=MAX_BLOCK,
        help="the longest head of a request in bytes",
        note="a longer one is answered with 431",
    )
    expect_limit: Annotated[int | None, EXPECT] = option(
        "http-manage-expect",
        default=None,
        help="refuse bodies that are larger with 413 before they are sent",
        note="clients that wait for 100 Continue get it also without this option",
    )
    raw_body: Flag = flag(
        "http-raw-body",
        default=False,
        help="pass bodies in chunks on as they come, for applications that decode them",
        note="without it they are decoded, and get a CONTENT_LENGTH",
    )
    websockets: Flag = flag(
        "http-websockets",
        default=False,
        help="pass all bytes on, both ways, behind the handshake of a websocket",
    )
    stats: Text = option(
        "http-stats",
        "http-stats-server",
        "http-ss",
        default="",
        help="the address where whoever connects gets the statistics of the gateway",
    )
    events: Count = option(
        "http-events", default=64, help="how many events are taken from the kernel at a time"
    )

    def check(self, settings: Settings) -> Iterable[str]:
        """Options that lead nowhere."""
        if self.to and not (self.addresses or settings[Https].addresses):
            yield "http-to without http: nobody would pass anything on"
