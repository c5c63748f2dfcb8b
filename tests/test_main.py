"""The spellings of one command, as a user types them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from tests.door.running import MODULE, TWISTD, UWSGID, RunningCase
from tests.live.support import ROOT, fetch, wait_until
from uwsgid import __version__


class SpellingTests(RunningCase):
    def test_all_serve(self) -> None:
        """uwsgid, python -m uwsgid and twistd -n uwsgid serve the same file and end with 0."""
        for words in (
            [*UWSGID, "site.ini"],
            [*UWSGID, "-c", "site.ini"],
            [*MODULE, "--ini", "site.ini:uwsgi"],
            [*TWISTD, "-n", "--pidfile=", "uwsgid", "-c", "site.ini"],
        ):
            daemon = self.run_command(*words, environ={"UWSGI_OF_OURS": "kept"})
            daemon.wait_for("spawned uWSGI worker 1 ")
            self.assertEqual(fetch(self.address(daemon.log())).body, b"shop kept")
            daemon.signal(signal.SIGTERM)
            self.assertEqual(daemon.wait(), 0, daemon.log())
            self.assertEqual(daemon.seen("^goodbye to uWSGI.$"), 1, daemon.log())
            self.assertEqual(daemon.survivors(), [])
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith("twistd")], [])

    def test_the_command_line_of_uwsgi(self) -> None:
        """The words of uWSGI mean the same, in the same order."""
        daemon = self.run_command(
            *UWSGID, "--http-socket", "127.0.0.1:0", "--wsgi-file", "app.py", "--master", "-p", "2", "-M"
        )
        daemon.wait_for("spawned uWSGI worker 2 ")
        self.assertEqual(fetch(self.address(daemon.log())).status, 200)

    def test_letters(self) -> None:
        """Letters mean the options that they mean in uWSGI."""
        daemon = self.run_command(
            *UWSGID, "--no-server", "--show-config", "-H", sys.prefix, "-p", "2", "-M", "-s", "a.sock",
            "-w", "app:application", "-b", "8192", "-l", "20", "-t", "30", "-z", "5", "--pp", ".",
        )  # fmt: skip
        self.assertEqual(daemon.wait(), 0, daemon.log())
        shown = daemon.lines[daemon.lines.index("[uwsgi]") + 1 : daemon.lines.index(";end of configuration")]
        for line in (
            f"home = {sys.prefix}", "processes = 2", "master = true", "socket = a.sock",
            "module = app:application", "buffer-size = 8192", "listen = 20", "harakiri = 30",
            "socket-timeout = 5",
        ):  # fmt: skip
            self.assertIn(line, shown)
        self.assertEqual(daemon.seen("listen backlog is limited to 20 connections"), 1, daemon.log())

    def test_formats(self) -> None:
        """Each format is read, by its option as by its bare name."""
        self.write("site.yaml", "uwsgi:\n  socket: a.sock\n  processes: 3\n")
        self.write("site.json", '{"uwsgi": {"socket": "a.sock", "processes": 3}}')
        self.write("site.xml", "<uwsgi><socket>a.sock</socket><processes>3</processes></uwsgi>")
        self.write("other.ini", "[shop]\nsocket = a.sock\nprocesses = 3\n")
        for words in (
            ("--yaml", "site.yaml"),
            ("--json", "site.json"),
            ("--xml", "site.xml"),
            ("--ini", "other.ini:shop"),
            ("site.yaml",),
            ("site.json",),
            ("site.xml",),
            ("other.ini:shop",),
        ):
            daemon = self.run_command(*UWSGID, "--get", "processes", *words)
            self.assertEqual((daemon.wait(), daemon.lines[-1:]), (0, ["3"]), daemon.log())

    def test_questions(self) -> None:
        """A question is answered on standard output, without a banner and without twistd's voice."""
        for words in (UWSGID, MODULE, [*TWISTD, "uwsgid"]):
            daemon = self.run_command(*words, "--version")
            self.assertEqual((daemon.wait(), daemon.lines), (0, [__version__]))
            self.assertEqual(self.run_command(*words, "--get", "wsgi-file", "site.ini").wait(), 0)

    def test_check(self) -> None:
        """check exits with 0, 1 or 2."""
        for text, code in (("", 0), ("proceses = 1\n", 1), ("processes = many\n", 2)):
            self.write("checked.ini", self.read("site.ini") + text)
            daemon = self.run_command(*UWSGID, "check", "checked.ini")
            self.assertEqual(daemon.wait(), code, daemon.log())

    def test_mistakes(self) -> None:
        """A command line that nobody understands exits with 1 and says why."""
        daemon = self.run_command(*UWSGID, "--proceses", "2")
        self.assertEqual(daemon.wait(), 1)
        self.assertEqual(daemon.seen("did you mean --processes"), 1, daemon.log())

    def test_no_server(self) -> None:
        """no-server loads everything and ends with 0."""
        daemon = self.run_command(*UWSGID, "--no-server", "--wsgi-file", "app.py")
        self.assertEqual(daemon.wait(), 0, daemon.log())
        self.assertEqual(daemon.seen("WSGI app 0 .* ready in"), 1)


class ClosedTests(RunningCase):
    def start(self, *closed: int) -> subprocess.Popen[bytes]:
        """An instance whose log is a file, with some standard descriptors closed."""

        def close() -> None:
            for descriptor in closed:
                os.close(descriptor)

        process = subprocess.Popen(
            [*MODULE, "site.ini", "--logto", "log"],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            preexec_fn=close,
        )

        def end() -> None:
            if process.poll() is None:
                process.kill()
                process.wait()

        self.addCleanup(end)
        return process

    def has_started(self) -> bool:
        """Whether the log tells of a worker."""
        return os.path.exists(self.path("log")) and "worker 1 (pid" in self.read("log")

    def test_closed_descriptors(self) -> None:
        """Standard descriptors that are closed are no sockets, and print still reaches the log."""
        self.write("app.py", "print('a word of the app')\n" + self.read("app.py"))
        for closed in ((0,), (0, 1, 2)):
            if os.path.exists(self.path("log")):
                os.unlink(self.path("log"))
            process = self.start(*closed)
            wait_until(self.has_started, "a worker")
            self.assertEqual(fetch(self.address(self.read("log"))).status, 200)
            self.assertEqual(os.readlink(f"/proc/{process.pid}/fd/0"), "/dev/null")
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(30), 0)
            self.assertIn("a word of the app", self.read("log"))
