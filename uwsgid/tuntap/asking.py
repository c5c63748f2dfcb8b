"""Asks a running router, from outside, at the address of its statistics.

Whoever connects there and says nothing gets a document; ``capture …`` gets a stream of packets instead
(`uwsgid.tuntap.statsserver`).  The server waits a moment for that word and no longer, so on a busy machine
the document may come although a capture was asked for; then it is asked for again.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from uwsgid.errors import PeerError
from uwsgid.host.addresses import Family, parse_address
from uwsgid.tuntap.connecting import connect

PATIENCE: Final = 30.0  #: seconds of silence that are too many, before an answer begins
TRIES: Final = 5  #: times that a capture is asked for
CHUNK: Final = 1 << 18

_CAPTURES: Final = b"\x0a\x0d\x0d\x0a"  # how a pcapng stream begins
_DOCUMENTS: Final = (b"{", b"HTTP")
_LONGEST_COMPLAINT: Final = 4096


class Unreachable(PeerError):
    """No router answers at the address."""

    def __init__(self, address: str, error: OSError) -> None:
        why = os.strerror(error.errno) if error.errno else str(error)
        super().__init__(
            f"no router answers at {address}: {why}; "
            "the stats address is the third word of tuntap-router, or tuntap-router-stats",
            status=0,
        )


@contextmanager
def _reaching(address: str) -> Iterator[None]:
    """Turn what the kernel says about a connection to *address* into `Unreachable`."""
    try:
        yield
    except OSError as error:
        raise Unreachable(address, error) from error


def _connect(address: str) -> socket.socket:
    """A connection to *address*.

    :raises OSError: nobody listens there.
    :raises AddressError: it is none.
    """
    target = replace(parse_address(address), padded=False)
    try:
        return connect(target, PATIENCE)
    except ConnectionRefusedError:
        if target.family is not Family.ABSTRACT:
            raise
        return connect(replace(target, padded=True), PATIENCE)


def document(address: str) -> dict[str, Any]:
    """The statistics of the router whose stats address is *address*.

    :raises Unreachable: nobody answers.
    :raises AddressError: the address is none.
    :raises PeerError: what answers is no router.
    """
    data = bytearray()
    with _reaching(address), _connect(address) as connection:
        while piece := connection.recv(CHUNK):
            data += piece
    if data.startswith(b"HTTP"):
        data = data.partition(b"\r\n\r\n")[2]
    try:
        said = json.loads(data)
    except ValueError as error:
        raise PeerError(f"{address} does not answer with statistics: {error}", status=0) from None
    if not isinstance(said, dict) or "chains" not in said or "router" not in said:
        raise PeerError(f"{address} does not answer with the statistics of a tuntap router", status=0)
    return said


class Stream:
    """The bytes of a capture, as they come.

    :param connection: to the router, which begins to send; closed with the stream.
    :param start: what it sent already.
    """

    def __init__(self, connection: socket.socket, start: bytes) -> None:
        self._connection = connection
        self._start = start

    def read(self) -> bytes:
        """What comes next; waits for it.  Nothing at the end.

        :raises OSError: the connection broke.
        """
        data, self._start = self._start, b""
        return data or self._connection.recv(CHUNK)

    def close(self) -> None:
        """Capture no more."""
        self._connection.close()


def capture(address: str, filter: str = "") -> Stream:
    """Begin to capture at the router whose stats address is *address*.

    :param filter: which packets, in the words of `uwsgid.tuntap.capture`.
    :raises Unreachable: nobody answers.
    :raises AddressError: the address is none.
    :raises PeerError: the router refuses, or what answers is no router.
    """
    for _ in range(TRIES):
        with _reaching(address):
            connection = _connect(address)
            try:
                connection.sendall(f"capture {filter}\n".encode())
                start = _start_of(connection)
                if start.startswith(_CAPTURES):
                    connection.settimeout(None)  # packets come when they come
                    return Stream(connection, start)
                if not start.startswith(_DOCUMENTS):
                    raise PeerError(f"{address}: {_complaint(connection, start)}", status=0)
            except BaseException:
                connection.close()
                raise
            connection.close()
    raise PeerError(f"{address} serves statistics, and no captures", status=0)


def _start_of(connection: socket.socket) -> bytes:
    """What the other side says first, four bytes or more where there are as many."""
    data = b""
    while len(data) < len(_CAPTURES) and (piece := connection.recv(CHUNK)):
        data += piece
    return data


def _complaint(connection: socket.socket, start: bytes) -> str:
    while len(start) < _LONGEST_COMPLAINT and b"\n" not in start and (piece := connection.recv(CHUNK)):
        start += piece
    return start.partition(b"\n")[0].decode("utf-8", "replace") or "the router says nothing"
