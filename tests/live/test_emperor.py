"""An emperor and its vassals: real processes, forked and executed."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
from pathlib import Path
from typing import Any, Final

import psutil

from tests.live.support import (
    APPS,
    Daemon,
    LiveCase,
    descriptors,
    is_leaving,
    parse_answer,
    request_vars,
    requires,
    talk,
    uwsgi_fetch,
    uwsgi_packet,
    wait_until,
)

LOYAL: Final = r"\[emperor\] vassal {} is now loyal"


class EmperorCase(LiveCase):
    """A test with a directory of vassals."""

    def setUp(self) -> None:
        super().setUp()
        self.vassals = self.folder / "vassals"
        self.vassals.mkdir()

    def config(self, more: str = "") -> str:
        return f"emperor = {self.vassals}\nemperor-stats = {self.path('stats')}\n{more}\n"

    def reign(self, more: str = "", **arguments: Any) -> Daemon:
        """Start an emperor and wait until it keeps vassals."""
        daemon = self.launch(self.config(more), **arguments)
        daemon.wait_for(r"\*\*\* starting uWSGI Emperor \*\*\*")
        wait_until(lambda: self.statistics() is not None, "the emperor answers")
        return daemon

    def vassal(self, name: str = "a.ini", more: str = "", *, app: str = "probe.py") -> Path:
        """Write a configuration under another name and move it, as careful people do."""
        path = self.vassals / name
        new = self.folder / f"{name}.new"
        new.write_text(
            f"[uwsgi]\nsocket = {self.path(name.partition('.')[0])}.sock\nwsgi-file = {APPS / app}\n"
            f"need-app = true\nmaster = true\n{more}\n"
        )
        new.rename(path)
        return path

    def statistics(self) -> dict[str, Any] | None:
        """The document of the emperor; None where nobody answers."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            try:
                client.connect(self.path("stats"))
                text = b"".join(iter(lambda: client.recv(65536), b""))
            except OSError:
                return None
        found: dict[str, Any] = json.loads(text)
        return found

    def told(self) -> dict[str, Any]:
        """The document of the emperor, as soon as it answers: a new one may not yet."""
        return wait_until(self.statistics, "the emperor answers")

    def row(self, name: str = "a.ini") -> dict[str, Any] | None:
        """What the statistics say of a vassal; None where there is none."""
        document = self.statistics() or {"vassals": []}
        return next((row for row in document["vassals"] if row["id"] == name), None)

    def wait_row(self, name: str = "a.ini", **wanted: Any) -> dict[str, Any]:
        """Wait until the statistics say this of a vassal."""

        def look() -> dict[str, Any] | None:
            row = self.row(name)
            return row if row and all(row[key] == value for key, value in wanted.items()) else None

        return wait_until(look, f"{name} is {wanted}")

    def ask(self, name: str = "a") -> int:
        """The process of the worker that answers for a vassal."""
        answer = uwsgi_fetch(self.path(f"{name}.sock"), "/pid")
        self.assertEqual(answer.status, 200)
        return int(answer.body)

    def wait_answer(self, name: str = "a") -> int:
        """The same, as soon as somebody answers."""

        def look() -> int:
            try:
                data = talk(self.path(f"{name}.sock"), uwsgi_packet(request_vars("/pid")))
            except OSError:
                return 0
            if not data:  # of somebody who was killed with the request in hand
                return 0
            answer = parse_answer(data)
            self.assertEqual(answer.status, 200)
            return int(answer.body)

        return wait_until(look, f"{name} answers")

    def end(self, daemon: Daemon) -> None:
        """Stop everything; nobody is left."""
        daemon.signal(signal.SIGINT)
        self.assertEqual(daemon.wait(), 0, daemon.log())
        daemon.wait_for("The Emperor is buried")
        self.assertEqual(daemon.survivors(), [])

    def no_zombies(self, parent: psutil.Process) -> None:
        """Wait until a process has collected all of its children that ended."""
        wait_until(lambda: not any(map(is_leaving, parent.children())), f"no zombies of {parent}")

    def call_for_help(self) -> None:
        """Write the letter of a vassal that wants zergs into the pipe of its master."""
        fifo = Path(self.path("fifo"))
        wait_until(fifo.is_fifo, "the pipe of the master")  # uWSGI makes it after its workers
        fifo.write_text("B")

    def gone(self, pid: int) -> None:
        wait_until(lambda: not psutil.pid_exists(pid), f"process {pid} ends")


