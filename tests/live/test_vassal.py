"""The vassal's side: under an emperor that the test plays, under uWSGI's, and forked by ours."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import psutil

from tests.live.support import (
    APPS,
    ROOT,
    SPAWNED,
    Daemon,
    LiveCase,
    Load,
    examine,
    is_listening,
    requires,
    server_command,
    uwsgi_fetch,
    wait_until,
)
from tests.live.test_emperor import EmperorCase
from uwsgid.wire.vassal import EMPEROR_FD, EMPEROR_FD_CONFIG, ToEmperor, ToVassal, pack_config

#: An application that tells how its process stands in the world.
FACTS: Final = """
import json, os, re, resource, sys

def facts():
    lines = open("/proc/self/status").read().splitlines()
    status = dict(line.split(":\\t", 1) for line in lines if ":\\t" in line)
    links = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd") if fd not in ("0", "1", "2")]
    return {
        "argv": sys.argv,
        "cwd": os.getcwd(),
        "environ": {k: v for k, v in os.environ.items() if not k.endswith("_FD")},
        "umask": status["Umask"],
        "blocked": status["SigBlk"],
        "ignored": status["SigIgn"],
        "groups": status["Groups"],
        "threads": status["Threads"],
        "streams": [type(s).__name__ for s in (sys.stdin, sys.stdout, sys.stderr)],
        "limits": resource.getrlimit(resource.RLIMIT_NOFILE),
        "twisted": "twisted.internet.reactor" in sys.modules,
        "descriptors": sorted(
            re.sub("[0-9]+", "N", os.readlink(link)) for link in links if os.path.lexists(link)
        ),
    }

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(facts(), sort_keys=True).encode()]
"""


class VassalCase(LiveCase):
    """A vassal whose emperor is the test."""

    def setUp(self) -> None:
        super().setUp()
        self.emperor, self.theirs = socket.socketpair()
        self.emperor.settimeout(30)
        self.addCleanup(self.emperor.close)
        self.addCleanup(self.theirs.close)

    def enlist(self, config: str, *, workers: int = 2) -> Daemon:
        """Start a vassal and wait until it serves."""
        daemon = self.launch(
            config, pass_fds=(self.theirs.fileno(),), environ={EMPEROR_FD: str(self.theirs.fileno())}
        )
        self.theirs.close()
        daemon.wait_for(SPAWNED, count=workers)
        return daemon

    def hears(self, *wanted: ToEmperor) -> None:
        """The next bytes of the vassal are these."""
        said = b""
        while len(said) < len(wanted):
            part = self.emperor.recv(len(wanted) - len(said))
            self.assertTrue(part, f"the vassal is gone after {list(said)}")
            said += part
        self.assertEqual(list(said), list(wanted))

    def orders(self, what: int) -> None:
        self.emperor.send(bytes((what,)))


class Talk(VassalCase):
    """Every byte, both ways."""

    def test_life(self) -> None:
        """It is spawned, accepts, and becomes loyal; an order ends it at once, with success."""
        daemon = self.enlist(self.probe_config(workers=1), workers=1)
        self.hears(ToEmperor.SPAWNED, ToEmperor.ACCEPTING)
        for _ in range(3):
            uwsgi_fetch(self.path("app.sock"), "/pid")
        self.hears(ToEmperor.LOYAL)
        self.orders(ToVassal.STOP)
        daemon.wait_for("received message 0 from emperor")
        self.assertEqual(daemon.wait(), 0)
        self.assertEqual(self.emperor.recv(10), b"")
        self.assertEqual(daemon.survivors(), [])

    def test_graceful_stop(self) -> None:
        """Byte 2 lets the request in progress end."""
        daemon = self.enlist(self.probe_config(workers=1), workers=1)
        client = self.waiting(daemon)
        self.orders(ToVassal.STOP_GRACEFULLY)
        daemon.wait_for("Gracefully killing worker 1")
        client.go()
        self.assertEqual([answer.status for answer in client.answers()], [200], daemon.log())
        self.assertEqual(daemon.wait(), 0)

    def test_lost(self) -> None:
        """When the emperor is gone the vassal ends with 1, whatever its workers do."""
        daemon = self.enlist(self.probe_config(workers=2))
        self.emperor.close()
        daemon.wait_for("lost connection with my emperor !!!")
        self.assertEqual(daemon.wait(), 1)
        self.assertEqual(daemon.survivors(), [])

    def test_reload(self) -> None:
        """Byte 1 reloads; a changed file makes a new image in the same process, which tells of itself."""
        daemon = self.enlist(self.probe_config(workers=1), workers=1)
        self.hears(ToEmperor.SPAWNED, ToEmperor.ACCEPTING)
        with Load(self.path("app.sock"), clients=2) as load:
            load.wait_for(10)
            self.hears(ToEmperor.LOYAL)
            os.utime(self.folder / "site.ini")
            self.orders(ToVassal.RELOAD)
            self.hears(ToEmperor.SPAWNED, ToEmperor.ACCEPTING)
            load.wait_for_more(10)
        self.assertEqual(load.failures, [], daemon.log())
        self.orders(ToVassal.STOP)
        self.assertEqual(daemon.wait(), 0)

    def test_heartbeat(self) -> None:
        """Every worker that waits is a sign of life each second; one that is stopped is none."""
        daemon = self.enlist(self.probe_config(workers=1, more="heartbeat = 1"), workers=1)
        self.hears(ToEmperor.SPAWNED, ToEmperor.ACCEPTING, ToEmperor.HEARTBEAT, ToEmperor.HEARTBEAT)
        worker = int(uwsgi_fetch(self.path("app.sock"), "/pid").body)
        os.kill(worker, signal.SIGSTOP)
        # what it said before it was stopped, and at most one answer that was on its way; then silence
        self.emperor.settimeout(2.5)
        wait_until(self.is_silent, "nobody is said to live")
        os.kill(worker, signal.SIGCONT)
        self.emperor.settimeout(30)
        while self.emperor.recv(1)[0] != ToEmperor.HEARTBEAT:
            pass
        self.orders(ToVassal.STOP)
        self.assertEqual(daemon.wait(), 0)

    def is_silent(self) -> bool:
        """Whether the vassal says nothing within the time that the socket has."""
        try:
            self.emperor.recv(1)
        except TimeoutError:
            return True
        return False

    def test_idle(self) -> None:
        """With die-on-idle it asks for its end, and goes on until it is told to."""
        daemon = self.enlist(self.probe_config(workers=1, more="idle = 1\ndie-on-idle = true"), workers=1)
        self.hears(ToEmperor.SPAWNED, ToEmperor.ACCEPTING, ToEmperor.IDLE)
        daemon.wait_for("workers have been inactive for more than 1 seconds")
        uwsgi_fetch(self.path("app.sock"), "/pid")
        self.orders(ToVassal.STOP)
        self.assertEqual(daemon.wait(), 0)

    def test_sos(self) -> None:
        """A letter in the master's FIFO calls for a zerg."""
        daemon = self.enlist(
            self.probe_config(workers=1, more=f"master-fifo = {self.path('fifo')}"), workers=1
        )
        self.hears(ToEmperor.SPAWNED, ToEmperor.ACCEPTING)
        fifo = Path(self.path("fifo"))
        wait_until(fifo.is_fifo, "the pipe of the master")
        fifo.write_text("B")
        self.hears(ToEmperor.SOS)
        self.assertEqual(daemon.seen("traceback"), 0)

    def test_proxy(self) -> None:
        """Another instance gets the talk by a proxy socket, and is a vassal as well."""
        outer = self.enlist(
            self.probe_config(workers=1, more=f"emperor-proxy-socket = {self.path('proxy')}"), workers=1
        )
        self.hears(ToEmperor.SPAWNED, ToEmperor.ACCEPTING)
        self.assertEqual(os.stat(self.path("proxy")).st_mode & 0o777, 0o600)
        inner = self.launch(
            self.probe_config(workers=1, socket="inner.sock"),
            name="inner.ini",
            environ={"UWSGI_EMPEROR_PROXY": self.path("proxy")},
        )
        self.hears(ToEmperor.SPAWNED, ToEmperor.ACCEPTING)
        inner.wait_for("has_emperor mode detected")
        self.emperor.close()
        for daemon in (outer, inner):
            daemon.wait_for("lost connection with my emperor")
            self.assertEqual(daemon.wait(), 1)

    def test_programs_do_not_hold_the_pipe(self) -> None:
        """A program that the vassal started and left behind does not keep the talk open."""
        daemon = self.enlist(
            self.probe_config(
                workers=1,
                more="exec-as-root = sleep 60 >/dev/null 2>&1 &\nexec-as-user = sleep 60 >/dev/null 2>&1 &",
            ),
            workers=1,
        )
        self.hears(ToEmperor.SPAWNED, ToEmperor.ACCEPTING)
        self.orders(ToVassal.STOP)
        self.assertEqual(daemon.wait(), 0)
        self.assertEqual(self.emperor.recv(10), b"")

    def test_background(self) -> None:
        """A vassal does not go to the background; where it should log to is a log file."""
        daemon = self.launch(
            self.probe_config(workers=1, more=f"daemonize = {self.path('log')}"),
            pass_fds=(self.theirs.fileno(),),
            environ={EMPEROR_FD: str(self.theirs.fileno())},
        )
        self.theirs.close()
        self.hears(ToEmperor.SPAWNED, ToEmperor.ACCEPTING)
        self.assertIsNone(daemon.process.poll())
        self.assertIn("has_emperor mode detected", Path(self.path("log")).read_text())
        self.orders(ToVassal.STOP)
        self.assertEqual(daemon.wait(), 0)


