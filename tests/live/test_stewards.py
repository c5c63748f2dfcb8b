"""Vassals that are two processes: a steward, and the one worker that it is the master of."""

from __future__ import annotations

import os
import signal
import socket
import threading
from typing import Final

import psutil

from tests.live.clients import Load, is_listening
from tests.live.support import Daemon, request_vars, talk, uwsgi_fetch, uwsgi_packet, wait_until
from tests.live.test_emperor import EmperorCase

#: An application that shows what Python knows of its process, and starts a thread at its import.
FACTS: Final = """
import os, random, threading, uwsgi

threading.Thread(target=threading.Event().wait, daemon=True).start()
first = random.random()

def application(environ, start_response):
    start_response("200 OK", [])
    main = threading.main_thread()
    facts = (
        main.native_id == os.getpid(), threading.current_thread() is main, threading.active_count(),
        uwsgi.masterpid() == os.getppid(), uwsgi.worker_id(), first,
    )
    return [repr(facts).encode()]
"""

#: An application that leaves a grandchild behind, which ends soon, and can reload and stop its instance.
ORPHANS: Final = """
import os, subprocess, uwsgi

def application(environ, start_response):
    start_response("200 OK", [])
    path = environ["PATH_INFO"]
    if path == "/orphan":
        subprocess.run(["sh", "-c", "sleep 0.2 &"])
    elif path == "/reload":
        uwsgi.reload()
    elif path == "/stop":
        uwsgi.stop()
    elif path == "/reloads":
        return [os.environ["UWSGI_RELOADS"].encode()]
    return [str(os.getpid()).encode()]
"""


