"""What a live test starts from: real servers and nginx in a folder that goes with the test.

`LiveCase` starts them; `tests.live.daemon` is about programs and their logs, `tests.live.clients` about
asking them.  ``UWSGID_LIVE_SERVER=uwsgi`` runs the tests against Debian's uWSGI: that is how the tests are
tested.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from tests.live.clients import (
    Address,
    Answer,
    Load,
    Waiting,
    connect,
    fetch,
    is_listening,
    parse_answer,
    request_vars,
    talk,
    uwsgi_fetch,
    uwsgi_packet,
)
from tests.live.daemon import (
    PATIENCE,
    Daemon,
    descriptors,
    examine,
    find_program,
    free_port,
    is_leaving,
    requires,
    title_of,
    wait_until,
)

__all__ = [
    "APPS",
    "PATIENCE",
    "ROOT",
    "SERVER",
    "SPAWNED",
    "Address",
    "Answer",
    "Daemon",
    "LiveCase",
    "Load",
    "Waiting",
    "connect",
    "descriptors",
    "examine",
    "fetch",
    "find_program",
    "free_port",
    "is_leaving",
    "is_listening",
    "parse_answer",
    "request_vars",
    "requires",
    "server_command",
    "talk",
    "title_of",
    "uwsgi_fetch",
    "uwsgi_packet",
    "wait_until",
]

#: The folder of the applications that the live tests serve.
APPS: Final = Path(__file__).parent / "apps"
ROOT: Final = Path(__file__).parent.parent.parent

#: Which server the tests start where they do not ask for a certain one.
SERVER: Final = os.environ.get("UWSGID_LIVE_SERVER", "uwsgid")

#: The log line that says a worker accepts requests, of both servers.
SPAWNED: Final = r"spawned uWSGI worker \d+ "


def server_command(server: str) -> list[str]:
    """How to start a server, up to where its own arguments begin."""
    if server == "uwsgid":
        return [sys.executable, "-m", "uwsgid"]
    if server == "uwsgi":
        requires("uwsgi-core")
        return ["uwsgi-core", "--plugin", "python3"]
    raise AssertionError(f"no server is called {server!r}")


class LiveCase(SynchronousTestCase):
    """A test with real processes: makes a short-named folder, and ends what it started."""

    def setUp(self) -> None:
        # a unix socket's path has to be short, so trial's own folder is too deep
        self.folder = Path(tempfile.mkdtemp(prefix="uwsgid-"))
        self.folder.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, name: str) -> str:
        """A path in this test's folder."""
        return str(self.folder / name)

    def run_daemon(
        self,
        command: Sequence[str],
        *,
        environ: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        prepare: Callable[[], None] | None = None,
    ) -> Daemon:
        """Start a program that ends with the test."""
        daemon = Daemon(command, self.folder, environ=environ, pass_fds=pass_fds, prepare=prepare)
        self.addCleanup(daemon.close)
        return daemon

    def launch(
        self,
        config: str,
        *arguments: str,
        server: str = SERVER,
        name: str = "site.ini",
        prefix: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        prepare: Callable[[], None] | None = None,
    ) -> Daemon:
        """Start a server on a config, without waiting for anything.

        :param config: the lines of the ``[uwsgi]`` section.
        :param prefix: a program that executes the server.
        """
        path = self.folder / name
        path.write_text("[uwsgi]\n" + config)
        command = [*prefix, *server_command(server), *arguments, str(path)]
        pythonpath = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        return self.run_daemon(
            command,
            environ={"PYTHONPATH": pythonpath, **(environ or {})},
            pass_fds=pass_fds,
            prepare=prepare,
        )

    def waiting(self, daemon: Daemon, clients: int = 1) -> Waiting:
        """Clients of the probe at ``app.sock``, each in the middle of a request until `Waiting.go`."""
        begun = daemon.seen("^the application waits$")
        made = Waiting(self.path("app.sock"), self.folder / "go", clients)
        self.addCleanup(made.close)
        self.addCleanup(made.go)
        daemon.wait_for("^the application waits$", count=begun + clients)
        return made

    def probe_config(self, *, workers: int = 2, socket: str = "app.sock", more: str = "") -> str:
        """The config that most tests start from: the probe on a unix socket."""
        return (
            f"socket = {self.path(socket)}\nwsgi-file = {APPS / 'probe.py'}\nneed-app = true\n"
            f"master = true\nprocesses = {workers}\n{more}\n"
        )

    def serve(
        self, config: str, *arguments: str, workers: int = 1, server: str = SERVER, **more: object
    ) -> Daemon:
        """Start a server on a config and wait until its workers accept requests."""
        daemon = self.launch(config, *arguments, server=server, **more)  # type: ignore[arg-type]
        daemon.wait_for(SPAWNED, count=workers)
        return daemon

    def nginx(self, locations: str, *, more: str = "") -> str:
        """Start nginx with these locations.

        :returns: the path of the unix socket it listens on.
        """
        requires("nginx")
        listen = self.path("nginx.sock")
        params = Path("/etc/nginx/uwsgi_params").read_text()
        self.run_nginx(
            f"""
            {more}
            {params}
            server {{
                listen unix:{listen};
                server_name shop.example;
                root /srv/www;
                {locations}
            }}
            """
        )
        return listen

    def run_nginx(self, sites: str) -> Daemon:
        """Start nginx with this text as what a distribution includes in ``http``."""
        requires("nginx")
        program = find_program("nginx")
        assert program is not None
        (self.folder / "nginx.conf").write_text(
            f"""
            daemon off;
            {"user root;" if os.geteuid() == 0 else ""}
            worker_processes 1;
            pid {self.path("nginx.pid")};
            error_log stderr notice;
            events {{ worker_connections 256; }}
            http {{
                access_log off;
                client_max_body_size 64m;
                client_body_temp_path {self.path("nginx-body")};
                proxy_temp_path {self.path("nginx-proxy")};
                uwsgi_temp_path {self.path("nginx-uwsgi")};
                fastcgi_temp_path {self.path("nginx-fastcgi")};
                scgi_temp_path {self.path("nginx-scgi")};
                {sites}
            }}
            """
        )
        # without -e nginx first tries a log that only root may write
        daemon = self.run_daemon(
            [program, "-e", "stderr", "-p", str(self.folder), "-c", self.path("nginx.conf")]
        )
        daemon.wait_for(r"start worker process \d+")
        return daemon
