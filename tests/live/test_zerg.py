"""Zergs, with uwsgid and with uWSGI on either side."""

from __future__ import annotations

import os
import signal

from tests.live.support import (
    APPS,
    SPAWNED,
    Daemon,
    LiveCase,
    Load,
    is_listening,
    requires,
    uwsgi_fetch,
    wait_until,
)

ATTACHED = r"uwsgi zerg socket 0 attached to UNIX address .*/app.sock fd \d+"


class ZergCase(LiveCase):
    """A test with the socket ``app.sock``, and ``zerg`` where others get it."""

    def server(self, server: str = "uwsgid", more: str = "") -> Daemon:
        """An instance that serves and gives its socket away."""
        config = self.probe_config(workers=1, more=f"zerg-server = {self.path('zerg')}\n{more}")
        daemon = self.serve(config, server=server)
        wait_until(lambda: is_listening(self.path("zerg")), "the zerg server is there")
        return daemon

    def zerg(self, server: str = "uwsgid", more: str = "", name: str = "zerg.ini") -> Daemon:
        """An instance that helps out."""
        return self.serve(
            f"zerg = {self.path('zerg')}\nwsgi-file = {APPS / 'probe.py'}\nneed-app = true\n"
            f"master = true\n{more}",
            server=server,
            name=name,
        )

    def who(self, requests: int = 200) -> set[int]:
        """The processes that answer."""
        return {int(uwsgi_fetch(self.path("app.sock"), "/pid").body) for _ in range(requests)}

    def answers_alone(self, daemon: Daemon) -> None:
        """With every other server stopped, this one answers."""
        pids = {process.pid for process in daemon.family()}
        self.assertLessEqual(self.who(20), pids)


class Among(ZergCase):
    def test_helps(self) -> None:
        """A zerg answers on the socket of its server, also when that is paused; the file is the server's."""
        server = self.server()
        zerg = self.zerg()
        zerg.wait_for(ATTACHED)
        zerg.wait_for("zerg sockets attached")
        server.signal(signal.SIGTSTP)
        server.wait_for(r"worker 1 suspended")
        self.answers_alone(zerg)
        zerg.signal(signal.SIGINT)
        self.assertEqual(zerg.wait(), 0)
        self.assertTrue(os.path.exists(self.path("app.sock")))
        server.signal(signal.SIGTSTP)
        server.wait_for(r"worker 1 resumed")
        self.answers_alone(server)

    def test_reloads(self) -> None:
        """A zerg that starts anew has its sockets, though the server is gone."""
        server = self.server()
        zerg = self.zerg()
        server.signal(signal.SIGINT)
        self.assertEqual(server.wait(), 0)
        with Load(self.path("app.sock"), clients=2) as load:
            load.wait_for(5)
            os.utime(self.folder / "zerg.ini")
            zerg.signal(signal.SIGHUP)
            zerg.wait_for(ATTACHED, count=2)
            zerg.wait_for(SPAWNED, count=2)
            load.wait_for_more(5)
        self.assertEqual(load.failures, [], zerg.log())

    def test_nobody(self) -> None:
        """Without a server a zerg does not start, unless it may bind for itself."""
        zerg = self.launch(f"zerg = {self.path('zerg')}\nsocket = {self.path('own.sock')}\n")
        zerg.wait_for("unable to connect to zerg server")
        self.assertEqual(zerg.wait(), 1)
        self.zerg(more=f"zerg-fallback = true\nsocket = {self.path('own.sock')}\n")
        uwsgi_fetch(self.path("own.sock"), "/pid")

    def test_pool(self) -> None:
        """A pool keeps the sockets while zergs come and go, and survives a reload; nobody is refused."""
        pool = self.launch(f"zergpool = {self.path('zerg')}:{self.path('app.sock')}", name="pool.ini")
        pool.wait_for(r"zergpool .* bound to UNIX socket .*/app.sock \(fd: \d+\)")
        pool.wait_for(r"spawned uWSGI zergpool 1")
        with Load(self.path("app.sock"), clients=2) as load:
            for number in range(2):
                zerg = self.zerg(name=f"zerg{number}.ini")
                load.wait_for_more(5)
                zerg.signal(signal.SIGTERM)
                self.assertEqual(zerg.wait(), 0)
            os.utime(self.folder / "pool.ini")
            pool.signal(signal.SIGHUP)
            pool.wait_for(r"spawned uWSGI zergpool 1", count=2)
            self.zerg(name="zerg2.ini")
            load.wait_for_more(5)
        self.assertEqual(load.failures, [], pool.log())


class BesideUwsgi(ZergCase):
    """Either side may be uWSGI."""

    def setUp(self) -> None:
        super().setUp()
        requires("uwsgi-core")

    def test_their_server(self) -> None:
        """Our zerg gets the sockets of uWSGI's server."""
        server = self.server("uwsgi")
        zerg = self.zerg()
        zerg.wait_for("zerg sockets attached")
        server.signal(signal.SIGINT)
        server.wait()
        self.answers_alone(zerg)

    def test_their_zerg(self) -> None:
        """uWSGI's zerg gets the sockets of our server."""
        server = self.server()
        zerg = self.zerg("uwsgi")
        zerg.wait_for("zerg sockets attached")
        server.signal(signal.SIGTSTP)
        server.wait_for(r"worker 1 suspended")
        self.answers_alone(zerg)
