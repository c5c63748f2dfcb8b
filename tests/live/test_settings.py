"""Options as the application and the kernel see them: what a worker is, once all of them were obeyed."""

from __future__ import annotations

import grp
import json
import os
import re
import resource
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import psutil

from tests.live.support import LiveCase, fetch, free_port, requires, uwsgi_fetch, wait_until

#: Shows the process that answers.
MIRROR: Final = """
import json, os, sys
import {imports}

def mirror(environ, start_response):
    mask = os.umask(0)
    os.umask(mask)
    told = {{
        "cwd": os.getcwd(), "mask": mask, "cpus": sorted(os.sched_getaffinity(0)), "groups": os.getgroups(),
        "ids": [os.getuid(), os.getgid()], "FROM_CONFIG": os.environ.get("FROM_CONFIG"), "prefix": sys.prefix,
        "pid": os.getpid(), "modules": sorted(sys.modules), "told": {told},
    }}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(told).encode()]
"""


class SettingsCase(LiveCase):
    def mirror(self, more: str, *, imports: str = "os", told: str = "None") -> dict[str, Any]:
        """What the application sees in a worker of an instance with these options."""
        (self.folder / "apps").mkdir()
        (self.folder / "apps" / "mirror.py").write_text(MIRROR.format(imports=imports, told=told))
        self.daemon = self.serve(
            f"http-socket = {self.path('http.sock')}\nchmod-socket = 666\nneed-app = true\n"
            f"module = mirror\ncallable = mirror\npythonpath = {self.path('apps')}\n{more}\n"
        )
        seen: dict[str, Any] = json.loads(fetch(self.path("http.sock")).body)
        return seen


class ProcessTests(SettingsCase):
    """What a worker is to the kernel."""

    def test_where_and_how(self) -> None:
        """chdir, umask, env and cpu-affinity hold in the worker; module and pythonpath found it."""
        (self.folder / "home").mkdir()
        seen = self.mirror(
            f"chdir = {self.path('home')}\numask = 027\nenv = FROM_CONFIG=a word\ncpu-affinity = 1"
        )
        self.assertEqual((seen["cwd"], seen["mask"]), (self.path("home"), 0o027))
        self.assertEqual((seen["FROM_CONFIG"], len(seen["cpus"])), ("a word", 1))

    def test_who(self) -> None:
        """uid, gid and add-gid hold in the worker; pidfile is written as root, pidfile2 as the user."""
        requires("root")
        self.folder.chmod(0o777)
        seen = self.mirror(
            "uid = nobody\ngid = nogroup\nadd-gid = www-data\n"
            f"pidfile = {self.path('one.pid')}\npidfile2 = {self.path('two.pid')}"
        )
        self.assertNotIn(0, seen["ids"])
        self.assertIn(grp.getgrnam("www-data").gr_gid, seen["groups"])
        owners = [os.stat(self.path(name)).st_uid for name in ("one.pid", "two.pid")]
        self.assertEqual(owners, [0, seen["ids"][0]])

    def test_names(self) -> None:
        """procname-prefix and procname-master make titles, of which the short name is the beginning."""
        seen = self.mirror("procname-prefix = shop-\nprocname-master = chief")
        title = psutil.Process(seen["pid"]).cmdline()
        self.assertEqual(title[0], "shop-uWSGI worker 1")
        self.assertIn("chief", psutil.Process(self.daemon.pid).cmdline()[0])
        self.assertEqual(Path(f"/proc/{seen['pid']}/comm").read_text().strip(), "shop-uWSGI work")

    def test_nothing_grows_with_the_limit_of_descriptors(self) -> None:
        """A limit of many descriptors costs a worker no memory, and its birth no time of the processor."""
        found = []
        for number in (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]):
            daemon = self.serve(self.probe_config(workers=1, more=f"max-fd = {number}"), name=f"{number}.ini")
            pid = int(daemon.wait_for(r"spawned uWSGI worker 1 \(pid: (\d+)").group(1))
            daemon.wait_for(rf"max file descriptor number: {number}$")
            self.assertEqual(uwsgi_fetch(self.path("app.sock"), "/pid").body, b"%d" % pid)
            worker = psutil.Process(pid)
            found.append((worker.memory_full_info().uss, sum(worker.cpu_times()[:2])))
            daemon.close()
        (least, quick), (most, slow) = found
        self.assertLess(most - least, 512 << 10)
        self.assertLess(slow - quick, 0.2)

    def test_exclusive_wake_up(self) -> None:
        """Without the thunder lock each worker asks epoll to wake one for a connection (EPOLLEXCLUSIVE)."""
        daemon = self.serve(self.probe_config(workers=2), workers=2)
        for number in (1, 2):
            pid = daemon.wait_for(rf"spawned uWSGI worker {number} \(pid: (\d+)").group(1)
            wait_until(lambda pid=pid: 1 << 28 in self.watched(pid), f"worker {number} at its socket")  # type: ignore[misc]

    def watched(self, pid: str) -> list[int]:
        """The flag EPOLLEXCLUSIVE, or nothing, of each descriptor that a process watches with epoll."""
        flags = []
        for entry in Path(f"/proc/{pid}/fdinfo").iterdir():
            try:
                text = entry.read_text()
            except FileNotFoundError:  # closed meanwhile
                continue
            events = re.findall(r"^tfd: *\d+ events: *([0-9a-f]+)", text, re.MULTILINE)
            flags += [int(word, 16) & 1 << 28 for word in events]
        return flags


