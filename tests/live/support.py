"""Real processes for the live tests: servers, nginx, and plain clients that share no code with uwsgid.

A `Daemon` is one program with its log, started in a folder of its own; a test waits for a line of that log or
for an answer, never for a while.  Every process that a daemon left behind is found again by a mark in its
environment and ended by its pid; a test that expects none to be left says so with `Daemon.survivors`.

``UWSGID_LIVE_SERVER=uwsgi`` runs the tests against Debian's uWSGI: that is how the tests are tested.
"""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

import psutil
from twisted.trial.unittest import SkipTest, SynchronousTestCase

#: The folder of the applications that the live tests serve.
APPS: Final = Path(__file__).parent / "apps"
ROOT: Final = Path(__file__).parent.parent.parent

#: How long a step of a test may take on a busy machine, in seconds; nothing waits this long when all is well.
PATIENCE: Final = 30.0

#: Which server the tests start where they do not ask for a certain one.
SERVER: Final = os.environ.get("UWSGID_LIVE_SERVER", "uwsgid")

#: The log line that says a worker accepts requests, of both servers.
SPAWNED: Final = r"spawned uWSGI worker \d+ "

Address = str | tuple[str, int]
T = TypeVar("T")


def requires(*needs: str) -> None:
    """Skip the running test, with the reason, where something it needs is missing.

    :param needs: ``root``, or names of programs.
    """
    for need in needs:
        if need == "root":
            if os.geteuid() != 0:
                raise SkipTest("needs root")
        elif find_program(need) is None:
            raise SkipTest(f"needs the program {need}; tests/debian-packages.txt says where it comes from")


def find_program(name: str) -> str | None:
    """The path of a program; Debian keeps nginx where users do not look."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/local/sbin")


def free_port() -> int:
    """A TCP port of the loopback address that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(
    look: Callable[[], T | None], what: str, *, seconds: float = PATIENCE, every: float = 0.01
) -> T:
    """Ask ``look`` until it answers something true.

    :raises AssertionError: it did not within ``seconds``.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(every)
    raise AssertionError(f"waited {seconds:g} s in vain: {what}")


class Daemon:
    """A program that runs until it is told otherwise, and all lines it wrote.

    :ivar folder: where it was started.
    :ivar lines: its log so far; under `changed`.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        *,
        environ: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        prepare: Callable[[], None] | None = None,
    ) -> None:
        self.folder = folder
        self.command = list(command)
        self.lines: list[str] = []
        self.changed = threading.Condition()
        self._mark = f"UWSGID_LIVE_MARK={uuid.uuid4().hex}"
        self._known: dict[int, psutil.Process] = {}
        self._ended = False
        name, _, value = self._mark.partition("=")
        self.process = subprocess.Popen(
            self.command,
            cwd=folder,
            env={**os.environ, **(environ or {}), name: value},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=tuple(pass_fds),
            preexec_fn=prepare,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        for raw in stream:
            with self.changed:
                self.lines.append(raw.decode("utf-8", "replace").rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self._ended = True
            self.changed.notify_all()

    def log(self) -> str:
        """All lines so far as one text."""
        with self.changed:
            return "\n".join(self.lines)

    def seen(self, pattern: str) -> int:
        """How many lines match so far."""
        with self.changed:
            return sum(1 for line in self.lines if re.search(pattern, line))

    def wait_for(self, pattern: str, *, count: int = 1, seconds: float = PATIENCE) -> re.Match[str]:
        """Wait until ``count`` lines match.

        :returns: the match of the last of them.
        :raises AssertionError: the time is over, or the log ended before; with the log.
        """
        expression = re.compile(pattern)
        end = time.monotonic() + seconds
        with self.changed:
            while True:
                found = [match for line in self.lines if (match := expression.search(line))]
                if len(found) >= count:
                    return found[count - 1]
                left = end - time.monotonic()
                if self._ended or left <= 0:
                    why = "the log ended" if self._ended else f"waited {seconds:g} s"
                    raise AssertionError(
                        f"{why}, and {len(found)} of {count} lines match {pattern!r}:\n"
                        + "\n".join(self.lines)
                    )
                self.changed.wait(left)

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self, seconds: float = PATIENCE) -> int:
        """The exit status once the program ended.

        :raises AssertionError: it runs on after ``seconds``; with the log.
        """
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.command[0]} still runs after {seconds:g} s:\n{self.log()}") from None
        self._reader.join(2)
        return status

    def family(self) -> list[psutil.Process]:
        """Every living process of this daemon, the first one included."""
        found: dict[int, psutil.Process] = {}
        try:
            first = psutil.Process(self.pid)
            for process in [first, *first.children(recursive=True)]:
                found[process.pid] = process
        except psutil.NoSuchProcess:
            pass
        wanted = self._mark.encode()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) not in found:
                try:
                    if wanted in (entry / "environ").read_bytes().split(b"\0"):
                        found[int(entry.name)] = psutil.Process(int(entry.name))
                except (OSError, psutil.NoSuchProcess):
                    continue
        self._known.update(found)
        return [process for process in self._known.values() if _lives(process)]

    def members(self, title: str) -> list[psutil.Process]:
        """The living processes of this daemon whose title has ``title`` in it: ``zygote``, ``seed``."""
        return [process for process in self.family() if title in _title(process)]

    def survivors(self) -> list[str]:
        """What still runs, as readable texts."""
        return [f"{process.pid} {_title(process)}" for process in self.family()]

    def close(self) -> None:
        """End everything, politely first."""
        family = self.family()
        if self.process.poll() is None:
            self.signal(signal.SIGINT)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                family = self.family()
        for process in {*family, *self.family()}:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        self.process.wait()
        self._reader.join(2)
        if self.process.stdout is not None:
            self.process.stdout.close()


