"""What the tests of isolation share: an application that tells where it is, and roots to put it in."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final
from unittest import SkipTest

import psutil

from tests.live.support import Daemon, LiveCase, fetch, find_program, free_port, requires, wait_until

#: Tells where it is, with nothing but what every process of uwsgid has imported.
APP: Final = """
import json, os, socket

def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError as error:
        return type(error).__name__

def application(environ, start_response):
    status = dict(
        line.split(":", 1) for line in read("/proc/thread-self/status").splitlines() if ":" in line
    )
    body = json.dumps({
        "pid": os.getpid(),
        "parent": os.getppid(),
        "uid": os.getuid(),
        "gid": os.getgid(),
        "groups": os.getgroups(),
        "host": socket.gethostname(),
        "root": sorted(os.listdir("/")),
        "cwd": os.getcwd(),
        "uid_map": read("/proc/self/uid_map").split(),
        "capabilities": status.get("CapEff", "").strip(),
        "interfaces": [name for _, name in socket.if_nameindex()],
    }).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]
"""

NOBODY: Final = 65534


class JailCase(LiveCase):
    """A test that isolates an instance, and asks it from outside.

    :ivar port: where it is asked.
    """

    def setUp(self) -> None:
        super().setUp()
        requires("root")
        self.port = free_port()
        self.folder.chmod(0o755)
        (self.folder / "app.py").write_text(APP)

    def config(self, more: str, *, app: str = "", workers: int = 1) -> str:
        """A config that serves the application on `port`."""
        return (
            f"http-socket = 127.0.0.1:{self.port}\nwsgi-file = {app or self.path('app.py')}\n"
            f"need-app = true\nmaster = true\nprocesses = {workers}\n{more}\n"
        )

    def facts(self) -> dict[str, Any]:
        """What the application tells."""
        answer = fetch(("127.0.0.1", self.port))
        self.assertEqual(answer.status, 200, answer)
        return dict(json.loads(answer.body))

    def make_root(self, name: str = "jail", *, shell: bool = False) -> Path:
        """A directory with the application in it, and a shell where that is wanted; nothing else."""
        root = self.folder / name
        for folder in ("app", "proc", "old"):
            (root / folder).mkdir(parents=True)
        shutil.copy(self.folder / "app.py", root / "app" / "app.py")
        if shell:
            busybox = find_program("busybox")
            requires("busybox")
            assert busybox is not None
            (root / "bin").mkdir()
            shutil.copy(busybox, root / "bin" / "busybox")
            for program in ("sh", "hostname", "mount", "id"):
                (root / "bin" / program).symlink_to("busybox")
        return root

    def make_debian(self) -> Path:
        """A root that Debian's packages were unpacked into, with the application in it."""
        requires("mmdebstrap")
        root = self.folder / "debian"
        release = platform.freedesktop_os_release().get("VERSION_CODENAME", "stable")
        made = subprocess.run(
            (
                "mmdebstrap",
                "--variant=extract",
                "--include=base-files,dash",
                '--aptopt=Acquire::http::Timeout "15"',
                release,
                str(root),
            ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if made.returncode:
            raise SkipTest(f"no Debian can be had: {made.stderr.strip()[-200:]}")
        for folder in ("app", "old"):
            (root / folder).mkdir()
        shutil.copy(self.folder / "app.py", root / "app" / "app.py")
        return root

    def inside(self, daemon: Daemon) -> psutil.Process:
        """The process that the one that was started stands for."""
        return wait_until(
            lambda: next(iter(psutil.Process(daemon.pid).children()), None), "there is one more process"
        )

    def leaves_nobody(self, daemon: Daemon) -> None:
        """Everybody who was there is gone."""
        wait_until(lambda: not daemon.survivors(), "nobody is left")

    def refused(self, more: str, pattern: str, *, prefix: tuple[str, ...] = ()) -> str:
        """An instance that does not start, with a line that matches; its log."""
        daemon = self.launch(self.config(more), prefix=prefix)
        self.assertEqual(daemon.wait(), 1, daemon.log())
        self.assertEqual(daemon.seen(pattern), 1, f"{pattern!r} in\n{daemon.log()}")
        self.assertNotIn("Traceback", daemon.log())
        self.assertEqual(daemon.survivors(), [])
        return daemon.log()


def mounts_of(pid: int) -> str:
    """The mounts that a process sees."""
    return Path(f"/proc/{pid}/mountinfo").read_text()


def namespace_of(pid: int, name: str) -> str:
    """Which namespace a process is in."""
    return os.readlink(f"/proc/{pid}/ns/{name}")
