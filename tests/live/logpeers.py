"""Peers of loggers: the real rsyslogd and Redis, and collectors that a test is itself.

`jail_prefix` lets a server find the sockets of the syslog daemon and of the journal where they are on a whole
machine, in a mount namespace of its own.
"""

from __future__ import annotations

import gzip
import http.server
import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import zmq
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from tests.live.support import PATIENCE, Daemon, LiveCase, find_program, free_port, requires, wait_until
from tests.logs.loggers.mongod import Mongod

#: Makes /dev and /run of a new mount namespace, with the two sockets in them, and executes what follows.
_SCENE: Final = r"""
set -e
folder=$1; shift
mkdir -p "$folder/dev"
mount -t tmpfs scene "$folder/dev"
for name in null zero full random urandom tty; do
    touch "$folder/dev/$name"
    mount --bind "/dev/$name" "$folder/dev/$name"
done
ln -s /proc/self/fd "$folder/dev/fd"
mkdir "$folder/dev/shm"
mount --bind /dev/shm "$folder/dev/shm"
touch "$folder/dev/log"
mount --bind "$folder/log.sock" "$folder/dev/log"
mount --rbind "$folder/dev" /dev
mount -t tmpfs scene /run
mkdir -p /run/systemd/journal
touch /run/systemd/journal/socket
mount --bind "$folder/journal.sock" /run/systemd/journal/socket
exec "$@"
"""


#: Makes /run of a new mount namespace, with the journal in two folders of the test, and executes the rest.
_JOURNAL: Final = r"""
set -e
folder=$1; shift
mount -t tmpfs scene /run
mkdir -p /run/systemd/journal /run/log/journal "$folder/journald" "$folder/entries"
mount --bind "$folder/journald" /run/systemd/journal
mount --bind "$folder/entries" /run/log/journal
mount --bind "$folder/journald.conf" /etc/systemd/journald.conf
exec "$@"
"""
_JOURNALD: Final = "/lib/systemd/systemd-journald"


def jail_prefix(folder: Path) -> list[str]:
    """What stands before the command of a server that finds ``log.sock`` of *folder* as /dev/log."""
    requires("root", "unshare")
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", _SCENE, "scene", str(folder)]


class Catcher:
    """Keeps the datagrams that come to a socket.

    :ivar caught: what came so far.
    """

    def __init__(self, receiver: socket.socket) -> None:
        self.receiver = receiver
        self.caught: list[bytes] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self.receiver.getsockname()[1])

    def _run(self) -> None:
        while True:
            try:
                data = self.receiver.recv(1 << 20)
            except OSError:
                return
            if data == b"end of the test":
                return
            self.caught.append(data)

    def close(self) -> None:
        """Stop."""
        with socket.socket(self.receiver.family, socket.SOCK_DGRAM) as sender:
            try:
                sender.sendto(b"end of the test", self.receiver.getsockname())
            except OSError:
                pass
        self._thread.join(PATIENCE)
        self.receiver.close()


