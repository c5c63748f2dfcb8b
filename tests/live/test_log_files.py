"""Options about the log file, on files."""

from __future__ import annotations

import os
import signal
import stat
from typing import Final

from tests.live.support import LiveCase, requires, uwsgi_fetch, wait_until

NOBODY: Final = 65534
APPLICATION: Final = r"""
import os

def application(environ, start_response):
    os.write(2, b"y" * 500 + b"\n")
    os.write(1, b"after\n")
    start_response("200 OK", [("Content-Length", "0")])
    return []
"""


class LogFileTests(LiveCase):
    def test_the_life_of_a_file(self) -> None:
        """Emptied, given away, with records cut, set aside, and opened again by a reload."""
        requires("root")
        os.chown(self.folder, NOBODY, NOBODY)
        (self.folder / "app.py").write_text(APPLICATION)
        log, old, trigger = self.folder / "site.log", self.folder / "old.log", self.folder / "trigger"
        log.write_text("from another life\n")
        trigger.touch()
        daemon = self.launch(
            f"socket = {self.path('app.sock')}\nwsgi-file = {self.path('app.py')}\nmaster = true\n"
            f"uid = {NOBODY}\ngid = {NOBODY}\nlogto = {log}\nlog-truncate = true\nlogfile-chmod = 604\n"
            f"logfile-chown = true\nlog-backupname = {old}\ntouch-logrotate = {trigger}\nlog-reopen = true\n"
            "log-master-bufsize = 300\nlog-zero = true\ndisable-logging = true\n"
        )
        wait_until(lambda: "spawned uWSGI worker 1" in log.read_text(), "the start")
        self.assertNotIn("another life", log.read_text())
        found = log.stat()
        self.assertEqual((found.st_uid, found.st_gid), (NOBODY, NOBODY))
        self.assertEqual(stat.S_IMODE(found.st_mode), 0o604)

        uwsgi_fetch(self.path("app.sock"), "/")
        wait_until(lambda: "generated 0 bytes" in log.read_text(), "the request line")
        self.assertIn("\n" + "y" * 299 + "\nafter\n[pid: ", log.read_text())

        os.utime(trigger, (2e9, 2e9))
        wait_until(old.exists, "the file set aside")
        wait_until(log.exists, "the new file")
        self.assertIn(f"triggering rotation to {old}...", old.read_text())
        uwsgi_fetch(self.path("app.sock"), "/")
        wait_until(lambda: "generated 0 bytes" in log.read_text(), "the request line in the new file")
        self.assertEqual(old.read_text().count("generated 0 bytes"), 1)

        moved = self.folder / "moved.log"
        log.rename(moved)
        log.write_text("kept\n")
        os.chown(log, NOBODY, NOBODY)
        daemon.signal(signal.SIGHUP)
        wait_until(
            lambda: "Respawned uWSGI worker 1" in log.read_text(), "the reload, in the file of that name"
        )
        self.assertTrue(log.read_text().startswith("kept\n"))
        self.assertEqual(stat.S_IMODE(log.stat().st_mode), 0o604)
