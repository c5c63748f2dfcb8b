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
        daemon.wait_for("spawned uWSGI worker 1 ")  # before that, nobody could be told
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


class PidfileTests(LiveCase):
    """A pidfile is written as root, and removed by somebody else."""

    def stop_with(self, mode: int) -> tuple[Daemon, Path]:
        """An instance that ends, with its pidfile in a folder with this mode."""
        requires("root")
        self.folder.chmod(0o777)
        (self.folder / "run").mkdir()
        (self.folder / "run").chmod(mode)
        pidfile = self.folder / "run" / "site.pid"
        daemon = self.serve(
            self.probe_config(
                workers=1, more=f"uid = nobody\ngid = nogroup\nvacuum = true\npidfile = {pidfile}"
            )
        )
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(), 0, daemon.log())
        return daemon, pidfile

    def test_in_a_folder_of_roots(self) -> None:
        """It stays, and the log says so."""
        daemon, pidfile = self.stop_with(0o755)
        self.assertTrue(pidfile.exists())
        self.assertEqual(daemon.seen(f"pidfile {pidfile} stays: its folder belongs to another user"), 1)

    def test_in_a_folder_of_everybodys(self) -> None:
        """It goes."""
        daemon, pidfile = self.stop_with(0o777)
        self.assertFalse(pidfile.exists(), daemon.log())
        self.assertEqual(daemon.seen("VACUUM: pidfile removed."), 1, daemon.log())
