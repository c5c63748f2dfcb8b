"""What twistd calls: its log, its pidfile, its background, and how a start that fails is told."""

from __future__ import annotations

import io
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from twisted.application.service import Application
from twisted.logger import ILogObserver
from twisted.trial.unittest import SynchronousTestCase

from tests.door.running import MODULE, TWISTD, UWSGID, RunningCase
from tests.live.support import Daemon, fetch, wait_until
from uwsgid.door import service
from uwsgid.door.command import Answer
from uwsgid.door.service import OUR_MISTAKE, Instance, Options, Shell, hold_standard_descriptors
from uwsgid.errors import ConfigError, InternalError
from uwsgid.logs.observer import LineObserver


class ShellTests(SynchronousTestCase):
    def options(self, **more: Any) -> dict[str, Any]:
        return {"nodaemon": True, "logfile": None, "pidfile": "", **more}

    def test_foreground(self) -> None:
        """In the foreground the terminal is the log."""
        self.assertEqual(Shell.of(self.options()), Shell())
        self.assertEqual(Shell.of(self.options(logfile="-")), Shell())
        self.assertEqual(Shell.of(None), Shell())

    def test_background(self) -> None:
        """In the background it is the file that twistd would use, by its absolute path."""
        shell = Shell.of(self.options(nodaemon=False, pidfile="/run/a.pid"))
        self.assertEqual(shell, Shell(os.path.abspath("twistd.log"), "/run/a.pid", True))
        self.assertEqual(Shell.of(self.options(nodaemon=False, logfile="/a.log")).log_file, "/a.log")

    def test_one_writer(self) -> None:
        """Where twistd would write the log file as well, it writes through us."""
        for shell, expected in ((Shell("/a.log"), True), (Shell(), False)):
            application: Any = Application("uwsgid")
            options = Options()
            options.parseOptions(["--http-socket", ":1"])
            Instance(options["site"], shell).setServiceParent(application)
            found = application.getComponent(ILogObserver, None)
            self.assertEqual(isinstance(found, LineObserver), expected)


class AnswerTests(SynchronousTestCase):
    def test_exit_code(self) -> None:
        """An answer is printed where it belongs, and its code is the exit code."""
        for answer in (Answer("fine"), Answer("wrong", 3, True), Answer("", 7)):
            out, err = io.StringIO(), io.StringIO()
            self.patch(sys, "stdout", out)
            self.patch(sys, "stderr", err)
            left = self.assertRaises(SystemExit, service.leave, answer)
            self.assertEqual(left.code, answer.exit_code)
            printed = f"{answer.text}\n" if answer.text else ""
            self.assertEqual(
                (out.getvalue(), err.getvalue()), ("", printed) if answer.is_error else (printed, "")
            )

    def test_our_mistake(self) -> None:
        """Only what nobody foresaw brings a traceback."""
        self.assertEqual(service._said_of(ConfigError("shop.ini:3: no")), "shop.ini:3: no")
        for error in (KeyError("x"), InternalError("x")):
            lines = service._said_of(error).splitlines()
            self.assertEqual(lines[0], OUR_MISTAKE)
            self.assertIn(type(error).__name__, lines[-1])

    def test_standard_descriptors(self) -> None:
        """Nothing happens to descriptors that are open."""
        before = os.fstat(0).st_ino
        hold_standard_descriptors()
        self.assertEqual(os.fstat(0).st_ino, before)


