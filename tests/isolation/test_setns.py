"""Namespaces that are passed over a socket: the bytes, the order, and who joins."""

from __future__ import annotations

import errno
import os
import socket
import struct
import threading
from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from tests.descriptors import open_descriptors
from uwsgid.errors import KernelError
from uwsgid.host.namespaces import CLONE_NEWNET, CLONE_NEWPID
from uwsgid.interfaces import FileFacts
from uwsgid.isolation.setns import join, kind_of, message, offer, open_namespaces, receive
from uwsgid.testing import MemoryKernel


class MessageTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.addCleanup(self.ours.close)
        self.addCleanup(self.theirs.close)
        self.theirs.settimeout(30)

    def test_bytes(self) -> None:
        """Eleven letters and a native integer, as in uWSGI 2.0."""
        self.assertEqual(message(6), b"uwsgi-setns" + struct.pack("i", 6))
        self.assertEqual(len(message(1)), 15)

    def test_descriptors(self) -> None:
        """What is offered arrives, in its order, and closes on exec."""
        with open("/dev/null") as one, open("/dev/zero") as other:
            offer(self.ours, (one.fileno(), other.fileno()))
            found = receive(self.theirs)
            self.assertEqual(
                [os.fstat(fd).st_rdev for fd in found],
                [os.fstat(file.fileno()).st_rdev for file in (one, other)],
            )
        for fd in found:
            self.assertFalse(os.get_inheritable(fd))
            os.close(fd)

    def test_something_else(self) -> None:
        """An answer of somebody else is an error, and leaves nothing open."""
        before = len(open_descriptors())
        for data in (b"hello", b"uwsgi-setnz\x01\0\0\0", message(1)):
            self.ours.sendall(data)
            self.assertRaises(OSError, receive, self.theirs)
        with open("/dev/null") as one:
            socket.send_fds(self.ours, [b"x" * 15], [one.fileno()])
            self.assertRaises(OSError, receive, self.theirs)
        self.ours.close()
        self.assertRaises(OSError, receive, self.theirs)
        self.assertEqual(len(open_descriptors()), before - 1)


class OpenTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.kernel = MemoryKernel(uid=0)
        self.names: dict[int, str] = {}

    def opened(self, *skipped: str) -> list[str]:
        found = open_namespaces(self.kernel, skipped)
        inodes = {facts.inode: path.rpartition("/")[2] for path, facts in self.kernel.files.items()}
        return [inodes[self.kernel.fstat(fd).inode] for fd in found]

    def test_order(self) -> None:
        """The mounts come last, and users never; what the kernel does not have is left out."""
        for name in ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts"):
            self.kernel.add_file(f"/proc/self/ns/{name}")
        self.assertEqual(self.opened(), ["net", "uts", "ipc", "pid", "cgroup", "mnt"])
        self.assertEqual(self.opened("net", "pid"), ["uts", "ipc", "cgroup", "mnt"])
        del self.kernel.files["/proc/self/ns/cgroup"]
        self.assertEqual(self.opened(), ["net", "uts", "ipc", "pid", "mnt"])

    def test_real_kinds(self) -> None:
        """The kernel tells what a namespace is, and of other files that they are none."""
        with open("/proc/self/ns/net") as net, open("/dev/null") as null:
            self.assertEqual(kind_of(net.fileno()), CLONE_NEWNET)
            self.assertEqual(kind_of(null.fileno()), 0)


class JoinTests(SynchronousTestCase):
    """The joining side, with a real socket and a kernel that only notes what it is told."""

    def setUp(self) -> None:
        self.kernel = Noting(uid=0)
        self.said: list[str] = []
        # the folder of the test is too deep for the name of a socket
        self.path = f"/tmp/uwsgid-setns-{os.getpid()}-{id(self):x}"
        self.addCleanup(self.remove)

    def remove(self) -> None:
        if os.path.exists(self.path):
            os.unlink(self.path)

    def serve(self, answers: Sequence[bytes | tuple[int, ...]]) -> None:
        """Answer one connection after the other."""
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        server.bind(self.path)
        server.listen(4)

        def run() -> None:
            with server:
                for answer in answers:
                    connection, _ = server.accept()
                    with connection:
                        if isinstance(answer, bytes):
                            connection.sendall(answer)
                        else:
                            offer(connection, answer)

        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(thread.join)

    def pause(self, seconds: float) -> None:
        self.said.append(f"pause {seconds:g}")
        if not os.path.exists(self.path):
            self.serve([b"not yet", (0, 1)])

    def test_join(self) -> None:
        """Each namespace is joined in the order it came, and closed."""
        self.serve([(0, 1, 2)])
        kinds = iter((CLONE_NEWNET, 0, 0))
        self.assertFalse(
            join(self.kernel, self.path, self.said.append, pause=self.pause, kinds=lambda fd: next(kinds))
        )
        self.assertEqual([call[0] for call in self.kernel.calls], ["setns", "close"] * 3)
        self.assertEqual(self.said, [f"joining namespaces from {self.path} ..."])

    def test_patience(self) -> None:
        """Who is not there yet, or not ready, is asked again each second; a reason is told once."""
        self.assertFalse(join(self.kernel, self.path, self.said.append, pause=self.pause, kinds=lambda fd: 0))
        self.assertEqual([line for line in self.said if line.startswith("pause")], ["pause 1"] * 2)
        self.assertIn("No such file or directory, trying again every second", self.said[1])
        self.assertIn("Protocol error", self.said[3])

    def test_a_pid_namespace(self) -> None:
        """A pid namespace that is not ours is one for children only, and the caller is told."""
        for inode, of_children in ((7, False), (8, True)):
            self.kernel.inode = 7
            self.kernel.own = inode
            self.remove()
            self.serve([(0,)])
            found = join(
                self.kernel, self.path, self.said.append, pause=self.pause, kinds=lambda fd: CLONE_NEWPID
            )
            self.assertEqual(found, of_children)

    def test_a_refusal(self) -> None:
        """What can not be joined ends the start."""
        self.serve([(0,)])
        self.kernel.fail("setns", errno.EPERM)
        with self.assertRaisesRegex(KernelError, r"setns\(\): Operation not permitted"):
            join(self.kernel, self.path, self.said.append, pause=self.pause, kinds=lambda fd: 0)
        for fd in self.kernel.got:
            os.close(fd)


class Noting(MemoryKernel):
    """A pretended kernel that is given real descriptors."""

    def __init__(self, *, uid: int) -> None:
        super().__init__(uid=uid)
        self.inode = self.own = 0
        self.got: list[int] = []

    def setns(self, fd: int, kind: int = 0) -> None:
        self.got.append(fd)
        super().setns(fd, kind)

    def close(self, fd: int) -> None:
        self.got.remove(fd)
        os.close(fd)
        self.calls.append(("close", str(fd)))

    def fstat(self, fd: int) -> FileFacts:
        return FileFacts(self.inode, 0)

    def stat(self, path: str) -> FileFacts:
        return FileFacts(self.own, 0)
