"""kill -9 of everybody in turn: who notices, what is lost, who is back."""

from __future__ import annotations

import os
import signal
import time

from tests.live.support import (
    LiveCase,
    Load,
    free_port,
    request_vars,
    talk,
    uwsgi_fetch,
    uwsgi_packet,
    wait_until,
)


class DeathTests(LiveCase):
    """A death costs the requests of the process that died, and nothing else."""

    def test_workers(self) -> None:
        """20,000 requests while a worker is killed about once a second: only what it had in hand fails."""
        daemon = self.serve(self.probe_config(workers=3), workers=3)
        kills = 10
        with Load(self.path("app.sock"), clients=3) as load:
            for _ in range(kills):
                load.wait_for_more(20_000 // kills)
                victim = int(uwsgi_fetch(self.path("app.sock"), "/pid").body)
                died = daemon.seen("DAMN")
                os.kill(victim, signal.SIGKILL)
                daemon.wait_for("DAMN", count=died + 1)
            load.wait_for_more(500)
        self.assertLessEqual(len(load.failures), kills * load.clients, daemon.log())
        daemon.wait_for("Respawned uWSGI worker", count=kills)

    def test_a_dead_worker_is_back_within_a_second(self) -> None:
        """The only worker of an instance is killed; within a second another one answers."""
        daemon = self.serve(self.probe_config(workers=1))
        before = uwsgi_fetch(self.path("app.sock"), "/pid").body
        began = time.monotonic()
        os.kill(int(before), signal.SIGKILL)
        after = wait_until(lambda: self.pid_or_nothing(), "an answer")
        self.assertLess(time.monotonic() - began, 1.0, daemon.log())
        self.assertNotEqual(before, after)
        daemon.wait_for(
            rf"DAMN ! worker 1 \(pid: {before.decode()}\) died, killed by signal 9 :\( trying respawn"
        )

    def pid_or_nothing(self) -> bytes:
        try:
            return uwsgi_fetch(self.path("app.sock"), "/pid").body
        except (OSError, AssertionError):
            return b""

    def test_zygote(self) -> None:
        """Without the zygote the workers go on serving; a new one is made, and workers can be born again."""
        daemon = self.serve(self.probe_config(workers=2, more="auto-procname = true"), workers=2)
        # a worker bears the title of the zygote until it has its own
        wait_until(lambda: len(daemon.members("zygote")) == 1, "one zygote")
        (zygote,) = daemon.members("zygote")
        with Load(self.path("app.sock"), clients=2) as load:
            load.wait_for_more(100)
            zygote.kill()
            load.wait_for_more(500)
        self.assertEqual(load.failures, [], daemon.log())
        wait_until(lambda: daemon.members("zygote"), "another zygote")
        os.kill(int(uwsgi_fetch(self.path("app.sock"), "/pid").body), signal.SIGKILL)
        daemon.wait_for("Respawned uWSGI worker")
        self.assertEqual(uwsgi_fetch(self.path("app.sock"), "/pid").status, 200)

    def test_seed(self) -> None:
        """Without the seed nobody notices, and a reload still works."""
        daemon = self.serve(self.probe_config(workers=2, more="auto-procname = true"), workers=2)
        seeds = daemon.members("seed")
        self.assertTrue(seeds, daemon.survivors())
        with Load(self.path("app.sock"), clients=2) as load:
            load.wait_for_more(100)
            seeds[0].kill()
            daemon.wait_for(r"the seed .* is gone")
            load.wait_for_more(200)
            daemon.signal(signal.SIGHUP)
            daemon.wait_for(r"worker \d+ (killed successfully|buried)", count=2)
            load.wait_for_more(200)
        self.assertEqual(load.failures, [], daemon.log())

    def test_master(self) -> None:
        """Without the master everybody leaves, and the port is free at once."""
        port = free_port()
        config = self.probe_config(workers=3, more=f"http-socket = 127.0.0.1:{port}")
        daemon = self.serve(config, workers=3)
        self.assertGreaterEqual(len(daemon.family()), 4)
        daemon.signal(signal.SIGKILL)
        daemon.wait()
        wait_until(lambda: not daemon.family(), f"the children to leave: {daemon.survivors()}", seconds=10)
        again = self.serve(config, workers=3, name="again.ini")
        self.assertEqual(uwsgi_fetch(self.path("app.sock"), "/pid").status, 200, again.log())

    def test_master_with_a_request_in_progress(self) -> None:
        """A busy worker whose master died leaves as soon as it is done."""
        daemon = self.serve(self.probe_config(workers=2), workers=2)
        daemon.family()
        with Load(self.path("app.sock"), clients=1, path="/sleep") as load:
            load.wait_for_more(1)
            daemon.signal(signal.SIGKILL)
            daemon.wait()
            wait_until(lambda: not daemon.family(), "the children to leave", seconds=10)

    def test_worker_that_crashes(self) -> None:
        """A worker that crashes costs its client the answer, and the next one is served."""
        daemon = self.serve(self.probe_config(workers=1))
        answer = talk(self.path("app.sock"), uwsgi_packet(request_vars("/die")))
        self.assertEqual(answer, b"")
        daemon.wait_for("DAMN")
        self.assertEqual(uwsgi_fetch(self.path("app.sock"), "/pid").status, 200)
