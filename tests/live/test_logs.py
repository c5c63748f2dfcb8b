"""What ends up in the log, and where the log ends up."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tests.live.support import LiveCase, fetch, uwsgi_fetch, wait_until


class LogTests(LiveCase):
    """Request lines, application output, files."""

    def test_request_line(self) -> None:
        """A request line is uWSGI's."""
        daemon = self.serve(self.probe_config(workers=1))
        uwsgi_fetch(self.path("app.sock"), "/pid")
        daemon.wait_for(
            r"^\[pid: \d+\|app: 0\|req: 1/1\] 192\.0\.2\.7 \(\) \{\d+ vars in \d+ bytes\} "
            r"\[\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\] GET /pid => generated \d+ bytes in \d+ msecs "
            r"\(HTTP/1\.1 200\) 2 headers in \d+ bytes \(\d+ switches on core 0\)$"
        )

    def test_application_output(self) -> None:
        """What the application prints, and what it writes to wsgi.errors, is in the log."""
        daemon = self.serve(self.probe_config(workers=1))
        uwsgi_fetch(self.path("app.sock"), "/print")
        daemon.wait_for("^the application printed this$")
        daemon.wait_for("^the application complained$")

    def test_log_format(self) -> None:
        """log-format replaces the text."""
        form = 'log-format = %(method) %(uri) %(status) "%(var.HTTP_USER_AGENT)" %(pid)'
        daemon = self.serve(self.probe_config(workers=1, more=f"http-socket = {self.path('h')}\n{form}"))
        pid = fetch(self.path("h"), "/pid?a=b", headers={"User-Agent": "tests"}).body.decode()
        daemon.wait_for(rf'^GET /pid\?a=b 200 "tests" {pid}$')

    def test_disable_logging(self) -> None:
        """disable-logging leaves request lines out, log-5xx brings errors back."""
        daemon = self.serve(self.probe_config(workers=1, more="disable-logging = true\nlog-5xx = true"))
        uwsgi_fetch(self.path("app.sock"), "/pid")
        uwsgi_fetch(self.path("app.sock"), "/print")
        daemon.wait_for("the application printed")
        self.assertEqual(daemon.seen("generated"), 0)

    def test_logto(self) -> None:
        """logto moves everything into a file."""
        log = Path(self.path("site.log"))
        daemon = self.launch(self.probe_config(workers=1, more=f"logto = {log}"))
        wait_until(lambda: log.exists() and "spawned uWSGI worker 1" in log.read_text(), "the start")
        uwsgi_fetch(self.path("app.sock"), "/print")
        wait_until(lambda: "generated" in log.read_text(), "the request line")
        self.assertIn("the application printed this", log.read_text())
        self.assertEqual(daemon.seen("generated"), 0, daemon.log())

    def test_log_master(self) -> None:
        """With log-master the master writes, whole lines, and nothing is lost."""
        log = Path(self.path("site.log"))
        self.launch(self.probe_config(workers=2, more=f"logto = {log}\nlog-master = true"))
        wait_until(lambda: log.exists() and "spawned uWSGI worker 2" in log.read_text(), "the start")
        for _ in range(200):
            uwsgi_fetch(self.path("app.sock"), "/pid")
        wait_until(lambda: log.read_text().count("generated") == 200, "200 request lines")
        broken = [
            line for line in log.read_text().splitlines() if "generated" in line and line[:5] != "[pid:"
        ]
        self.assertEqual(broken, [])

    def test_touch_logreopen(self) -> None:
        """After the log was moved away, touch-logreopen begins a new one."""
        log, trigger = Path(self.path("site.log")), Path(self.path("trigger"))
        trigger.touch()
        more = f"logto = {log}\nlog-master = true\ntouch-logreopen = {trigger}"
        self.launch(self.probe_config(workers=1, more=more))
        wait_until(lambda: log.exists() and "spawned uWSGI worker 1" in log.read_text(), "the start")
        log.rename(self.path("old.log"))
        os.utime(trigger, (2e9, 2e9))
        wait_until(log.exists, "a new log")
        uwsgi_fetch(self.path("app.sock"), "/pid")
        wait_until(lambda: "generated" in log.read_text(), "the request line in the new log")

    def test_logdate(self) -> None:
        """logdate puts a date before the server's own lines."""
        daemon = self.serve(self.probe_config(workers=1, more="logdate = %%Y-%%m-%%d"))
        line = daemon.wait_for(r".*spawned uWSGI worker 1 .*").group(0)
        self.assertTrue(re.match(r"\d{4}-\d\d-\d\d - spawned", line), line)
