"""The manhole of a running instance: by ``uwsgid manhole``, in a terminal and a pipe, and by the real ssh."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shlex
import shutil
import signal
import stat
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.live.support import (
    PATIENCE,
    ROOT,
    SPAWNED,
    Daemon,
    LiveCase,
    free_port,
    requires,
    talk,
    uwsgi_fetch,
    wait_until,
)
from tests.live.test_examples import ExampleCase

ATTACH: Final = (sys.executable, "-m", "uwsgid", "manhole")
#: What a terminal obeys and does not show.
SEQUENCES: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
PROMPT: Final = r">>> $"


class Terminal:
    """A program in a pty of its own, as a person sees it."""

    def __init__(self, command: Sequence[str], environ: dict[str, str] | None = None) -> None:
        self.keyboard, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(inside)
        self.process = subprocess.Popen(
            command,
            stdin=inside,
            stdout=inside,
            stderr=inside,
            start_new_session=True,
            env={**os.environ, **(environ or {})},
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 1),
        )
        self.inside = inside  # so that what was shown can be read after the program ended
        self.shown = ""

    def text(self) -> str:
        """What was shown since it was last looked at, without what moves the cursor."""
        return re.sub(r"\r+\n", "\n", SEQUENCES.sub("", self.shown)).replace("\r", "")

    def expect(self, pattern: str) -> str:
        """Wait until what is shown matches; all that was shown until then."""
        expression = re.compile(pattern)
        end = time.monotonic() + PATIENCE
        while not expression.search(self.text()):
            left = end - time.monotonic()
            ready = select.select([self.keyboard], [], [], max(0, left))[0]
            if not ready:
                raise AssertionError(f"waited in vain for {pattern!r}, saw {self.shown!r}")
            self.shown += os.read(self.keyboard, 65536).decode("utf-8", "replace")
        found, self.shown = self.text(), ""
        return found

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self.keyboard, text.encode())

    def ask(self, line: str) -> str:
        """Enter a line, and return what is shown until the next prompt."""
        self.type(line + "\r")
        return self.expect(r"\n(.*\n)*>>> $")

    def resize(self, columns: int) -> None:
        """Make the window wider or narrower."""
        fcntl.ioctl(self.inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def is_as_before(self) -> bool:
        """Whether the terminal is in the mode in which the program found it."""
        return termios.tcgetattr(self.inside) == self.before

    def close(self) -> None:
        """End the program, and the terminal."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.keyboard)
        os.close(self.inside)


