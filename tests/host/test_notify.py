"""Telling systemd."""

from __future__ import annotations

import os
import socket

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host.kernel import Kernel
from uwsgid.host.notify import READY, notify, reloading
from uwsgid.testing import MemoryKernel


class Notify(SynchronousTestCase):
    """Datagrams to $NOTIFY_SOCKET."""

    def test_nobody_asked(self) -> None:
        """Without the variable nothing is sent."""
        kernel = MemoryKernel()
        self.assertFalse(notify(kernel, {}, READY))
        self.assertEqual(kernel.calls, [])

    def test_path(self) -> None:
        """The text goes out as one datagram and the socket is closed."""
        kernel = MemoryKernel()
        self.assertTrue(notify(kernel, {"NOTIFY_SOCKET": "/run/notify"}, READY))
        self.assertEqual(kernel.sent, [b"STATUS=uWSGI is ready\nREADY=1\n"])
        self.assertEqual(kernel.calls[0], ("connect", "/run/notify"))
        self.assertEqual(kernel.descriptors, {})

    def test_reload(self) -> None:
        """A reload is announced with the monotonic time in microseconds."""
        self.assertEqual(reloading(1.5), "RELOADING=1\nMONOTONIC_USEC=1500000\n")

    def test_real_abstract(self) -> None:
        """An abstract socket is reached; one that is gone does not matter."""
        name = f"@uwsgid-notify-{os.getpid()}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind("\0" + name[1:])
            listener.settimeout(10)
            self.assertTrue(notify(Kernel(), {"NOTIFY_SOCKET": name}, READY))
            self.assertEqual(listener.recv(100), READY.encode())
        self.assertFalse(notify(Kernel(), {"NOTIFY_SOCKET": name}, READY))
