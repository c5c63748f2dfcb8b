"""Unix signals in a worker: each in the meaning that operators of uWSGI know."""

from __future__ import annotations

import os
import signal
import socket

from tests.worker.family import Child, FamilyCase, read_body
from uwsgid.supervise.exits import Exit
from uwsgid.supervise.household import Household
from uwsgid.wire.control import Born, Fork, Leave, Loaded, Pause, Ready, Report, Resume

#: Says that it was called, then waits for a byte of a file, so that the test decides how long it takes.
SLOW = """
def application(environ, start_response):
    start_response("200 OK", [])
    if environ["PATH_INFO"] == "/slow":
        print("called", flush=True)
        with open({gate!r}, "rb") as gate:
            gate.read(1)
    return [b"done"]
"""


#: The same for what is done at its end.
LONG_END = """
import atexit

def end():
    print("at the end", flush=True)
    with open({gate!r}, "rb") as gate:
        gate.read(1)

atexit.register(end)
application = None
"""


class SignalCase(FamilyCase):
    source = SLOW

    def worker(self, lines: str = "") -> tuple[Household, Child]:
        """A worker that is ready."""
        self.gate = str(self.folder / "gate")
        if not os.path.exists(self.gate):
            os.mkfifo(self.gate)
        app = self.app(self.source.format(gate=self.gate))
        house = self.household(f"lazy-apps = 1\nwsgi-file = {app}\n{lines}")
        house.board.sit_down(0, 1, 1, 0.0)
        zygote = self.fork(house, "zygote")
        zygote.hear(Ready)
        zygote.hear(Loaded)
        worker = self.bear(zygote)
        worker.hear(Loaded)
        worker.hear(Ready)
        return house, worker

    def bear(self, zygote: Child) -> Child:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            zygote.say(Fork(1, "worker", 1, 0, 1), theirs.fileno())
        return self.keep(Child(zygote.hear(Born).pid, ours))

    def slow(self) -> socket.socket:
        """A client whose request is in progress."""
        client = self.ask("/slow")
        self.wait_for("called")
        return client

    def open_gate(self) -> None:
        """Let the slow request end."""
        with open(self.gate, "wb") as gate:
            gate.write(b"!")


class EndTests(SignalCase):
    source = LONG_END

    def test_again(self) -> None:
        """An end at once that is asked for again does not begin again."""
        _, worker = self.worker()
        worker.signal(signal.SIGINT)
        self.wait_for("at the end")
        worker.signal(signal.SIGINT)
        worker.signal(signal.SIGQUIT)
        self.open_gate()
        self.assertEqual(worker.wait(), Exit.END)
        self.assertEqual(self._said.count("at the end"), 1)


class GracefulTests(SignalCase):
    def test_idle(self) -> None:
        """HUP ends an idle worker with 17, TERM with 30."""
        for number, code in ((signal.SIGHUP, Exit.RELOAD), (signal.SIGTERM, Exit.END)):
            _, worker = self.worker()
            worker.signal(number)
            self.assertEqual(worker.wait(), code)

    def test_busy(self) -> None:
        """HUP and TERM let the request in progress end."""
        for number, code in ((signal.SIGHUP, Exit.RELOAD), (signal.SIGTERM, Exit.END)):
            self._said = ""
            _, worker = self.worker()
            client = self.slow()
            worker.signal(number)
            self.open_gate()
            self.assertEqual(read_body(client), b"done")
            self.assertEqual(worker.wait(), code)

    def test_at_once(self) -> None:
        """INT and QUIT cut the request in progress: 30."""
        for number in (signal.SIGINT, signal.SIGQUIT):
            self._said = ""
            _, worker = self.worker()
            client = self.slow()
            worker.signal(number)
            self.assertEqual(worker.wait(), Exit.END)
            self.assertEqual(read_body(client), b"")

    def test_leave(self) -> None:
        """The master's Leave lets the request in progress end: 30."""
        _, worker = self.worker()
        client = self.slow()
        worker.say(Leave("a reload"))
        self.open_gate()
        self.assertEqual(read_body(client), b"done")
        self.assertEqual(worker.wait(), Exit.END)

    def test_the_master_is_gone(self) -> None:
        """A worker whose master closed the talk leaves."""
        _, worker = self.worker()
        worker.channel.close()
        self.assertEqual(worker.wait(), Exit.END)


class NoiseTests(SignalCase):
    def test_harmless(self) -> None:
        """WINCH, URG, TTIN and TTOU end nobody."""
        _, worker = self.worker()
        for number in (signal.SIGWINCH, signal.SIGURG, signal.SIGTTIN, signal.SIGTTOU):
            worker.signal(number)
        self.assertEqual(self.fetch(), b"done")

    def test_statistics(self) -> None:
        """USR1, and Report of the master, tell what the worker has done."""
        _, worker = self.worker()
        self.assertEqual(self.fetch(), b"done")
        worker.signal(signal.SIGUSR1)
        self.wait_for("worker 1 total requests: 1")
        self.wait_for("exceptions: 0 sent: ")
        worker.say(Report())
        self.wait_for("worker 1 total requests: 1", count=2)

    def test_stuck(self) -> None:
        """USR2 shows where a worker is that is stuck, and the worker goes on."""
        _, worker = self.worker()
        client = self.slow()
        worker.signal(signal.SIGUSR2)
        self.wait_for("most recent call first")
        self.wait_for("in application")
        self.open_gate()
        self.assertEqual(read_body(client), b"done")

    def test_segfault(self) -> None:
        """A crash in a library leaves the stack in the log."""
        _, worker = self.worker()
        worker.signal(signal.SIGSEGV)
        self.assertEqual(worker.wait(), -signal.SIGSEGV)
        self.wait_for("Segmentation fault")


class PauseTests(SignalCase):
    def test_tstp(self) -> None:
        """TSTP suspends: who comes then waits until the next one."""
        house, worker = self.worker()
        worker.signal(signal.SIGTSTP)
        self.wait_for("*** worker 1 suspended ***")
        self.assertEqual(house.board.paused[0], 1)
        client = self.ask()
        worker.signal(signal.SIGTSTP)
        self.wait_for("*** worker 1 resumed ***")
        self.assertEqual(read_body(client), b"done")
        self.assertEqual(house.board.paused[0], 0)

    def test_the_master_says_so(self) -> None:
        """Pause and Resume do the same, and say nothing where nothing changes."""
        _, worker = self.worker()
        worker.say(Pause())
        worker.say(Pause())
        self.wait_for("*** worker 1 suspended ***")
        client = self.ask()
        worker.say(Resume())
        self.assertEqual(read_body(client), b"done")
        self.assertEqual(self.said().count("suspended"), 1)

    def test_a_paused_worker_leaves(self) -> None:
        """Who is paused still hears that it is time to go."""
        _, worker = self.worker()
        worker.signal(signal.SIGTSTP)
        self.wait_for("suspended")
        worker.signal(signal.SIGHUP)
        self.assertEqual(worker.wait(), Exit.RELOAD)
