"""An emperor in less usual places, and those in which it does not start."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
from pathlib import Path

import psutil

from tests.live.support import APPS, requires, uwsgi_fetch, wait_until
from tests.live.test_emperor import EmperorCase
from uwsgid.wire.uwsgi import packet


class Places(EmperorCase):
    """When an emperor is born, and where its vassals live."""

    def test_early(self) -> None:
        """An early emperor is root and there before any hook, while its instance becomes somebody else."""
        requires("root")
        self.vassal()
        daemon = self.reign(
            f"early-emperor = true\nuid = nobody\ngid = nogroup\n"
            f"exec-pre-jail = while [ ! -e {self.path('a.sock')} ]; do sleep 0.05; done"
        )
        self.wait_answer()
        self.assertEqual(self.told()["uid"], 0)
        daemon.wait_for(r"spawned uWSGI Emperor ")  # the master has adopted it
        self.assertEqual(psutil.Process(daemon.pid).uids().real, 65534)
        daemon.signal(signal.SIGINT)
        self.assertEqual(daemon.wait(), 0)
        self.assertEqual(daemon.survivors(), [])

    def test_another_user(self) -> None:
        """An emperor of an ordinary user keeps vassals of that user."""
        requires("root")
        os.chmod(self.folder, 0o777)
        daemon = self.reign("uid = nobody\ngid = nogroup")
        self.vassal()
        worker = self.wait_answer()
        self.assertEqual(psutil.Process(worker).uids().real, 65534)
        self.end(daemon)

    def test_user_namespace(self) -> None:
        """In a user namespace a vassal is root of its own, and nobody outside."""
        requires("root")
        daemon = self.reign("emperor-use-clone = user,pid,fs,net\nuid = nobody\ngid = nogroup")
        os.chmod(self.folder, 0o777)
        self.vassal()
        self.wait_answer()
        pid = self.wait_row()["pid"]
        self.assertEqual(Path(f"/proc/{pid}/uid_map").read_text().split()[:2], ["0", "65534"])
        self.end(daemon)

    def test_a_jail_without_python(self) -> None:
        """A vassal needs no interpreter where it lives: its root has its application and nothing else."""
        requires("root")
        root = self.folder / "root"
        (root / "run").mkdir(parents=True)
        shutil.copy(APPS / "probe.py", root)
        daemon = self.reign("emperor-use-clone = fs,pid,ipc,uts")
        (self.vassals / "a.ini").write_text(
            f"[uwsgi]\nchroot = {root}\nsocket = /run/a.sock\nwsgi-file = /probe.py\nneed-app = true\n"
            "master = true\n"
        )
        path = str(root / "run" / "a.sock")
        wait_until(lambda: os.path.exists(path), "the socket is there")
        daemon.wait_for(r"spawned uWSGI worker 1 ")
        self.assertEqual(uwsgi_fetch(path, "/pid").status, 200)
        (self.vassals / "a.ini").touch()
        # its configuration is not in its root, so the emperor has to have it anew
        daemon.wait_for(r"spawned uWSGI worker 1 ", count=2)
        self.assertEqual(uwsgi_fetch(path, "/pid").status, 200)
        self.end(daemon)

    def test_hooks(self) -> None:
        """Hooks run where they belong, with the facts of the vassal; the ends are told to a program."""
        hook = self.folder / "hook"
        hook.write_text(f'#!/bin/sh\necho "$1 $UWSGI_VASSALS_DIR" >> {self.path("hooked")}\n')
        hook.chmod(0o755)
        daemon = self.reign(
            f"vassals-start-hook = {hook}\nvassals-stop-hook = {hook}\n"
            f"exec-as-emperor = echo $UWSGI_VASSAL_CONFIG $UWSGI_VASSAL_PID > {self.path('emperor')}\n"
            f"exec-as-vassal = echo $UWSGI_VASSALS_DIR > {self.path('vassal')}\n"
            "hook-as-emperor-setns = uts print:inside"
        )
        self.vassal()
        self.wait_answer()
        row = self.wait_row()
        wait_until(lambda: os.path.exists(self.path("emperor")), "the hook ran")
        wait_until(lambda: Path(self.path("emperor")).read_text(), "it is written")
        self.assertIn(str(row["pid"]), Path(self.path("emperor")).read_text())
        self.assertEqual(Path(self.path("vassal")).read_text(), f"{self.vassals}\n")
        daemon.wait_for("^inside$")
        (self.vassals / "a.ini").unlink()
        daemon.wait_for(r"removed uwsgi instance a.ini")
        wait_until(
            lambda: Path(self.path("hooked")).read_text() == f"a.ini {self.vassals}\n" * 2, "both hooks ran"
        )
        self.end(daemon)

    def test_capabilities(self) -> None:
        """emperor-cap is all that a vassal can ever have, forked or executed."""
        requires("root")
        for way in ("", "emperor-exec = true"):
            daemon = self.reign(f"emperor-cap = net_bind_service\n{way}")
            self.vassal()
            worker = self.wait_answer()
            status = Path(f"/proc/{worker}/status").read_text()
            found = re.search(r"CapBnd:\s+([0-9a-f]+)", status)
            assert found is not None
            # net_bind_service, and setpcap
            self.assertEqual(int(found[1], 16), 1 << 10 | 1 << 8)
            effective = re.search(r"CapEff:\s+([0-9a-f]+)", status)
            assert effective is not None
            self.assertEqual(int(effective[1], 16) & ~(1 << 10 | 1 << 8), 0)
            (self.vassals / "a.ini").unlink()
            self.end(daemon)

    def test_a_tyrant_without_root(self) -> None:
        """A tyrant may have two capabilities instead of root; its vassals have nothing of them."""
        requires("root")
        self.folder.chmod(0o777)
        daemon = self.reign("emperor-tyrant = true\nuid = nobody\ngid = nogroup\ncap = setgid,setuid")
        os.chown(self.vassal(), 1, 1)
        worker = self.wait_answer()
        for pid in (worker, self.wait_row()["pid"]):
            status = Path(f"/proc/{pid}/status").read_text()
            self.assertRegex(status, r"Uid:\s+1\s+1\s+1\s+1\n")
            self.assertEqual(
                re.findall(r"Cap(?:Inh|Prm|Eff|Amb):\s+([0-9a-f]+)", status), ["0" * 16] * 4, status
            )
        self.end(daemon)

    def test_commands(self) -> None:
        """A vassal that waits for its command starts with it."""
        daemon = self.reign(
            f"emperor-wait-for-command = true\nemperor-command-socket = {self.path('commands')}"
        )
        self.vassal()
        self.wait_commands("spawn")
        self.wait_answer()
        self.end(daemon)

    def wait_commands(self, command: str) -> None:
        wait_until(lambda: os.path.exists(self.path("commands")), "the socket of commands")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.sendto(packet(0, {"cmd": command, "vassal": "a.ini"}), self.path("commands"))

    def test_sub_emperor(self) -> None:
        """A vassal may be an emperor itself; all of them end together."""
        below = self.folder / "below"
        below.mkdir()
        daemon = self.reign()
        (self.vassals / "sub.ini").write_text(f"[uwsgi]\nemperor = {below}\n")
        daemon.wait_for(r"\*\*\* starting uWSGI sub-Emperor \*\*\*")
        (below / "a.ini").write_text(
            f"[uwsgi]\nsocket = {self.path('a.sock')}\nwsgi-file = {APPS / 'probe.py'}\nneed-app = true\n"
        )
        self.wait_answer()
        self.wait_row("sub.ini", loyal=1)
        self.end(daemon)

    def test_reload_of_the_whole(self) -> None:
        """A reload of the emperor's own instance with another configuration keeps its statistics' socket."""
        daemon = self.reign()
        self.vassal()
        self.wait_answer()
        (self.folder / "site.ini").write_text(f"[uwsgi]\n{self.config('emperor-freq = 9')}")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for(r"\*\*\* starting uWSGI Emperor \*\*\*", count=2)
        self.wait_answer()
        self.wait_row(ready=1)
        self.end(daemon)


class Refusals(EmperorCase):
    """What ends a start, each with a clear line."""

    def refused(self, config: str, pattern: str) -> None:
        daemon = self.launch(config)
        self.assertEqual(daemon.wait(), 1, daemon.log())
        daemon.wait_for(pattern)
        self.assertEqual(daemon.survivors(), [])

    def test_sources(self) -> None:
        """A scheme that nobody knows, and directories that are missing."""
        self.refused("emperor = foo://x", r"nobody monitors foo://")
        self.refused(f"emperor = {self.path('none')}/", r"is not a directory")
        self.refused("emperor = pg://dbname=x", r"pg:// needs the Python package psycopg")

    def test_words(self) -> None:
        """An unknown namespace, a text for a number, an address in use."""
        self.refused(
            self.config("emperor-use-clone = pid,nett"),
            r"unknown namespace subsystem: nett; did you mean net",
        )
        self.refused(self.config("emperor-freq = abc"), r"emperor-freq: expected a number of seconds")
        taken = socket.socket()
        self.addCleanup(taken.close)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        self.refused(
            f"emperor = {self.vassals}\nemperor-stats = 127.0.0.1:{taken.getsockname()[1]}",
            r"another process has it",
        )

    def test_tyrant(self) -> None:
        """A tyrant that can not be one."""
        requires("root")
        self.refused(
            f"emperor = {self.vassals}\nemperor-tyrant = true\nuid = nobody\ngid = nogroup",
            r"can not become the owners of its vassals",
        )
