from __future__ import annotations

import errno
import os
import socket
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.tuntap.devices import FakeDevice, packet
from tests.tuntap.test_wishes import wishes
from uwsgid.errors import KernelError
from uwsgid.host import Kernel
from uwsgid.testing import MemoryKernel
from uwsgid.tuntap import client as clients
from uwsgid.tuntap.standin import relieve, stand_in
from uwsgid.wire.tunframe import frame


class Forking(Kernel):
    """The real kernel, which remembers whom it bore."""

    def __init__(self) -> None:
        super().__init__()
        self.children: list[int] = []

    def fork(self) -> int:
        pid = os.fork()
        self.children.append(pid)
        return pid


class StandInTests(SynchronousTestCase):
    def test_it_passes_packets_until_it_is_relieved(self) -> None:
        """A process of its own carries packets, and leaves with its stream when it is asked to."""
        with tempfile.TemporaryDirectory(prefix="uwsgid-") as folder, socket.socket(socket.AF_UNIX) as door:
            path = str(Path(folder) / "t")
            door.bind(path)
            door.listen()
            device, kernel = FakeDevice(), Forking()
            self.patch(clients, "set_offload", lambda fd, on: None)
            control = stand_in(kernel, wishes(router=path), device.fd)
            router, _ = door.accept()
            device.hold(packet())
            self.assertEqual(router.recv(1000), frame(packet()))
            relieve(control)
            self.assertEqual(router.recv(1000), b"")
            [child] = kernel.children
            self.assertEqual(os.waitpid(child, 0)[1], 0)
            self.assertRaises(OSError, os.fstat, control)
            router.close()
            device.close()

    def test_one_that_is_gone(self) -> None:
        """A stand-in that died is no reason to wait."""
        ours, theirs = socket.socketpair()
        theirs.close()
        relieve(ours.detach())

    def test_no_process_to_be_had(self) -> None:
        """Where nobody can be forked the instance does not start, and the error says why."""
        kernel = MemoryKernel(uid=0)
        kernel.fail("fork", errno.EAGAIN)
        with self.assertRaisesRegex(KernelError, "fork"):
            stand_in(kernel, wishes(), -1)
