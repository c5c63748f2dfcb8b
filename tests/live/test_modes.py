"""The same promises in every way of working: threads, lazy applications, the thunder lock, plain HTTP."""

from __future__ import annotations

import os
import signal
from typing import Final

from tests.live.support import Daemon, LiveCase, Load, descriptors, fetch, uwsgi_fetch, wait_until

GONE: Final = r"worker \d+ (killed successfully|buried)"


class ModeTests(LiveCase):
    """A reload loses nobody, a killed worker only the requests in it, TERM ends everything."""

    def promises(self, more: str, threads: int = 1) -> Daemon:
        """Check them.

        :param threads: how many requests can be in a worker.
        """
        more += f"\nthreads = {threads}" if threads > 1 else ""
        daemon = self.serve(self.probe_config(workers=2, more=more), workers=2)
        with Load(self.path("app.sock"), clients=4) as load:
            load.wait_for_more(300)
            daemon.signal(signal.SIGHUP)
            daemon.wait_for(GONE, count=2)
            load.wait_for_more(300)
            self.assertEqual(load.failures, [], daemon.log())
            os.kill(int(uwsgi_fetch(self.path("app.sock"), "/pid").body), signal.SIGKILL)
            daemon.wait_for("DAMN")
            load.wait_for_more(300)
        self.assertLessEqual(len(load.failures), threads, f"{load.failures}\n{daemon.log()}")
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(), 0, daemon.log())
        self.assertEqual(daemon.survivors(), [])
        return daemon

    def test_threads(self) -> None:
        """With threads."""
        self.promises("", threads=3)

    def test_lazy_apps(self) -> None:
        """With an application that each worker imports for itself."""
        self.promises("lazy-apps = true")

    def test_thunder_lock(self) -> None:
        """With the thunder lock, which a killed worker does not keep."""
        daemon = self.promises("thunder-lock = true")
        self.assertEqual(daemon.seen("thunder lock: enabled"), 1)

    def test_threads_with_thunder_lock(self) -> None:
        """With both."""
        self.promises("thunder-lock = true", threads=3)

    def test_several_sockets(self) -> None:
        """With several sockets, where a worker has to choose."""
        self.promises(f"socket = {self.path('b.sock')}\nhttp-socket = {self.path('c.sock')}")

    def test_http_connections_are_answered_through_a_reload(self) -> None:
        """A keep-alive client is served until its worker leaves, and then by the next one."""
        http = self.path("http.sock")
        daemon = self.serve(self.probe_config(workers=1, more=f"http-socket = {http}"))
        before = fetch(http, "/pid").body
        daemon.signal(signal.SIGHUP)
        daemon.wait_for(GONE)
        self.assertNotEqual(fetch(http, "/pid").body, before)


class DescriptorTests(LiveCase):
    """Nobody keeps what it does not need."""

    def descriptors(self, pid: int) -> list[str]:
        """What a process has open."""
        return sorted(target for target, _ in descriptors(pid))

    def test_reloads_and_deaths_leave_nothing_open(self) -> None:
        """After reloads and deaths the master has as many descriptors as before, and a worker too."""
        daemon = self.serve(self.probe_config(workers=2), workers=2)

        def worker() -> int:
            return int(uwsgi_fetch(self.path("app.sock"), "/pid").body)

        daemon.signal(signal.SIGHUP)
        daemon.wait_for(GONE, count=2)
        quiet = wait_until(lambda: self.settled(daemon), "a quiet master")
        of_worker = len(self.descriptors(worker()))
        for number in range(3):
            os.kill(worker(), signal.SIGKILL)
            daemon.wait_for("DAMN", count=number + 1)
            wait_until(lambda: self.settled(daemon), "a quiet master")
            gone = daemon.seen(GONE)
            daemon.signal(signal.SIGHUP)
            daemon.wait_for(GONE, count=gone + 2)
        wait_until(
            lambda: 0 < self.settled(daemon) <= quiet,
            f"{quiet} descriptors in the master: {self.descriptors(daemon.pid)}",
        )
        self.assertEqual(len(self.descriptors(worker())), of_worker, self.descriptors(worker()))

    def settled(self, daemon: Daemon) -> int:
        """How many descriptors the master has, once it knows of two workers, a zygote and two seeds; else 0.

        Who ended may be gone from the list of processes before the master has buried it.
        """
        found = self.descriptors(daemon.pid)
        return len(found) if len(daemon.family()) == 6 and found.count("anon_inode:[pidfd]") == 5 else 0

    def test_workers_know_no_twisted(self) -> None:
        """A worker of the simple loop was never asked to import a reactor."""
        self.serve(self.probe_config(workers=1))
        modules = uwsgi_fetch(self.path("app.sock"), "/modules").body.decode().split()
        self.assertIn("uwsgid.worker.cycle", modules)
        self.assertNotIn("twisted.internet.reactor", modules)