class FailureTests(RunningCase):
    def test_one_line(self) -> None:
        """A start that fails ends with the line that says why, exit code 1, and no pidfile of twistd."""
        for words in ([*UWSGID, "site.ini"], [*TWISTD, "-n", "--pidfile=t.pid", "uwsgid", "-c", "site.ini"]):
            daemon = self.run_command(*words, "--chdir", "/nix")
            self.assertEqual(daemon.wait(), 1)
            self.assertEqual(daemon.seen(r"chdir\(\): No such file or directory \[/nix\]$"), 1, daemon.log())
            self.assertEqual(daemon.seen("Traceback"), 0, daemon.log())
            self.assertFalse(os.path.exists(self.path("t.pid")))
            self.assertEqual(daemon.survivors(), [])

    def test_from_the_background(self) -> None:
        """Whoever started a daemon that does not start is told, and twistd's pidfile is gone."""
        daemon = self.run_command(*TWISTD, "--pidfile=t.pid", "uwsgid", "-c", "site.ini", "--chdir", "/nix")
        self.assertEqual(daemon.wait(), 1)
        self.assertEqual(daemon.seen(r"chdir\(\): No such file or directory"), 1, daemon.log())
        self.assertIn("chdir(): No such file or directory [/nix]\n", self.read("twistd.log"))
        self.assertFalse(os.path.exists(self.path("t.pid")))

    def test_daemonize(self) -> None:
        """A daemon that can not bind is told on the terminal of whoever started it, in one line, with 1."""
        with socket.create_server(("127.0.0.1", 0)) as holder:
            taken = f"127.0.0.1:{holder.getsockname()[1]}"
            for more in ((), ("--fallback-config", "bad.ini")):
                starter = self.run_command(
                    *UWSGID, "site.ini", "--http-socket", taken, "--daemonize", "d.log", *more
                )
                self.assertEqual(starter.wait(), 0 if more else 1, starter.log())
                self.assertEqual(starter.lines, [f"bind(): Address already in use [{taken}]"])
                wait_until(lambda: not starter.survivors(), "the end of the daemon")  # noqa: B023
        self.assertIn("bind(): Address already in use", self.read("d.log"))

    def test_the_option_test(self) -> None:
        """A daemon that has something else to do than to serve is waited for, too."""
        for module, code in (("app", 0), ("nothing", 1)):
            starter = self.run_command(*UWSGID, "site.ini", "--daemonize", "d.log", "--test", module)
            self.assertEqual(starter.wait(), code, starter.log() + self.read("d.log"))

    def test_a_mistake_of_ours(self) -> None:
        """What nobody foresaw says so, with its traceback, and exits with 1."""
        self.write(
            "sitecustomize.py",
            "import uwsgid.door.boot as boot\n"
            "def broken(boot): raise ZeroDivisionError\n"
            "boot.STEPS = (*boot.STEPS[:3], broken)\n",
        )
        path = f"{self.folder}{os.pathsep}{Path(service.__file__).parents[2]}"
        daemon = self.run_command(*MODULE, "site.ini", environ={"PYTHONPATH": path})
        self.assertEqual(daemon.wait(), 1)
        self.assertEqual(daemon.seen(f"^{OUR_MISTAKE}$"), 1, daemon.log())
        self.assertEqual(daemon.seen("^ZeroDivisionError"), 1, daemon.log())

    def test_fallback(self) -> None:
        """A start that fails goes on with its fallback-config, as a first start and not as a reload."""
        self.write("good.ini", self.read("site.ini") + "pidfile = good.pid\nfallback-config = bad.ini\n")
        for more in (("--chdir", "/nix"), ("--processes", "many")):
            daemon = self.run_command(*UWSGID, "site.ini", "--fallback-config", "good.ini", *more)
            daemon.wait_for(r"!!! .*uwsgid \(pid: \d+\) exited with status 1 !!!")
            daemon.wait_for("!!! Fallback config to good.ini !!!")
            daemon.wait_for("spawned uWSGI worker 1 ")
            self.assertEqual(int(self.read("good.pid")), daemon.pid)
            self.assertEqual(daemon.seen("RE.spawned"), 0)
            self.stop(daemon.pid)
            self.assertEqual(daemon.wait(), 0)

    def test_a_fallback_that_fails(self) -> None:
        """A fallback that does not start either is the end."""
        self.write("bad.ini", "[uwsgi]\nfallback-config = site.ini\nprocesses = many\n")
        daemon = self.run_command(*UWSGID, "site.ini", "--fallback-config", "bad.ini", "--chdir", "/nix")
        self.assertEqual(daemon.wait(), 1)
        self.assertEqual(daemon.seen("Fallback config to"), 1, daemon.log())


