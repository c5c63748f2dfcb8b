"""Instances with a root of their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat

import psutil

from tests.live.jails import JailCase, mounts_of
from tests.live.support import Daemon, descriptors, free_port, wait_until


class RootTests(JailCase):
    """Other roots, in none of which there is a Python."""

    def reload(self, daemon: Daemon) -> None:
        """A graceful reload, after which somebody else answers."""
        before = self.facts()["pid"]
        daemon.signal(signal.SIGHUP)
        wait_until(lambda: self.facts()["pid"] != before, "another worker answers")

    def test_a_memory_file_system(self) -> None:
        """pivot-root into a tmpfs, whose old root is let go: nothing of the host is left to be seen."""
        place = self.folder / "jail"
        place.mkdir()
        daemon = self.serve(
            self.config(
                f"unshare = fs,pid\nhook-post-jail = mount:tmpfs uwsgid-jail {place}\n"
                f"exec-post-jail = mkdir {place}/app {place}/old && cp {self.path('app.py')} {place}/app\n"
                f"pivot-root = {place} {place}/old\npivot-root-detach = true\nuid = 33\ngid = 33",
                app="/app/app.py",
            )
        )
        facts = self.facts()
        self.assertEqual((facts["root"], facts["cwd"], facts["uid"]), (["app", "old"], "/", 33))
        seen = mounts_of(self.inside(daemon).pid)
        self.assertEqual([line.split()[4] for line in seen.splitlines()], ["/"], seen)
        self.assertEqual(list(place.iterdir()), [], "nobody outside sees it")
        self.reload(daemon)

    def test_a_bound_directory(self) -> None:
        """pivot-root into a directory that is bound to itself, with its own users and its own shell."""
        root = self.make_root(shell=True)
        (root / "etc").mkdir()
        (root / "etc" / "passwd").write_text("jailbird:x:4321:4321::/:/bin/sh\n")
        (root / "etc" / "group").write_text("birds:x:4321:\n")
        daemon = self.serve(
            self.config(
                f"unshare = fs,uts\nhook-post-jail = mount:none {root} {root} bind\n"
                f"pivot_root = {root} {root}/old\nhook-as-root = mount:proc none /proc\n"
                "hook-as-root = umount:/old rec,detach\nexec-as-root = hostname cage\nexec-as-user = id -u\n"
                "uid = jailbird\ngid = birds\nchdir = /app",
                app="app.py",
            )
        )
        daemon.wait_for("^4321$")
        facts = self.facts()
        self.assertEqual((facts["host"], facts["cwd"], facts["uid"]), ("cage", "/app", 4321))
        self.assertEqual(facts["root"], ["app", "bin", "etc", "old", "proc"])
        places = [line.split()[4] for line in mounts_of(facts["pid"]).splitlines()]
        self.assertEqual(sorted(places), ["/", "/proc"])
        self.reload(daemon)

    def test_a_debian_tree(self) -> None:
        """pivot-root into a Debian without a Python, whose own shell runs the hooks inside."""
        root = self.make_debian()
        daemon = self.serve(
            self.config(
                f"unshare = fs,pid,uts\nhook-post-jail = mount:none {root} {root} bind,rec\n"
                f"pivot-root = {root} {root}/old\npivot-root-detach = true\n"
                "hook-as-root = mount:proc none /proc\n"
                'exec-as-root = . /etc/os-release; read pid rest </proc/self/stat; echo "$ID runs $pid"\n'
                "uid = 33\ngid = 33",
                app="/app/app.py",
            )
        )
        daemon.wait_for(r"^debian runs \d\d?$")
        facts = self.facts()
        self.assertEqual((facts["root"], facts["uid"]), (sorted(os.listdir(root)), 33))
        self.assertFalse((root / "usr" / "bin" / "python3").exists())
        places = [line.split()[4] for line in mounts_of(self.inside(daemon).pid).splitlines()]
        self.assertEqual(sorted(places), ["/", "/proc"])
        self.reload(daemon)

    def test_chroot(self) -> None:
        """chroot, from which no open directory leads out."""
        root = self.make_root()
        daemon = self.serve(self.config(f"chroot = {root}\nuid = 33\ngid = 33", app="/app/app.py"))
        self.assertEqual(self.facts()["root"], ["app", "old", "proc"])

        def has_no_way_out(process: psutil.Process) -> None:
            self.assertEqual(os.readlink(f"/proc/{process.pid}/root"), str(root))
            self.assertTrue(os.readlink(f"/proc/{process.pid}/cwd").startswith(str(root)))
            for target, facts in descriptors(process.pid):
                self.assertFalse(stat.S_ISDIR(facts.st_mode), target)

        daemon.examine(has_no_way_out)
        self.reload(daemon)

    def test_applications_from_outside(self) -> None:
        """drop-after-apps: what is loaded outside serves from within the jail, in each generation."""
        root = self.make_root()
        for more in ("", "lazy-apps = true\n"):
            daemon = self.serve(
                self.config(
                    f"chroot = {root}\nunshare = uts\nhook-as-root = hostname:cage\ndrop-after-apps = true\n"
                    f"uid = 33\ngid = 33\n{more}"
                )
            )
            facts = self.facts()
            self.assertEqual(
                (facts["root"], facts["uid"], facts["host"]), (["app", "old", "proc"], 33, "cage")
            )
            self.assertEqual(psutil.Process(daemon.pid).uids().real, 33)
            self.assertEqual(os.readlink(f"/proc/{daemon.pid}/root"), "/")
            self.reload(daemon)
            daemon.signal(signal.SIGINT)
            self.assertEqual(daemon.wait(), 0, daemon.log())

    def test_a_bare_root(self) -> None:
        """Statistics, limits and a log of the master's work without /dev and without /proc."""
        (root := self.folder / "jail").mkdir()
        shutil.copy(self.folder / "app.py", root)
        stats = free_port()
        daemon = self.serve(
            self.config(
                f"chroot = {root}\nunshare = pid\nstats = 127.0.0.1:{stats}\nmemory-report = true\n"
                "log-master = true\nharakiri = 20\nevil-reload-on-rss = 400\nauto-procname = true\n"
                "uid = 33\ngid = 33",
                app="/app.py",
            )
        )
        self.assertEqual(self.facts()["root"], ["app.py"])
        with socket.create_connection(("127.0.0.1", stats), 30) as client, client.makefile("rb") as told:
            told_pids = [worker["pid"] for worker in json.load(told)["workers"]]
        self.assertEqual(told_pids, [self.facts()["pid"]])
        self.reload(daemon)
        self.assertEqual(daemon.seen("mistake"), 0, daemon.log())

    def test_mistakes(self) -> None:
        """What is missing is told, with what to do about it."""
        root = self.make_root()
        self.refused(
            f"unshare = fs\npivot-root = {root} {root}/old",
            "busy .*the new root has to be a mount point",
        )
        self.refused(
            f"unshare = fs\nhook-post-jail = mount:none {root} {root} bind\npivot-root = {root} {root}/older",
            f"No such file or directory .*make the directory {root}/older",
        )
        self.refused(
            f"unshare = fs\npivot-root = {root}/not {root}/not/old",
            rf"chdir\(\): No such file or directory \[pivot-root {root}/not\]",
        )
        self.refused("unshare = fs\npivot-root = /a", "new_root and put_old must be separated by a space")
        self.refused(f"chroot = {root}/not", rf"chroot\(\): No such file or directory \[{root}/not\]")
        self.refused(f"chroot = {root}\nuid = jailbird", "user jailbird not found")

    def test_workers_alone(self) -> None:
        """With master-as-root the zygote, and so the workers, are in the jail, and the master is not."""
        root = self.make_root()
        daemon = self.serve(
            self.config(
                f"chroot = {root}\nunshare = uts\nhook-as-root = hostname:cage\nmaster-as-root = true\n"
                "uid = 33\ngid = 33",
                app="/app/app.py",
            )
        )
        facts = self.facts()
        self.assertEqual((facts["uid"], facts["root"], facts["host"]), (33, ["app", "old", "proc"], "cage"))
        self.assertEqual(os.readlink(f"/proc/{daemon.pid}/root"), "/")
        self.assertEqual(psutil.Process(daemon.pid).uids().real, 0)
        self.reload(daemon)
        self.assertEqual(daemon.seen('running "hostname:cage"'), 2, daemon.log())
