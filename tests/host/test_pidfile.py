"""Process ids in files."""

from __future__ import annotations

import errno
import signal

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import ConfigError, KernelError
from uwsgid.host.pidfile import read_pidfile, remove_pidfile, signal_pidfile, write_pidfile
from uwsgid.testing import MemoryKernel


class Pidfiles(SynchronousTestCase):
    """Written, read, removed."""

    def setUp(self) -> None:
        self.kernel = MemoryKernel()
        self.said: list[str] = []

    def test_round_trip(self) -> None:
        """What is written is a number and a newline, and reads back."""
        write_pidfile(self.kernel, "/run/pid", self.said.append)
        self.assertEqual(self.kernel.read_file("/run/pid"), b"4711\n")
        self.assertEqual(read_pidfile(self.kernel, "/run/pid"), 4711)
        self.assertEqual(self.said, ["writing pidfile to /run/pid"])

    def test_signal(self) -> None:
        """A signal goes to the process that the file names."""
        write_pidfile(self.kernel, "/run/pid", self.said.append)
        self.assertEqual(signal_pidfile(self.kernel, "/run/pid", signal.SIGINT), 4711)
        self.assertEqual(self.kernel.calls[-1], ("kill", "4711", "2"))
        self.kernel.fail("kill", errno.ESRCH)
        error = self.assertRaises(KernelError, signal_pidfile, self.kernel, "/run/pid", signal.SIGINT)
        self.assertEqual(str(error), "kill(): No such process [pid 4711 of /run/pid]")

    def test_nonsense(self) -> None:
        """Text that is no process id is refused, and so is 0; 1 is the master of a container."""
        for content in (b"", b"shop", b"0", b"-5"):
            self.kernel.add_file("/run/pid", content)
            error = self.assertRaises(ConfigError, read_pidfile, self.kernel, "/run/pid")
            self.assertIn("error: invalid pidfile", str(error))
        self.kernel.add_file("/run/pid", b"1\n")
        self.assertEqual(read_pidfile(self.kernel, "/run/pid"), 1)

    def test_missing(self) -> None:
        """A file that is not there is an error with its reason."""
        error = self.assertRaises(KernelError, read_pidfile, self.kernel, "/run/pid")
        self.assertEqual(str(error), "open(): No such file or directory [/run/pid]")

    def test_remove(self) -> None:
        """Removing is told; a file that is gone is nobody's trouble; a refusal is a line."""
        self.kernel.add_file("/run/pid", b"4711\n")
        self.kernel.fail("unlink", errno.EACCES)
        for _ in range(3):
            remove_pidfile(self.kernel, "/run/pid", "pidfile", self.said.append)
        self.assertEqual(
            self.said,
            ["pidfile /run/pid stays: its folder belongs to another user", "VACUUM: pidfile removed."],
        )
