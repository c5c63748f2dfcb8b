"""`uwsgid.tuntap.connecting`: connections to a router."""

from __future__ import annotations

import os
import socket
from tempfile import TemporaryDirectory

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host.addresses import parse_address
from uwsgid.tuntap.connecting import connect


class ConnectTests(SynchronousTestCase):
    """Every kind of address is reached, and nobody is waited for too long."""

    def reaches(self, listener: socket.socket, address: str) -> None:
        """A connection to an address arrives."""
        with listener, connect(parse_address(address), 5.0) as stream:
            other, _ = listener.accept()
            with other:
                stream.send(b"hello")
                self.assertEqual(other.recv(10), b"hello")
            self.assertEqual(stream.gettimeout(), 5.0)

    def test_tcp(self) -> None:
        """A host and a port, of both versions, or a port of this host."""
        for host, kind in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6), ("", socket.AF_INET)):
            listener = socket.create_server((host or "127.0.0.1", 0), family=kind)
            port = listener.getsockname()[1]
            self.reaches(listener, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")

    def test_unix(self) -> None:
        """A path."""
        with TemporaryDirectory() as folder:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(os.path.join(folder, "t"))
            listener.listen()
            self.reaches(listener, os.path.join(folder, "t"))

    def test_nobody(self) -> None:
        """Where nobody listens there is an error with its errno."""
        self.assertRaises(FileNotFoundError, connect, parse_address("/nonexistent/socket"), 1.0)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        self.assertRaises(ConnectionRefusedError, connect, parse_address(f"127.0.0.1:{port}"), 1.0)
