"""Workers that reached a limit: ended or replaced, and nobody else notices."""

from __future__ import annotations

import signal

from tests.live.support import (
    LiveCase,
    Load,
    request_vars,
    talk,
    uwsgi_fetch,
    uwsgi_packet,
    wait_until,
)


class LimitTests(LiveCase):
    """Harakiri and the recycling of workers."""

    def test_harakiri(self) -> None:
        """A request that takes too long ends its worker; the log says who, what, how long and where."""
        daemon = self.serve(self.probe_config(workers=1, more="harakiri = 1\nharakiri-verbose = true"))
        slow = uwsgi_packet(request_vars("/sleep", query="s=60"))
        self.assertEqual(talk(self.path("app.sock"), slow), b"")
        pid = daemon.wait_for(r"HARAKIRI ON WORKER 1 \(pid: (\d+)").group(1)
        daemon.wait_for(rf"worker 1 \(pid: {pid}\) WAS managing request .*/sleep\?s=60 .*since .*")
        daemon.wait_for(r"sleep_page")
        daemon.wait_for(rf"DAMN ! worker 1 \(pid: {pid}\) died, killed by signal 9")
        self.assertEqual(uwsgi_fetch(self.path("app.sock"), "/pid").status, 200)

    def test_harakiri_of_threads(self) -> None:
        """The stack of each thread is in the log, of those that are in time, too."""
        daemon = self.serve(self.probe_config(workers=1, more="harakiri = 1\nthreads = 3"))
        with Load(self.path("app.sock"), clients=2, path="/forever"):
            wait_until(lambda: daemon.seen("the application sleeps for ever") >= 2, "two sleepers")
            daemon.wait_for(r"HARAKIRI ON WORKER 1 ")
            daemon.wait_for(r"in forever_page", count=2)
            daemon.wait_for(r"DAMN ! worker 1 ")
            daemon.signal(signal.SIGINT)
            self.assertEqual(daemon.wait(), 0, daemon.log())

    def test_harakiri_spares_the_quick(self) -> None:
        """Requests within the time are left alone, also one after the other for longer than the time."""
        daemon = self.serve(self.probe_config(workers=1, more="harakiri = 2"))
        with Load(self.path("app.sock"), clients=1, path="/sleep") as load:
            load.wait_for_more(25)
        self.assertEqual(load.failures, [])
        self.assertEqual(daemon.seen("HARAKIRI"), 0)

    def test_max_requests(self) -> None:
        """A worker makes room after max-requests, and no request is lost over it."""
        config = self.probe_config(workers=2, more="max-requests = 100\nmin-worker-lifetime = 0")
        daemon = self.serve(config, workers=2)
        with Load(self.path("app.sock"), clients=2) as load:
            load.wait_for(1000)
        self.assertEqual(load.failures, [], daemon.log())
        daemon.wait_for("The work of process .* is done. Seeya!", count=5)
        self.assertEqual(daemon.seen("DAMN"), 0, daemon.log())

    def test_reload_on_rss(self) -> None:
        """A worker that has grown beyond reload-on-rss is replaced after its request."""
        config = self.probe_config(workers=1, more="reload-on-rss = 200\nmin-worker-lifetime = 0")
        daemon = self.serve(config)
        answer = uwsgi_fetch(self.path("app.sock"), "/pid")
        big = uwsgi_packet({**request_vars("/hog"), "QUERY_STRING": "300"})
        self.assertIn(answer.body, talk(self.path("app.sock"), big))
        daemon.wait_for("Respawned uWSGI worker 1 ")
        self.assertNotEqual(uwsgi_fetch(self.path("app.sock"), "/pid").body, answer.body)

    def test_max_worker_lifetime(self) -> None:
        """A worker that is old enough is replaced."""
        more = "max-worker-lifetime = 1\nmin-worker-lifetime = 0"
        daemon = self.serve(self.probe_config(workers=1, more=more))
        before = uwsgi_fetch(self.path("app.sock"), "/pid").body
        wait_until(lambda: uwsgi_fetch(self.path("app.sock"), "/pid").body != before, "another worker")
        daemon.wait_for("worker 1 lifetime reached, it was running for")
        daemon.wait_for("Respawned uWSGI worker 1 ")

    def test_mercy(self) -> None:
        """A worker that does not leave within the mercy is ended."""
        daemon = self.serve(self.probe_config(workers=1, more="worker-reload-mercy = 1"))
        with Load(self.path("app.sock"), clients=1, path="/forever"):
            wait_until(lambda: daemon.seen("the application sleeps for ever"), "the sleeper")
            daemon.signal(signal.SIGTERM)
            daemon.wait_for("NO MERCY")
            self.assertEqual(daemon.wait(), 0, daemon.log())

    def test_threads(self) -> None:
        """Threads answer at the same time: four clients are in one worker, and all of them are answered."""
        daemon = self.serve(self.probe_config(workers=1, more="threads = 4"))
        client = self.waiting(daemon, clients=4)
        self.assertEqual(daemon.seen("^the application waited$"), 0)
        client.go()
        self.assertEqual([answer.status for answer in client.answers()], [200] * 4)