def _title(process: psutil.Process) -> str:
    """What ps shows of a process; empty where it is gone."""
    try:
        return " ".join(process.cmdline()) or str(process.name())
    except psutil.NoSuchProcess:
        return ""


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@dataclass(frozen=True, slots=True)
class Answer:
    """What an HTTP client got."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first value of a header."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


def connect(address: Address, seconds: float = PATIENCE) -> socket.socket:
    """A connected stream to a unix path or a (host, port)."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    client = socket.socket(family, socket.SOCK_STREAM)
    client.settimeout(seconds)
    try:
        client.connect(address)
    except BaseException:
        client.close()
        raise
    return client


def fetch(
    address: Address,
    path: str = "/",
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | Iterable[bytes] | None = None,
    seconds: float = PATIENCE,
) -> Answer:
    """One HTTP request on a connection of its own."""
    connection = http.client.HTTPConnection("localhost", timeout=seconds)
    connection.sock = connect(address, seconds)
    try:
        connection.request(method, path, body=body, headers=dict(headers or {}))
        response = connection.getresponse()
        return Answer(response.status, response.reason, tuple(response.getheaders()), response.read())
    finally:
        connection.close()


def talk(address: Address, data: bytes, seconds: float = PATIENCE) -> bytes:
    """Send raw bytes and read until the server closes."""
    with connect(address, seconds) as client:
        client.sendall(data)
        received = []
        while chunk := client.recv(65536):
            received.append(chunk)
        return b"".join(received)


def uwsgi_packet(variables: Mapping[str, str], modifier1: int = 0, modifier2: int = 0) -> bytes:
    """The uwsgi packet that carries ``variables``."""
    pairs = b"".join(
        struct.pack("<H", len(part)) + part
        for pair in variables.items()
        for part in (text.encode("latin-1") for text in pair)
    )
    return struct.pack("<BHB", modifier1, len(pairs), modifier2) + pairs