class Stewards(EmperorCase):
    """What becomes of such a vassal."""

    def steward(self) -> psutil.Process:
        """The steward of the only vassal."""
        return psutil.Process(self.wait_row(ready=1)["pid"])

    def family(self, steward: psutil.Process) -> list[str]:
        """The short names of its children."""
        return sorted(child.name() for child in steward.children())

    def application(self, name: str, text: str) -> None:
        """Have a vassal with this application."""
        module = self.folder / f"{name}.py"
        module.write_text(text)
        new = self.folder / "a.new"
        new.write_text(f"[uwsgi]\nsocket = {self.path('a.sock')}\nwsgi-file = {module}\nneed-app = true\n")
        new.rename(self.vassals / "a.ini")
        wait_until(lambda: is_listening(self.path("a.sock")), "the socket is there")

    def begin(self, more: str = "") -> tuple[Daemon, psutil.Process, int]:
        """An emperor, the steward of its vassal, and that one's worker."""
        daemon = self.reign()
        self.vassal(more=more)
        worker = self.wait_answer()
        return daemon, self.steward(), worker

    def test_two_processes(self) -> None:
        """The worker is the steward's only child; their names and lines are those of master and worker."""
        daemon, steward, worker = self.begin()
        self.assertEqual((steward.name(), self.family(steward)), ("uwsgid master", ["uwsgid worker 1"]))
        self.assertEqual(steward.children()[0].pid, worker)
        for line in (
            rf"spawned uWSGI master process \(pid: {steward.pid}\)",
            rf"spawned uWSGI worker 1 \(pid: {worker}, cores: 1\)",
            r"\*\*\* has_emperor mode detected",
            r"vassal a.ini is now loyal",
        ):
            daemon.wait_for(line)
        self.end(daemon)

    def test_facts(self) -> None:
        """Python in the worker is what it is after a fork: its own thread, and random numbers of its own."""
        daemon = self.reign()
        found = []
        for _ in range(2):
            self.application("facts", FACTS)
            wait_until(lambda: self.row() and self.wait_row(ready=1), "the vassal is ready")
            own, main, threads, master, number, first = eval(uwsgi_fetch(self.path("a.sock")).body)
            self.assertEqual((own, main, threads, master, number), (True, True, 2, True, 1))
            found.append(first)
            (self.vassals / "a.ini").unlink()
            daemon.wait_for("removed uwsgi instance a.ini", count=len(found))
        self.assertNotEqual(*found)
        self.end(daemon)

    def test_crash(self) -> None:
        """After a crash another worker is there, and only who was being served has lost anything."""
        daemon, steward, worker = self.begin()
        with Load(self.path("a.sock"), clients=2) as load:
            for number in range(3):
                load.wait_for_more(5)
                os.kill(worker, signal.SIGKILL)
                daemon.wait_for(rf"DAMN ! worker 1 \(pid: {worker}\) died, killed by signal 9")
                daemon.wait_for(r"Respawned uWSGI worker 1 ", count=number + 1)
                worker = self.wait_answer()
        self.assertLessEqual(len(load.failures), 3 * 2, load.failures)
        self.assertEqual((self.steward().pid, self.family(steward)), (steward.pid, ["uwsgid worker 1"]))
        self.end(daemon)

    def test_reload(self) -> None:
        """A reload refuses nobody and leaves nothing open, by a touch and by HUP."""
        daemon, steward, worker = self.begin()
        descriptors: list[int] = []
        with Load(self.path("a.sock"), clients=2) as load:
            for number in range(1, 9):
                load.wait_for_more(5)
                if number % 2:
                    os.utime(self.vassals / "a.ini")
                else:
                    steward.send_signal(signal.SIGHUP)
                daemon.wait_for(r"worker 1 buried after \d seconds", count=number)
                descriptors.append(steward.num_fds())
        self.assertEqual(load.failures, [], daemon.log())
        self.assertNotEqual(self.ask(), worker)
        self.assertEqual(self.family(steward), ["uwsgid worker 1"])
        self.assertEqual(set(descriptors[1:]), {descriptors[1]}, descriptors)
        self.end(daemon)

    def test_worker_inherits_nothing(self) -> None:
        """After a reload the worker has the descriptors that the first one had."""
        daemon, steward, worker = self.begin()

        def kinds(pid: int) -> list[str]:
            folder = f"/proc/{pid}/fd"
            names = (os.readlink(f"{folder}/{fd}").partition("[")[0] for fd in os.listdir(folder))
            return sorted(name.replace(f"/{pid}/", "/0/") for name in names)

        daemon.wait_for("is now loyal")
        before = wait_until(lambda: kinds(worker), "its descriptors")
        for number in (1, 2):
            steward.send_signal(signal.SIGHUP)
            daemon.wait_for(r"worker 1 buried after", count=number)
        worker = self.ask()
        wait_until(lambda: kinds(worker) == before, f"{kinds(worker)} is {before}")
        self.end(daemon)

    def test_reload_that_fails(self) -> None:
        """An application that can not be loaded any more changes nothing."""
        daemon = self.reign()
        self.application("own", ORPHANS)
        worker = int(uwsgi_fetch(self.path("a.sock")).body)
        (self.folder / "own.py").write_text("raise RuntimeError('no')\n")
        self.steward().send_signal(signal.SIGHUP)
        daemon.wait_for(r"\*\*\* reload failed: .*; the instance goes on with the old one \*\*\*")
        self.assertEqual(int(uwsgi_fetch(self.path("a.sock")).body), worker)
        (self.folder / "own.py").write_text(ORPHANS)
        uwsgi_fetch(self.path("a.sock"), "/reload")
        daemon.wait_for(r"worker 1 buried after")
        self.assertNotEqual(int(uwsgi_fetch(self.path("a.sock")).body), worker)
        self.assertEqual(uwsgi_fetch(self.path("a.sock"), "/reloads").body, b"1")
        self.end(daemon)

    def test_becomes_a_master(self) -> None:
        """A configuration that wants a master has one, in the same process, and clients wait meanwhile."""
        daemon, steward, _ = self.begin()
        with Load(self.path("a.sock"), clients=2) as load:
            load.wait_for(5)
            self.vassal(more="processes = 2")
            daemon.wait_for("the configuration changed: starting anew with it")
            daemon.wait_for(r"spawned uWSGI worker 2 ")
            load.wait_for_more(5)
        self.assertEqual(load.failures, [], daemon.log())
        self.assertEqual(self.steward().pid, steward.pid)
        wait_until(lambda: self.family(steward).count("uwsgid worker 2") == 1, "a second worker")
        self.assertIn("uwsgid seed", self.family(steward))
        self.end(daemon)

    def test_has_a_master_from_the_start(self) -> None:
        """So has one that wants it at once: its lines are there once, and it is no reload."""
        daemon, steward, _ = self.begin("harakiri = 30")
        wait_until(lambda: len(self.family(steward)) > 1, "a zygote or a seed")
        self.assertEqual(daemon.seen(rf"spawned uWSGI master process \(pid: {steward.pid}\)"), 1)
        self.assertEqual(daemon.seen(r"\(RE\)spawned"), 0)
        self.end(daemon)

    def test_stop(self) -> None:
        """A vassal whose file is gone finishes its request, removes its socket and says goodbye."""
        daemon, steward, worker = self.begin("vacuum = true")
        answers: list[bytes] = []
        asking = threading.Thread(
            target=lambda: answers.append(
                talk(self.path("a.sock"), uwsgi_packet({**request_vars("/sleep"), "QUERY_STRING": "s=1"}))
            )
        )
        asking.start()
        wait_until(lambda: psutil.Process(worker).status() == "sleeping", "the request is there")
        steward.send_signal(signal.SIGTERM)
        daemon.wait_for("graceful shutdown triggered")
        daemon.wait_for("VACUUM: unix socket .*a.sock removed")
        asking.join(30)
        self.assertEqual(len(answers), 1)
        self.assertTrue(answers[0].startswith(b"HTTP/1.1 200"), answers)
        self.end(daemon)

    def test_stop_by_the_application(self) -> None:
        """``uwsgi.stop()`` ends the vassal, and its emperor starts it again."""
        daemon = self.reign()
        self.application("own", ORPHANS)
        steward = self.steward()
        uwsgi_fetch(self.path("a.sock"), "/stop")
        daemon.wait_for("goodbye to uWSGI")
        wait_until(lambda: (self.row() or {"pid": steward.pid})["pid"] != steward.pid, "another process")
        self.end(daemon)

    def test_signals(self) -> None:
        """It pauses, tells statistics and counts workers as a master does."""
        daemon, steward, _ = self.begin()
        for number, line in (
            (signal.SIGTTIN, "there is no slot for another worker"),
            (signal.SIGTTOU, "the last worker stays"),
            (signal.SIGTSTP, r"\*\*\* PAUSE"),
        ):
            steward.send_signal(number)
            daemon.wait_for(line)
        # it hears of the pause a moment after the line
        client = wait_until(self.unanswered, "nobody is served")
        with client:
            steward.send_signal(signal.SIGTSTP)
            daemon.wait_for("resuming workers")
            client.settimeout(30)
            self.assertTrue(client.recv(65536).startswith(b"HTTP/1.1 200"))
        for ignored in (signal.SIGUSR2, signal.SIGWINCH, signal.SIGALRM):
            steward.send_signal(ignored)
        self.ask()
        self.end(daemon)

    def unanswered(self) -> socket.socket | None:
        """A client that asks, and is not answered soon; None where it is."""
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(1)
        client.connect(self.path("a.sock"))
        client.sendall(uwsgi_packet(request_vars("/pid")))
        try:
            client.recv(1)
        except TimeoutError:
            return client
        client.close()
        return None

    def test_orphans(self) -> None:
        """Whoever an application leaves behind is buried."""
        daemon = self.reign()
        self.application("own", ORPHANS)
        steward = self.steward()
        uwsgi_fetch(self.path("a.sock"), "/orphan")
        daemon.wait_for(r"subprocess \d+ exited with code 0")
        self.no_zombies(steward)
        self.end(daemon)

    def test_nobody_stays(self) -> None:
        """A steward that is killed takes its worker with it, and the emperor has another vassal."""
        daemon, steward, worker = self.begin()
        steward.kill()
        wait_until(lambda: not psutil.pid_exists(worker), "the worker is gone")
        wait_until(lambda: (self.row() or {"pid": steward.pid})["pid"] != steward.pid, "another process")
        self.assertNotEqual(self.wait_answer(), worker)
        self.end(daemon)

    def test_memory(self) -> None:
        """A steward has next to nothing of its own."""
        daemon, steward, _ = self.begin()
        self.assertLess(steward.memory_full_info().uss, 4 << 20)
        self.end(daemon)