class Lives(EmperorCase):
    """Vassals that are forked from the nest, as they are by default."""

    def test_from_birth_to_ragnarok(self) -> None:
        """A file makes a vassal, its removal ends it, and the end of the emperor ends all."""
        daemon = self.reign()
        self.vassal("a.ini")
        self.wait_answer("a")
        self.vassal("b.ini")
        self.wait_answer("b")
        row = self.wait_row("a.ini")
        vassal = psutil.Process(row["pid"])
        self.assertEqual(vassal.ppid(), self.told()["pid"])
        # a steward that sleeps is where its emperor is
        self.assertEqual([child.cwd() for child in vassal.children()], [str(self.vassals)])
        (self.vassals / "a.ini").unlink()
        daemon.wait_for(r"\[emperor\] removed uwsgi instance a.ini")
        self.gone(row["pid"])
        self.ask("b")
        self.end(daemon)

    def test_loyal(self) -> None:
        """One request makes a vassal loyal."""
        daemon = self.reign()
        self.vassal()
        self.wait_answer()
        daemon.wait_for(LOYAL.format("a.ini"))
        self.wait_row(loyal=1, ready=1, accepting=1)
        self.end(daemon)

    def test_touch(self) -> None:
        """A touched configuration reloads the vassal, which stays the same process."""
        daemon = self.reign()
        path = self.vassal()
        worker = self.wait_answer()
        before = self.wait_row(ready=1)
        os.utime(path)
        daemon.wait_for(r"\[emperor\] reload the uwsgi instance a.ini")
        wait_until(lambda: self.wait_answer() != worker, "another worker answers")
        after = self.wait_row(ready=1)
        self.assertEqual((after["pid"], after["respawns"]), (before["pid"], 1))
        self.end(daemon)

    def test_changed(self) -> None:
        """A changed configuration counts after the reload."""
        daemon = self.reign()
        self.vassal()
        self.wait_answer()
        self.wait_row(ready=1)
        self.vassal(more="processes = 3")
        daemon.wait_for(r"spawned uWSGI worker 3 ")
        self.end(daemon)

    def test_a_crash(self) -> None:
        """A vassal whose master is killed is back, and nothing of the old one is left."""
        daemon = self.reign()
        self.vassal()
        worker = self.wait_answer()
        daemon.wait_for(LOYAL.format("a.ini"))
        before = self.wait_row()["pid"]
        os.kill(before, signal.SIGKILL)
        daemon.wait_for(r"\[emperor\] removed uwsgi instance a.ini")
        # the old one may have been about to answer when its master went
        wait_until(lambda: self.wait_answer() != worker, "another worker answers")
        self.assertNotEqual(self.wait_row()["pid"], before)
        self.gone(worker)
        self.end(daemon)

    def test_a_broken_configuration(self) -> None:
        """Vassals that end at once are throttled, and harm nobody; a mended one serves soon."""
        daemon = self.reign()
        self.vassal("good.ini")
        self.wait_answer("good")
        (self.vassals / "empty.ini").write_text("")
        (self.vassals / "binary.ini").write_bytes(bytes(range(256)) * 10)
        self.vassal("app.ini", app="none.py")
        daemon.wait_for(r"unloyal bad behaving vassal found: binary.ini throttling it...")
        document = self.told()
        self.assertIn("binary.ini", [item["id"] for item in document["blacklist"]])
        self.ask("good")
        self.vassal("binary.ini")
        self.wait_answer("binary")
        self.end(daemon)

    def test_the_emperor_is_killed(self) -> None:
        """A killed emperor leaves no vassal behind; its successor has them all again, once."""
        daemon = self.reign()
        self.vassal()
        worker = self.wait_answer()
        emperor = self.told()["pid"]
        os.kill(emperor, signal.SIGKILL)
        self.gone(worker)
        daemon.wait_for(r"uWSGI Emperor .* died, killed by signal 9")
        self.assertNotEqual(self.wait_answer(), worker)
        self.assertEqual(len(self.told()["vassals"]), 1)
        self.end(daemon)

    def test_the_nest_is_killed(self) -> None:
        """A killed nest is replaced, and no vassal notices."""
        daemon = self.reign()
        self.vassal("a.ini")
        worker = self.wait_answer("a")
        emperor = psutil.Process(self.told()["pid"])
        vassals = {row["pid"] for row in self.told()["vassals"]}
        (nest,) = [child for child in emperor.children() if child.pid not in vassals]
        nest.kill()
        daemon.wait_for(r"the nest .* making another one")
        self.vassal("b.ini")
        self.wait_answer("b")
        self.assertEqual(self.ask("a"), worker)
        self.end(daemon)

    def test_everything_is_killed(self) -> None:
        """When the master of the emperor is killed, nobody is left."""
        daemon = self.reign()
        self.vassal()
        self.wait_answer()
        daemon.signal(signal.SIGKILL)
        wait_until(lambda: not daemon.survivors(), "nobody is left")

    def test_a_directory_made_anew(self) -> None:
        """When the directory vanishes its vassals stay, and when it is back they are what is in it."""
        daemon = self.reign()
        self.vassal("a.ini")
        worker = self.wait_answer("a")
        self.vassals.rename(self.folder / "gone")
        daemon.wait_for(r"No such file or directory; its vassals stay as they are")
        self.assertEqual(self.ask("a"), worker)
        self.vassals.mkdir()
        self.vassal("b.ini")
        daemon.wait_for(r"removed uwsgi instance a.ini")
        self.wait_answer("b")
        self.end(daemon)

    def test_descriptors(self) -> None:
        """Twenty vassals that come and go leave no descriptor and no zombie with the emperor."""
        daemon = self.reign()
        self.vassal("a.ini")
        self.wait_answer("a")
        emperor = psutil.Process(self.told()["pid"])
        before = emperor.num_fds()  # with that of our question, perhaps
        for number in range(20):
            (self.vassals / f"x{number}.ini").write_text("[uwsgi]\nno-such-socket = 1\n")
        daemon.wait_for(r"removed uwsgi instance x", count=20)
        for number in range(20):
            (self.vassals / f"x{number}.ini").unlink()
        wait_until(lambda: emperor.num_fds() <= before, "all descriptors are closed")
        self.no_zombies(emperor)
        self.end(daemon)

    def test_standard_descriptors(self) -> None:
        """A vassal has its pipe besides what it opened itself: nothing of the emperor's, nor of others."""
        daemon = self.reign()
        self.vassal("a.ini")
        self.wait_answer("a")
        self.vassal("b.ini")
        self.wait_answer("b")
        links = [target for target, _ in descriptors(self.wait_row("b.ini")["pid"])]
        self.assertEqual([link for link in links if "inotify" in link], [])
        self.end(daemon)


