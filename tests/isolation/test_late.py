"""Who takes the privilege step where it is not the boot."""

from __future__ import annotations

import signal
from types import SimpleNamespace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.isolation.late import Moment, enters_a_jail, is_of_the_boot, moment_of, step_of_a_newborn
from uwsgid.testing import MemoryKernel


class MomentTests(SynchronousTestCase):
    def test_moments(self) -> None:
        """The five rows of the manual; the latest moment that is asked for counts."""
        for lines, moment in (
            ("uid = shop", Moment.BOOT),
            ("chown-socket = shop", Moment.BOUND),
            ("master-as-root = 1", Moment.BIRTH),
            ("drop-after-init = 1", Moment.INITIALIZED),
            ("drop-after-apps = 1", Moment.LOADED),
            ("drop-after-apps = 1\ndrop-after-init = 1\nmaster-as-root = 1", Moment.LOADED),
            ("chown-socket = shop\nmaster-as-root = 1", Moment.BIRTH),
        ):
            self.assertIs(moment_of(settings_of(lines)), moment, lines)
        self.assertEqual([is_of_the_boot(moment) for moment in Moment], [True, True, False, False, False])

    def test_jails(self) -> None:
        """What leads anywhere is a jail in this sense; a word about one is not."""
        for lines, enters in (
            ("", False),
            ("jailed = 1\nuid = shop", False),
            ("chroot = /jail", True),
            ("unshare = fs", True),
            ("unshare2 = fs", True),
            ("pivot-root = /a /a/b", True),
        ):
            self.assertEqual(enters_a_jail(settings_of(lines)), enters, lines)


class NewbornTests(SynchronousTestCase):
    def steps(self, lines: str, *, uid: int = 0) -> list[tuple[str, ...]]:
        """What a newborn does that comes by all moments."""
        kernel = MemoryKernel(uid=uid, gid=uid)
        house: Any = SimpleNamespace(
            settings=settings_of(f"uid = shop\ngid = shop\nchdir = /app\n{lines}"),
            kernel=kernel,
            say=lambda text: None,
        )
        for moment in Moment:
            step_of_a_newborn(
                moment, house, signal.SIGHUP, lambda phase: kernel.calls.append(("hooks", phase))
            )
            kernel.calls.append((moment.name,))
        return kernel.calls

    def test_a_drop(self) -> None:
        """Where nothing is entered the hooks of root have run at boot."""
        for lines, moment in (
            ("master-as-root = 1", Moment.BIRTH),
            ("drop-after-init = 1", Moment.INITIALIZED),
            ("drop-after-apps = 1", Moment.LOADED),
        ):
            calls = self.steps(lines)
            at = calls.index((moment.name,))
            self.assertEqual(
                calls[at - 5 : at],
                [
                    ("setgid", "1001"),
                    ("initgroups", "shop", "1001"),
                    ("setuid", "1001"),
                    ("set_parent_death_signal", "1"),
                    ("hooks", "as-user"),
                ],
            )
            self.assertEqual(len(calls), 5 + len(Moment))

    def test_a_jail(self) -> None:
        """Where something is entered each of them enters it, with its hooks and its directory."""
        calls = self.steps("master-as-root = 1\nchroot = /jail")
        at = calls.index(("BOUND",)) + 1
        self.assertEqual(
            [call[:2] for call in calls[at : at + 4]],
            [("chroot", "/jail"), ("chdir", "/"), ("chdir", "/app"), ("hooks", "as-root")],
        )

    def test_who_is_not_root(self) -> None:
        """A newborn whose parent has dropped already leaves everything as it is."""
        self.assertEqual(
            self.steps("master-as-root = 1\nchroot = /jail", uid=1001), [(moment.name,) for moment in Moment]
        )