class NewImageTests(RunningCase):
    def test_detected_binary_path(self) -> None:
        """After a brutal reload the banner still names what the user started."""
        self.write("site.ini", self.read("site.ini") + "die-on-term = false\n")
        twistd = [*TWISTD, "-n", "--pidfile=", "uwsgid"]
        named_by = ((UWSGID, UWSGID[0]), (MODULE, f"{sys.executable} -m uwsgid"), (twistd, TWISTD[1]))
        for words, named in named_by:
            daemon = self.run_command(*words, "-c", "site.ini")
            for count in (1, 2):
                daemon.wait_for("spawned uWSGI worker 1 ", count=count)
                self.assertEqual(daemon.seen(f"^detected binary path: {named}$"), count, daemon.log())
                if count == 1:
                    daemon.signal(signal.SIGTERM)
            self.stop(daemon.pid)
            self.assertEqual(daemon.wait(), 0)


class DaemonTests(RunningCase):
    def test_twistd(self) -> None:
        """twistd goes to the background, writes its pidfile, and the log is the one file of twistd."""
        for words, log in (((), "twistd.log"), (("--logfile=other.log",), "other.log")):
            starter = self.run_command(*TWISTD, "--pidfile=t.pid", *words, "uwsgid", "-c", "site.ini")
            self.assertEqual(starter.wait(), 0, starter.log())
            self.serves_and_leaves(starter, log)

    def serves_and_leaves(self, starter: Daemon, log: str) -> None:
        pid = int(self.read("t.pid"))
        wait_until(lambda: "spawned uWSGI worker 1 " in self.read(log), "a worker")
        self.assertEqual(fetch(self.address(self.read(log))).body, b"shop None")
        self.stop(pid)
        wait_until(lambda: not os.path.exists(self.path("t.pid")), "twistd removes its pidfile")
        wait_until(lambda: not starter.survivors(), "everybody leaves")
        text = self.read(log)
        self.assertTrue(text.endswith("goodbye to uWSGI.\n"), text)
        self.assertNotIn("\0", text)

    def test_a_log_of_its_own(self) -> None:
        """A log that the configuration names is the log, and twistd.log is not made."""
        starter = self.run_command(
            *TWISTD, "--pidfile=t.pid", "uwsgid", "-c", "site.ini", "--logto", "own.log"
        )
        self.assertEqual(starter.wait(), 0, starter.log())
        wait_until(lambda: "spawned uWSGI worker 1 " in self.read("own.log"), "a worker")
        self.assertFalse(os.path.exists(self.path("twistd.log")))
        self.stop(int(self.read("t.pid")))
        wait_until(lambda: not starter.survivors(), "everybody leaves")

    def test_daemonize(self) -> None:
        """daemonize of a configuration does the same under the command uwsgid, for whoever waits for it."""
        starter = self.run_command(*UWSGID, "site.ini", "--daemonize", "d.log", "--pidfile", "d.pid")
        self.assertEqual(starter.wait(), 0, starter.log())
        wait_until(lambda: os.path.exists(self.path("d.log")) and "worker 1 (" in self.read("d.log"), "it")
        self.assertNotEqual(int(self.read("d.pid")), starter.pid)
        self.stop(int(self.read("d.pid")))
        wait_until(lambda: not starter.survivors(), "everybody leaves")

    def test_daemonize_without_a_log(self) -> None:
        """A log that can not be opened is told on the terminal, with exit code 1."""
        daemon = self.run_command(*UWSGID, "site.ini", "--daemonize", "/nix/d.log")
        self.assertEqual(daemon.wait(), 1)
        self.assertEqual(daemon.seen("can not open the log file /nix/d.log"), 1, daemon.log())
