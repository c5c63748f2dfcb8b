"""What a command line asks for: to serve, or to be told something; and with which exit code."""

from __future__ import annotations

import errno
import os
import signal
import socket
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from uwsgid import __version__
from uwsgid.alarms import plugin_list
from uwsgid.door import catalog
from uwsgid.door.command import (
    IN_FALLBACK,
    RELOADS,
    Answer,
    FromEmperor,
    Site,
    configuration,
    decide,
    read_again,
)
from uwsgid.errors import ConfigError, KernelError
from uwsgid.logs.outlet_options import engine_list
from uwsgid.supervise.processes import Processes
from uwsgid.testing import MemoryKernel
from uwsgid.wire.vassal import EMPEROR_FD_CONFIG, MAX_CONFIG, pack_config

SERVED = ("--http-socket", "127.0.0.1:8080")


class CommandCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.kernel = MemoryKernel()
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir(parents=True)

    def file(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def answer(self, *argv: str, **environ: str) -> Answer:
        decided = decide(argv, environ, self.kernel)
        assert isinstance(decided, Answer), decided
        return decided

    def site(self, *argv: str, **environ: str) -> Site:
        decided = decide(argv, environ, self.kernel)
        assert isinstance(decided, Site), decided
        return decided


class QuestionTests(CommandCase):
    def test_version(self) -> None:
        """--version prints the version alone."""
        self.assertEqual(self.answer("--version"), Answer(__version__))

    def test_help(self) -> None:
        """--help lists the options in two columns, by name and letter."""
        text = self.answer("--help").text
        self.assertTrue(text.startswith("Usage: "), text[:60])
        self.assertRegex(text, r"(?m)^ +-p\b.*--processes|--processes.*-p\b")
        self.assertEqual(self.answer("--usage").text, text)

    def test_dump_options(self) -> None:
        """--dump-options prints one name per line."""
        names = self.answer("--dump-options").text.splitlines()
        self.assertIn("http-socket", names)
        self.assertFalse([name for name in names if " " in name or name.startswith("-")])

    def test_logger_list(self) -> None:
        """--logger-list prints the engines of loggers and ends."""
        answer = self.answer("--logger-list")
        self.assertEqual(answer, Answer(engine_list()))
        self.assertIn("\nfile\n", answer.text)

    def test_alarm_list(self) -> None:
        """--alarm-list prints the plugins of alarms and ends."""
        answer = self.answer("--alarm-list")
        self.assertEqual(answer, Answer(plugin_list()))
        self.assertIn("\ncmd\n", answer.text)

    def test_plugins_of_loggers_are_there(self) -> None:
        """A configuration that loads uWSGI's plugins for logs needs no other."""
        names = (
            "logfile,logsocket,logpipe,syslog,rsyslog,redislog,mongodblog,logzmq,logcrypto,graylog2,msgpack"
        )
        ini = self.file("a.ini", f"[uwsgi]\nhttp-socket = :1\nneed-plugins = {names}\n")
        self.assertEqual(self.site(ini).reading.problems, ())

    def test_get(self) -> None:
        """--get prints the first value, expanded, and nothing where there is none."""
        ini = self.file("a.ini", "[uwsgi]\nhttp-socket = :1\nname = shop\npidfile = /run/%(name).pid\n")
        self.assertEqual(self.answer("--get", "pidfile", ini), Answer("/run/shop.pid"))
        self.assertEqual(self.answer("--get", "nothing", ini), Answer(""))

    def test_show_config(self) -> None:
        """show-config is shown at start, after expansion, in the order of the configuration."""
        ini = self.file(
            "a.ini", "[uwsgi]\nhttp-socket = :1\nname = shop\npidfile = /run/%(name).pid\nmaster=1"
        )
        self.assertIsNone(configuration(self.site(ini)))
        shown = configuration(self.site(ini, "--show-config"))
        assert shown is not None
        lines = shown.splitlines()
        self.assertEqual(lines[:2], [";uWSGI instance configuration", "[uwsgi]"])
        self.assertEqual(lines[-1], ";end of configuration")
        self.assertLess(lines.index("http-socket = :1"), lines.index("pidfile = /run/shop.pid"))
        self.assertIn("show-config = true", lines)

    def test_exit(self) -> None:
        """exit ends the reading with a code of its own, and what was printed before is shown."""
        ini = self.file("a.ini", "[uwsgi]\nprint = so far\niprint = here\nexit = 7\nhttp-socket = :1\n")
        answer = self.answer(ini)
        self.assertEqual(answer.exit_code, 7)
        self.assertIn("here", answer.text)

    def test_connect_and_read(self) -> None:
        """--connect-and-read prints what an address sends."""
        server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)

        def talk() -> None:
            client, _ = server.accept()
            with client:
                client.sendall(b'{"pid": 1}')

        talking = threading.Thread(target=talk)
        talking.start()
        address = f"127.0.0.1:{server.getsockname()[1]}"
        self.assertEqual(self.answer("--connect-and-read", address), Answer('{"pid": 1}'))
        talking.join()
        server.close()
        refused = self.answer("--connect-and-read", address)
        self.assertEqual((refused.exit_code, refused.is_error), (1, True))
        self.assertTrue(refused.text.startswith(address), refused.text)


