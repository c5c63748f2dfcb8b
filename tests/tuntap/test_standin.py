from __future__ import annotations

import errno
import os
import signal
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
from uwsgid.tuntap import standin as standins
from uwsgid.tuntap.relief import Handed, Relief
from uwsgid.tuntap.standin import leave_behind, stand_in
from uwsgid.wire.tunframe import frame

PATIENCE = 10.0  #: seconds


class Forking(Kernel):
    """The real kernel, which remembers whom it bore."""

    def __init__(self) -> None:
        super().__init__()
        self.children: list[int] = []
        self.caller = 0

    def getpid(self) -> int:
        return self.caller or os.getpid()

    def fork(self) -> int:
        pid = os.fork()
        self.children.append(pid)
        return pid


class StandInCase(SynchronousTestCase):
    """A device, a router, and processes that stand in for the one between them."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="uwsgid-")
        self.addCleanup(folder.cleanup)
        self.wishes = wishes(router=str(Path(folder.name) / "t"))
        self.door = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.door.close)
        self.door.bind(self.wishes.router.path)
        self.door.listen()
        self.door.settimeout(PATIENCE)
        self.device = FakeDevice()
        self.addCleanup(self.device.close)
        self.kernel = Forking()
        self.relief = Relief.new()
        self.addCleanup(os.close, self.relief.asks)
        self.addCleanup(os.close, self.relief.answers)
        self.patch(clients, "set_offload", lambda fd, on: None)

    def ended(self) -> int:
        """How the last child ended."""
        return os.waitpid(self.kernel.children.pop(), 0)[1]

    def comes_through(self, router: socket.socket) -> None:
        """A packet of the device reaches the router."""
        router.settimeout(PATIENCE)
        self.device.hold(packet())
        self.assertEqual(router.recv(1000), frame(packet()))


class StandInTests(StandInCase):
    def test_it_passes_packets_until_it_is_relieved(self) -> None:
        """A process of its own carries packets, and gives its stream away when it is asked to."""
        stand_in(self.kernel, self.wishes, self.device.fd, self.relief)
        router, _ = self.door.accept()
        with router:
            self.comes_through(router)
            handed = self.relief.take(self.wishes.mark)
            assert handed is not None
            self.assertEqual(self.ended(), 0)
            with handed.link:
                self.assertEqual((handed.frames, handed.unsent, handed.pending), (True, b"", b""))
                handed.link.send(b"hello")
                self.assertEqual(router.recv(1000), b"hello")
            self.assertEqual(router.recv(1000), b"")

    def test_one_that_was_killed(self) -> None:
        """A stand-in that is gone is no reason to wait, and the next is not asked in its place."""
        for _ in range(2):
            stand_in(self.kernel, self.wishes, self.device.fd, self.relief)
            router, _ = self.door.accept()
            self.comes_through(router)
            router.close()
            os.kill(self.kernel.children[-1], signal.SIGKILL)
            self.assertEqual(self.ended(), signal.SIGKILL)
            self.assertFalse(self.relief.stands_in)
        self.assertIsNone(self.relief.take(self.wishes.mark))

    def test_no_process_to_be_had(self) -> None:
        """Where nobody can be forked the instance does not start, and the error says why."""
        kernel = MemoryKernel(uid=0)
        kernel.fail("fork", errno.EAGAIN)
        with self.assertRaisesRegex(KernelError, "fork"):
            stand_in(kernel, self.wishes, -1, self.relief)


class LeftBehindTests(StandInCase):
    def setUp(self) -> None:
        super().setUp()
        self.link, self.router = socket.socketpair()
        self.addCleanup(self.router.close)
        self.addCleanup(self.link.close)
        self.router.settimeout(PATIENCE)

    def leave(self, handed: Handed, master: int) -> None:
        """End as the process does that attends to a device, whose end has come already."""
        self.kernel.caller = 1 << 22
        leave_behind(self.kernel, self.wishes, self.device.fd, self.relief, handed, master)
        self.link.close()

    def test_it_goes_on_with_the_stream(self) -> None:
        """What was to go and what had come by halves goes on, and the next one gets the same stream."""
        pieces = frame(packet(size=100)), frame(packet(size=200))
        self.leave(Handed(self.link, True, pieces[0][50:], pieces[1][:7]), os.getpid())
        self.assertEqual(self.router.recv(1000), pieces[0][50:])
        self.router.send(pieces[1][7:])
        self.comes_through(self.router)
        self.assertTrue(self.relief.stands_in)
        handed = self.relief.take(self.wishes.mark)
        self.assertEqual(self.ended(), 0)
        assert handed is not None
        with handed.link:
            self.assertEqual(self.device.written(), [packet(size=200)])
            handed.link.send(b"hello")
            self.assertEqual(self.router.recv(1000), b"hello")

    def test_it_holds_nothing_else(self) -> None:
        """Pipes and sockets by whose ends somebody waits for the caller's are closed."""
        reader, writer = os.pipe()
        self.leave(Handed(self.link, True), os.getpid())
        os.close(writer)
        self.assertEqual(os.read(reader, 1), b"")
        os.close(reader)
        self.assertTrue(self.relief.stands_in)
        self.relief.take(self.wishes.mark)
        self.assertEqual(self.ended(), 0)

    def test_a_master_that_is_gone(self) -> None:
        """Who would be nobody's child ends at once, and the router sees it."""
        self.patch(standins, "_END_TAKES", 1000.0)
        self.leave(Handed(self.link, True), 1 << 22)
        self.assertEqual(self.router.recv(1000), b"")
        self.assertEqual(os.waitstatus_to_exitcode(self.ended()), 1)

    def test_a_caller_that_does_not_end(self) -> None:
        """A process that stays alive has no stand-in: two would read the same device."""
        self.patch(standins, "_END_TAKES", 0.05)
        leave_behind(
            self.kernel, self.wishes, self.device.fd, self.relief, Handed(self.link, True), os.getppid()
        )
        self.link.close()
        self.assertEqual(self.router.recv(1000), b"")
        self.assertEqual(os.waitstatus_to_exitcode(self.ended()), 1)

    def test_no_process_to_be_had(self) -> None:
        """Where nobody can be forked the link ends, and nothing else."""
        kernel = MemoryKernel(uid=0)
        kernel.fail("fork", errno.EAGAIN)
        leave_behind(kernel, self.wishes, self.device.fd, self.relief, Handed(self.link, True), os.getpid())
        self.assertFalse(self.relief.stands_in)

    def test_a_connection_of_a_hand_over(self) -> None:
        """A connection without which the router would let go of the device is held as well."""
        ours, router = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(router.close)
        router.settimeout(PATIENCE)
        self.leave(Handed(ours, False), os.getpid())
        ours.close()
        handed = self.relief.take(self.wishes.mark)
        self.assertEqual(self.ended(), 0)
        assert handed is not None
        with handed.link:
            self.assertFalse(handed.frames)
            router.setblocking(False)
            self.assertRaises(BlockingIOError, router.recv, 1)
