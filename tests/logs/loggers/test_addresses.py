"""Addresses of peers."""

from __future__ import annotations

import socket

from tests.logs.loggers.receivers import PeerCase
from uwsgid.errors import ConfigError
from uwsgid.logs.loggers.addresses import Address, read_host_port, read_path


class ReadingTests(PeerCase):
    def test_hosts_and_ports(self) -> None:
        """Names, numbers of both families, and a port of their own or none."""
        for text, expected in {
            "log.example:1234": ("log.example", 1234),
            "10.0.0.1": ("10.0.0.1", 514),
            "[::1]:99": ("::1", 99),
            "[::1]": ("::1", 514),
            "fe80::1": ("fe80::1", 514),
            ":99": ("127.0.0.1", 99),
        }.items():
            self.assertEqual(read_host_port(text, "x", 514), expected, text)

    def test_mistakes(self) -> None:
        """A port that is none, or is missing, is a mistake of the configuration."""
        for text in ("host:", "host:x", "host:0", "host:65536", "[::1", "[::1]x:1", "a b:1", "host", "a/b:1"):
            with self.assertRaises(ConfigError, msg=text):
                read_host_port(text, "x")

    def test_paths(self) -> None:
        """A path has to fit into what the kernel takes; @name is abstract."""
        self.assertEqual(read_path("@name", "x"), "\0name")
        self.assertEqual(read_path("/a", "x"), "/a")
        for text in ("", "@", "/" + "a" * 107):
            with self.assertRaises(ConfigError, msg=text):
                read_path(text, "x")


class ResolvingTests(PeerCase):
    def test_remembers(self) -> None:
        """What was found once stands in when nobody can be asked any more."""
        address = Address("localhost:7", host="localhost", port=7).settle()
        self.assertTrue(address.is_known)
        before = address.resolve()
        self.patch(socket, "getaddrinfo", self.refuse)
        self.assertEqual(address.resolve(), before)
        self.assertEqual(address.found()[0], (socket.AF_INET, ("127.0.0.1", 7)))

    def refuse(self, *_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "no resolver")

    def test_tries_again(self) -> None:
        """A name that can not be resolved at first is no mistake, and is tried again."""
        address = Address("localhost:7", host="localhost", port=7)
        self.patch(socket, "getaddrinfo", self.refuse)
        self.assertFalse(address.settle().is_known)
        self.assertIn(
            "can not resolve localhost: no resolver", str(self.assertRaises(OSError, address.found))
        )

    def test_connects(self) -> None:
        """A connection is made to the first address that answers, with a timeout on it."""
        server = self.server(lambda made: made.sendall(b"hi"))
        address = Address("x", host="localhost", port=server.port, kind=socket.SOCK_STREAM)
        with address.connect(5) as made:
            self.assertEqual((made.recv(2), made.gettimeout()), (b"hi", 5))

    def test_nobody_answers(self) -> None:
        """Where nobody listens the error says so."""
        port = self.away()
        address = Address("x", host="127.0.0.1", port=port, kind=socket.SOCK_STREAM)
        self.assertRaises(ConnectionRefusedError, address.connect, 5)
        local = Address("x", path=self.path("nobody"), kind=socket.SOCK_STREAM)
        self.assertRaises(FileNotFoundError, local.connect, 5)
