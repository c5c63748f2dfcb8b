"""Who may end whom, when some processes are root and the master is not any more."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.live.support import Daemon, LiveCase, requires, wait_until

#: An application that never comes back from its import, and hears nothing there.
STUCK = """
import signal, sys

signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))
print("stuck", flush=True)
signal.sigtimedwait([signal.SIGUSR1], 600)
"""


class DropAfterAppsTests(LiveCase):
    """With drop-after-apps whoever imports the application is root, and the master is not."""

    def launch_stuck(self, more: str = "") -> Daemon:
        """An instance whose import never ends."""
        requires("root")
        self.folder.chmod(0o777)
        app = Path(self.path("stuck.py"))
        app.write_text(STUCK)
        daemon = self.launch(
            f"socket = {self.path('app.sock')}\nwsgi-file = {app}\nmaster = true\nuid = nobody\n"
            f"gid = nogroup\ndrop-after-apps = true\nworker-reload-mercy = 1\n{more}\n"
        )
        daemon.wait_for("^stuck$")
        self.assertNotEqual(os.stat(f"/proc/{daemon.pid}").st_uid, 0)
        return daemon

    def test_a_worker_in_its_import(self) -> None:
        """lazy-apps: a worker that is root and hears nothing is ended by a master that is not."""
        daemon = self.launch_stuck("lazy-apps = true")
        daemon.signal(signal.SIGINT)
        self.assertEqual(daemon.wait(), 0, daemon.log())
        self.assertEqual(daemon.seen("NO MERCY"), 1, daemon.log())
        self.assertEqual(daemon.seen("can not be signalled"), 0, daemon.log())
        wait_until(lambda: not daemon.survivors(), "everybody leaves")

    def test_a_zygote_in_its_import(self) -> None:
        """Without lazy-apps the same holds for the zygote."""
        daemon = self.launch_stuck()
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(), 0, daemon.log())
        self.assertEqual(daemon.seen("can not be signalled"), 0, daemon.log())
        wait_until(lambda: not daemon.survivors(), "everybody leaves")
