"""Instances that are isolated in every way at once, and what they are left with."""

from __future__ import annotations

import os
import shutil
import signal
import stat
from pathlib import Path

import psutil

from tests.live.jails import NOBODY, JailCase, mounts_of
from tests.live.support import ROOT, SPAWNED, descriptors, fetch


class AllInOneTests(JailCase):
    def test_a_jail(self) -> None:
        """namespace: a root, a host name, a /proc and a kept mount; who is killed inside is born anew."""
        root = self.make_root(shell=True)
        (root / "data").mkdir()
        (self.folder / "data").mkdir()
        (self.folder / "data" / "kept").write_text("kept")
        self.folder.chmod(0o755)
        daemon = self.serve(
            self.config(
                f"namespace = {root}:cage\nnamespace-keep-mount = {self.path('data')}:/data\n"
                "exec-post-jail = echo outside of $UWSGI_JAIL_PID\nexec-in-jail = hostname\nuid = 33\n"
                "gid = 33",
                app="/app/app.py",
            )
        )
        inner = int(daemon.wait_for(r"^outside of (\d+)$")[1])
        daemon.wait_for("^cage$")
        facts = self.facts()
        self.assertEqual((facts["parent"], facts["host"], facts["uid"]), (1, "cage", 33))
        self.assertEqual(facts["root"], ["app", "bin", "data", "old", "proc"])
        places = [line.split()[4] for line in mounts_of(inner).splitlines()]
        self.assertEqual(sorted(places), ["/", "/data", "/proc"])
        os.kill(inner, signal.SIGKILL)
        daemon.wait_for(f"pid {inner} ended. Respawning...")
        daemon.wait_for(SPAWNED, count=2)
        self.assertEqual(self.facts()["host"], "cage")
        daemon.signal(signal.SIGINT)
        self.assertEqual(daemon.wait(), 0, daemon.log())
        self.leaves_nobody(daemon)

    def test_killed(self) -> None:
        """Killing the process outside leaves nobody in the jail."""
        root = self.make_root()
        daemon = self.serve(self.config(f"namespace = {root}\nuid = 33\ngid = 33", app="/app/app.py"))
        daemon.signal(signal.SIGKILL)
        daemon.wait()
        self.leaves_nobody(daemon)

    def test_in_vain(self) -> None:
        """Whoever can not start inside is not born again and again."""
        root = self.make_root()
        (root / "proc").rmdir()
        self.refused(f"namespace = {root}", r"mount\(\): No such file or directory \[/proc\]")


class LeftoverTests(JailCase):
    """Nothing of root is left after the drop."""

    def test_nothing_of_root(self) -> None:
        """Users, groups, capabilities, descriptors and our own notes in the environment, of every process."""
        self.folder.chmod(0o777)
        daemon = self.serve(
            self.config(
                "unshare = fs,uts,ipc\nuid = nobody\ngid = nogroup\nsetns-preopen = true\n"
                f"shared-socket = {self.path('shared.sock')}\nlog-master = true\nthreads = 2\n"
                f"setns-socket = {self.path('setns.sock')}"
            ),
            environ={"LISTEN_PID": "1"},
        )
        self.facts()
        self.assertGreaterEqual(len(daemon.examine(self.inspect)), 4)

    def inspect(self, process: psutil.Process) -> None:
        """Nothing of root is to be found in this process."""
        place = Path(f"/proc/{process.pid}")
        for task in (place / "task").iterdir():
            try:
                lines = (task / "status").read_text().splitlines()
            except (FileNotFoundError, ProcessLookupError):  # a thread that ended
                continue
            told = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
            self.assertEqual(told["Uid"].split(), [str(NOBODY)] * 4)
            self.assertEqual(told["Gid"].split(), [str(NOBODY)] * 4)
            self.assertEqual(told["Groups"].split(), [str(NOBODY)])
            for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                self.assertEqual(int(told[name], 16), 0, name)
        title = " ".join(process.cmdline()) + process.name()
        variables = {one.partition("=")[0] for one in (place / "environ").read_text().split("\0")}
        ours = {name for name in variables if name.startswith("UWSGID_")} - os.environ.keys()
        self.assertEqual(ours, {"UWSGID_LIVE_MARK"})
        for target, facts in descriptors(process.pid):
            kind = facts.st_mode
            self.assertFalse(stat.S_ISDIR(kind), f"{target} of {title}")
            if target.split(":")[0] in ("net", "uts", "ipc", "pid", "cgroup", "mnt"):
                self.assertNotRegex(title, "zygote|worker", "applications find no namespace of root")
                continue
            if stat.S_ISREG(kind):
                self.assertRegex(target, "^/memfd:|^/dev/|^/proc/\\d+/statm$|\\(deleted\\)$")

    def test_a_socket_of_its_own(self) -> None:
        """chown-socket: root gives the socket away, and only then ceases to be root."""
        path = self.path("given.sock")
        daemon = self.serve(
            f"socket = {path}\nchown-socket = nobody:nogroup\nuid = 33\ngid = 33\n"
            f"wsgi-file = {self.path('app.py')}\nmaster = true\nexec-as-root = ls -l {path}"
        )
        daemon.wait_for(r" nobody nogroup .* \S+given\.sock$")
        self.assertEqual((os.stat(path).st_uid, os.stat(path).st_gid), (NOBODY, NOBODY))
        self.assertEqual(set(daemon.examine(lambda process: process.uids().real).values()), {33})


class ExampleTests(JailCase):
    def test_the_manual(self) -> None:
        """The jail of the manual: read-only, with nothing but itself in it."""
        place = self.folder / "jail"
        place.mkdir()
        shutil.copy(ROOT / "examples" / "hello.py", self.folder)
        text = (ROOT / "examples" / "jailed.ini").read_text().partition("[uwsgi]\n")[2]
        text = text.replace("/srv/jail", str(place)).replace("127.0.0.1:8080", f"127.0.0.1:{self.port}")
        daemon = self.serve(text)
        answer = fetch(("127.0.0.1", self.port))
        self.assertIn(b"Hello from uwsgid.", answer.body)
        seen = [line.split()[4:6] for line in mounts_of(self.inside(daemon).pid).splitlines()]
        self.assertEqual([(where, how.split(",")[0]) for where, how in seen], [("/", "ro"), ("/proc", "rw")])
