"""What every benchmark needs: uWSGI to compare with, pinned servers, and nginx before them.

A benchmark starts the same config under the real uWSGI and under uwsgid, gives both the same load in turns
(`tests.bench.load`), and reports medians (`tests.bench.verdict`).  Servers live on core 0, whatever asks
them on core 1, so that none eats the other's time.  The time of a worker is read from the scheduler
(``/proc/PID/task/*/schedstat``), not from a clock.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

ROOT: Final = Path(__file__).parent.parent.parent
APPS: Final = Path(__file__).parent / "apps"
ENVIRONMENT: Final = ROOT / ".venv-bench"

#: One core for the servers, one for what asks them; the same where there is only one.
CORES: Final = sorted(os.sched_getaffinity(0))
SERVER_CORE: Final = CORES[0]
LOAD_CORE: Final = CORES[-1]

#: ``BENCH_SECONDS=0.3 BENCH_ROUNDS=1`` tries a benchmark out; its figures then mean nothing.
SECONDS: Final = float(os.environ.get("BENCH_SECONDS", "2"))
ROUNDS: Final = int(os.environ.get("BENCH_ROUNDS", "5"))
#: How often a load starts both contestants anew, so that what one start happened to be like does not decide.
STARTS: Final = int(os.environ.get("BENCH_STARTS", "3"))

PATIENCE: Final = 60.0


class BenchError(Exception):
    """A benchmark can not run here; its text says why."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A server and how to start it; a config file follows."""

    name: str
    command: tuple[str, ...]


