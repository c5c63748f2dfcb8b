"""Connections to a router: to its socket, and to its statistics."""

from __future__ import annotations

import socket

from uwsgid.host.addresses import Address


def connect(target: Address, patience: float) -> socket.socket:
    """A stream to *target*, UNIX or TCP; a TCP address without a host is on this one.

    :param patience: seconds that the connection may take, and that every call on it may take afterwards.
    :raises OSError: nobody takes it.
    """
    if not target.is_unix:
        return socket.create_connection((target.host or "127.0.0.1", target.port), patience)
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        stream.settimeout(patience)
        stream.connect(target.sockaddr())
    except OSError:
        stream.close()
        raise
    return stream
