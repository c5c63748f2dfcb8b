"""What protocols, languages and the HTTP gateway cost, beside the real uWSGI: ``make bench-protocols``.

Hello world and 100 KiB over FastCGI and SCGI behind nginx, and through the HTTP gateway with and without
keep-alive; PSGI and Rack, also beside Starman and Puma with one worker; files of 4 KiB and of 10 MiB; hello
world while 500 clients send a byte a second.  The contestants of a case take turns, each with one worker.
The processor time is that of all processes of an instance.  What the tree at hand does not know yet is left
out.
"""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.request import urlopen

import psutil

from tests.bench.harness import (
    APPS,
    LOAD_CORE,
    PATIENCE,
    ROOT,
    ROUNDS,
    SERVER_CORE,
    STARTS,
    BenchError,
    Contestant,
    contestants,
    end,
    free_port,
    nginx,
    pinned,
    program,
)
from tests.bench.load import Samples, wrk
from tests.bench.verdict import Bar, report, table

SLOW_CLIENTS: Final = 500
CLOSE: Final = ("Connection: close",)
HELLO: Final = f"wsgi-file = {APPS / 'hello.py'}"
LARGE: Final = f"wsgi-file = {APPS / 'large.py'}"
PSGI: Final = f"psgi = {APPS / 'hello.psgi'}"
RACK: Final = f"rack = {APPS / 'hello.ru'}"
STATIC: Final = f"{HELLO}\nstatic-map = /files={{files}}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A contestant of a case and how it is reached.

    :ivar server: ``uWSGI``, ``uwsgid``, ``Debian's uWSGI``, ``Starman`` or ``Puma``.
    :ivar over: the option of its socket; ``http`` and ``http-socket`` are asked without nginx.
    :ivar lines: the rest of its configuration.
    """

    server: str
    over: str
    lines: str

    @property
    def name(self) -> str:
        return f"{self.server}, {self.over.removesuffix('-socket')}" if self.over else self.server

    @property
    def direct(self) -> bool:
        """Whether it speaks HTTP itself."""
        return self.over in ("", "http", "http-socket")


@dataclass(frozen=True, slots=True)
class Case:
    """One load.

    :ivar entries: first the one that the others are compared with.
    """

    key: str
    title: str
    entries: tuple[Entry, ...]
    path: str = "/"
    connections: int = 8
    headers: Sequence[str] = ()


def both(over: str, lines: str) -> tuple[Entry, Entry]:
    """The same for uWSGI and uwsgid."""
    return Entry("uWSGI", over, lines), Entry("uwsgid", over, lines)


def behind(over: str, lines: str) -> tuple[Entry, ...]:
    """A protocol behind nginx, beside uWSGI's own."""
    return (Entry("uWSGI", "socket", lines), *both(over, lines))


KEPT: Final = "\nhttp-keepalive = 1"

CASES: Final = (
    Case("f", "hello, FastCGI behind nginx", behind("fastcgi-socket", HELLO)),
    Case("F", "100 KiB, FastCGI behind nginx", behind("fastcgi-socket", LARGE)),
    Case("s", "hello, SCGI behind nginx", behind("scgi-socket", HELLO)),
    Case("S", "100 KiB, SCGI behind nginx", behind("scgi-socket", LARGE)),
    Case("g", "hello, gateway, kept alive", both("http", HELLO + KEPT), connections=64),
    Case("G", "100 KiB, gateway, kept alive", both("http", LARGE + KEPT), connections=8),
    Case("n", "hello, gateway, a connection each", both("http", HELLO), connections=64, headers=CLOSE),
    Case("N", "100 KiB, gateway, a connection each", both("http", LARGE), headers=CLOSE),
    Case(
        "p",
        "hello, PSGI behind nginx",
        (
            Entry("Debian's uWSGI", "socket", f"plugins = psgi\n{PSGI}"),
            Entry("uwsgid", "socket", PSGI),
        ),
    ),
    Case(
        "P",
        "hello, PSGI over HTTP",
        (Entry("Starman", "", "hello.psgi"), Entry("uwsgid", "http-socket", PSGI)),
    ),
    Case(
        "r",
        "hello, Rack behind nginx",
        # of itself uWSGI collects Ruby's garbage behind every request, which takes milliseconds
        (
            Entry("Debian's uWSGI", "socket", f"plugins = rack\nruby-gc-freq = 1000\n{RACK}"),
            Entry("uwsgid", "socket", RACK),
        ),
    ),
    Case(
        "R",
        "hello, Rack over HTTP",
        (Entry("Puma", "", "hello.ru"), Entry("uwsgid", "http-socket", RACK)),
    ),
    Case("t", "static file of 4 KiB", both("http-socket", STATIC), "/files/small"),
    Case("T", "static file of 10 MiB", both("http-socket", STATIC), "/files/large", connections=1),
)

