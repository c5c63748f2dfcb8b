"""What tests of gateways that bind sockets have in common."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host import Kernel
from uwsgid.host.kept import Kept


class BindingCase(SynchronousTestCase):
    """A folder to bind in, in which the test runs.

    :ivar kept: what was inherited, which is nothing.
    :ivar lines: what was said.
    """

    def setUp(self) -> None:
        folder = self.mktemp()
        os.mkdir(folder)
        here = os.getcwd()
        os.chdir(folder)
        self.addCleanup(os.chdir, here)
        self.kept = Kept(Kernel())
        self.addCleanup(self.kept.close_all)
        self.lines: list[str] = []