def request_vars(path: str = "/", *, method: str = "GET", query: str = "", length: int = 0) -> dict[str, str]:
    """The vars that nginx would send for a small request."""
    return {
        "QUERY_STRING": query,
        "REQUEST_METHOD": method,
        "CONTENT_TYPE": "",
        "CONTENT_LENGTH": str(length) if length else "",
        "REQUEST_URI": path + (f"?{query}" if query else ""),
        "PATH_INFO": path,
        "DOCUMENT_ROOT": "/srv/www",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REQUEST_SCHEME": "http",
        "REMOTE_ADDR": "192.0.2.7",
        "REMOTE_PORT": "40404",
        "SERVER_PORT": "80",
        "SERVER_NAME": "shop.example",
        "HTTP_HOST": "shop.example",
    }


def parse_answer(data: bytes) -> Answer:
    """What came back on a uwsgi connection: an HTTP head, then the body up to the end."""
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        raise AssertionError(f"no complete answer: {data[:200]!r}")
    first, *rest = head.decode("latin-1").split("\r\n")
    _, status, reason = (first + "  ").split(" ", 2)
    pairs = tuple((key, value.strip()) for key, _, value in (line.partition(":") for line in rest))
    return Answer(int(status), reason.strip(), pairs, body)


def uwsgi_fetch(address: Address, path: str = "/", *, method: str = "GET", body: bytes = b"") -> Answer:
    """One request in the uwsgi protocol on a connection of its own."""
    variables = request_vars(path, method=method, length=len(body))
    return parse_answer(talk(address, uwsgi_packet(variables) + body))


def server_command(server: str) -> list[str]:
    """How to start a server, up to where its own arguments begin."""
    if server == "uwsgid":
        return [sys.executable, "-m", "uwsgid"]
    if server == "uwsgi":
        requires("uwsgi-core")
        return ["uwsgi-core", "--plugin", "python3"]
    raise AssertionError(f"no server is called {server!r}")


@dataclass
class Load:
    """Clients that ask a uwsgi socket one request after the other, each on a connection of its own.

    A worker that is killed can cost each client one request, and not only the client whose request is in
    progress: a thread that connected may wait for its turn before it sends, and by then a worker has the
    connection in hand and serves others.

    :ivar failures: what went wrong, one text each.
    """

    address: Address
    clients: int = 4
    path: str = "/pid"
    done: int = 0
    failures: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Load:
        for _ in range(self.clients):
            thread = threading.Thread(target=self._run, daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _run(self) -> None:
        packet = uwsgi_packet(request_vars(self.path))
        while not self._stop.is_set():
            step, received = "connecting", b""
            try:
                with connect(self.address) as client:
                    step = "sending"
                    client.sendall(packet)
                    step = "reading"
                    while chunk := client.recv(65536):
                        received += chunk
                problem = "" if received.startswith(b"HTTP/1.1 200") else f"answered {received[:100]!r}"
            except OSError as error:
                problem = f"{step}: {error!r}"
            with self._lock:
                self.done += 1
                if problem:
                    self.failures.append(problem)

    def wait_for_more(self, requests: int, seconds: float = PATIENCE) -> None:
        """Wait until this many further requests were made."""
        self.wait_for(self.done + requests, seconds)

    def wait_for(self, requests: int, seconds: float = 4 * PATIENCE) -> None:
        """Wait until this many requests were made in all."""
        wait_until(lambda: self.done >= requests, f"{requests} requests", seconds=seconds)


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
        program = find_program("nginx")
        assert program is not None
        listen = self.path("nginx.sock")
        params = Path("/etc/nginx/uwsgi_params").read_text()
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
                {more}
                {params}
                server {{
                    listen unix:{listen};
                    server_name shop.example;
                    root /srv/www;
                    {locations}
                }}
            }}
            """
        )
        # without -e nginx first tries a log that only root may write
        daemon = self.run_daemon(
            [program, "-e", "stderr", "-p", str(self.folder), "-c", self.path("nginx.conf")]
        )
        daemon.wait_for(r"start worker process \d+")
        return listen