#: The gateway with and without clients that are slow.
SLOW: Final = Case("w", "hello, gateway", both("http", HELLO + KEPT))


def known(case: Case) -> bool:
    """Whether the tree at hand has every option that uwsgid is given in a case."""
    from uwsgid.config.index import Index
    from uwsgid.config.section import declared_sections
    from uwsgid.door import catalog

    catalog.load()
    index = Index(declared_sections())
    mine = [entry for entry in case.entries if entry.server == "uwsgid"]
    names = {line.split(" = ")[0] for entry in mine for line in (entry.over, *entry.lines.split("\n"))}
    return all(index.declared(name) is not None for name in names)


@dataclass(slots=True)
class Running:
    """A started contestant; `address` is a unix socket for nginx, or a port that takes HTTP."""

    entry: Entry
    process: subprocess.Popen[bytes]
    address: str | int
    folder: Path

    def nanoseconds(self) -> int:
        """The time that all its processes spent on a core so far."""
        total = 0
        first = psutil.Process(self.process.pid)
        for process in (first, *first.children(recursive=True)):
            for thread in Path(f"/proc/{process.pid}/task").glob("*/schedstat"):
                try:
                    total += int(thread.read_text().split()[0])
                except OSError:
                    continue
        return total

    def log(self) -> str:
        """What it wrote."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))


@contextmanager
def running(entry: Entry, servers: Mapping[str, Contestant], files: Path) -> Iterator[Running]:
    """Start a contestant on core 0."""
    folder = Path(tempfile.mkdtemp(prefix="uwsgid-bench-"))
    folder.chmod(0o755)
    address: str | int = free_port() if entry.direct else str(folder / "app.sock")
    process = subprocess.Popen(
        command(entry, servers, folder, address, files),
        cwd=folder,
        env={**os.environ, "RACK_ENV": "production"},
        stdin=subprocess.DEVNULL,
        stdout=(folder / "start.log").open("wb"),
        stderr=subprocess.STDOUT,
        preexec_fn=pinned(SERVER_CORE),
    )
    try:
        yield Running(entry, process, address, folder)
    finally:
        end(process)
        shutil.rmtree(folder, ignore_errors=True)


def command(
    entry: Entry, servers: Mapping[str, Contestant], folder: Path, address: str | int, files: Path
) -> list[str]:
    """How a contestant is started; writes its configuration.

    :raises BenchError: it is not installed.
    """
    if entry.server == "Starman":
        application = str(APPS / entry.lines)
        return [program("starman"), "--workers", "1", "--listen", f"127.0.0.1:{address}", application]
    if entry.server == "Puma":
        bind = f"tcp://127.0.0.1:{address}"
        return [program("puma"), "-q", "-w", "0", "-t", "1:1", "-b", bind, str(APPS / entry.lines)]
    where = f"127.0.0.1:{address}" if entry.direct else f"{address}\nchmod-socket = 666"
    config = folder / "site.ini"
    config.write_text(
        f"[uwsgi]\n{entry.over} = {where}\nlogto = {folder / 'server.log'}\nneed-app = true\n"
        f"master = true\nprocesses = 1\n{entry.lines.format(files=files)}\n"
    )
    if entry.server == "Debian's uWSGI":
        return [program("uwsgi-core"), str(config)]
    return [*servers[entry.server].command, str(config)]


def wait_for(running: Running, ask: Callable[[], object]) -> None:
    """Wait until a contestant can be asked.

    :raises BenchError: it can not; with its log.
    """
    limit = time.monotonic() + PATIENCE
    while True:
        try:
            ask()
            return
        except OSError as error:
            if running.process.poll() is not None or time.monotonic() > limit:
                raise BenchError(f"{running.entry.name}: {error}\n{running.log()}") from None
        time.sleep(0.02)


def connect(path: str) -> None:
    """Find out whether somebody listens on a unix socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)


