"""The PROXY protocol: who a balancer's client is, told before the first byte of its connection.

Version 1 is a line of text, version 2 a binary header (HAProxy's ``doc/proxy-protocol.txt``).  Both may come,
and one of them has to: a receiver that also took connections without would believe everybody who reaches it.
uWSGI 2.0 reads the line only (``proxy1_parse`` in proto/http.c).
"""

from __future__ import annotations

import ipaddress
from typing import Any, Final

from uwsgid.errors import PeerError
from uwsgid.wire.events import NEED_DATA, Event
from uwsgid.wire.http1 import HttpDecoder
from uwsgid.wire.limits import Limits
from uwsgid.wire.refusal import shown

SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"  #: how a header of version 2 begins
MAX_LINE: Final = 107  #: bytes of a line of version 1, its CRLF included

_LINE: Final = b"PROXY "
_LOCAL: Final = 0x20  # version 2: the balancer speaks for itself
_PROXY: Final = 0x21
#: Version 2, for streams of IPv4 and IPv6: bytes of one address.
_SIZES: Final = {0x11: 4, 0x21: 16}
_FAMILIES: Final = {"TCP4": 4, "TCP6": 6}


def read_header(data: bytes) -> tuple[int, dict[str, str]] | None:
    """The header that *data* begins with: its size, and what it tells as variables of CGI.

    The variables are ``REMOTE_ADDR``, ``REMOTE_PORT``, ``SERVER_ADDR`` and ``SERVER_PORT``; none where the
    balancer speaks for itself, or for a client that is not a TCP one.

    :returns: None where more has to come.
    :raises PeerError: it is none.
    """
    begin = data[: len(SIGNATURE)]
    if SIGNATURE.startswith(begin):
        return _binary(data) if len(data) >= 16 else None
    if _LINE.startswith(data[: len(_LINE)]) or begin.startswith(_LINE):
        return _line(data)
    raise PeerError(f"no PROXY header before {shown(data)}", option="enable-proxy-protocol")


def _line(data: bytes) -> tuple[int, dict[str, str]] | None:
    end = data.find(b"\r\n", 0, MAX_LINE)
    if end < 0:
        if len(data) >= MAX_LINE:
            raise PeerError(f"a PROXY line of more than {MAX_LINE} bytes", option="enable-proxy-protocol")
        return None
    words = data[:end].decode("latin-1").split(" ")
    if words[1] == "UNKNOWN":
        return end + 2, {}
    try:
        _, family, source, target, source_port, target_port = words
        version = _FAMILIES[family]
        for address in (source, target):
            if ipaddress.ip_address(address).version != version:
                raise ValueError
        for port in (source_port, target_port):
            if not (port.isascii() and port.isdecimal()) or int(port) > 65535 or port != str(int(port)):
                raise ValueError
    except (ValueError, KeyError):
        raise PeerError(f"a bad PROXY line: {shown(data[:end])}", option="enable-proxy-protocol") from None
    return end + 2, _told(source, source_port, target, target_port)


def _binary(data: bytes) -> tuple[int, dict[str, str]] | None:
    command = data[12]
    family = data[13]
    size = 16 + (data[14] << 8 | data[15])
    if command not in (_LOCAL, _PROXY):
        raise PeerError(f"a PROXY header of version and command {command:#x}", option="enable-proxy-protocol")
    if len(data) < size:
        return None
    length = _SIZES.get(family, 0)
    if command == _LOCAL or not length:
        return size, {}
    if size < 16 + 2 * length + 4:
        raise PeerError("a PROXY header without room for its addresses", option="enable-proxy-protocol")
    source = ipaddress.ip_address(data[16 : 16 + length])
    target = ipaddress.ip_address(data[16 + length : 16 + 2 * length])
    at = 16 + 2 * length
    ports = [str(data[place] << 8 | data[place + 1]) for place in (at, at + 2)]
    return size, _told(str(source), ports[0], str(target), ports[1])


def _told(source: str, source_port: str, target: str, target_port: str) -> dict[str, str]:
    return {
        "REMOTE_ADDR": source.removeprefix("::ffff:"),
        "REMOTE_PORT": source_port,
        "SERVER_ADDR": target.removeprefix("::ffff:"),
        "SERVER_PORT": target_port,
    }


class ProxiedDecoder:
    """An `HttpDecoder` behind a PROXY header, whose variables are those of every request.

    :ivar header: bytes of the header, until somebody took note of them.
    """

    __slots__ = ("_base", "_broken", "_buffer", "_http", "_limits", "_modifier1", "_modifier2", "header")

    def __init__(
        self, base: dict[str, Any], limits: Limits, *, modifier1: int = 0, modifier2: int = 0
    ) -> None:
        self._base = base
        self._limits = limits
        self._modifier1 = modifier1
        self._modifier2 = modifier2
        self._buffer = b""
        self._http: HttpDecoder | None = None
        self._broken: PeerError | None = None
        self.header = 0

    @property
    def idle(self) -> bool:
        """Between requests, with no byte of the next one: the peer may close without giving offence."""
        return not self._buffer if self._http is None else self._http.idle

    def feed(self, data: bytes) -> None:
        """Take what arrived on the connection."""
        if self._http is not None:
            self._http.feed(data)
        else:
            self._buffer += data

    def leftover(self) -> bytes:
        """As `HttpDecoder.leftover`."""
        if self._http is not None:
            return self._http.leftover()
        data = self._buffer
        self._buffer = b""
        return data

    def next_event(self) -> Event:
        """As `HttpDecoder.next_event`.

        :raises PeerError: there is no header, with status 400; or as `HttpDecoder.next_event`.
        """
        if self._http is not None:
            return self._http.next_event()
        if self._broken is not None:
            raise self._broken
        try:
            found = read_header(self._buffer)
        except PeerError as error:
            self._broken = error
            raise
        if found is None:
            return NEED_DATA
        self.header, told = found
        http = HttpDecoder(
            {**self._base, **told}, self._limits, modifier1=self._modifier1, modifier2=self._modifier2
        )
        http.feed(self._buffer[self.header :])
        self._buffer = b""
        self._http = http
        return http.next_event()
