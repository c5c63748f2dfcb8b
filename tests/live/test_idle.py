"""Instances that nobody asks anything."""

from __future__ import annotations

from tests.live.support import LiveCase, parse_answer, request_vars, talk, uwsgi_fetch, uwsgi_packet


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
        first = self.ask()
        for number in (1, 2):
            daemon.wait_for(r"workers have been inactive for more than 1 seconds", count=number)
            daemon.wait_for("uWSGI worker 1 cheaped", count=number)
            daemon.wait_for("uWSGI worker 2 cheaped", count=number)
            self.assertNotEqual(self.ask(), first)

    def test_busy(self) -> None:
        """A request that takes longer than the time is no idleness."""
        daemon = self.serve(self.probe_config(workers=1, more="idle = 1"), workers=1)
        packet = uwsgi_packet(request_vars("/sleep", query="s=3"))
        self.assertEqual(parse_answer(talk(self.path("app.sock"), packet)).status, 200)
        self.assertEqual(daemon.seen("have been inactive"), 0)

    def test_die(self) -> None:
        """With die-on-idle the instance ends, with success."""
        daemon = self.serve(self.probe_config(workers=1, more="idle = 1\ndie-on-idle = true"), workers=1)
        self.assertEqual(daemon.wait(), 0)
        self.assertIn("goodbye to uWSGI.", daemon.log())
        self.assertEqual(daemon.survivors(), [])
