"""Sockets by their descriptors, as the real kernel has them."""

from __future__ import annotations

import errno
import os
import socket

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host.kernel import Kernel


class Sockets(SynchronousTestCase):
    """Sockets by descriptor."""

    def test_facts(self) -> None:
        """Facts tell family, address and whether it listens; what is no socket has none."""
        kernel = Kernel()
        fd = kernel.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.addCleanup(os.close, fd)
        kernel.setsockopt(fd, socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kernel.bind(fd, ("127.0.0.1", 0))
        facts = kernel.socket_facts(fd)
        assert facts is not None
        self.assertEqual((facts.host, facts.listening), ("127.0.0.1", False))
        kernel.listen(fd, 5)
        facts = kernel.socket_facts(fd)
        assert facts is not None
        self.assertTrue(facts.listening)
        client = kernel.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.addCleanup(os.close, client)
        kernel.connect(client, ("127.0.0.1", facts.port))
        self.assertEqual(kernel.queue_length(fd), (1, 5))
        null = kernel.open("/dev/null", os.O_RDONLY)
        self.addCleanup(os.close, null)
        self.assertIsNone(kernel.socket_facts(null))
        self.assertIsNone(kernel.socket_facts(2**20))

    def test_refusals_name_their_call(self) -> None:
        """A refused bind, connect or listen says which it was."""
        kernel = Kernel()
        fd = kernel.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(os.close, fd)
        for call, name in (
            (lambda: kernel.bind(fd, "/nowhere/at/all"), "bind()"),
            (lambda: kernel.connect(fd, "/nowhere/at/all"), "connect()"),
        ):
            self.assertEqual(self.assertRaises(OSError, call).filename, name)

    def test_interfaces(self) -> None:
        """An interface has a number, and one that is not there is ENODEV."""
        kernel = Kernel()
        self.assertEqual(kernel.interface_index("lo"), socket.if_nametoindex("lo"))
        error = self.assertRaises(OSError, kernel.interface_index, "quatsch0")
        self.assertEqual(error.errno, errno.ENODEV)

    def test_network(self) -> None:
        """The loopback interface, the local host and the system's backlog are known."""
        kernel = Kernel()
        self.assertIn(("lo", "127.0.0.1"), kernel.interface_addresses())
        self.assertEqual(kernel.resolve("localhost"), "127.0.0.1")
        self.assertGreater(kernel.somaxconn(), 0)