class PythonTests(SettingsCase):
    """What the application finds when it is imported."""

    def test_modules(self) -> None:
        """pymodule-alias serves an import, and import and shared-import bring modules of their own."""
        for name in ("shelf", "mine", "everybodys"):
            (self.folder / f"{name}.py").write_text(f"name = {name!r}\n")
        seen = self.mirror(
            f"pythonpath = {self.folder}\npymodule-alias = store=shelf\nimport = mine\n"
            "shared-import = everybodys",
            imports="store",
            told="store.name",
        )
        self.assertEqual(seen["told"], "shelf")
        self.assertLessEqual({"mine", "everybodys"}, set(seen["modules"]))

    def test_virtualenv(self) -> None:
        """virtualenv is where packages come from, and what sys.prefix says."""
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", self.path("env")], check=True)
        (packages,) = (self.folder / "env" / "lib").glob("python3*/site-packages")
        (packages / "only_there.py").write_text("name = 'found'\n")
        seen = self.mirror(f"virtualenv = {self.path('env')}", imports="only_there", told="only_there.name")
        self.assertEqual((seen["told"], seen["prefix"]), ("found", self.path("env")))


class ListenerTests(SettingsCase):
    """What the kernel knows of a listening socket."""

    def test_backlog(self) -> None:
        """listen is the length of the queue in the kernel."""
        port = free_port()
        self.mirror(f"socket = 127.0.0.1:{port}\nlisten = 7\nstats = {self.path('stats.sock')}")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(self.path("stats.sock"))
            with client.makefile("rb") as document:
                told = json.load(document)
        queues = {entry["name"]: entry["max_queue"] for entry in told["sockets"]}
        self.assertEqual(queues[f"127.0.0.1:{port}"], 7)

    def test_inherited(self) -> None:
        """fd://N serves a socket that whoever started the server had opened."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            self.serve(
                f"http-socket = fd://{server.fileno()}\nwsgi-file = {self.app()}\n",
                pass_fds=[server.fileno()],
            )
        self.assertEqual(fetch(("127.0.0.1", port)).body, b"inherited")

    def app(self) -> str:
        path = self.folder / "inherited.py"
        path.write_text(
            "def application(environ, start_response):\n"
            "    start_response('200 OK', [])\n"
            "    return [b'inherited']\n"
        )
        return str(path)
