"""``--connect-and-read``: what an address has to say, for scripts and for people without a stats client."""

from __future__ import annotations

import socket
from dataclasses import replace

from uwsgid.host.addresses import Address, Family, parse_address


def read_all(address: str, timeout: float = 30.0) -> str:
    """Connect to *address*, send nothing, and return what comes until the other side closes.

    :param timeout: seconds of silence that are one too many.
    :raises OSError: nobody listens there, or the other side fell silent.
    :raises AddressError: *address* is none.
    """
    target = parse_address(address)
    kind = {Family.INET: socket.AF_INET, Family.INET6: socket.AF_INET6}.get(target.family, socket.AF_UNIX)
    if target.family is Family.INET and not target.host:
        target = target.with_host("127.0.0.1")
    try:
        return _read(kind, replace(target, padded=False), timeout)
    except ConnectionRefusedError:
        if not target.padded:
            raise
        # stats servers have plain abstract names, request sockets one with a NUL behind it
        return _read(kind, target, timeout)


def _read(kind: int, target: Address, timeout: float) -> str:
    with socket.socket(kind, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        connection.connect(target.sockaddr())
        pieces = []
        while piece := connection.recv(65536):
            pieces.append(piece)
    return b"".join(pieces).decode("utf-8", "replace")