def contestants() -> tuple[Contestant, Contestant]:
    """uWSGI as PyPI has it and uwsgid as this tree has it, both installed as a user would, side by side.

    :raises BenchError: one of them could not be built.
    """
    run_what_is_installed()
    uwsgi = ENVIRONMENT / "bin" / "uwsgi"
    if not uwsgi.exists():
        print("Building the reference uWSGI in .venv-bench", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", ENVIRONMENT], check=True)
        if not _pip("uwsgi", "flask"):
            raise BenchError("uWSGI could not be built; it needs a C compiler and the headers of Python")
    stamp = ENVIRONMENT / ".stamp-uwsgid"
    if not stamp.exists() or stamp.stat().st_mtime < _last_change():
        print("Installing this tree in .venv-bench", flush=True)
        if not _pip(str(ROOT)) or not _pip("--force-reinstall", "--no-deps", str(ROOT)):
            raise BenchError("this tree could not be installed")
        if not any(ENVIRONMENT.rglob("site-packages/uwsgid/**/*.so")):
            raise BenchError("the wheel of this tree is not compiled; pip wheel -v tells why")
        stamp.touch()
    return (
        Contestant("uWSGI", (str(uwsgi), "--home", str(ENVIRONMENT))),
        Contestant("uwsgid", (str(ENVIRONMENT / "bin" / "uwsgid"),)),
    )


def run_what_is_installed() -> None:
    """Keep ``PYTHONPATH`` from contestants: with it they would run the sources of a tree, not a wheel."""
    os.environ.pop("PYTHONPATH", None)


def _pip(*arguments: str) -> bool:
    """Install something in the environment of the benchmarks."""
    command = [str(ENVIRONMENT / "bin" / "pip"), "install", "--quiet", *arguments]
    return subprocess.run(command, stdin=subprocess.DEVNULL, cwd=ENVIRONMENT).returncode == 0


def _last_change() -> float:
    """When a file was changed that goes into the wheel."""
    sources = [*(ROOT / "uwsgid").rglob("*.py"), ROOT / "pyproject.toml", ROOT / ".ci" / "build_backend.py"]
    return max(path.stat().st_mtime for path in sources)


def program(name: str) -> str:
    """The path of a program.

    :raises BenchError: it is not installed.
    """
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if path is None:
        raise BenchError(f"needs {name}: see tests/debian-packages.txt")
    return path


def free_port() -> int:
    """A TCP port of the loopback address that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pinned(core: int) -> Callable[[], None]:
    """For ``preexec_fn``: the child and its children stay on one core."""
    return lambda: os.sched_setaffinity(0, {core})


def end(process: subprocess.Popen[bytes]) -> None:
    """End a program and everything that it started."""
    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
    for child in family:
        try:
            child.kill()
        except psutil.NoSuchProcess:
            continue
    process.wait()


@dataclass(slots=True)
class Instance:
    """A running server.

    :ivar answer_seconds: from its start to its first answer.
    """

    contestant: Contestant
    folder: Path
    address: str | tuple[str, int]
    process: subprocess.Popen[bytes]
    answer_seconds: float = 0.0

    def stats(self) -> dict[str, Any]:
        """What its stats server says."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(str(self.folder / "stats.sock"))
            received = b""
            while chunk := client.recv(65536):
                received += chunk
        document: dict[str, Any] = json.loads(received)
        return document

    def log_bytes(self) -> int:
        """The size of its log."""
        return (self.folder / "server.log").stat().st_size

    def workers(self) -> list[int]:
        """The pids of its workers."""
        return [worker["pid"] for worker in self.stats()["workers"] if worker["pid"]]

    def worker_nanoseconds(self) -> int:
        """The time that its workers spent on a core so far."""
        return sum(
            int(thread.read_text().split()[0])
            for pid in self.workers()
            for thread in Path(f"/proc/{pid}/task").glob("*/schedstat")
        )

    def memory(self) -> Memory:
        """What its processes have for themselves, in bytes."""
        workers = set(self.workers())
        master = self.stats()["pid"]
        family = [psutil.Process(master), *psutil.Process(master).children(recursive=True)]
        sizes = {process.pid: process.memory_full_info() for process in family}
        return Memory(
            master=sizes[master].uss,
            workers=[size.uss for pid, size in sizes.items() if pid in workers],
            others=sum(size.uss for pid, size in sizes.items() if pid not in workers and pid != master),
            total=sum(size.pss for size in sizes.values()),
        )


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes: private (USS) of the master, of each worker, of all other processes; shared out (PSS) of all."""

    master: int
    workers: Sequence[int]
    others: int
    total: int


@contextmanager
def serving(
    contestant: Contestant, config: str, *, over: str, environ: Mapping[str, str] | None = None
) -> Iterator[Instance]:
    """Run a server on core 0, with the config that both contestants get.

    :param config: the lines of the ``[uwsgi]`` section; stats and the log file are added.
    :param over: ``socket`` for a unix uwsgi socket, ``http-socket`` for a TCP port.
    :raises BenchError: it did not answer; with its log.
    """
    folder = Path(tempfile.mkdtemp(prefix="uwsgid-bench-"))
    folder.chmod(0o755)
    address: str | tuple[str, int]
    if over == "socket":
        address = str(folder / "app.sock")
        option = f"socket = {address}\nchmod-socket = 666"
    else:
        address = ("127.0.0.1", free_port())
        option = f"http-socket = {address[0]}:{address[1]}"
    log = folder / "server.log"
    (folder / "site.ini").write_text(
        f"[uwsgi]\n{option}\nstats = {folder / 'stats.sock'}\nlogto = {log}\n{config}\n"
    )
    began = time.monotonic()
    process = subprocess.Popen(
        [*contestant.command, str(folder / "site.ini")],
        cwd=folder,
        env={**os.environ, **(environ or {})},
        stdin=subprocess.DEVNULL,
        stdout=(folder / "start.log").open("wb"),
        stderr=subprocess.STDOUT,
        preexec_fn=pinned(SERVER_CORE),
    )
    instance = Instance(contestant, folder, address, process)
    try:
        while not answers(address):
            if process.poll() is not None or time.monotonic() - began > PATIENCE:
                texts = [path.read_text() for path in (folder / "start.log", log) if path.exists()]
                raise BenchError(f"{contestant.name} does not answer:\n" + "\n".join(texts))
            time.sleep(0.002)
        instance.answer_seconds = time.monotonic() - began
        yield instance
    finally:
        end(process)
        shutil.rmtree(folder, ignore_errors=True)


def answers(address: str | tuple[str, int]) -> bool:
    """Whether a first request is answered."""
    uwsgi = isinstance(address, str)
    with socket.socket(socket.AF_UNIX if uwsgi else socket.AF_INET) as client:
        client.settimeout(PATIENCE)
        try:
            client.connect(address)
            if uwsgi:
                pairs = b"".join(
                    len(part).to_bytes(2, "little") + part
                    for part in (
                        b"REQUEST_METHOD",
                        b"GET",
                        b"PATH_INFO",
                        b"/",
                        b"SERVER_PROTOCOL",
                        b"HTTP/1.1",
                    )
                )
                client.sendall(b"\0" + len(pairs).to_bytes(2, "little") + b"\0" + pairs)
            else:
                client.sendall(b"GET / HTTP/1.0\r\nHost: bench\r\n\r\n")
            return client.recv(65536).startswith(b"HTTP/1.")
        except OSError:
            return False


#: What nginx is told of a location, by protocol; the application has the whole path.
_PASSING: Final[Mapping[str, str]] = {
    "uwsgi": "uwsgi_pass unix:{};",
    "fastcgi": "include /etc/nginx/fastcgi_params; fastcgi_param SCRIPT_NAME ''; "
    "fastcgi_param PATH_INFO $document_uri; fastcgi_pass unix:{};",
    "scgi": "include /etc/nginx/scgi_params; scgi_param SCRIPT_NAME ''; "
    "scgi_param PATH_INFO $document_uri; scgi_pass unix:{};",
}


@contextmanager
def nginx(sockets: Mapping[str, str], protocols: Mapping[str, str] | None = None) -> Iterator[dict[str, str]]:
    """Run one nginx on core 1 that passes to several unix sockets.

    :param sockets: the socket by the name of a contestant.
    :param protocols: what is spoken there, by the same name; ``uwsgi`` unless said otherwise.
    :returns: the URL by the same name.
    """
    spoken = protocols or {}
    folder = Path(tempfile.mkdtemp(prefix="uwsgid-bench-nginx-"))
    folder.chmod(0o755)
    ports = {name: free_port() for name in sockets}
    params = Path("/etc/nginx/uwsgi_params").read_text()
    servers = "".join(
        f"server {{ listen 127.0.0.1:{ports[name]}; "
        f"location / {{ {_PASSING[spoken.get(name, 'uwsgi')].format(path)} }} }}\n"
        for name, path in sockets.items()
    )
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "uwsgi", "fastcgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr;\n"
        f"{'user root;' if os.geteuid() == 0 else ''}\n"
        "events { worker_connections 512; }\n"
        f"http {{ access_log off; keepalive_requests 1000000; client_max_body_size 64m;\n"
        f"{temporary}{params}\n{servers} }}\n"
    )
    process = subprocess.Popen(
        [program("nginx"), "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")],
        stdin=subprocess.DEVNULL,
        preexec_fn=pinned(LOAD_CORE),
    )
    try:
        limit = time.monotonic() + PATIENCE
        for port in ports.values():
            while not answers(("127.0.0.1", port)):
                if process.poll() is not None or time.monotonic() > limit:
                    raise BenchError("nginx does not answer")
                time.sleep(0.01)
        yield {name: f"http://127.0.0.1:{port}/" for name, port in ports.items()}
    finally:
        end(process)
        shutil.rmtree(folder, ignore_errors=True)