def fetch(url: str) -> None:
    """Find out whether an URL answers."""
    with urlopen(url, timeout=PATIENCE) as answer:
        answer.read()


@contextmanager
def started(case: Case, servers: Mapping[str, Contestant]) -> Iterator[dict[str, tuple[Running, str]]]:
    """Start all contestants of a case; each with its URL, by name."""
    with ExitStack() as stack:
        files = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="uwsgid-bench-files-")))
        files.chmod(0o755)
        (files / "small").write_bytes(os.urandom(4096))
        (files / "large").write_bytes(os.urandom(10 << 20))
        all_running = {
            entry.name: stack.enter_context(running(entry, servers, files)) for entry in case.entries
        }
        sockets = {name: str(it.address) for name, it in all_running.items() if not it.entry.direct}
        protocols = {
            name: it.entry.over.removesuffix("-socket").replace("socket", "uwsgi")
            for name, it in all_running.items()
        }
        urls = {name: f"http://127.0.0.1:{it.address}/" for name, it in all_running.items()}
        for name, path in sockets.items():
            wait_for(all_running[name], partial(connect, path))
        if sockets:
            urls |= stack.enter_context(nginx(sockets, protocols))
        for name, it in all_running.items():
            urls[name] = urls[name].removesuffix("/") + case.path
            wait_for(it, partial(fetch, urls[name]))
        yield {name: (it, urls[name]) for name, it in all_running.items()}


def load(case: Case, it: Running, url: str, samples: Samples) -> None:
    """One round of one contestant.

    :raises BenchError: it answered with an error status.
    """
    before = it.nanoseconds()
    result = wrk(url, connections=case.connections, headers=case.headers)
    spent = it.nanoseconds() - before
    if result.bad_answers:
        raise BenchError(f"{it.entry.name} gave {result.bad_answers} answers that are errors:\n{it.log()}")
    samples.rates.append(result.requests / result.seconds)
    samples.cpu.append(spent / 1000 / result.requests)
    samples.p99.append(result.p99)


def run_case(case: Case, servers: Mapping[str, Contestant]) -> dict[str, Samples]:
    """Load all contestants of a case in turns, `STARTS` times from their start."""
    samples = {entry.name: Samples() for entry in case.entries}
    for _ in range(STARTS):
        with started(case, servers) as contest:
            for _, url in contest.values():
                wrk(url, connections=case.connections, headers=case.headers, seconds=1)
            for number in range(ROUNDS):
                names = list(contest)
                for name in names if number % 2 == 0 else reversed(names):
                    load(case, *contest[name], samples[name])
    return samples


