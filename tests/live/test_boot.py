"""Instances that can not start: they end at once, with one clear line and a status that is not zero."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

from tests.live.support import (
    APPS,
    SERVER,
    LiveCase,
    fetch,
    free_port,
    is_listening,
    requires,
    server_command,
    uwsgi_fetch,
    wait_until,
)


class RefusedBootTests(LiveCase):
    """What goes wrong before the first request."""

    def refuse(self, config: str, *patterns: str, status: int | None = None) -> str:
        """Start on a config that can not work.

        :returns: the log.
        """
        daemon = self.launch(config)
        found = daemon.wait()
        self.assertNotEqual(found, 0, daemon.log())
        if status is not None:
            self.assertEqual(found, status, daemon.log())
        for pattern in patterns:
            self.assertEqual(daemon.seen(pattern), 1, f"{pattern!r} in:\n{daemon.log()}")
        self.assertEqual(daemon.survivors(), [])
        return daemon.log()

    def test_port_taken(self) -> None:
        """A port that somebody has is named."""
        with socket.create_server(("127.0.0.1", 0)) as holder:
            port = holder.getsockname()[1]
            log = self.refuse(
                f"http-socket = 127.0.0.1:{port}\nwsgi-file = {APPS / 'probe.py'}\n",
                rf"bind\(\): Address already in use \[127\.0\.0\.1:{port}\]",
                status=1,
            )
        self.assertNotIn("Traceback", log)

    def test_missing_app(self) -> None:
        """need-app: an application that is not there ends the start with 22."""
        self.refuse(
            f"socket = {self.path('app.sock')}\nwsgi-file = {self.path('nothing.py')}\nneed-app = true\n",
            r"GAME OVER",
            status=22,
        )

    def test_broken_app(self) -> None:
        """need-app: an application that does not import, too; and its traceback is in the log."""
        app = Path(self.path("broken.py"))
        app.write_text("import does_not_exist_anywhere\n")
        log = self.refuse(
            f"socket = {self.path('app.sock')}\nwsgi-file = {app}\nneed-app = true\n", r"GAME OVER", status=22
        )
        self.assertIn("does_not_exist_anywhere", log)

    def test_broken_app_when_lazy(self) -> None:
        """need-app with lazy-apps: the instance ends when its first worker can not load."""
        app = Path(self.path("broken.py"))
        app.write_text("raise RuntimeError('broken')\n")
        self.refuse(
            f"socket = {self.path('app.sock')}\nwsgi-file = {app}\nneed-app = true\nlazy-apps = true\n",
            r"GAME OVER",
            status=22,
        )

    def test_missing_virtualenv(self) -> None:
        """A virtualenv that is not there is a mistake of the configuration: one line, and 1."""
        log = self.refuse(
            f"socket = {self.path('app.sock')}\nwsgi-file = {APPS / 'probe.py'}\nhome = /nix\n",
            r"/nix",
            status=1,
        )
        self.assertNotIn("Traceback", log)

    def test_no_permission(self) -> None:
        """A socket in a folder that does not exist is named, with the reason."""
        self.refuse(
            f"socket = {self.path('no-such-folder/app.sock')}\nwsgi-file = {APPS / 'probe.py'}\n",
            r"No such file or directory \[.*/no-such-folder/app\.sock\]",
            status=1,
        )

    def test_no_permission_as_somebody_else(self) -> None:
        """uid is in force when the sockets are bound: a folder of root's is refused, with the reason."""
        requires("root")
        path = self.path("roots")
        os.mkdir(path, 0o700)
        log = self.refuse(
            f"socket = {path}/app.sock\nwsgi-file = {APPS / 'probe.py'}\nuid = nobody\ngid = nogroup\n",
            r"Permission denied \[.*/app\.sock\]",
            status=1,
        )
        self.assertNotIn("Traceback", log)

    def test_nothing_to_do(self) -> None:
        """A config without a socket says what to add."""
        self.refuse(f"wsgi-file = {APPS / 'probe.py'}\n", r"-s/--socket option is missing", status=1)

    def test_mistakes_in_the_config(self) -> None:
        """All mistakes are reported with their lines, before anything starts."""
        log = self.refuse("socket = app.sock\nharakiri = soon\nprocesses = many\n")
        self.assertIn("site.ini:3: harakiri", log)
        self.assertIn("site.ini:4: processes", log)
        self.assertFalse(os.path.exists(self.path("app.sock")))

    def test_missing_config(self) -> None:
        """A config file that is not there is named."""
        daemon = self.run_daemon([*server_command(SERVER), self.path("missing.ini")])
        self.assertNotEqual(daemon.wait(), 0)
        self.assertIn("missing.ini", daemon.log())
        self.assertNotIn("Traceback", daemon.log())


