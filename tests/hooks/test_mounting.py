"""Mounts as actions."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.hooks.support import Stage
from uwsgid.hooks.options import parse_action


class MountingTests(SynchronousTestCase):
    def test_calls(self) -> None:
        """Both are system calls, and no programs."""
        stage = Stage()
        self.assertEqual(stage.do("mount:proc none /proc nodev hidepid=2"), "")
        self.assertEqual(stage.do("umount:/proc detach"), "")
        self.assertEqual(
            stage.kernel.calls,
            [("mount", "none", "/proc", "proc", hex(4), "hidepid=2"), ("umount", "/proc", hex(2))],
        )

    def test_failure(self) -> None:
        """A refusal has the words of the kernel."""
        stage = Stage()
        self.assertEqual(stage.do("umount:/proc"), "umount: uwsgi_umount(): Invalid argument [/proc]")
        stage.kernel.uid = 1000
        self.assertEqual(
            stage.do("mount:proc none /proc"),
            "mount: uwsgi_mount(): Operation not permitted [none on /proc]",
        )

    def test_flags(self) -> None:
        """A flag that does not exist is found while the configuration is read."""
        self.assertRaisesRegex(ValueError, 'unknown mount flag "bnd"', parse_action, "mount:none /a /b bnd")
        self.assertRaisesRegex(ValueError, 'unknown umount flag "ro"', parse_action, "umount:/a ro")
