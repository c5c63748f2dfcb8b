"""Leaving the terminal."""

from __future__ import annotations

import errno

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import KernelError
from uwsgid.host.daemonize import daemonize
from uwsgid.testing import Exited, MemoryKernel


class Forks(SynchronousTestCase):
    """Who goes on and who ends."""

    def test_grandchild(self) -> None:
        """The grandchild has a session, a mask of 0 and no terminal."""
        kernel = MemoryKernel()
        daemonize(kernel)
        self.assertEqual(kernel.names(), ["fork", "setsid", "fork", "umask", "open", "dup2", "close"])
        self.assertEqual(kernel.mask, 0)

    def test_umask(self) -> None:
        """A configured mask stays."""
        kernel = MemoryKernel()
        daemonize(kernel, umask=0o027)
        self.assertEqual(kernel.mask, 0o027)

    def test_parents_end(self) -> None:
        """Parent and child end with 0."""
        for forks, names in (([9], ["fork", "exit"]), ([0, 9], ["fork", "setsid", "fork", "exit"])):
            kernel = MemoryKernel()
            kernel.forks = forks
            self.assertEqual(self.assertRaises(Exited, daemonize, kernel).code, 0)
            self.assertEqual(kernel.names(), names)

    def test_no_fork(self) -> None:
        """A refused fork is an error with its reason."""
        kernel = MemoryKernel()
        kernel.fail("fork", errno.EAGAIN)
        self.assertIn("fork()", str(self.assertRaises(KernelError, daemonize, kernel)))