class BootTests(LiveCase):
    """Starts that go well."""

    def test_no_app_without_need_app(self) -> None:
        """Without need-app the server starts and answers 500."""
        self.serve(f"socket = {self.path('app.sock')}\nwsgi-file = {self.path('nothing.py')}\n")
        answer = uwsgi_fetch(self.path("app.sock"))
        self.assertEqual((answer.status, answer.body), (500, b"Internal Server Error"))

    def test_privileges(self) -> None:
        """uid and gid hold for the workers, and the socket belongs to whom chown-socket says."""
        requires("root")
        self.folder.chmod(0o777)
        daemon = self.serve(
            self.probe_config(more="uid = nobody\ngid = nogroup\nchmod-socket = 660\nmaster-as-root = false")
        )
        daemon.wait_for("spawned uWSGI worker 2 ")
        owners = daemon.examine(lambda process: process.uids().effective)
        self.assertGreaterEqual(len(owners), 4)
        self.assertNotIn(0, owners.values(), daemon.survivors())
        status = os.stat(self.path("app.sock"))
        self.assertEqual(status.st_mode & 0o777, 0o660)

    def test_vacuum_and_pidfile(self) -> None:
        """The pidfile holds the master's pid; vacuum removes it and the socket."""
        pidfile = Path(self.path("site.pid"))
        daemon = self.serve(self.probe_config(more=f"pidfile = {pidfile}\nvacuum = true"))
        self.assertEqual(int(pidfile.read_text()), daemon.pid)
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(), 0, daemon.log())
        self.assertFalse(pidfile.exists(), daemon.log())
        self.assertFalse(os.path.exists(self.path("app.sock")), daemon.log())

    def test_daemonize(self) -> None:
        """daemonize = FILE goes to the background and logs there; the pidfile names the one to stop."""
        log = Path(self.path("site.log"))
        pidfile = Path(self.path("site.pid"))
        daemon = self.launch(self.probe_config(more=f"daemonize = {log}\npidfile = {pidfile}"))
        self.assertEqual(daemon.wait(), 0, daemon.log())
        wait_until(lambda: is_listening(self.path("app.sock")), "the socket")
        self.assertEqual(uwsgi_fetch(self.path("app.sock"), "/pid").status, 200)
        self.assertTrue(daemon.family())
        os.kill(int(pidfile.read_text()), signal.SIGTERM)
        wait_until(lambda: not daemon.family(), "the end of the daemon")
        self.assertIn("goodbye to uWSGI.", log.read_text())

    def test_twistd(self) -> None:
        """twistd -n uwsgid -c site.ini serves the same."""
        port = free_port()
        config = self.folder / "site.ini"
        config.write_text(f"[uwsgi]\nhttp-socket = 127.0.0.1:{port}\nwsgi-file = {APPS / 'probe.py'}\n")
        twistd = str(Path(sys.executable).with_name("twistd"))
        daemon = self.run_daemon([twistd, "-n", "uwsgid", "-c", str(config)])
        daemon.wait_for("spawned uWSGI worker 1 ")
        self.assertEqual(fetch(("127.0.0.1", port), "/pid").status, 200)
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(), 0, daemon.log())

    def test_one_command_line(self) -> None:
        """Everything can be said on the command line."""
        port = free_port()
        command = [
            *server_command(SERVER),
            *("--http-socket", f"127.0.0.1:{port}", "--wsgi-file", str(APPS / "probe.py")),
            *("--master", "-p", "2"),
        ]
        self.run_daemon(command).wait_for("spawned uWSGI worker 2 ")
        self.assertEqual(fetch(("127.0.0.1", port), "/pid").status, 200)
