"""What the tests of the manhole by ssh have in common."""

from __future__ import annotations

from pathlib import Path

from twisted.conch.ssh.keys import Key
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.manhole.hostkey import host_key
from uwsgid.manhole.options import Place

PLACE = Place("ssh", host="127.0.0.1", port=2222)


class SshCase(SynchronousTestCase):
    """A key, and a file in which it stands."""

    def setUp(self) -> None:
        self.said: list[str] = []
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.key: Key = host_key(str(self.folder / "alice"), lambda text: None)
        self.keys = self.folder / "keys"
        self.keys.write_text(self.key.public().toString("openssh").decode() + " alice@example\n")