class Pushed(VassalCase):
    """A configuration that lies in no file."""

    def setUp(self) -> None:
        super().setUp()
        self.sender, receiver = socket.socketpair()
        self.addCleanup(self.sender.close)
        self.receiver = receiver
        self.addCleanup(receiver.close)

    def push(self, more: str = "") -> None:
        text = "[uwsgi]\n" + self.probe_config(workers=1, more=more)
        self.sender.sendall(pack_config(text.encode()))

    def begin(self) -> Daemon:
        """Start a vassal that reads what comes on its second descriptor."""
        fds = (self.theirs.fileno(), self.receiver.fileno())
        daemon = self.run_daemon(
            [*server_command("uwsgid"), "--ini", "emperor://shop.ini"],
            pass_fds=fds,
            environ={
                "PYTHONPATH": str(ROOT),
                EMPEROR_FD: str(fds[0]),
                EMPEROR_FD_CONFIG: str(fds[1]),
            },
        )
        self.theirs.close()
        self.receiver.close()
        return daemon

    def test_new_configuration(self) -> None:
        """It is read at the start, and again at a reload: the latest one, which the vassal asks for."""
        self.push()
        daemon = self.begin()
        self.hears(ToEmperor.SPAWNED, ToEmperor.ACCEPTING)
        self.orders(ToVassal.RELOAD)
        self.push("env = A=1\nworkers = 1")
        self.push("processes = 2")
        self.hears(ToEmperor.SEND_CONFIG, ToEmperor.SPAWNED, ToEmperor.ACCEPTING)
        daemon.wait_for(r"spawned uWSGI worker 2 ")
        self.orders(ToVassal.STOP)
        self.assertEqual(daemon.wait(), 0)

    def test_mistake(self) -> None:
        """One with a mistake leaves everything as it is, tells its place, and the next one counts."""
        self.push()
        daemon = self.begin()
        self.hears(ToEmperor.SPAWNED, ToEmperor.ACCEPTING)
        self.orders(ToVassal.RELOAD)
        self.push("harakiri = soon")
        daemon.wait_for(r"emperor://shop.ini:\d+: harakiri: expected a number of seconds, got 'soon'")
        self.hears(ToEmperor.ACCEPTING)
        self.orders(ToVassal.RELOAD)
        self.push("processes = 2")
        self.hears(ToEmperor.SEND_CONFIG, ToEmperor.SPAWNED, ToEmperor.ACCEPTING)
        daemon.wait_for(r"spawned uWSGI worker 2 ")
        self.assertEqual(daemon.seen("binary reloading"), 1)
        self.orders(ToVassal.STOP)
        self.assertEqual(daemon.wait(), 0)

    def test_reload_without_emperor(self) -> None:
        """A reload that the operator asks for changes workers only: nothing says that something changed."""
        self.push()
        daemon = self.begin()
        self.hears(ToEmperor.SPAWNED, ToEmperor.ACCEPTING)
        daemon.signal(signal.SIGHUP)
        self.hears(ToEmperor.ACCEPTING)
        self.assertEqual(daemon.seen("binary reloading"), 0)

    def test_none_comes(self) -> None:
        """An emperor that sends nothing is waited for in vain, and the reason is told."""
        self.sender.close()
        daemon = self.begin()
        daemon.wait_for("the emperor sends no configuration any more")
        self.assertEqual(daemon.wait(), 1)


