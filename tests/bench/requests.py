"""What a request costs, beside the real uWSGI: ``make bench-requests``.

Five loads, one worker each: (a) hello world over a unix uwsgi socket behind nginx, (b) the same over
``http-socket``, kept alive where the server can, (c) Flask behind nginx, (d) 1 MiB of POST, (e) a file of
10 MiB by ``wsgi.file_wrapper``.  Then memory with 1, 4 and 16 workers, and the time from start to the first
answer.  Both servers get the same config file and write their request lines to a file.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

from tests.bench.harness import APPS, ROUNDS, STARTS, BenchError, Contestant, contestants, nginx, serving
from tests.bench.load import Samples, measure
from tests.bench.verdict import Bar, report, table

MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Case:
    """One load."""

    key: str
    title: str
    app: str
    over: str
    connections: int
    body: int = 0
    file: int = 0


CASES: Final = (
    Case("a", "hello, uwsgi behind nginx", "hello.py", "socket", 8),
    Case("b", "hello, http-socket, 64 clients", "hello.py", "http-socket", 64),
    Case("c", "Flask, uwsgi behind nginx", "flask_hello.py", "socket", 8),
    Case("d", "POST of 1 MiB, http-socket", "upload.py", "http-socket", 1, body=MIB),
    Case("e", "file of 10 MiB, http-socket", "download.py", "http-socket", 1, file=10 * MIB),
)


def config(app: str, workers: int = 1) -> str:
    """What both servers are told."""
    return f"wsgi-file = {APPS / app}\nneed-app = true\nmaster = true\nprocesses = {workers}\n"


def run_case(case: Case, servers: tuple[Contestant, ...]) -> dict[str, Samples]:
    """Load both servers with one case, `STARTS` times from their start."""
    samples = {server.name: Samples() for server in servers}
    for _ in range(STARTS):
        load(case, servers, samples)
    return samples


def load(case: Case, servers: tuple[Contestant, ...], samples: dict[str, Samples]) -> None:
    """Start both servers, load them in turns, and end them."""
    with ExitStack() as stack:
        environ = {}
        if case.file:
            file = stack.enter_context(tempfile.NamedTemporaryFile())
            file.write(bytes(case.file))
            file.flush()
            environ["BENCH_FILE"] = file.name
        instances = {
            server.name: stack.enter_context(
                serving(server, config(case.app), over=case.over, environ=environ)
            )
            for server in servers
        }
        if case.over == "socket":
            urls = stack.enter_context(nginx({name: str(it.address) for name, it in instances.items()}))
        else:
            urls = {name: f"http://127.0.0.1:{it.address[1]}/" for name, it in instances.items()}
        measure(instances, urls, samples, connections=case.connections, body=case.body)


def run_memory(servers: tuple[Contestant, ...]) -> dict[str, dict[str, dict[str, float]]]:
    """Private memory in MiB by contestant and number of workers."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for server in servers:
        for workers in (1, 4, 16):
            with serving(server, config("hello.py", workers), over="socket") as instance:
                while len(instance.workers()) < workers:
                    time.sleep(0.05)
                time.sleep(1)  # what a worker does after its birth is over
                memory = instance.memory()
            found.setdefault(server.name, {})[str(workers)] = {
                "master_mib": round(memory.master / MIB, 2),
                "worker_mib": round(statistics.mean(memory.workers) / MIB, 2),
                "others_mib": round(memory.others / MIB, 2),
                "total_pss_mib": round(memory.total / MIB, 2),
            }
    return found


def run_starts(servers: tuple[Contestant, ...]) -> dict[str, float]:
    """Seconds from start to first answer, median."""
    found: dict[str, list[float]] = {server.name: [] for server in servers}
    for _ in range(ROUNDS):
        for server in servers:
            with serving(server, config("hello.py"), over="socket") as instance:
                found[server.name].append(instance.answer_seconds)
    return {name: round(statistics.median(seconds), 3) for name, seconds in found.items()}


def main(keys: list[str]) -> int:
    """Run all cases, or those whose letters are given; memory and starts are ``m`` and ``s``."""
    servers = contestants()
    theirs, ours = (server.name for server in servers)
    figures: dict[str, Any] = {}
    bars: list[Bar] = []
    rows = []
    for case in CASES:
        if keys and case.key not in keys:
            continue
        samples = run_case(case, servers)
        figures[case.key] = {name: sample.figures() for name, sample in samples.items()}
        cpu = samples[ours].cpu_us / samples[theirs].cpu_us
        rate = samples[ours].rate / samples[theirs].rate
        rows += [
            [
                f"({case.key}) {case.title}" if server is servers[0] else "",
                server.name,
                f"{samples[server.name].rate:,.0f}",
                f"{samples[server.name].cpu_us:,.1f}",
                "" if server is servers[0] else f"{rate:.2f} x",
                "" if server is servers[0] else f"{cpu:.2f} x",
            ]
            for server in servers
        ]
        if case.key == "a":
            bars.append(Bar("(a) CPU per request beside uWSGI's", cpu, 1.15))
        elif case.key == "b":
            bars.append(Bar("(b) requests/s beside uWSGI's", rate, 2.0, at_least=True))
        elif case.key == "c":
            bars.append(Bar("(c) CPU per request beside uWSGI's", cpu, 1.1))
        else:
            bars.append(Bar(f"({case.key}) throughput beside uWSGI's", rate, 0.8, at_least=True))
        print(f"({case.key}) done", flush=True)
    if rows:
        head = ["load", "server", "requests/s", "worker µs/request", "rate", "CPU"]
        print("\n" + table(head, rows))
    if not keys or "m" in keys:
        figures["memory"] = memory = run_memory(servers)
        rows = [
            [name, workers, *(f"{value:.1f}" for value in sizes.values())]
            for name, by_workers in memory.items()
            for workers, sizes in by_workers.items()
        ]
        head = [
            "server",
            "workers",
            "master MiB",
            "a worker MiB",
            "other processes MiB",
            "all, shared out MiB",
        ]
        print("\n" + table(head, rows))
        most = max(memory[ours][workers]["worker_mib"] for workers in ("4", "16"))
        bars.append(Bar("private MiB of a further idle worker", most, 6.0))
    if not keys or "s" in keys:
        figures["first_answer_seconds"] = starts = run_starts(servers)
        print(
            "\n" + table(["server", "start to first answer"], [[n, f"{s:.2f} s"] for n, s in starts.items()])
        )
        bars.append(Bar("seconds from start to first answer", starts[ours], 1.5))
    return report("requests", figures, bars)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BenchError as error:
        sys.exit(str(error))
