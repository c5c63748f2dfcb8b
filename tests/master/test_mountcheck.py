"""Mounts without which the instance is better dead."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.master.mountcheck import SILENCE, CheckedMounts, MountCheck
from uwsgid.supervise.processes import Processes
from uwsgid.testing import MemoryKernel


class Reactor:
    """What the thread tells the reactor, until a test lets it hear."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []

    def callFromThread(self, call: Callable[..., None], *arguments: object) -> None:
        self.calls.append(lambda: call(*arguments))

    def hear(self) -> None:
        calls, self.calls = self.calls, []
        for call in calls:
            call()


class MountCheckTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.kernel = MemoryKernel()
        self.reactor = Reactor()
        self.lines: list[str] = []
        self.detonations = 0
        self.started: list[Callable[[], None]] = []
        self.now = 0.0

    def check(self, config: str) -> MountCheck:
        return MountCheck(
            self.kernel,
            settings_of(config)[CheckedMounts],
            self.reactor,
            self.lines.append,
            self.detonate,
            start=self.started.append,
            clock=lambda: self.now,
        )

    def detonate(self) -> None:
        self.detonations += 1

    def test_all_names(self) -> None:
        """Each of the four names takes several mounts, and asks for a master."""
        for name in ("mount-check", "mountpoint-check", "check-mount", "check-mountpoint"):
            settings = settings_of(f"{name} = /a\n{name} = /b")
            self.assertEqual(settings[CheckedMounts].paths, ("/a", "/b"))
            self.assertTrue(settings[Processes].master, name)

    def test_healthy(self) -> None:
        """Mounts that answer are asked again at the next look, one question at a time."""
        check = self.check("check-mount = /a\ncheck-mount = /b")
        check.look()
        check.look()
        self.assertEqual(len(self.started), 1)
        self.started[0]()
        self.reactor.hear()
        check.look()
        self.assertEqual((len(self.started), self.lines, self.detonations), (2, [], 0))

    def test_failed(self) -> None:
        """One that answers with an error ends the instance; the others need not be asked."""
        check = self.check("check-mount = /a\ncheck-mount = /b")
        self.kernel.fail("statfs", errno.ENOTCONN)
        check.look()
        self.started[0]()
        self.assertEqual(self.detonations, 0)
        self.reactor.hear()
        self.assertEqual(self.detonations, 1)
        self.assertEqual(self.lines, ["mountpoint /a failed, triggering detonation..."])

    def test_silent(self) -> None:
        """One that does not answer is told once, and again when it does."""
        check = self.check("check-mount = /a")
        check.look()
        for _ in range(3):
            self.now += SILENCE
            check.look()
        self.assertEqual(self.lines, ["*** WARNING: mountpoint /a has not answered for 5 seconds ***"])
        self.started[0]()
        self.reactor.hear()
        self.assertEqual(self.lines[1:], ["all mountpoints answer again"])
        self.assertEqual((len(self.started), self.detonations), (1, 0))

    def test_nothing_to_do(self) -> None:
        """Without the option nobody is asked."""
        self.check("").look()
        self.assertEqual(self.started, [])

    def test_real_thread(self) -> None:
        """By default somebody else's thread asks."""
        seen: list[str] = []
        done = threading.Event()

        class Slow(MemoryKernel):
            def statfs(self, path: str) -> int:
                seen.append(threading.current_thread().name)
                return super().statfs(path)

        class Heard(Reactor):
            def callFromThread(self, call: Callable[..., None], *arguments: object) -> None:
                super().callFromThread(call, *arguments)
                done.set()

        self.reactor = Heard()
        MountCheck(
            Slow(), CheckedMounts(paths=("/a",)), self.reactor, self.lines.append, self.detonate
        ).look()
        self.assertTrue(done.wait(30))
        self.assertEqual(seen, ["check-mount"])
