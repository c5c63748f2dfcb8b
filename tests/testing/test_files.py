"""The pretended files, descriptors and sockets behave where it matters."""

from __future__ import annotations

import errno
import os
import socket

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.testing import MemoryKernel


class Files(SynchronousTestCase):
    """Files, descriptors and sockets in memory."""

    def setUp(self) -> None:
        self.kernel = MemoryKernel()

    def test_failures(self) -> None:
        """A call fails as often as it was told, with the errno, and is not noted then."""
        self.kernel.fail("chdir", errno.EACCES, times=2)
        for _ in range(2):
            self.assertRaises(PermissionError, self.kernel.chdir, "/a")
        self.kernel.chdir("a")
        self.assertEqual((self.kernel.calls, self.kernel.cwd), ([("chdir", "a")], "/srv/a"))

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
