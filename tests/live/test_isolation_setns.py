"""Namespaces that one instance lends to another."""

from __future__ import annotations

import os
import signal
import stat

from tests.live.jails import JailCase, namespace_of
from tests.live.support import SPAWNED, fetch, requires, wait_until


class SetnsTests(JailCase):
    """Namespaces that are passed over a socket, ours and those of the real uWSGI."""

    def lend(self, server: str, more: str = "") -> str:
        """An instance in namespaces of its own, with a host name of its own, that lends them."""
        path = self.path("setns.sock")
        config = (
            f"socket = {self.path('lender.sock')}\nmaster = true\nprocesses = 1\nunshare = uts,ipc,fs\n"
            f"exec-as-root = hostname lent\nsetns-socket = {path}\n{more}"
        )
        if server == "uwsgi":
            config += (
                "setns-socket-skip = user\nsetns-socket-skip = time\nsetns-socket-skip = time_for_children\n"
            )
        self.launch(config, server=server, name="lender.ini")
        wait_until(lambda: os.path.exists(path), "namespaces are lent")
        return path

    def test_our_own(self) -> None:
        """Ours from ours, with a mode that keeps others away."""
        path = self.lend("uwsgid")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.serve(self.config(f"setns = {path}\nuid = nobody\ngid = nogroup"))
        self.assertEqual(self.facts()["host"], "lent")

    def test_processes(self) -> None:
        """A pid namespace is joined by one more process, which is not the first one there."""
        path = self.lend("uwsgid", "unshare = pid\nhook-as-root = mount:proc none /proc\n")
        daemon = self.serve(self.config(f"setns = {path}\nuid = nobody\ngid = nogroup"))
        facts = self.facts()
        self.assertEqual(facts["host"], "lent")
        inner = self.inside(daemon)
        self.assertNotEqual(namespace_of(inner.pid, "pid"), namespace_of(os.getpid(), "pid"))
        self.assertGreater(facts["parent"], 1)
        self.assertLess(facts["pid"], 60)
        before = facts["pid"]
        daemon.signal(signal.SIGHUP)
        wait_until(lambda: self.facts()["pid"] != before, "another worker answers")
        daemon.signal(signal.SIGKILL)
        daemon.wait()
        self.leaves_nobody(daemon)

    def test_from_uwsgi(self) -> None:
        """Ours joins what the real uWSGI lends."""
        requires("uwsgi-core")
        path = self.lend("uwsgi")
        self.serve(self.config(f"setns = {path}\nuid = nobody\ngid = nogroup"))
        self.assertEqual(self.facts()["host"], "lent")

    def test_to_uwsgi(self) -> None:
        """The real uWSGI joins what ours lends."""
        requires("uwsgi-core")
        path = self.lend("uwsgid")
        self.serve(self.config(f"setns = {path}\nuid = nobody\ngid = nogroup"), server="uwsgi")
        self.assertEqual(self.facts()["host"], "lent")

    def test_patience(self) -> None:
        """Who is to lend may come later."""
        daemon = self.launch(self.config(f"setns = {self.path('setns.sock')}"))
        daemon.wait_for("trying again every second")
        self.lend("uwsgid")
        daemon.wait_for(SPAWNED)
        self.assertEqual(fetch(("127.0.0.1", self.port)).status, 200)
        self.assertEqual(self.facts()["host"], "lent")