class ManholeCase(LiveCase):
    """An instance with a manhole."""

    def setUp(self) -> None:
        super().setUp()
        self.hole = self.path("site.hole")

    def start(self, more: str = "", *, workers: int = 2) -> Daemon:
        return self.serve(
            self.probe_config(workers=workers, more=f"manhole = unix:{self.hole}\n{more}"), workers=workers
        )

    def attach(self, *words: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """``uwsgid manhole`` with *text* at its standard input."""
        return subprocess.run(
            [*ATTACH, *words],
            input=text or "",
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env=self.environ(),
        )

    def ask(self, code: str, worker: int = 0) -> str:
        """What the manhole answers to *code*, without the program in between."""
        path = f"{self.hole}.worker{worker}" if worker else self.hole

        def ask() -> bytes:
            try:
                return talk(path, b"\0" + code.encode() + b"\nexit()\n")
            except (FileNotFoundError, ConnectionRefusedError):
                return b""

        # a worker opens its own shortly before it accepts
        said = wait_until(ask, path).decode()
        self.verdict = said[-1:]
        return said[:-2]

    def environ(self) -> dict[str, str]:
        pythonpath = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        return {**os.environ, "PYTHONPATH": pythonpath}

    def terminal(self, *command: str) -> Terminal:
        """A program in a terminal, which ends with the test."""
        terminal = Terminal(command, self.environ())
        self.addCleanup(terminal.close)
        return terminal


class PipeTests(ManholeCase):
    """``uwsgid manhole`` where there is no terminal."""

    def test_lines_and_orders(self) -> None:
        """Lines are run in the master, answers printed, each line is logged, and orders are carried out."""
        daemon = self.start()
        self.assertEqual(stat.S_IMODE(os.stat(self.hole).st_mode), 0o600)
        done = self.attach(
            self.path("site.ini"),
            text="master.pid\nfor worker in workers:\n    print(worker.slot, worker.status)\n"
            "settings.processes\n",
        )
        self.assertEqual(done.stdout, f"{daemon.pid}\n1 idle\n2 idle\n2\n")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        daemon.wait_for(rf"manhole session 1: root \(uid 0, pid \d+\) at unix:{self.hole}")
        daemon.wait_for(r"manhole session 1>     print\(worker.slot, worker.status\)")
        daemon.wait_for("manhole session 1: over")

        self.assertEqual(self.attach(f"unix:{self.hole}", "-c", "reload()").returncode, 0)
        daemon.wait_for("worker [12] buried", count=2)
        self.assertEqual(self.ask("print(workers[1].generation, master.reloads)"), "2 1\n")

        pid = int(self.ask("workers[2].pid; workers[2].kill()"))
        daemon.wait_for(rf"DAMN ! worker 2 \(pid: {pid}\) died")
        daemon.wait_for(r"Respawned uWSGI worker 2", count=2)

        self.ask("stop()")
        self.assertEqual(daemon.wait(), 0)
        self.assertFalse(os.path.lexists(self.hole))

    def test_mistakes(self) -> None:
        """A statement that fails shows its traceback, is the last that is run, and harms nobody."""
        daemon = self.start()
        done = self.attach(self.hole, text="1/0\nprint('not run')\n")
        self.assertIn("ZeroDivisionError", done.stdout)
        self.assertNotIn("not run", done.stdout)
        self.assertEqual(done.returncode, 1)
        for code, verdict in (("def f(", "1"), ("raise SystemExit(3)", "0"), ("input()", "1")):
            self.ask(code)
            self.assertEqual(self.verdict, verdict, code)
        self.assertEqual(len(self.attach(self.hole, "-c", "print('x' * 5_000_000)").stdout), 5_000_001)
        self.assertEqual(uwsgi_fetch(self.path("app.sock"), "/pid").status, 200)
        self.assertEqual(daemon.seen("DAMN|Traceback"), 0, daemon.log())

    def test_nobody_answers(self) -> None:
        """Where there is no manhole the exit code is 2, and the text says what to try."""
        done = self.attach(f"unix:{self.hole}")
        self.assertEqual(done.returncode, 2)
        self.assertIn("is the instance running", done.stderr)

    def test_others_are_kept_out(self) -> None:
        """Another user can not connect, and is refused by his credentials where the mode would let him."""
        requires("root")
        daemon = self.start()
        code = (
            "import os, socket, sys\n"
            "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
            "one = socket.socket(socket.AF_UNIX)\n"
            "try:\n    one.connect(sys.argv[1])\nexcept PermissionError:\n    print('kept out')\n"
            "else:\n    print(one.recv(100))\n"
        )
        command = [sys.executable, "-c", code, self.hole]
        self.assertEqual(subprocess.check_output(command, text=True, timeout=PATIENCE), "kept out\n")
        os.chmod(self.hole, 0o666)
        self.assertEqual(subprocess.check_output(command, text=True, timeout=PATIENCE), "b''\n")
        daemon.wait_for(
            r"manhole: refused nobody \(uid 65534, pid \d+\) .*: only root and the user of the instance"
        )

    def test_after_privileges_were_dropped(self) -> None:
        """The socket belongs to the user of the instance, whose statements run as that user."""
        requires("root")
        self.folder.chmod(0o777)
        self.start("uid = nobody\ngid = nogroup")
        self.assertEqual(os.stat(self.hole).st_uid, 65534)
        self.assertEqual(self.ask("import os; os.getuid(), master.user"), "(65534, 65534)\n")

    def test_a_new_image(self) -> None:
        """A reload by exec tells sessions, takes the socket away and makes it again."""
        daemon = self.start()
        terminal = self.terminal(*ATTACH, self.hole)
        terminal.expect(PROMPT)
        terminal.type("master.reload_brutally()\r")
        terminal.expect("the instance becomes a new process image")
        self.assertEqual(terminal.process.wait(PATIENCE), 0)
        self.assertTrue(terminal.is_as_before())
        daemon.wait_for(SPAWNED, count=4)
        self.assertEqual(self.ask("master.pid"), f"{daemon.pid}\n")


class TerminalTests(ManholeCase):
    """``uwsgid manhole`` in a terminal."""

    def test_a_session(self) -> None:
        """There is a greeting, an answer, a history, completion, and afterwards the terminal as it was."""
        daemon = self.start()
        terminal = self.terminal(*ATTACH, self.path("site.ini"))
        self.assertIn(f"the master (pid {daemon.pid})", terminal.expect(PROMPT))
        self.assertFalse(terminal.is_as_before())
        self.assertIn("\n42\n", terminal.ask("6 * 7"))
        # up, and a change of what was entered: home, delete, 9
        terminal.type("\x1b[A\x1b[H\x1b[3~9")
        self.assertIn("\n63\n", terminal.ask(""))
        self.assertIn("\n2\n", terminal.ask("workers[2].sl\t"))
        terminal.type("master.rel\t\t")
        self.assertIn("reload_workers", terminal.expect("reload_chain(.*\n)*>>> master.reload$"))
        terminal.type("\x03")
        terminal.expect(PROMPT)
        self.assertIn("ZeroDivisionError", terminal.ask("1/0"))
        terminal.type("for n in range(2):\r")
        terminal.expect(r"\.\.\. $")
        terminal.type("    n\r")
        terminal.expect(r"\.\.\. $")
        self.assertIn("\n0\n1\n", terminal.ask(""))
        terminal.resize(40)
        os.kill(terminal.process.pid, signal.SIGWINCH)
        self.assertIn("é" * 60, terminal.ask(f"print({'é' * 60!r})").replace("\n", ""))
        self.assertIn(r"\x1b[2J", terminal.ask("print(chr(27) + '[2J')"))
        daemon.wait_for("manhole session 1> print")
        terminal.type("\x04")
        self.assertEqual(terminal.process.wait(PATIENCE), 0)
        self.assertTrue(terminal.is_as_before())
        daemon.wait_for(r"manhole session 1: over \(left\)")

    def test_an_end_by_force(self) -> None:
        """The terminal is as before also after a signal, and when Ctrl-] leaves who does not answer."""
        self.start()
        terminal = self.terminal(*ATTACH, self.hole)
        terminal.expect(PROMPT)
        terminal.process.send_signal(signal.SIGTERM)
        self.assertEqual(terminal.process.wait(PATIENCE), 128 + signal.SIGTERM)
        self.assertTrue(terminal.is_as_before())
        terminal = self.terminal(*ATTACH, self.hole)
        terminal.expect(PROMPT)
        terminal.type("import time; time.sleep(2)\r")
        terminal.type("\x1d")
        self.assertEqual(terminal.process.wait(PATIENCE), 0)
        self.assertTrue(terminal.is_as_before())


class WorkerTests(ManholeCase):
    """The manholes of workers."""

    def test_a_worker(self) -> None:
        """Each worker has one, with its own names, in every generation; none is left behind."""
        daemon = self.start("manhole-workers = true")
        pid, slot, known = map(
            int, self.ask("import os\nos.getpid()\nworker.slot\nuwsgi.worker_id()", 2).split()
        )
        self.assertEqual(stat.S_IMODE(os.stat(f"{self.hole}.worker2").st_mode), 0o600)
        daemon.wait_for(r"manhole session \d+ of worker 2> worker.slot")
        self.assertEqual((slot, known), (2, 2))
        self.assertEqual(self.ask("workers[2].pid"), f"{pid}\n")
        done = self.attach("--worker", "1", self.hole, "-c", "apps[0].callable; threads()")
        self.assertIn("function", done.stdout)
        self.assertIn("MainThread:", done.stdout)

        self.ask("reload()")
        daemon.wait_for("worker [12] buried", count=2)
        self.assertEqual(self.ask("worker.generation, worker.requests", 2), "(2, 0)\n")
        done = self.attach("--worker", "3", self.hole)
        self.assertEqual(done.returncode, 2)
        self.assertIn("manhole-workers", done.stderr)

        os.kill(int(self.ask("workers[1].pid")), signal.SIGKILL)
        daemon.wait_for("Respawned uWSGI worker 1", count=2)
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(), 0)
        self.assertEqual([path.name for path in self.folder.iterdir() if ".hole" in path.name], [])

    def test_an_endless_loop(self) -> None:
        """Ctrl-C ends a statement of a worker that runs for ever, while the worker serves."""
        self.start("manhole-workers = true", workers=1)
        self.assertEqual(self.ask("worker.slot", 1), "1\n")
        terminal = self.terminal(*ATTACH, "--worker", "1", self.hole)
        self.assertIn("worker 1 (pid", terminal.expect(PROMPT))
        terminal.type("while True: pass\r")
        terminal.expect(r"\.\.\. $")
        terminal.type("\r")
        self.assertEqual(uwsgi_fetch(self.path("app.sock"), "/pid").status, 200)
        terminal.type("\x03")
        terminal.expect(r"KeyboardInterrupt\n>>> $")
        self.assertIn("\n2\n", terminal.ask("1 + 1"))

    def test_other_loops(self) -> None:
        """Workers with threads, and those that run a reactor, have one as well."""
        for more in ("threads = 3", "loop = reactor"):
            daemon = self.start(f"manhole-workers = true\n{more}", workers=1)
            self.assertEqual(self.ask("worker.slot", 1), "1\n")
            daemon.signal(signal.SIGINT)
            daemon.wait()


