"""Becoming another program, with what it inherits."""

from __future__ import annotations

import errno
import signal
import socket

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import KernelError
from uwsgid.isolation.patching import become
from uwsgid.testing import MemoryKernel
from uwsgid.testing.kernel import Executed


class PatchTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.kernel = MemoryKernel()
        self.before: list[str] = []
        for number in (signal.SIGHUP, signal.SIGPIPE):
            self.addCleanup(signal.signal, number, signal.getsignal(number))

    def become(self, program: str, **environ: str) -> Executed:
        with self.assertRaises(Executed) as caught:
            become(
                self.kernel,
                program,
                (program, "--ini", "x.ini"),
                environ,
                (3, 9),
                lambda: self.before.append("before"),
            )
        found = caught.exception
        assert isinstance(found, Executed)
        return found

    def test_a_path(self) -> None:
        """The program has the arguments that are given, and its own name before them."""
        found = self.become("/opt/patched", A="1")
        self.assertEqual(found.path, "/opt/patched")
        self.assertEqual(found.arguments, ("/opt/patched", "--ini", "x.ini"))
        self.assertEqual((found.environment, self.before), ({"A": "1"}, ["before"]))

    def test_a_name(self) -> None:
        """A name is looked for in PATH, past places where it is not."""
        self.kernel.fail("execve", errno.ENOENT)
        self.assertEqual(self.become("patched", PATH="/no:/opt/bin").path, "/opt/bin/patched")

    def test_descriptors(self) -> None:
        """Shared sockets and the line to an emperor survive."""
        for fd in (3, 5):
            self.kernel.add_listener(fd, socket.AF_UNIX, f"/run/{fd}")
        self.kernel.inheritable.clear()
        self.become("/opt/patched", UWSGI_EMPEROR_FD="5", UWSGI_EMPEROR_FD_CONFIG="what")
        self.assertEqual(self.kernel.inheritable, {3, 5})

    def test_signals(self) -> None:
        """What Python and the boot ignore is not ignored by the program."""
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self.become("/opt/patched")
        self.assertEqual(signal.getsignal(signal.SIGHUP), signal.SIG_DFL)

    def test_a_refusal(self) -> None:
        """What can not be executed ends the start."""
        for number, said in ((errno.EACCES, "Permission denied"), (errno.ENOENT, "No such file")):
            self.kernel.fail("execve", number)
            with self.assertRaisesRegex(KernelError, rf"exec\(\): {said}.* \[/opt/patched\]"):
                become(self.kernel, "/opt/patched", ("/opt/patched",), {}, (), lambda: None)
