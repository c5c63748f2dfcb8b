"""An emperor that is born at boot."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.emperor.support import SECTIONS
from uwsgid.config.settings import settings_of
from uwsgid.door.boot import STEPS, run_hooks_before_jails
from uwsgid.door.early import leave_the_early_emperor, start_early_emperor
from uwsgid.host.capabilities import Capabilities
from uwsgid.host.privileges import Privileges
from uwsgid.supervise.gateways import Early, Gateway
from uwsgid.testing import MemoryKernel

#: Sections have to be imported before a configuration is read.
ALL_SECTIONS = (*SECTIONS, Capabilities, Privileges)


class EarlyTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.kernel = MemoryKernel(uid=0, pid=10)
        self.lines: list[str] = []

    def boot(self, config: str) -> Any:
        return SimpleNamespace(
            site=SimpleNamespace(settings=settings_of(config)),
            kernel=self.kernel,
            say=self.lines.append,
            environ={},
            kept=None,
            early=None,
            gateways=[],
        )

    def test_order(self) -> None:
        """It is born before the hooks that come before any jail."""
        steps = list(STEPS)
        self.assertLess(steps.index(start_early_emperor), steps.index(run_hooks_before_jails))

    def test_not_wanted(self) -> None:
        """Without the option, or without a source, nobody is born."""
        for config in ("emperor = /etc", "early-emperor = true"):
            boot = self.boot(config)
            start_early_emperor(boot)
            self.assertIsNone(boot.early)

    def test_wanted(self) -> None:
        """The one that is born is a child of this process, and waits for nothing."""
        self.kernel.forks.append(77)
        boot = self.boot(f"emperor = {self.mktemp()}\nearly-emperor = true")
        start_early_emperor(boot)
        self.assertEqual((boot.early.pid, boot.early.parent), (77, 10))
        boot.early.channel.close()

    def test_another_master(self) -> None:
        """A master that was born after the emperor has no part in it."""
        ours, theirs = socket.socketpair()
        self.addCleanup(theirs.close)
        boot = self.boot("")
        boot.early = Early(ours, 77, 10)
        boot.gateways = [Gateway("one", lambda life: 0), Gateway("two", lambda life: 0, role="emperor")]
        leave_the_early_emperor(boot)
        self.assertEqual((boot.early.pid, len(boot.gateways)), (77, 2))
        self.kernel.pid = 2
        leave_the_early_emperor(boot)
        self.assertEqual((boot.early, [gateway.name for gateway in boot.gateways]), (None, ["one"]))
        self.assertEqual(theirs.recv(1), b"")