class Kinds(EmperorCase):
    """Other ways to have a vassal."""

    def test_executed(self) -> None:
        """With emperor-exec each vassal is a fresh interpreter, which keeps its pid over a reload."""
        daemon = self.reign("emperor-exec = true")
        path = self.vassal()
        self.wait_answer()
        row = self.wait_row(ready=1)
        self.assertIn("--ini", psutil.Process(row["pid"]).cmdline())
        os.utime(path)
        self.wait_row(respawns=1, ready=1)
        self.wait_answer()
        self.assertEqual(self.wait_row()["pid"], row["pid"])
        self.end(daemon)

    def test_tyrant(self) -> None:
        """Under a tyrant a vassal is the owner of its file; root owns none."""
        requires("root")
        daemon = self.reign("emperor-tyrant = true")
        self.folder.chmod(0o777)
        path = self.vassal("a.ini")
        daemon.wait_for(r"\[emperor-tyrant\] invalid permissions for vassal a.ini")
        os.chown(path, 65534, 65534)
        daemon.wait_for(r"\[emperor-tyrant\] dropping privileges to 65534 65534 for instance a.ini")
        worker = self.wait_answer()
        status = Path(f"/proc/{worker}/status").read_text()
        self.assertRegex(status, r"Uid:\s+65534\s+65534\s+65534\s+65534")
        self.assertRegex(status, r"Groups:\s*\n")
        os.chown(path, 1, 1)
        daemon.wait_for(r"!!! permissions of file a.ini changed. stopping the instance... !!!")
        daemon.wait_for(r"dropping privileges to 1 1 for instance a.ini")
        self.end(daemon)

    def test_a_tyrant_and_an_unreadable_file(self) -> None:
        """A vassal whose file its owner may not read fails with the reason, and starts once it may."""
        requires("root")
        daemon = self.reign("emperor-tyrant = true\nemperor-throttle = 100")
        self.folder.chmod(0o777)
        hidden = self.folder / "hidden.ini"
        self.vassal("hidden.ini").rename(hidden)
        os.chown(hidden, 65534, 65534)
        hidden.chmod(0)
        hidden.rename(self.vassals / "hidden.ini")
        daemon.wait_for(r"unable to read hidden.ini: Permission denied")
        self.assertFalse(os.path.exists(self.path("hidden.sock")))
        (self.vassals / "hidden.ini").chmod(0o400)
        daemon.wait_for(r"spawned uWSGI worker 1 ")
        self.end(daemon)

    def test_on_demand(self) -> None:
        """A vassal on demand starts with its first client, and sleeps again when it is idle."""
        daemon = self.reign(f"emperor-on-demand-directory = {self.folder}")
        (self.vassals / "a.ini").write_text(
            f"[uwsgi]\nwsgi-file = {APPS / 'probe.py'}\nmaster = true\nidle = 1\ndie-on-idle = true\n"
        )
        row = self.wait_row(pid=-1)
        self.assertEqual(row["on_demand"], self.path("a.socket"))
        self.assertEqual(uwsgi_fetch(self.path("a.socket"), "/pid").status, 200)
        daemon.wait_for('back to "on demand" mode', seconds=60)
        self.wait_row(pid=-1)
        self.assertEqual(uwsgi_fetch(self.path("a.socket"), "/pid").status, 200)
        self.end(daemon)

    def test_namespaces(self) -> None:
        """With emperor-use-clone a vassal is pid 1 of its own, and has a name of its own."""
        requires("root")
        daemon = self.reign("emperor-use-clone = pid,uts,ipc,fs")
        self.vassal(more="exec-as-root = hostname foobar")
        worker = self.wait_answer()
        pid = self.wait_row()["pid"]
        self.assertIn("\t1\n", _status(pid, "NSpid"))
        own = os.readlink("/proc/self/ns/uts")
        self.assertNotEqual(os.readlink(f"/proc/{pid}/ns/uts"), own)
        self.assertNotEqual(socket.gethostname(), "foobar")
        self.assertLess(worker, 100)
        self.end(daemon)

    def test_zergs(self) -> None:
        """A vassal that calls for help gets zergs, as many as the option says."""
        daemon = self.reign("emperor-broodlord = 2", environ={"UWSGI_VASSAL_HELLO": "1"})
        self.vassal(
            more=f"master-fifo = {self.path('fifo')}\nzerg-server = {self.path('zerg')}\n"
            f"[zerg]\nzerg = {self.path('zerg')}\nmaster = true\nwsgi-file = {APPS / 'probe.py'}\n"
        )
        self.wait_answer()
        self.call_for_help()
        daemon.wait_for(r"going in broodlord mode: launching zergs for a.ini")
        self.wait_row("a.ini:zerg", zerg=1)
        (self.vassals / "a.ini").unlink()
        daemon.wait_for(r"removed uwsgi instance a.ini:zerg")
        self.end(daemon)


def _status(pid: int, key: str) -> str:
    """A line of ``/proc/PID/status``."""
    found = re.search(rf"^{key}:.*\n", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return found[0]