class CheckTests(CommandCase):
    def test_exit_codes(self) -> None:
        """check exits with 0, 1 for warnings and 2 for what would not start, and starts nothing."""
        for text, code, verdict in (
            ("http-socket = :1\n", 0, "fine"),
            ("http-socket = :1\nproceses = 2\n", 1, "would start, with 1 warning"),
            ("http-socket = :1\nprocesses = many\n", 2, "would not start: 1 problem"),
            ("http-socket = :1\nneed-plugin = nix\n", 2, "would not start: 1 problem"),
            ("http-socket = :1\nplugin = nix\n", 1, "would start, with 1 warning"),
        ):
            path = self.file("a.ini", f"[uwsgi]\n{text}")
            answer = self.answer("check", path)
            self.assertEqual((answer.exit_code, answer.text.splitlines()[-1]), (code, f"{path}: {verdict}"))

    def test_every_problem(self) -> None:
        """All problems are told together, each with its line."""
        path = self.file("a.ini", "[uwsgi]\nharakiri = soon\nprocesses = many\n")
        text = self.answer("check", path).text
        self.assertIn(f"{path}:2: harakiri", text)
        self.assertIn(f"{path}:3: processes", text)

    def test_nobody_changes(self) -> None:
        """check does not become another user."""
        self.kernel.uid = 0
        self.answer("check", *SERVED, "--immediate-uid", "shop")
        self.assertEqual(self.kernel.calls, [])


class PidfileTests(CommandCase):
    def pidfile(self, text: str) -> str:
        self.kernel.add_file("/run/a.pid", text.encode())
        return "/run/a.pid"

    def signals(self) -> list[tuple[str, ...]]:
        return [call[1:] for call in self.kernel.calls if call[0] == "kill"]

    def test_signals(self) -> None:
        """--stop, --reload and --pause send INT, HUP and TSTP to the process of a pidfile."""
        path = self.pidfile("4711\n")
        for option in ("--stop", "--reload"):
            self.assertEqual(self.answer(option, path), Answer(""))
        for option in ("--pause", "--suspend", "--resume"):
            self.assertEqual(self.answer(f"{option}={path}"), Answer(""))
        numbers = [signal.SIGINT, signal.SIGHUP, *[signal.SIGTSTP] * 3]
        self.assertEqual(self.signals(), [("4711", str(int(number))) for number in numbers])

    def test_what_is_no_pidfile(self) -> None:
        """A file that is missing, empty or no number is an error; uWSGI would take the last two for pid 0."""
        for text in ("", "shop", "0", "-1", "1 2"):
            answer = self.answer("--stop", self.pidfile(text))
            self.assertEqual((answer.exit_code, answer.is_error), (1, True), text)
            self.assertIn("invalid pidfile", answer.text)
        missing = self.answer("--stop", "/run/nix.pid")
        self.assertEqual((missing.exit_code, missing.is_error), (1, True))
        self.assertEqual(self.signals(), [])

    def test_a_process_that_is_gone(self) -> None:
        """A pid that nobody has is an error, where uWSGI exits with 0."""
        self.kernel.fail("kill", errno.ESRCH)
        answer = self.answer("--reload", self.pidfile("4711"))
        self.assertEqual((answer.exit_code, answer.is_error), (1, True))
        self.assertIn("No such process", answer.text)


