"""The socket by which others get our namespaces."""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.descriptors import open_descriptors
from uwsgid.host import Kernel
from uwsgid.isolation.setns import receive
from uwsgid.master.lending import Lender


class Readers:
    """A reactor as far as readers go."""

    def __init__(self) -> None:
        self.readers: list[Any] = []

    def addReader(self, reader: Any) -> None:
        self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        if reader in self.readers:
            self.readers.remove(reader)


class LenderTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(self.listener.close)
        self.listener.bind("")
        self.listener.listen(4)
        self.listener.setblocking(False)
        self.said: list[str] = []
        self.reactor = Readers()

    def lender(self, *lent: int, skipped: tuple[str, ...] = ()) -> Lender:
        made = Lender(self.reactor, Kernel(), self.listener.fileno(), lent, skipped, self.said.append)
        made.start()
        return made

    def ask(self, lender: Lender) -> list[tuple[int, int]]:
        """Device and inode of everything that is passed."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(30)
            client.connect(self.listener.getsockname())
            lender.doRead()
            found = receive(client)
        facts = [os.fstat(fd) for fd in found]
        for fd in found:
            os.close(fd)
        return [(fact.st_dev, fact.st_ino) for fact in facts]

    def test_our_own(self) -> None:
        """What is passed are our namespaces, the mounts last, without those that are skipped."""
        before = len(open_descriptors())
        expected = [os.stat(f"/proc/self/ns/{name}") for name in ("uts", "ipc", "pid", "cgroup", "mnt")]
        self.assertEqual(
            self.ask(self.lender(skipped=("net",))), [(fact.st_dev, fact.st_ino) for fact in expected]
        )
        self.assertEqual(len(open_descriptors()), before)

    def test_lent(self) -> None:
        """What was opened early is passed again and again."""
        with open("/dev/null") as null:
            lender = self.lender(null.fileno())
            fact = os.fstat(null.fileno())
            for _ in range(2):
                self.assertEqual(self.ask(lender), [(fact.st_dev, fact.st_ino)])

    def test_nobody(self) -> None:
        """Somebody who went away again is no trouble, and neither is one who was gone before the answer."""
        lender = self.lender()
        lender.doRead()
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.connect(self.listener.getsockname())
        client.close()
        lender.doRead()
        self.assertEqual([line for line in self.said if not line.startswith("setns-socket: ")], [])

    def test_the_end(self) -> None:
        """It stops once, and the socket stays."""
        lender = self.lender()
        self.assertEqual((self.reactor.readers, lender.fileno()), ([lender], self.listener.fileno()))
        lender.stop()
        lender.stop()
        self.assertEqual((self.reactor.readers, lender.logPrefix()), ([], "setns"))
        self.assertTrue(self.listener.getsockname())
