"""Reloads while visitors come: what a deployment looks like from outside."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import Final

import psutil

from tests.live.support import LiveCase, Load, fetch, uwsgi_fetch, wait_until

#: A worker of the old generation is gone.
GONE: Final = r"worker \d+ (killed successfully|buried)"

REQUESTS: Final = 20_000
RELOADS: Final = 10

VERSION: Final = """
import sys
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"version {}"]
"""


class ReloadTests(LiveCase):
    """HUP, touch and chain reloads."""

    def test_no_request_fails_through_ten_reloads(self) -> None:
        """20,000 requests during ten graceful reloads: every one is answered."""
        daemon = self.serve(self.probe_config(workers=2), workers=2)
        with Load(self.path("app.sock")) as load:
            for number in range(RELOADS):
                load.wait_for(number * REQUESTS // RELOADS)
                daemon.signal(signal.SIGHUP)
                daemon.wait_for(GONE, count=2 * (number + 1))
            load.wait_for(REQUESTS)
        self.assertEqual(load.failures, [], daemon.log())
        self.assertEqual(daemon.seen(r"\bDAMN\b"), 0, daemon.log())

    def test_reloads_and_deaths_together(self) -> None:
        """20,000 requests during ten reloads, each with a worker killed: only the one in it may fail."""
        daemon = self.serve(self.probe_config(workers=2), workers=2)
        with Load(self.path("app.sock")) as load:
            for number in range(RELOADS):
                load.wait_for(number * REQUESTS // RELOADS)
                victim = int(uwsgi_fetch(self.path("app.sock"), "/pid").body)
                spawned = daemon.seen("Respawned uWSGI worker")
                daemon.signal(signal.SIGHUP)
                with contextlib.suppress(ProcessLookupError):  # the reload was quicker
                    os.kill(victim, signal.SIGKILL)
                wait_until(lambda: not psutil.pid_exists(victim), "its end")  # noqa: B023
                daemon.wait_for("Respawned uWSGI worker", count=spawned + 2)
                self.assertLessEqual(len(load.failures), number + 1, f"{load.failures}\n{daemon.log()}")
            load.wait_for(REQUESTS)
        self.assertLessEqual(len(load.failures), RELOADS, f"{load.failures}\n{daemon.log()}")
        self.assertGreater(daemon.seen(r"\bDAMN\b"), RELOADS // 2, daemon.log())

    def test_new_code_is_served(self) -> None:
        """After HUP the new version of the application answers, from the same master."""
        app = Path(self.path("app.py"))
        app.write_text(VERSION.format("one"))
        daemon = self.serve(
            f"socket = {self.path('app.sock')}\nwsgi-file = {app}\nmaster = true\nprocesses = 2\n", workers=2
        )
        self.assertEqual(uwsgi_fetch(self.path("app.sock")).body, b"version one")
        app.write_text(VERSION.format("two") + "\n# another length\n")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for(GONE, count=2)
        self.assertEqual(
            {uwsgi_fetch(self.path("app.sock")).body for _ in range(10)}, {b"version two"}, daemon.log()
        )
        self.assertIsNone(daemon.process.poll())

    def test_broken_code_changes_nothing(self) -> None:
        """Where the new version does not import, the old one goes on, and a repair is loaded."""
        app = Path(self.path("app.py"))
        app.write_text(VERSION.format("one"))
        daemon = self.serve(
            f"socket = {self.path('app.sock')}\nwsgi-file = {app}\nneed-app = true\nprocesses = 2\n",
            workers=2,
        )
        app.write_text("raise RuntimeError('not today')\n")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for(r"reload failed")
        self.assertGreaterEqual(daemon.seen("not today"), 1, daemon.log())
        self.assertEqual(uwsgi_fetch(self.path("app.sock")).body, b"version one")
        app.write_text(VERSION.format("three") + "\n# repaired\n")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for(GONE, count=2)
        self.assertEqual(uwsgi_fetch(self.path("app.sock")).body, b"version three")

    def test_lazy_workers_that_have_no_application(self) -> None:
        """lazy-apps: where nothing was asked for, a reload changes the workers as any other."""
        daemon = self.serve(
            f"http-socket = {self.path('http.sock')}\nlazy-apps = true\nprocesses = 2\n", workers=2
        )
        daemon.signal(signal.SIGHUP)
        daemon.wait_for(GONE, count=2)
        self.assertEqual(daemon.seen("reload failed"), 0, daemon.log())
        self.assertEqual(fetch(self.path("http.sock")).status, 500)

    def test_lazy_workers_and_one_application_of_several(self) -> None:
        """need-app and lazy-apps: one that fails does not stop a start, but a reload."""
        (self.folder / "shop.py").write_text(VERSION.format("one") + "\nrefunds = application\n")
        daemon = self.serve(
            f"http-socket = {self.path('http.sock')}\nlazy-apps = true\nneed-app = true\n"
            f"pythonpath = {self.folder}\nmodule = shop\n"
            "mount = /refunds=shop:refunds\nmount = /no=nothing:app\n"
        )
        self.assertEqual(fetch(self.path("http.sock")).body, b"version one")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for(r"reload failed: .*\(1 of its applications can not be loaded\)")
        self.assertEqual(fetch(self.path("http.sock")).body, b"version one")

    def test_a_request_in_progress_is_finished(self) -> None:
        """A reload lets a worker finish what it has in hand."""
        daemon = self.serve(self.probe_config(workers=1))
        with Load(self.path("app.sock"), clients=1, path="/sleep") as load:
            load.wait_for_more(1)
            daemon.signal(signal.SIGHUP)
            daemon.wait_for(GONE)
            load.wait_for_more(2)
        self.assertEqual(load.failures, [], daemon.log())

    def test_touch_reload(self) -> None:
        """Touching the file of touch-reload reloads."""
        trigger = Path(self.path("trigger"))
        trigger.touch()
        daemon = self.serve(self.probe_config(workers=1, more=f"touch-reload = {trigger}"))
        before = uwsgi_fetch(self.path("app.sock"), "/pid").body
        os.utime(trigger, (2e9, 2e9))
        daemon.wait_for("has been touched")
        daemon.wait_for(GONE)
        self.assertNotEqual(uwsgi_fetch(self.path("app.sock"), "/pid").body, before)

    def test_touch_chain_reload(self) -> None:
        """Touching the file of touch-chain-reload changes the workers in turn, and loses nobody."""
        trigger = Path(self.path("trigger"))
        trigger.touch()
        daemon = self.serve(
            self.probe_config(workers=3, more=f"lazy-apps = true\ntouch-chain-reload = {trigger}"), workers=3
        )
        with Load(self.path("app.sock"), clients=2) as load:
            os.utime(trigger, (2e9, 2e9))
            daemon.wait_for("chain reloading complete")
            load.wait_for_more(50)
        self.assertEqual(load.failures, [], daemon.log())

    def test_changed_config_is_read(self) -> None:
        """A reload after the config changed starts anew with it, on the same socket, and loses nobody."""
        daemon = self.serve(self.probe_config(workers=1))
        with Load(self.path("app.sock"), clients=2) as load:
            load.wait_for_more(50)
            site = Path(self.path("site.ini"))
            site.write_text("[uwsgi]\n" + self.probe_config(workers=3))
            daemon.signal(signal.SIGHUP)
            daemon.wait_for(r"spawned uWSGI worker 3 ")
            load.wait_for_more(50)
        self.assertEqual(load.failures, [], daemon.log())
        self.assertIsNone(daemon.process.poll())

    def test_autoreload(self) -> None:
        """py-autoreload notices that a module of the application changed."""
        app = Path(self.path("app.py"))
        app.write_text(VERSION.format("one"))
        daemon = self.serve(f"socket = {self.path('app.sock')}\nwsgi-file = {app}\npy-autoreload = 1\n")
        self.assertEqual(uwsgi_fetch(self.path("app.sock")).body, b"version one")
        app.write_text(VERSION.format("two") + "\n# another length\n")
        os.utime(app, (2e9, 2e9))
        daemon.wait_for("has been modified")
        wait_until(
            lambda: uwsgi_fetch(self.path("app.sock")).body == b"version two", "the new version", every=0.05
        )