class SiteTests(CommandCase):
    def test_resolve(self) -> None:
        """resolve asks for the address of a name."""
        site = self.site(*SERVED, "--resolve", "host=localhost", "--env", "HOST=%(host)")
        self.assertIn("HOST=127.0.0.1", [directive.value for directive in site.reading.directives])

    def test_the_first_environment(self) -> None:
        """A site remembers the environment that it was read in."""
        self.assertEqual(self.site(*SERVED, HOME="/root").environ, {"HOME": "/root"})

    def test_the_file(self) -> None:
        """-c names a configuration, as does the bare name, and the command line is kept for a reload."""
        path = self.file("a.ini", "[uwsgi]\nhttp-socket = 127.0.0.1:1\n")
        for argv in (("-c", path), (path,), ("--ini", path)):
            site = self.site(*argv)
            self.assertEqual((site.argv, site.is_reload, site.fallback), (argv, False, ""))
            self.assertEqual(site.reading.sources, (path,))

    def test_reload(self) -> None:
        """UWSGI_RELOADS makes it a reload."""
        ini = self.file("a.ini", "[uwsgi]\nhttp-socket = :1\nif-reload =\nset-ph = again=yes\nendif =\n")
        self.assertTrue(self.site(ini, **{RELOADS: "0"}).is_reload)
        self.assertEqual(self.answer(ini, "--get", "again", **{RELOADS: "0"}).text, "yes")
        self.assertEqual(self.answer(ini, "--get", "again").text, "")

    def test_the_environment(self) -> None:
        """UWSGI_NAME is an option."""
        self.assertEqual(self.answer("--get", "max-requests", UWSGI_MAX_REQUESTS="5").text, "5")

    def test_problems(self) -> None:
        """A configuration that can not be used is an error with all its problems, and exit code 1."""
        answer = self.answer("--processes", "many", "--nonsense")
        self.assertEqual((answer.exit_code, answer.is_error), (1, True))
        self.assertIn("processes", answer.text)
        self.assertIn("nonsense", answer.text)

    def test_exile(self) -> None:
        """Under an emperor a configuration that can not be fetched is exit code 26."""
        missing = str(self.folder / "nix.ini")
        self.assertEqual(self.answer(missing).exit_code, 1)
        self.assertEqual(self.answer(missing, UWSGI_EMPEROR_FD="9").exit_code, 26)

    def test_fallback(self) -> None:
        """fallback-config goes with a site, and with an error after it was read, but not with a question."""
        ini = self.file("a.ini", "[uwsgi]\nfallback-config = /b.ini\nprocesses = many\n")
        self.assertEqual(self.answer(ini).fallback, "/b.ini")
        self.assertEqual(self.site(*SERVED, "--fallback-config", "/b.ini").fallback, "/b.ini")
        self.assertEqual(self.answer("--get", "x", "--fallback-config", "/b.ini").fallback, "")

    def test_fallback_of_a_fallback(self) -> None:
        """The configuration that is fallen back to falls no further."""
        self.assertEqual(self.site(*SERVED, "--fallback-config", "/b", **{IN_FALLBACK: "1"}).fallback, "")
        self.assertEqual(self.answer("--fallback-config", "/b", "-p", "x", **{IN_FALLBACK: "1"}).fallback, "")


class ReadAgainTests(CommandCase):
    """The configuration of an instance that runs."""

    def test_changed(self) -> None:
        """It is what the files say now, read from where the instance was started, and nobody moves."""
        folder = str(self.folder)

        def write(text: str) -> None:
            self.file("site.ini", f"[uwsgi]\nhttp-socket = :8080\n{text}\n")

        write("processes = 1")
        site = replace(self.site(f"{folder}/site.ini"), argv=("site.ini",))
        here = os.getcwd()
        write("processes = 2")
        self.assertEqual(read_again(site, folder)[Processes].processes, 2)
        write("processes = two")
        self.assertRaisesRegex(ConfigError, "site.ini:3: processes", read_again, site, folder)
        (self.folder / "site.ini").unlink()
        self.assertRaises(ConfigError, read_again, site, folder)
        self.assertRaises(ConfigError, read_again, site, "/nowhere")
        self.assertEqual(os.getcwd(), here)