@contextmanager
def slow_clients(port: int) -> Iterator[None]:
    """Slow clients of a gateway, all connected."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.slow_clients", str(port), str(SLOW_CLIENTS)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        preexec_fn=pinned(LOAD_CORE),
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        if process.stdout.readline() != b"connected\n":
            raise BenchError("the slow clients could not connect")
        yield
    finally:
        process.stdin.close()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            end(process)
        process.stdout.close()


def run_slow(servers: Mapping[str, Contestant]) -> dict[str, dict[str, float]]:
    """Requests per second without and with slow clients, by contestant; 0 where they were too much."""
    found: dict[str, dict[str, float]] = {}
    with started(SLOW, servers) as contest:
        for name, (it, url) in contest.items():
            port = int(it.address)
            wrk(url, connections=SLOW.connections, seconds=1)
            alone, beside = Samples(), Samples()
            for _ in range(ROUNDS):
                load(SLOW, it, url, alone)
                try:
                    with slow_clients(port):
                        load(SLOW, it, url, beside)
                except BenchError as error:
                    print(f"{name} with slow clients: {str(error).splitlines()[0]}", flush=True)
                    beside.rates.append(0.0)
            found[name] = {
                "alone": round(alone.rate, 1),
                "beside_slow_clients": round(statistics.median(beside.rates), 1),
            }
    return found


def bars_of(case: Case, samples: Mapping[str, Samples]) -> list[Bar]:
    """What is promised of a case."""
    first, last = samples[case.entries[0].name], samples[case.entries[-1].name]
    cpu, rate = last.cpu_us / first.cpu_us, last.rate / first.rate
    key = case.key
    promises = {
        "f": Bar("(f) FastCGI: CPU per request beside uWSGI's uwsgi protocol", cpu, 1.3),
        "g": Bar("(g) gateway: requests/s beside uWSGI's router", rate, 1.0, at_least=True),
        "p": Bar("(p) PSGI: CPU per request beside uWSGI's", cpu, 2.0),
        "P": Bar("(P) PSGI: requests/s beside Starman's", rate, 1.0, at_least=True),
        "r": Bar("(r) Rack: CPU per request beside uWSGI's", cpu, 2.0),
        "R": Bar("(R) Rack: requests/s beside Puma's", rate, 1.0, at_least=True),
        "T": Bar("(T) 10 MiB: throughput beside uWSGI's", rate, 0.9, at_least=True),
    }
    return [promises[key]] if key in promises else []


def main(keys: list[str]) -> int:
    """Run all cases, or those whose letters are given; ``w`` are the slow clients."""
    servers = {server.name: server for server in contestants()}
    figures: dict[str, Any] = {}
    bars: list[Bar] = []
    rows: list[list[str]] = []
    for case in CASES:
        if keys and case.key not in keys:
            continue
        if not known(case):
            print(f"({case.key}) {case.title}: left out, not in this tree", flush=True)
            continue
        samples = run_case(case, servers)
        figures[case.key] = {name: sample.figures() for name, sample in samples.items()}
        bars += bars_of(case, samples)
        first = samples[case.entries[0].name]
        for number, (name, sample) in enumerate(samples.items()):
            rows.append(
                [
                    f"({case.key}) {case.title}" if number == 0 else "",
                    name,
                    f"{sample.rate:,.0f}",
                    f"{sample.cpu_us:,.1f}",
                    f"{sample.rate / first.rate:.2f} x" if number else "",
                    f"{sample.cpu_us / first.cpu_us:.2f} x" if number else "",
                ]
            )
        print(f"({case.key}) done", flush=True)
    if rows:
        print(
            "\n" + table(["load", "server", "requests/s", "µs/request, all processes", "rate", "CPU"], rows)
        )
    if (not keys or "w" in keys) and known(SLOW):
        figures["w"] = slow = run_slow(servers)
        head = ["server", "requests/s", f"beside {SLOW_CLIENTS} slow clients"]
        rows = [[name, *(f"{rate:,.0f}" for rate in rates.values())] for name, rates in slow.items()]
        print("\n" + table(head, rows))
        ours = slow["uwsgid, http"]
        share = ours["beside_slow_clients"] / ours["alone"]
        bars.append(Bar("(w) hello world beside slow clients", share, 0.9, at_least=True))
    return report("protocols", figures, bars)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BenchError as error:
        sys.exit(str(error))
