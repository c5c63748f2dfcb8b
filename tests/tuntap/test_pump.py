"""Tests of `uwsgid.tuntap.pump`; how packets move is shown with the router and the links."""

from __future__ import annotations

import errno

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.tuntap.pump import GONE, reason_of


class ReasonTests(SynchronousTestCase):
    def test_what_the_kernel_says(self) -> None:
        """A full queue, a device that is down, and a packet that the kernel refuses are told apart."""
        for number, reason in (
            (errno.EAGAIN, "full"),
            (errno.ENOBUFS, "full"),
            (errno.ENOMEM, "full"),
            (errno.EIO, "unattached"),
            (errno.ENETDOWN, "unattached"),
            (errno.EINVAL, "invalid"),
            (errno.EMSGSIZE, "invalid"),
        ):
            self.assertEqual(reason_of(OSError(number, "")), reason, errno.errorcode[number])
        self.assertEqual(reason_of(OSError()), "invalid")

    def test_what_is_gone(self) -> None:
        """A device without an interface takes no packet any more, which is not the packet's fault."""
        for number in GONE - {errno.ENXIO}:
            self.assertEqual(reason_of(OSError(number, "")), "unattached", errno.errorcode[number])
