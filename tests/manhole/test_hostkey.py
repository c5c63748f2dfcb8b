"""The host key."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import KernelError
from uwsgid.manhole.hostkey import host_key


class HostKeyTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.path = self.folder / "key"
        self.said: list[str] = []

    def test_made_once(self) -> None:
        """It is made where it is missing, for its owner alone, and is the same ever after."""
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        first = host_key(str(self.path), self.said.append)
        self.assertEqual(first.sshType(), b"ssh-ed25519")
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["key"])
        second = host_key(str(self.path), self.said.append)
        self.assertEqual(first.blob(), second.blob())
        self.assertEqual(self.said[0], f"manhole: made the host key {self.path}")
        self.assertEqual(self.said[1:], [self.said[1]] * 2)

    def refused(self, path: str) -> str:
        return str(self.assertRaises(KernelError, host_key, path, self.said.append))

    def test_refusals(self) -> None:
        """One that others may read, one that is none, and one that can not be made."""
        host_key(str(self.path), self.said.append)
        self.path.chmod(0o640)
        self.assertIn(
            f"others may read {self.path} (mode 0640); chmod 600 {self.path}", self.refused(str(self.path))
        )
        self.path.chmod(0o600)
        self.path.write_text("nonsense")
        self.assertIn("holds no private key", self.refused(str(self.path)))
        self.assertIn("make the directory /nonexistent first", self.refused("/nonexistent/key"))
