"""The pretended kernel behaves where it matters."""

from __future__ import annotations

import errno
import os
import signal
import socket

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.testing import Executed, Exited, MemoryKernel


class World(SynchronousTestCase):
    """Files, users, sockets and processes in memory."""

    def setUp(self) -> None:
        self.kernel = MemoryKernel()

    def test_failures(self) -> None:
        """A call fails as often as it was told, with the errno, and is not noted then."""
        self.kernel.fail("chdir", errno.EACCES, times=2)
        for _ in range(2):
            self.assertRaises(PermissionError, self.kernel.chdir, "/a")
        self.kernel.chdir("a")
        self.assertEqual((self.kernel.calls, self.kernel.cwd), ([("chdir", "a")], "/srv/a"))

    def test_only_root_changes(self) -> None:
        """An ordinary user keeps its identity, root gives it away for good."""
        self.assertRaises(PermissionError, self.kernel.setuid, 0)
        self.assertRaises(PermissionError, self.kernel.setgroups, [])
        root = MemoryKernel(uid=0)
        root.setuid(33)
        self.assertRaises(PermissionError, root.setuid, 0)
        self.assertEqual((root.getuid(), root.names()), (33, ["setuid"]))

    def test_files(self) -> None:
        """Relative paths follow the directory; a new file gets a new inode and the mask."""
        self.kernel.write_file("pid", b"1\n")
        first = self.kernel.stat("/srv/pid")
        self.kernel.unlink("/srv/pid")
        self.assertRaises(FileNotFoundError, self.kernel.stat, "pid")
        self.kernel.umask(0o077)
        self.kernel.write_file("pid", b"1\n")
        second = self.kernel.stat("pid")
        self.assertNotEqual(first.inode, second.inode)
        self.assertEqual((first.mode & 0o777, second.mode & 0o777), (0o644, 0o600))

    def test_descriptors(self) -> None:
        """The lowest number is given, a closed one is bad, a copy is the same file."""
        fd = self.kernel.open("log", os.O_CREAT)
        self.kernel.dup2(fd, 9)
        self.kernel.write(9, b"line")
        self.assertEqual((fd, self.kernel.read_file("log")), (3, b"line"))
        self.kernel.close(fd)
        self.assertEqual(self.assertRaises(OSError, self.kernel.close, fd).errno, errno.EBADF)
        self.assertEqual(self.kernel.open_descriptors(), [9])
        self.assertRaises(FileNotFoundError, self.kernel.open, "nothing", os.O_RDONLY)

    def test_addresses_are_unique(self) -> None:
        """A bound port and an existing path are in use."""
        for family, address in ((socket.AF_INET, ("0.0.0.0", 80)), (socket.AF_UNIX, "/s")):
            for expected in (0, errno.EADDRINUSE):
                fd = self.kernel.socket(family, socket.SOCK_STREAM)
                try:
                    self.kernel.bind(fd, address)
                except OSError as error:
                    self.assertEqual(error.errno, expected)
                else:
                    self.assertEqual(expected, 0)
        self.assertTrue(self.kernel.stat("/s").is_socket)

    def test_forks(self) -> None:
        """A fork plays the child unless it was given a pid."""
        self.kernel.forks = [12]
        self.assertEqual([self.kernel.fork(), self.kernel.fork()], [12, 0])
        self.assertEqual((self.kernel.getpid(), self.kernel.getppid()), (4712, 4711))

    def test_ends(self) -> None:
        """exit and exec leave the test by an exception that tells what happened."""
        self.assertEqual(self.assertRaises(Exited, self.kernel.exit, 17).code, 17)
        executed = self.assertRaises(Executed, self.kernel.execve, "/bin/x", ["x", "-v"], {"A": "1"})
        self.assertEqual((executed.arguments, executed.environment), (("x", "-v"), {"A": "1"}))

    def test_children(self) -> None:
        """A child is reaped once, by pidfd or by pid."""
        pidfd = self.kernel.pidfd_open(20)
        self.assertIsNone(self.kernel.waitid(pidfd))
        self.kernel.pidfd_send_signal(pidfd, signal.SIGTERM)
        self.kernel.ended = {20: (os.CLD_EXITED, 0)}
        self.assertEqual(self.kernel.waitid(pidfd), (20, os.CLD_EXITED, 0))
        self.assertIsNone(self.kernel.reap(20))
        self.assertEqual(self.kernel.calls, [("kill", "20", "15"), ("reap", "20")])
