"""What an ordinary user may not do: the start ends with one clear line, and a status that is not zero."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from tests.live.support import APPS, LiveCase, requires

#: Makes root an ordinary user who may read everything, since the interpreter may lie in root's own folder.
BECOME_NOBODY: Final = (
    "setpriv",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
    "--bounding-set=-all,+dac_read_search",
    "--inh-caps=-all,+dac_read_search",
    "--ambient-caps=+dac_read_search",
)


class OrdinaryUserTests(LiveCase):
    """Nothing here is served."""

    def refuse(self, config: str, pattern: str) -> None:
        """Start on a config that asks for too much, and expect one line."""
        if is_root := os.geteuid() == 0:
            requires("setpriv")
        self.folder.chmod(0o777)
        application = f"wsgi-file = {APPS / 'probe.py'}\n"
        if not config.startswith("socket"):
            config += f"\nsocket = {self.path('app.sock')}"
        daemon = self.launch(application + config, prefix=BECOME_NOBODY if is_root else ())
        self.assertEqual(daemon.wait(), 1, f"{config}\n{daemon.log()}")
        self.assertEqual(daemon.seen(pattern), 1, f"{config}\n{daemon.log()}")
        self.assertEqual(daemon.seen("Traceback"), 0, daemon.log())
        self.assertEqual(daemon.survivors(), [])

    def forbidden(self, name: str) -> str:
        """A path in a folder that nobody may write to."""
        folder = Path(self.path("roots"))
        folder.mkdir(exist_ok=True)
        folder.chmod(0o555)
        return str(folder / name)

    def test_addresses(self) -> None:
        """A socket, the stats and the FIFO of the master in a folder of somebody else."""
        path = self.forbidden("x")
        self.refuse(f"socket = {path}", rf"bind\(\): Permission denied \[{path}\]")
        self.refuse(f"stats = {path}", f"can not serve stats on {path}: Permission denied")
        self.refuse(f"master-fifo = {path}", f"master-fifo: {path}: Permission denied")

    def test_files(self) -> None:
        """Pidfiles and logs there, each named with the reason."""
        path = self.forbidden("x")
        for option in ("pidfile", "pidfile2"):
            self.refuse(f"{option} = {path}", rf"open\(\): Permission denied \[{path}\]")
        for option in ("logto", "logto2", "daemonize"):
            self.refuse(f"{option} = {path}", f"can not open the log file {path}: Permission denied")

    def test_owners(self) -> None:
        """Giving a socket away, or becoming somebody else."""
        self.refuse("chown-socket = root", r"chown\(\): Operation not permitted")
        self.refuse("uid = 1", r"cannot setuid\(\) as non-root user")
