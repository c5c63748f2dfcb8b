"""Vassals of uWSGI's own make under our emperor."""

from __future__ import annotations

import os
import signal

import psutil

from tests.live.support import APPS, requires, uwsgi_fetch, wait_until
from tests.live.test_emperor import EmperorCase


class OtherMakes(EmperorCase):
    """uWSGI's own vassals under our emperor."""

    def setUp(self) -> None:
        super().setUp()
        requires("uwsgi-core")

    def test_uwsgi(self) -> None:
        """uWSGI runs as a vassal: it says that it is ready and loyal, reloads in place, and stops."""
        daemon = self.reign("emperor-wrapper = uwsgi-core")
        path = self.vassal(more="plugin = python3")
        worker = self.wait_answer()
        daemon.wait_for(r"has_emperor mode detected")
        before = self.wait_row(loyal=1, ready=1, accepting=1)
        os.utime(path)
        self.wait_row(respawns=1, ready=1)
        wait_until(lambda: self.wait_answer() != worker, "another worker answers")
        self.assertEqual(self.wait_row()["pid"], before["pid"])
        path.unlink()
        daemon.wait_for(r"removed uwsgi instance a.ini")
        self.end(daemon)

    def test_heartbeat(self) -> None:
        """The heart of uWSGI beats here; when it stops, the vassal is killed and comes back."""
        daemon = self.reign("emperor-wrapper = uwsgi-core\nemperor-required-heartbeat = 3")
        self.vassal(more="plugin = python3\nheartbeat = 1")
        self.wait_answer()
        row = wait_until(lambda: (self.row() or {}).get("last_heartbeat") and self.row(), "its heart beats")
        assert isinstance(row, dict)
        (worker,) = psutil.Process(row["pid"]).children()
        worker.suspend()
        daemon.wait_for(r"vassal a.ini sent no heartbeat in last 3 seconds, brutally respawning it...")
        worker.kill()  # nobody else would: its master is gone
        wait_until(lambda: (self.row() or {"pid": row["pid"]})["pid"] != row["pid"], "another one is there")
        self.wait_answer()
        self.end(daemon)

    def test_on_demand(self) -> None:
        """uWSGI is woken by its socket, and sleeps again when it is idle."""
        daemon = self.reign(f"emperor-wrapper = uwsgi-core\nemperor-on-demand-directory = {self.folder}")
        (self.vassals / "a.ini").write_text(
            f"[uwsgi]\nplugin = python3\nwsgi-file = {APPS / 'probe.py'}\nmaster = true\nidle = 1\n"
            "die-on-idle = true\n"
        )
        self.wait_row(pid=-1)
        for count in (1, 2):
            self.assertEqual(uwsgi_fetch(self.path("a.socket"), "/pid").status, 200)
            daemon.wait_for('back to "on demand" mode', count=count, seconds=60)
            self.wait_row(pid=-1)
        self.end(daemon)

    def test_zergs(self) -> None:
        """uWSGI calls for help and gets a zerg."""
        daemon = self.reign("emperor-wrapper = uwsgi-core\nemperor-broodlord = 1")
        self.vassal(
            more=f"plugin = python3\nmaster-fifo = {self.path('fifo')}\nzerg-server = {self.path('zerg')}\n"
            f"[zerg]\nplugin = python3\nzerg = {self.path('zerg')}\nmaster = true\n"
            f"wsgi-file = {APPS / 'probe.py'}\n"
        )
        self.wait_answer()
        self.call_for_help()
        self.wait_row("a.ini:zerg", zerg=1, accepting=1)
        (self.vassals / "a.ini").unlink()
        daemon.wait_for(r"removed uwsgi instance a.ini:zerg")
        self.end(daemon)

    def test_killed_emperor(self) -> None:
        """uWSGI's vassals go with our emperor as well."""
        daemon = self.reign("emperor-wrapper = uwsgi-core")
        self.vassal(more="plugin = python3")
        worker = self.wait_answer()
        os.kill(self.told()["pid"], signal.SIGKILL)
        self.gone(worker)
        self.assertNotEqual(self.wait_answer(), worker)
        self.end(daemon)
