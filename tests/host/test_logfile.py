"""Where output goes."""

from __future__ import annotations

import errno
import os
import socket
import stat

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import ConfigError, KernelError
from uwsgid.host.kernel import Kernel
from uwsgid.host.logfile import is_remote, open_log, redirect, reopen
from uwsgid.testing import MemoryFile, MemoryKernel


class Opening(SynchronousTestCase):
    """Files and datagrams."""

    def test_kinds(self) -> None:
        """A colon without a slash is a UDP address."""
        self.assertEqual(
            [is_remote(text) for text in ("127.0.0.1:514", "/var/log/a:b", "shop.log")], [True, False, False]
        )

    def test_create_and_own(self) -> None:
        """A new file has mode 0640; logfile-chmod and the owner follow."""
        kernel = MemoryKernel(uid=0)
        kernel.close(open_log(kernel, "/log/a"))
        self.assertEqual(stat.S_IMODE(kernel.stat("/log/a").mode), 0o640)
        open_log(kernel, "/log/a", mode=0o600, owner=(33, 4))
        facts = kernel.stat("/log/a")
        self.assertEqual((stat.S_IMODE(facts.mode), facts.uid, facts.gid), (0o600, 33, 4))

    def test_truncate(self) -> None:
        """log-truncate empties the file, without it lines are appended."""
        kernel = MemoryKernel()
        kernel.add_file("/log/a", b"old")
        open_log(kernel, "/log/a")
        self.assertEqual(kernel.read_file("/log/a"), b"old")
        open_log(kernel, "/log/a", truncate=True)
        self.assertEqual(kernel.read_file("/log/a"), b"")

    def test_redirect(self) -> None:
        """Both standard outputs become the file, and nothing stays open besides."""
        kernel = MemoryKernel()
        redirect(kernel, open_log(kernel, "/log/a"))
        self.assertEqual(kernel.names(), ["open", "dup2", "dup2", "close"])
        self.assertEqual(sorted(kernel.descriptors), [1, 2])

    def test_reopen(self) -> None:
        """After a rename the new file is used; the old one stays when there can be no new one."""
        kernel = MemoryKernel()
        redirect(kernel, open_log(kernel, "/log/a"))
        kernel.fail("open", errno.EACCES)
        error = self.assertRaises(KernelError, reopen, kernel, "/log/a")
        self.assertEqual(str(error), "open(): Permission denied [/log/a]")
        self.assertEqual(sorted(kernel.descriptors), [1, 2])
        kernel.files["/log/a.1"] = kernel.files.pop("/log/a")
        reopen(kernel, "/log/a")
        output = kernel.descriptors[2]
        assert isinstance(output, MemoryFile)
        self.assertEqual(output.inode, kernel.stat("/log/a").inode)

    def test_failed_chmod_leaves_nothing(self) -> None:
        """A log that can not get its permissions is closed again."""
        kernel = MemoryKernel()
        kernel.fail("fchmod", errno.EPERM)
        self.assertRaises(KernelError, open_log, kernel, "/log/a", mode=0o600)
        self.assertEqual(kernel.descriptors, {})

    def test_bad_address(self) -> None:
        """A UDP address needs a port that is one."""
        for text in ("host:", "host:x"):
            self.assertRaises(ConfigError, open_log, MemoryKernel(), text)

    def test_real_datagrams(self) -> None:
        """Each write to a UDP log is one datagram."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
            listener.bind(("127.0.0.1", 0))
            listener.settimeout(10)
            fd = open_log(Kernel(), f"localhost:{listener.getsockname()[1]}")
            self.addCleanup(os.close, fd)
            os.write(fd, b"a line\n")
            self.assertEqual(listener.recv(100), b"a line\n")

    def test_real_file(self) -> None:
        """A real log is appended to, and its descriptor does not survive exec."""
        path = self.mktemp()
        for _ in range(2):
            fd = open_log(Kernel(), path)
            self.assertFalse(os.get_inheritable(fd))
            os.write(fd, b"x")
            os.close(fd)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), b"xx")