class UnderUwsgi(LiveCase):
    """The interoperation that a migration needs: uWSGI's own emperor with our vassal."""

    def setUp(self) -> None:
        super().setUp()
        requires("uwsgi-core")
        self.vassals = self.folder / "vassals"
        self.vassals.mkdir()
        self.file = self.vassals / "a.ini"

    def reign(self) -> Daemon:
        """Start Debian's uWSGI as an emperor that executes uwsgid."""
        wrapper = self.folder / "uwsgid"
        wrapper.write_text(f'#!/bin/sh\nexec {sys.executable} -m uwsgid "$@"\n')
        wrapper.chmod(0o755)
        self.file.write_text(
            f"[uwsgi]\nsocket = {self.path('a.sock')}\nwsgi-file = {APPS / 'probe.py'}\nheartbeat = 1\n"
        )
        return self.run_daemon(
            [
                "uwsgi-core", "--emperor", str(self.vassals), "--emperor-wrapper", str(wrapper),
                "--emperor-stats", self.path("stats"), "--emperor-freq", "1",
                "--emperor-required-heartbeat", "10",
            ],
            environ={"PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    def row(self) -> dict[str, Any]:
        """What uWSGI's emperor knows of the vassal."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(self.path("stats"))
            document = json.loads(b"".join(iter(lambda: client.recv(65536), b"")))
        found: dict[str, Any] = document["vassals"][0] if document["vassals"] else {}
        return found

    def test_life(self) -> None:
        """It is ready, accepts, is loyal and beats; a touch reloads it, its removal ends it."""
        daemon = self.reign()
        daemon.wait_for("vassal a.ini is ready to accept requests")
        uwsgi_fetch(self.path("a.sock"), "/pid")
        daemon.wait_for("vassal a.ini is now loyal")
        row = wait_until(lambda: self.row() if self.row().get("last_heartbeat") else None, "a heartbeat")
        self.assertEqual((row["ready"], row["accepting"], row["loyal"]), (1, 1, 1))
        later = row["last_mod"] + 2
        with Load(self.path("a.sock"), clients=2) as load:
            load.wait_for(5)
            os.utime(self.file, (later, later))
            daemon.wait_for(r"gracefully \(RE\)spawned uWSGI master process")
            daemon.wait_for("vassal a.ini is ready to accept requests", count=2)
            load.wait_for_more(5)
        self.assertEqual(load.failures, [], daemon.log())
        self.assertEqual(self.row()["pid"], row["pid"])
        self.file.unlink()
        daemon.wait_for("removed uwsgi instance a.ini")
        wait_until(lambda: not psutil.pid_exists(row["pid"]), "the vassal ends")

    def test_emperor_killed(self) -> None:
        """No process of the vassal outlives an emperor that was killed."""
        daemon = self.reign()
        daemon.wait_for("vassal a.ini is ready to accept requests")
        daemon.signal(signal.SIGKILL)
        daemon.wait()
        wait_until(lambda: not daemon.survivors(), "nobody is left")


class Forked(EmperorCase):
    """A vassal that is forked from the nest, and begins anew within its process."""

    def load_through(self, more: str, change: bool) -> tuple[Daemon, Load, int, int]:
        """Reload a vassal three times while clients ask it."""
        daemon = self.reign(more)
        path = self.vassal("a.ini", "processes = 2")
        self.wait_answer()
        pid = self.wait_row(ready=1)["pid"]
        with Load(self.path("a.sock"), clients=3) as load:
            load.wait_for(20)
            for number in range(1, 4):
                if change:
                    self.vassal("a.ini", f"processes = 2\nenv = ROUND={number}")
                else:
                    os.utime(path)
                daemon.wait_for(r"gracefully \(RE\)spawned uWSGI master process", count=number)
                daemon.wait_for(r"spawned uWSGI worker 2 ", count=number + 1)
                load.wait_for_more(20)
        return daemon, load, pid, self.wait_row(ready=1)["pid"]

    def test_reload_under_load(self) -> None:
        """Touched and changed configurations refuse no client, and the process stays."""
        for change in (False, True):
            daemon, load, before, after = self.load_through("", change)
            self.assertEqual(load.failures, [], daemon.log())
            self.assertEqual(before, after)
            self.assertEqual(daemon.seen("running /"), 0)
            self.end(daemon)

    def test_reload_under_load_executed(self) -> None:
        """So it is with vassals that are executed."""
        daemon, load, before, after = self.load_through("emperor-exec = true", True)
        self.assertEqual(load.failures, [], daemon.log())
        self.assertEqual(before, after)
        self.end(daemon)

    def test_nothing_stays(self) -> None:
        """After ten lives the process has the descriptors, and hardly more memory than, after the first."""
        daemon = self.reign()
        path = self.vassal()
        self.wait_answer()
        master = psutil.Process(self.wait_row(ready=1)["pid"])
        found: list[tuple[int, int]] = []
        for number in range(1, 11):
            os.utime(path)
            daemon.wait_for(r"spawned uWSGI worker 1 ", count=number + 1)
            self.wait_answer()
            self.no_zombies(master)
            found.append((master.num_fds(), master.memory_full_info().uss))
        descriptors, size = found[1]
        # while it buries one generation, and prepares for the next, it may have a few more
        wait_until(lambda: master.num_fds() <= descriptors, f"{descriptors} descriptors: {found}")
        wait_until(lambda: master.memory_full_info().uss - size < 512 << 10, f"little memory: {found}")
        wait_until(lambda: len(master.children()) <= 4, "few children")
        self.end(daemon)

    def test_mistake(self) -> None:
        """A changed configuration with a mistake changes nothing; the lines tell the place."""
        daemon = self.reign()
        self.vassal()
        self.wait_answer()
        worker = self.ask()
        self.vassal(more="harakiri = soon")
        daemon.wait_for(r"a.ini:6: harakiri: expected a number of seconds, got 'soon'")
        daemon.wait_for("the instance goes on with the old one")
        self.assertEqual(self.ask(), worker)
        self.vassal()
        wait_until(lambda: self.wait_answer() != worker, "another worker answers")
        self.end(daemon)

    def test_fallback(self) -> None:
        """fallback-config takes over within the process."""
        other = self.folder / "other.ini"
        other.write_text(f"[uwsgi]\nsocket = {self.path('b.sock')}\nwsgi-file = {APPS / 'probe.py'}\n")
        daemon = self.reign()
        self.vassal(more=f"fallback-config = {other}\nharakiri = soon")
        self.wait_answer("b")
        self.wait_row(ready=1)
        self.end(daemon)

    def test_like_any_other(self) -> None:
        """An application can not tell whether its instance was forked or executed, but by its reactor."""
        (self.folder / "facts.py").write_text(FACTS)
        found = []
        for more in ("emperor-exec = true", ""):
            daemon = self.reign(more)
            path = self.vassals / "a.ini"
            path.write_text(
                f"[uwsgi]\nsocket = {self.path('a.sock')}\numask = 027\n"
                f"wsgi-file = {self.folder / 'facts.py'}\n"
            )
            self.wait_row(ready=1)
            wait_until(lambda: is_listening(self.path("a.sock")), "the socket is there")
            wait_until(self._facts, "the facts")
            # until its first request is done, a steward's worker has the talk with the emperor
            self.wait_row(loyal=1)
            answer = wait_until(self._facts, "the facts")
            for name in ("UWSGID_LIVE_MARK",):
                answer["environ"].pop(name, None)
            found.append(answer)
            path.unlink()
            self.end(daemon)
        executed, forked = found
        executed["argv"] = forked["argv"] = []
        for name, fact in executed.items():
            self.assertEqual((name, fact), (name, forked[name]))

    def _facts(self) -> dict[str, Any] | None:
        try:
            answer: dict[str, Any] = json.loads(uwsgi_fetch(self.path("a.sock")).body)
        except OSError:
            return None
        return answer

    def test_seed_killed(self) -> None:
        """A vassal that has a master has no spare seed: it begins anew where the seed was killed."""
        daemon = self.reign()
        self.vassal(more="processes = 2")
        self.wait_answer()
        master = psutil.Process(self.wait_row(ready=1)["pid"])
        (seed,) = wait_until(lambda: self.seeds(master), "one seed")
        with Load(self.path("a.sock"), clients=2) as load:
            load.wait_for(5)
            seed.kill()
            daemon.wait_for("binary reloading uWSGI")
            daemon.wait_for(r"spawned uWSGI worker 2 ", count=2)
            load.wait_for_more(5)
        self.assertEqual(load.failures, [], daemon.log())
        self.end(daemon)

    def seeds(self, master: psutil.Process) -> list[psutil.Process]:
        """The seed of a vassal; nobody while others still bear its name."""
        names = examine(master.children(), lambda child: str(child.name()))
        found = [child for child in master.children() if names.get(child.pid) == "uwsgid seed"]
        return found if len(found) == 1 else []

    def family(self, master: psutil.Process) -> list[str]:
        """The short names of the children of a vassal's master."""
        return sorted(examine(master.children(), lambda child: str(child.name())).values())

    def test_a_master_of_one_worker(self) -> None:
        """Its zygote stays, and bears a worker that has the descriptors of the one that died."""
        (self.folder / "facts.py").write_text(FACTS)
        daemon = self.reign()
        self.vassal(more=f"stats = {self.path('vassal.stats')}", app=str(self.folder / "facts.py"))
        master = psutil.Process(self.wait_row(ready=1)["pid"])
        family = ["uwsgid seed", "uwsgid worker 1", "uwsgid zygote"]
        wait_until(lambda: self.family(master) == family, "a seed, a zygote and their worker")
        before = wait_until(self._facts, "the facts")
        first = next(child.pid for child in master.children() if child.name() == "uwsgid worker 1")
        os.kill(first, signal.SIGKILL)
        daemon.wait_for(rf"DAMN ! worker 1 \(pid: {first}\) died, killed by signal 9")
        daemon.wait_for(r"Respawned uWSGI worker 1 ")
        after = wait_until(self._facts, "the facts of the next one")
        self.assertEqual((after["descriptors"], self.family(master)), (before["descriptors"], family))
        self.end(daemon)

    def test_on_demand(self) -> None:
        """A vassal that a connection woke ends when it is idle, and is woken again."""
        demand = self.folder / "demand"
        demand.mkdir()
        daemon = self.reign(f"emperor-on-demand-directory = {demand}")
        path = self.vassals / "a.ini"
        path.write_text(
            f"[uwsgi]\nwsgi-file = {APPS / 'probe.py'}\nidle = 1\ndie-on-idle = true\nneed-app = true\n"
        )
        address = str(demand / "a.socket")
        wait_until(lambda: is_listening(address), "the socket is there")
        for number in (1, 2):
            self.assertEqual(uwsgi_fetch(address, "/pid").status, 200)
            daemon.wait_for('back to "on demand" mode', count=number)
            self.wait_row(pid=-1)
        self.end(daemon)


class Jailed(EmperorCase):
    """A vassal in a root that has no interpreter."""

    def test_on_demand(self) -> None:
        """Where the emperor has the socket, a changed configuration outside refuses no client."""
        requires("root")
        root = self.folder / "root"
        for name in ("app", "dev", "tmp"):
            (root / name).mkdir(parents=True)
        shutil.copy(APPS / "probe.py", root / "app" / "probe.py")
        subprocess.run(["mknod", "-m", "666", str(root / "dev" / "null"), "c", "1", "3"], check=True)
        demand = self.folder / "demand"
        demand.mkdir()
        address = str(demand / "a.socket")
        daemon = self.reign(f"emperor-on-demand-directory = {demand}")

        def configure(more: str) -> None:
            new = self.folder / "a.new"
            new.write_text(f"[uwsgi]\nchroot = {root}\nneed-app = true\nwsgi-file = /app/probe.py\n{more}\n")
            new.rename(self.vassals / "a.ini")

        configure("processes = 1")
        wait_until(lambda: is_listening(address), "the socket is there")
        with Load(address, clients=2) as load:
            load.wait_for(5)
            pids = [self.wait_row(loyal=1)["pid"]]
            for number in (2, 3):
                configure(f"processes = {number}")
                daemon.wait_for("the configuration is out of reach in this jail", count=number - 1)
                daemon.wait_for(rf"spawned uWSGI worker {number} ")
                load.wait_for_more(5)
                pids.append(self.wait_row(loyal=1)["pid"])
        self.assertEqual(load.failures, [], daemon.log())
        self.assertEqual(len(set(pids)), 3)
        self.end(daemon)

    def test_reload(self) -> None:
        """It loads its application and reloads; what changed outside counts when it is started again."""
        requires("root")
        root = self.folder / "root"
        for name in ("app", "dev", "tmp"):
            (root / name).mkdir(parents=True)
        shutil.copy(APPS / "probe.py", root / "app" / "probe.py")
        subprocess.run(["mknod", "-m", "666", str(root / "dev" / "null"), "c", "1", "3"], check=True)
        daemon = self.reign()
        path = self.vassals / "a.ini"

        def configure(more: str = "") -> None:
            new = self.folder / "a.new"
            new.write_text(
                f"[uwsgi]\nshared-socket = {self.path('a.sock')}\nsocket = =0\nchroot = {root}\n"
                f"need-app = true\nwsgi-file = /app/probe.py\n{more}\n"
            )
            new.rename(path)

        configure()
        self.wait_answer()
        pid = self.wait_row(ready=1)["pid"]
        self.assertEqual(os.readlink(f"/proc/{pid}/root"), str(root))
        with Load(self.path("a.sock"), clients=2) as load:
            load.wait_for(5)
            os.kill(pid, signal.SIGHUP)
            daemon.wait_for(r"[Ss]pawned uWSGI worker 1 ", count=2)
            load.wait_for_more(5)
        self.assertEqual(load.failures, [], daemon.log())
        configure("processes = 2")
        daemon.wait_for("the configuration is out of reach in this jail")
        daemon.wait_for(r"spawned uWSGI worker 2 ")
        self.wait_answer()
        self.assertNotEqual(self.wait_row(ready=1)["pid"], pid)
        self.end(daemon)


#: An application that leaves a grandchild behind, which ends soon.
ORPHANS: Final = """
import os, time

def application(environ, start_response):
    if os.fork() == 0:
        if os.fork() == 0:
            time.sleep(0.3)
        os._exit(0)
    os.wait()
    start_response("200 OK", [])
    return [str(os.getppid()).encode()]
"""


class FirstProcess(EmperorCase):
    """A vassal that is process 1 of a pid namespace, under the /proc of another one."""

    def test_init(self) -> None:
        """It is everybody's last parent and buries them, has workers, reloads, and ends in order."""
        requires("root")
        (self.folder / "orphans.py").write_text(ORPHANS)
        daemon = self.reign("emperor-use-clone = pid,ipc,uts")
        path = self.vassals / "a.ini"
        path.write_text(
            f"[uwsgi]\nsocket = {self.path('a.sock')}\nwsgi-file = {self.folder / 'orphans.py'}\n"
            "evil-reload-on-rss = 1000\nneed-app = true\n"
        )
        row = self.wait_row(ready=1)
        daemon.wait_for(r"spawned uWSGI master process \(pid: 1\)")
        master = psutil.Process(row["pid"])
        wait_until(lambda: is_listening(self.path("a.sock")), "the socket is there")
        for _ in range(5):
            self.assertEqual(uwsgi_fetch(self.path("a.sock")).body, b"1")
        daemon.wait_for(r"subprocess \d+ exited with code 0", count=5)
        self.no_zombies(master)
        with Load(self.path("a.sock"), clients=2) as load:
            os.utime(path)
            daemon.wait_for(r"gracefully \(RE\)spawned uWSGI master process \(pid: 1\)")
            daemon.wait_for(r"spawned uWSGI worker 1 ", count=2)
            load.wait_for_more(5)
        self.assertEqual(load.failures, [], daemon.log())
        self.assertEqual(self.wait_row(ready=1)["pid"], row["pid"])
        self.end(daemon)