class SshTests(ManholeCase):
    """The real ssh client."""

    def setUp(self) -> None:
        super().setUp()
        requires("ssh", "ssh-keygen")
        self.port = free_port()
        for name in ("alice", "mallory"):
            command = [
                "ssh-keygen",
                "-q",
                "-t",
                "ed25519",
                "-N",
                "",
                "-C",
                f"{name}@example",
                "-f",
                self.path(name),
            ]
            subprocess.run(command, check=True, timeout=PATIENCE)
        Path(self.path("keys")).write_text("# ours\n" + Path(self.path("alice.pub")).read_text())

    def start_ssh(self, more: str = "") -> Daemon:
        return self.serve(
            self.probe_config(
                more=f"manhole = ssh:127.0.0.1:{self.port}\nmanhole-keys = {self.path('keys')}\n"
                f"manhole-host-key = {self.path('host_key')}\n{more}"
            ),
            workers=2,
        )

    def ssh(self, key: str, *more: str, user: str = "operator") -> list[str]:
        """The command of a client that has *key*, and wants to be *user* there."""
        options = (
            f"UserKnownHostsFile={self.path('known_hosts')}",
            "GlobalKnownHostsFile=/dev/null",
            "StrictHostKeyChecking=accept-new",
            "IdentitiesOnly=yes",
            "IdentityAgent=none",
            "LogLevel=ERROR",
        )
        words = [word for option in options for word in ("-o", option)]
        return [
            "ssh",
            "-F",
            "none",
            *words,
            "-i",
            self.path(key),
            "-l",
            user,
            "-p",
            str(self.port),
            *more,
        ]

    def run_ssh(self, *command: str, text: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, input=text, capture_output=True, text=True, timeout=PATIENCE)

    def test_a_session(self) -> None:
        """A key that is authorised gets a prompt with history, completion and orders; all of it is logged."""
        daemon = self.start_ssh()
        self.assertEqual(stat.S_IMODE(os.stat(self.path("host_key")).st_mode), 0o600)
        terminal = self.terminal(*self.ssh("alice", "127.0.0.1"))
        self.assertIn(f"the master (pid {daemon.pid})", terminal.expect(PROMPT))
        daemon.wait_for(
            r"manhole session 1: operator with key SHA256:\S+ \(alice@example\) from 127.0.0.1 port \d+ "
            rf"at ssh:127.0.0.1:{self.port}"
        )
        self.assertIn(f"\n{daemon.pid}\n", terminal.ask("mas\t.pi\t"))
        self.assertIn(f"\n{daemon.pid}\n", terminal.ask("\x1b[A"))
        terminal.resize(100)
        terminal.ask("reload()")
        daemon.wait_for("worker [12] buried", count=2)
        daemon.wait_for(r"manhole session 1> reload\(\)")
        self.assertIn("\n2\n", terminal.ask("master.generation"))
        terminal.type("\x04")
        self.assertEqual(terminal.process.wait(PATIENCE), 0)
        daemon.wait_for(r"manhole session 1: over \(left\)")
        self.assertEqual(daemon.seen("Traceback|channel|remote error|connection lost"), 0, daemon.log())

    def test_commands_and_pipes(self) -> None:
        """A command is run and its exit code told; lines come through a pipe as well."""
        daemon = self.start_ssh()
        done = self.run_ssh(*self.ssh("alice", "127.0.0.1", "--", "master.pid"))
        self.assertEqual((done.stdout, done.returncode), (f"{daemon.pid}\n", 0))
        done = self.run_ssh(*self.ssh("alice", "127.0.0.1", "--", "1/0"))
        self.assertIn("ZeroDivisionError", done.stdout)
        self.assertEqual(done.returncode, 1)
        done = self.run_ssh(*self.ssh("alice", "-T", "127.0.0.1"), text="print('x' * 4_000_000)\n2 + 2\n")
        self.assertEqual((len(done.stdout), done.returncode), (4_000_003, 0))

    def test_a_worker(self) -> None:
        """User worker2 is at the prompt of worker 2, with all that a prompt has; all of it is logged."""
        daemon = self.start_ssh("manhole-workers = true")
        terminal = self.terminal(*self.ssh("alice", "127.0.0.1", user="worker2"))
        greeting = re.search(r"worker 2 \(pid (\d+)\)", terminal.expect(PROMPT))
        assert greeting is not None
        pid = int(greeting[1])
        who = r"worker2 with key SHA256:\S+ \(alice@example\) from 127.0.0.1 port \d+ "
        place = rf"at ssh:127.0.0.1:{self.port}"
        daemon.wait_for(rf"manhole session 1 for worker 2: {who}{place}")
        daemon.wait_for(rf"manhole session 1 of worker 2: {who}{place}")
        self.assertIn(f"\n{pid}\n", terminal.ask("work\t.pi\t"))
        self.assertIn(f"\n{pid}\n", terminal.ask("\x1b[A"))
        daemon.wait_for(r"manhole session 1 of worker 2> worker.pid", count=2)
        terminal.resize(40)
        os.kill(terminal.process.pid, signal.SIGWINCH)
        self.assertIn("é" * 60, terminal.ask(f"print({'é' * 60!r})").replace("\n", ""))
        # an endless statement, which the worker serves beside and Ctrl-C ends
        terminal.type("while True: pass\r")
        terminal.expect(r"\.\.\. $")
        terminal.type("\r")
        self.assertEqual(uwsgi_fetch(self.path("app.sock"), "/pid").status, 200)
        terminal.type("\x03")
        terminal.expect(r"KeyboardInterrupt\n>>> $")
        terminal.type("\x04")
        self.assertEqual(terminal.process.wait(PATIENCE), 0)
        daemon.wait_for(r"manhole session 1 of worker 2: over \(left\)")
        daemon.wait_for(r"manhole session 1 for worker 2: over \(left\)")

        done = self.run_ssh(*self.ssh("alice", "127.0.0.1", "--", "worker.slot; apps[0]", user="worker1"))
        self.assertEqual((done.stdout.splitlines()[0], done.returncode), ("1", 0), done.stderr)
        done = self.run_ssh(*self.ssh("alice", "127.0.0.1", "--", "1/0", user="worker1"))
        self.assertIn("ZeroDivisionError", done.stdout)
        self.assertEqual(done.returncode, 1)
        lines = "print('x' * 4_000_000)\n" + "0\n" * 100 + "2 + 2\n"
        done = self.run_ssh(*self.ssh("alice", "-T", "127.0.0.1", user="worker2"), text=lines)
        self.assertEqual((len(done.stdout), done.stdout[-4:], done.returncode), (4_000_203, "0\n4\n", 0))
        done = self.run_ssh(*self.ssh("alice", "127.0.0.1", "--", "1", user="worker3"))
        self.assertEqual((done.stdout, done.returncode), ("*** there are workers 1 to 2, and no 3 ***\n", 2))
        stranger = self.ssh("mallory", "-o", "BatchMode=yes", "127.0.0.1", "--", "1", user="worker1")
        self.assertEqual(self.run_ssh(*stranger).returncode, 255)
        daemon.wait_for(r"manhole: refused worker1 with key SHA256:\S+ from .*not in manhole-keys")
        # the master's own prompt is where it was
        done = self.run_ssh(*self.ssh("alice", "127.0.0.1", "--", "master.pid"))
        self.assertEqual(done.stdout, f"{daemon.pid}\n")
        self.assertEqual(daemon.seen("Traceback|channel|remote error|connection lost"), 0, daemon.log())

    def test_workers_that_come_and_go(self) -> None:
        """A worker in the middle of a request is reached; one that ends says so, and another comes."""
        daemon = self.start_ssh("manhole-workers = true")
        busy = self.waiting(daemon, 2)
        terminal = self.terminal(*self.ssh("alice", "127.0.0.1", user="worker1"))
        terminal.expect(PROMPT)
        self.assertIn("in until_page", terminal.ask("threads()"))
        busy.go()
        self.assertEqual({answer.status for answer in busy.answers()}, {200})
        self.assertEqual(self.run_ssh(*self.ssh("alice", "127.0.0.1", "--", "reload()")).returncode, 0)
        terminal.expect(r"\*\*\* the worker ends \*\*\*")
        self.assertEqual(terminal.process.wait(PATIENCE), 0)
        daemon.wait_for("worker [12] buried", count=2)
        self.assertIn("'idle'", self.worker_says(1, "worker.generation, worker.status"))
        self.assertIn("(2, ", self.worker_says(1, "worker.generation, worker.status"))
        done = self.run_ssh(
            *self.ssh("alice", "127.0.0.1", "--", "import os; os.kill(os.getpid(), 9)", user="worker1")
        )
        self.assertIn("the connection ended before the last answer", done.stdout)
        self.assertEqual(done.returncode, 3)
        daemon.wait_for(r"manhole session \d+ for worker 1: over \(the connection ended")
        daemon.wait_for("DAMN ! worker 1")
        daemon.wait_for("Respawned uWSGI worker 1", count=2)
        wait_until(lambda: "2\n" in self.worker_says(1, "1 + 1"), "the prompt of the next worker 1")

    def worker_says(self, slot: int, code: str) -> str:
        """What a worker answers to *code* by ssh."""
        return self.run_ssh(*self.ssh("alice", "127.0.0.1", "--", code, user=f"worker{slot}")).stdout

    def test_without_the_option(self) -> None:
        """Who asks for a worker where workers have no prompt is told so, and is not in the master."""
        self.start_ssh()
        done = self.run_ssh(*self.ssh("alice", "127.0.0.1", "--", "1", user="worker1"))
        self.assertEqual(done.stdout, "*** worker 1 has no prompt; add manhole-workers = true ***\n")
        self.assertEqual(done.returncode, 2)

    def test_the_command(self) -> None:
        """``uwsgid manhole --worker 2`` runs ssh for a configuration whose manhole is there."""
        self.start_ssh("manhole-workers = true")
        # what an operator has in his ~/.ssh
        wrapper = self.folder / "bin" / "ssh"
        wrapper.parent.mkdir()
        options = self.ssh("alice")
        ours = shlex.join(options[1 : options.index("-l")])
        wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} {ours} "$@"\n')
        wrapper.chmod(0o755)
        done = subprocess.run(
            [*ATTACH, "--worker", "2", "-c", "worker.slot", self.path("site.ini")],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env={**self.environ(), "PATH": f"{wrapper.parent}:{os.environ['PATH']}"},
        )
        self.assertEqual((done.stdout, done.returncode), ("2\n", 0), done.stderr)

    def test_strangers(self) -> None:
        """Neither another key nor a password comes in; both the key and the place are logged."""
        daemon = self.start_ssh()
        done = self.run_ssh(*self.ssh("mallory", "-o", "BatchMode=yes", "127.0.0.1", "--", "1"))
        self.assertEqual(done.returncode, 255)
        self.assertIn("Permission denied (publickey)", done.stderr)
        daemon.wait_for(
            r"manhole: refused operator with key SHA256:\S+ from 127.0.0.1 port \d+ .*not in manhole-keys"
        )
        only_password = ("-o", "PubkeyAuthentication=no", "-o", "PreferredAuthentications=password")
        done = self.run_ssh(*self.ssh("alice", *only_password, "127.0.0.1", "--", "1"))
        self.assertIn("Permission denied (publickey)", done.stderr)
        # a key counts from the moment that it is in the file
        with open(self.path("keys"), "a") as file:
            file.write(Path(self.path("mallory.pub")).read_text())
        done = self.run_ssh(*self.ssh("mallory", "127.0.0.1", "--", "1"))
        self.assertEqual((done.stdout, done.returncode), ("1\n", 0))

    def test_a_second_start(self) -> None:
        """The host key stays, so clients are not alarmed."""
        daemon = self.start_ssh()
        self.assertEqual(self.run_ssh(*self.ssh("alice", "127.0.0.1", "--", "1")).returncode, 0)
        daemon.signal(signal.SIGINT)
        daemon.wait()
        daemon = self.start_ssh()
        done = self.run_ssh(*self.ssh("alice", "-o", "StrictHostKeyChecking=yes", "127.0.0.1", "--", "1"))
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_in_a_chroot(self) -> None:
        """It works where nothing of Python can be found any more."""
        requires("root")
        jail = self.folder / "jail"
        for name in ("run", "etc"):
            (jail / name).mkdir(parents=True)
            (jail / name).chmod(0o777)
        (jail / "etc" / "keys").write_text(Path(self.path("alice.pub")).read_text())
        daemon = self.launch(
            f"http-socket = 127.0.0.1:0\nwsgi-file = /app.py\nprocesses = 1\nchroot = {jail}\n"
            f"uid = 65534\nmanhole = unix:/run/site.hole\nmanhole = ssh:127.0.0.1:{self.port}\n"
            "manhole-workers = true\nmanhole-keys = /etc/keys\nmanhole-host-key = /run/host_key\n"
        )
        daemon.wait_for(SPAWNED)
        wait_until(lambda: (jail / "run" / "site.hole.worker1").exists(), "the socket of the worker")
        self.hole = str(jail / "run" / "site.hole")
        done = self.attach(self.path("site.ini"), "-c", "help(master.reload); workers; settings; 1/0")
        self.assertIn("A new generation", done.stdout)
        self.assertIn("ZeroDivisionError", done.stdout)
        self.ask("worker.slot; threads()", 1)
        self.assertEqual(self.verdict, "0")
        done = self.run_ssh(*self.ssh("alice", "127.0.0.1", "--", "workers[1].status"))
        self.assertEqual((done.stdout, done.returncode), ("'idle'\n", 0), done.stderr)
        done = self.run_ssh(*self.ssh("alice", "127.0.0.1", "--", "worker.slot; threads()", user="worker1"))
        self.assertEqual((done.stdout[:2], done.returncode), ("1\n", 0), done.stderr)


class ExampleTests(ExampleCase):
    """The example of the manual."""

    def test_manhole(self) -> None:
        """manhole.ini: the prompt of a worker answers."""
        self.serve_example("manhole.ini", 2)
        wait_until(lambda: (self.folder / "site.hole.worker2").exists(), "the socket of the worker")
        command = [*ATTACH, "--worker", "2", "-c", "worker.slot", self.path("manhole.ini")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, cwd=ROOT)
        self.assertEqual(done.stdout, "2\n", done.stderr)
