"""Configurations that lie in no file, from a monitor that a plugin of the test brings."""

from __future__ import annotations

import json
import os
import shutil
import signal

from tests.live.support import APPS, ROOT, Daemon, requires, wait_until
from tests.live.test_emperor import EmperorCase


class Configurations(EmperorCase):
    """They come over the second pipe, at the start and with each reload."""

    def setUp(self) -> None:
        super().setUp()
        shutil.copy(APPS / "probe_monitor.py", self.folder)
        facts = self.folder / "probe_monitor-1.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: probe-monitor\nVersion: 1\n")
        (facts / "entry_points.txt").write_text("[uwsgid.plugins]\nprobe = probe_monitor\n")
        self.table = self.folder / "table.json"

    def put(self, **configurations: str) -> None:
        """Let these be the vassals."""
        common = f"[uwsgi]\nsocket = {self.path('a.sock')}\nwsgi-file = {APPS / 'probe.py'}\nmaster = true\n"
        new = self.folder / "table.new"
        new.write_text(json.dumps({f"{name}.ini": common + more for name, more in configurations.items()}))
        new.rename(self.table)

    def begin(self, more: str = "") -> Daemon:
        return self.launch(
            f"plugin = probe\nemperor = probe://{self.table}\nemperor-stats = {self.path('stats')}\n"
            f"emperor-freq = 1\n{more}",
            environ={"PYTHONPATH": f"{self.folder}:{ROOT}"},
        )

    def mistake(self, daemon: Daemon, more: str) -> None:
        """A text with a mistake disturbs nobody, and the next one counts."""
        worker = self.wait_answer()
        before = self.wait_row(ready=1)["pid"]
        self.put(a=f"{more}harakiri = soon\n")
        daemon.wait_for(r"emperor://a.ini:5: harakiri: expected a number of seconds, got 'soon'")
        daemon.wait_for("the instance goes on with the old one")
        self.assertEqual(self.wait_answer(), worker)
        self.wait_row(ready=1, accepting=1)
        self.put(a=f"{more}worker-reload-mercy = 18\n")
        daemon.wait_for(r"on workers is 18 seconds")
        wait_until(lambda: self.wait_answer() != worker, "another worker answers")
        self.assertEqual(self.wait_row(ready=1)["pid"], before)

    def live(self, daemon: Daemon, more: str = "", *, checks: bool = True) -> None:
        """A vassal has its configuration, gets another one, asks for it by itself, and goes."""
        self.put(a=more)
        worker = self.wait_answer()
        before = self.wait_row(ready=1)["pid"]
        # one worker: uWSGI tells nobody to reload whom it has not spawned yet, and then waits for its end
        self.put(a=f"{more}worker-reload-mercy = 17\n")
        daemon.wait_for(r"on workers is 17 seconds")
        wait_until(lambda: self.wait_answer() != worker, "another worker answers")
        self.assertEqual(self.wait_row(ready=1)["pid"], before)
        if checks:
            self.mistake(daemon, more)
        os.kill(before, signal.SIGHUP)
        daemon.wait_for(r"spawned uWSGI worker 1 ", count=4 if checks else 3)
        self.wait_answer()
        self.put()
        daemon.wait_for(r"removed uwsgi instance a.ini")
        self.end(daemon)

    def test_forked(self) -> None:
        """A vassal that is forked."""
        self.live(self.begin())

    def test_executed(self) -> None:
        """A vassal that is executed."""
        self.live(self.begin("emperor-exec = true"))

    def test_uwsgi(self) -> None:
        """A vassal of uWSGI."""
        requires("uwsgi-core")
        self.live(self.begin("emperor-wrapper = uwsgi-core"), "plugin = python3\n", checks=False)