class Collector:
    """An HTTP server that takes what is posted to it.

    :ivar lines: what was pushed as Loki has it, and what was exported as OpenTelemetry has it.
    :ivar refuse: answer 503.
    :ivar encodings: the paths that were posted to, and how what came was compressed.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.labels: list[dict[str, str]] = []
        self.services: set[str] = set()
        self.refuse = False
        self.encodings: set[tuple[str, str | None]] = set()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.encodings.add((self.path, self.headers["Content-Encoding"]))
                if self.headers["Content-Encoding"] == "gzip":
                    body = gzip.decompress(body)
                status = 503 if collector.refuse else collector.take(self.path, body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def take(self, path: str, body: bytes) -> int:
        """Read a body; the status to answer."""
        if path == "/v1/logs":
            request = ExportLogsServiceRequest.FromString(body)
            for resource in request.resource_logs:
                self.services |= {
                    each.value.string_value
                    for each in resource.resource.attributes
                    if each.key == "service.name"
                }
                for scope in resource.scope_logs:
                    self.lines += [each.body.string_value for each in scope.log_records]
            return 200
        if path == "/loki/api/v1/push":
            for stream in json.loads(body)["streams"]:
                self.labels.append(stream["stream"])
                times = [int(moment) for moment, _ in stream["values"]]
                assert times == sorted(times)
                self.lines += [line for _, line in stream["values"]]
            return 204
        return 404

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE)


class PeerCase(LiveCase):
    """A live test whose server logs to somebody."""

    def mongod(self) -> Mongod:
        """A server of MongoDB, which ends with the test."""
        mongod = Mongod()
        self.addCleanup(mongod.close)
        return mongod

    def zeromq(self) -> tuple[zmq.Socket[bytes], int]:
        """A socket that pulls records, and its port."""
        context = zmq.Context()
        self.addCleanup(context.destroy, 0)
        pull = context.socket(zmq.PULL)
        pull.setsockopt(zmq.RCVTIMEO, int(PATIENCE * 1000))
        return pull, pull.bind_to_random_port("tcp://127.0.0.1")

    def udp(self) -> Catcher:
        """Somebody on a UDP port of loopback."""
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        made.bind(("127.0.0.1", 0))
        return self._catcher(made)

    def unix(self, name: str) -> Catcher:
        """Somebody at a path."""
        made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        made.bind(self.path(name))
        os.chmod(self.path(name), 0o666)
        return self._catcher(made)

    def _catcher(self, made: socket.socket) -> Catcher:
        catcher = Catcher(made)
        self.addCleanup(catcher.close)
        return catcher

    def collector(self) -> Collector:
        """A collector by HTTP."""
        made = Collector()
        self.addCleanup(made.close)
        return made

    def rsyslogd(self) -> tuple[int, Callable[[], str]]:
        """Debian's rsyslogd, with a UDP port and ``log.sock``: the port, and what it has written so far."""
        requires("rsyslogd")
        port = free_port()
        out = self.folder / "rsyslogd.out"
        (self.folder / "rsyslogd.conf").write_text(
            f"""
            global(workDirectory="{self.folder}" escapeControlCharactersOnReceive="off")
            module(load="imudp")
            input(type="imudp" address="127.0.0.1" port="{port}")
            module(load="imuxsock" SysSock.Use="off")
            input(type="imuxsock" Socket="{self.path("log.sock")}" CreatePath="off")
            template(name="flat" type="string" string="%pri% %hostname% %syslogtag%%msg%\\n")
            action(type="omfile" file="{out}" template="flat")
            """
        )
        program = find_program("rsyslogd")
        assert program is not None
        daemon = self.run_daemon(
            [program, "-n", "-f", self.path("rsyslogd.conf"), "-i", self.path("rsyslogd.pid")]
        )
        self.addCleanup(daemon.signal, signal.SIGTERM)  # it does not listen to the other one
        wait_until(lambda: Path(self.path("log.sock")).exists(), "rsyslogd")
        return port, lambda: out.read_text() if out.exists() else ""

    def journald(self) -> Callable[[], list[dict[str, str]]]:
        """Debian's journald, with ``journal.sock``: what gives the entries so far."""
        requires("root", "unshare", "journalctl")
        settings = "[Journal]\nStorage=volatile\nAudit=no\nReadKMsg=no\n"
        (self.folder / "journald.conf").write_text(settings)
        scene = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _JOURNAL, "scene"]
        daemon = self.run_daemon([*scene, str(self.folder), _JOURNALD])
        self.addCleanup(daemon.signal, signal.SIGTERM)  # it does not listen to the other one
        socket_path = self.folder / "journald" / "socket"
        wait_until(socket_path.exists, "journald")
        (self.folder / "journal.sock").symlink_to(socket_path)

        def entries() -> list[dict[str, str]]:
            files = [f"--file={path}" for path in (self.folder / "entries").glob("*/*.journal")]
            if not files:
                return []
            done = subprocess.run(
                ["journalctl", "--output=json", "--no-pager", *files],
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
            return [json.loads(line) for line in done.stdout.splitlines()]

        return entries

    def redis(self, port: int = 0) -> tuple[Daemon, int]:
        """Debian's Redis, with the password ``secret``: the daemon, and its port."""
        requires("redis-server", "redis-cli")
        port = port or free_port()
        settings = {"port": str(port), "bind": "127.0.0.1", "save": "", "requirepass": "secret"}
        words = [word for name, value in settings.items() for word in (f"--{name}", value)]
        daemon = self.run_daemon(["redis-server", *words, "--dir", str(self.folder)])
        daemon.wait_for("Ready to accept connections")
        return daemon, port

    def redis_cli(self, port: int, *words: str) -> str:
        """What ``redis-cli`` says."""
        done = subprocess.run(
            ["redis-cli", "-p", str(port), "-a", "secret", "--no-auth-warning", *words],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
        return done.stdout
