"""Instances that nobody asks anything."""

from __future__ import annotations

import time

import psutil

from tests.live.support import LiveCase, uwsgi_fetch, wait_until


class IdleTests(LiveCase):
    def ask(self) -> int:
        """The process that answers."""
        return int(uwsgi_fetch(self.path("app.sock"), "/pid").body)

    def test_cheap(self) -> None:
        """Without a connection there are no workers; the first one has them all, and is answered."""
        daemon = self.launch(self.probe_config(workers=2, more="cheap = true"))
        daemon.wait_for("cheap mode enabled: waiting for socket connection")
        daemon.wait_for(r"WSGI app 0 .* ready")
        self.assertEqual(daemon.seen(r"spawned uWSGI worker \d"), 0)
        self.assertGreater(self.ask(), 0)
        daemon.wait_for(r"spawned uWSGI worker \d", count=2)

    def test_idle(self) -> None:
        """Workers leave when nobody is served for a while, come back for the next client, and leave again."""
        daemon = self.serve(self.probe_config(workers=2, more="idle = 1"), workers=2)
        for number in (1, 2):
            pid = self.ask()
            wait_until(lambda: not psutil.pid_exists(pid), "a worker leaves")  # noqa: B023
            daemon.wait_for(r"workers have been inactive for more than 1 seconds", count=number)
            daemon.wait_for("uWSGI worker 1 cheaped", count=number)
            daemon.wait_for("uWSGI worker 2 cheaped", count=number)
        self.ask()

    def test_busy(self) -> None:
        """A request that takes longer than the time is no idleness."""
        daemon = self.serve(self.probe_config(workers=1, more="idle = 1"), workers=1)
        client = self.waiting(daemon)
        time.sleep(3)  # this is what is no idleness
        client.go()
        self.assertEqual([answer.status for answer in client.answers()], [200])
        daemon.wait_for("^the application waited$")
        text = daemon.log()
        while_busy = text.partition("the application waits\n")[2].partition("the application waited\n")[0]
        self.assertNotIn("have been inactive", while_busy, text)

    def test_die(self) -> None:
        """With die-on-idle the instance ends, with success."""
        daemon = self.serve(self.probe_config(workers=1, more="idle = 1\ndie-on-idle = true"), workers=1)
        self.assertEqual(daemon.wait(), 0)
        self.assertIn("goodbye to uWSGI.", daemon.log())
        self.assertEqual(daemon.survivors(), [])