class PluginTests(CommandCase):
    def test_built_in(self) -> None:
        """Plugins of uWSGI that are built in here are fine."""
        site = self.site(*SERVED, "--plugin", "python3,http", "--need-plugin", "python")
        self.assertEqual(site.settings.warnings, ())

    def test_missing(self) -> None:
        """A missing plugin is a warning with its place; a needed one ends the start."""
        ini = self.file("a.ini", "[uwsgi]\nhttp-socket = :1\nplugins = nix, nada\n")
        warnings = self.site(ini).settings.warnings
        self.assertEqual([warning.partition(": no ")[0] for warning in warnings], [
            f"{ini}:3: plugin 'nix'", f"{ini}:3: plugin 'nada'"
        ])  # fmt: skip
        answer = self.answer(*SERVED, "--need-plugin", "nix")
        self.assertEqual((answer.exit_code, answer.is_error), (1, True))
        self.assertIn("uwsgid.plugins", answer.text)

    def test_installed(self) -> None:
        """A plugin of the entry-point group is imported, once it is named."""

        class Point:
            name = "shiny"
            loaded = 0

            def load(self) -> None:
                Point.loaded += 1

        def points(group: str) -> list[Any]:
            self.assertEqual(group, "uwsgid.plugins")
            return [Point()]

        self.patch(catalog, "entry_points", points)
        self.site(*SERVED)
        self.assertEqual(Point.loaded, 0)
        self.site(*SERVED, "--need-plugin", "shiny")
        self.assertEqual(Point.loaded, 1)


class ImmediateTests(CommandCase):
    def test_at_once(self) -> None:
        """immediate-gid and immediate-uid act while the configuration is read, so before it is judged."""
        self.kernel.uid = self.kernel.gid = 0
        self.answer("--immediate-gid", "shop", "--immediate-uid", "shop", "--processes", "many")
        self.assertEqual(self.kernel.calls, [("setgroups",), ("setgid", "1001"), ("setuid", "1001")])

    def test_after_a_reload(self) -> None:
        """Whoever is that user already stays it, as after a reload."""
        self.kernel.uid = self.kernel.gid = 1001
        self.site(*SERVED, "--immediate-gid", "shop", "--immediate-uid", "1001")
        self.assertEqual(self.kernel.calls, [])

    def test_not_root(self) -> None:
        """Who is not root can not become somebody else."""
        with self.assertRaisesRegex(KernelError, "setuid"):
            self.site(*SERVED, "--immediate-uid", "shop")

    def test_nobody(self) -> None:
        """A user that does not exist is a problem with its place."""
        self.assertIn("command line: user ghost not found", self.answer("--immediate-uid", "ghost").text)


class FromEmperorTests(CommandCase):
    """The text behind ``emperor://``."""

    def test_shared(self) -> None:
        """It is received once; what is noted later is the text in every process of the instance."""
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(theirs.close)
        ours.sendall(pack_config("[uwsgi]\nprocname = \udcff\n".encode("utf-8", "surrogateescape")))
        text = FromEmperor({EMPEROR_FD_CONFIG: str(theirs.fileno())})
        for _ in range(2):
            self.assertEqual(text("a.ini"), "[uwsgi]\nprocname = \udcff\n")
        child = os.fork()
        if child == 0:
            text.take(b"two")
            os._exit(0)
        os.waitpid(child, 0)
        self.assertEqual(text("a.ini"), "two")
        text.take(b"x" * MAX_CONFIG)
        self.assertEqual(len(text("a.ini")), MAX_CONFIG)

    def test_none(self) -> None:
        """Without an emperor there is none."""
        self.assertRaisesRegex(OSError, "not a vassal", FromEmperor({}), "a.ini")
