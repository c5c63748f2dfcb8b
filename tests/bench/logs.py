"""What a line of the log costs, beside the real uWSGI: ``make bench-logs``.

Two workers write lines as fast as they can, and the master takes them (a) to a file, (b) to a receiver of
rsyslog's packets, (c) to a file as gzip of JSON; all processes of a server share one core.  A line that a
worker could not write within its patience, or that was accepted and did not arrive, is counted as lost.  Then
(d) hello world over a unix uwsgi socket behind nginx, with and without ``disable-logging``.
"""

from __future__ import annotations

import os
import select
import socket
import statistics
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.bench.harness import (
    APPS,
    LOAD_CORE,
    PATIENCE,
    ROUNDS,
    SECONDS,
    STARTS,
    BenchError,
    Contestant,
    Instance,
    contestants,
    end,
    nginx,
    pinned,
    serving,
)
from tests.bench.load import wrk
from tests.bench.verdict import Bar, report, table

WRITERS: Final = 2
#: A round is over when nothing has arrived for so many seconds.
QUIET: Final = 0.7
CHATTER: Final = (
    f"wsgi-file = {APPS / 'chatter.py'}\nneed-app = true\nprocesses = {WRITERS}\n"
    "disable-logging = true\nlog-master = true\n"
)
HELLO: Final = f"wsgi-file = {APPS / 'hello.py'}\nneed-app = true\nmaster = true\nprocesses = 1\n"
JSON: Final = 'log-encoder = json {"unix":${unix},"msg":"${msg}"}\nlog-encoder = nl\nlog-encoder = gzip\n'


@dataclass(frozen=True, slots=True)
class Case:
    """A way of lines through the master.

    :ivar lines: how many the workers write in a round; fewer where one of them takes long.
    """

    key: str
    title: str
    config: str
    lines: int
    receiver: bool = False
    packed: bool = False


CASES: Final = (
    Case("a", "a file through log-master", "", 200_000),
    Case("b", "rsyslog, UDP", "logger = rsyslog:127.0.0.1:{port},bench\n", 60_000, receiver=True),
    Case("c", "json, nl and gzip to a file", JSON, 20_000, packed=True),
)


@dataclass(slots=True)
class Lines:
    """The rounds of one contestant in one case."""

    rates: list[float] = field(default_factory=list)
    master: list[float] = field(default_factory=list)
    workers: list[float] = field(default_factory=list)
    refused: int = 0
    vanished: int = 0

    @property
    def rate(self) -> float:
        """Lines per second that arrived, median."""
        return statistics.median(self.rates)

    def figures(self) -> dict[str, float]:
        return {
            "lines_per_second": round(self.rate),
            "master_us_per_line": round(statistics.median(self.master), 3),
            "worker_us_per_line": round(statistics.median(self.workers), 3),
            "refused": self.refused,
            "vanished": self.vanished,
        }


# ---- where lines arrive ------------------------------------------------------------------------------------


class FileEnd:
    """Counts the lines in the log file, which is emptied before each round."""

    def __init__(self, path: Path, packed: bool) -> None:
        self._path = path
        self._packed = packed

    def begin(self) -> None:
        os.truncate(self._path, 0)

    def finish(self, mark: bytes) -> tuple[int, float]:
        """Wait until nothing arrives any more: how many lines with *mark* came, and when the last one did."""
        size, since = -1, time.monotonic()
        while (now := time.monotonic()) < since + QUIET:
            if (found := self._path.stat().st_size) != size:
                size, since = found, now
            time.sleep(0.001)
        data = self._path.read_bytes()
        return (unpacked(data) if self._packed else data).count(mark), since


def unpacked(data: bytes) -> bytes:
    """The contents of all gzip members in *data*, and what stands between them."""
    found = []
    while data:
        if data[:2] != b"\x1f\x8b":
            _, sign, rest = data.partition(b"\x1f\x8b")
            data = sign + rest
            continue
        member = zlib.decompressobj(wbits=31)
        found.append(member.decompress(data))
        data = member.unused_data
    return b"".join(found)


SO_RCVBUFFORCE: Final = 33  #: of asm-generic/socket.h: more than the system lets everybody have

_RECEIVE: Final = f"""
import socket, time
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
try:
    udp.setsockopt(socket.SOL_SOCKET, {SO_RCVBUFFORCE}, 256 << 20)
except PermissionError:
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 256 << 20)
udp.bind(("127.0.0.1", 0))
print(udp.getsockname()[1], flush=True)
mark, count, last = b"", 0, 0.0
while True:
    try:
        packet = udp.recv(65536)
    except TimeoutError:
        udp.settimeout(None)
        print(mark.decode(), count, last, flush=True)
        mark, count = b"", 0
        continue
    at = packet.find(b"round-")
    if at < 0:
        continue
    if not mark:
        mark = packet[at : packet.find(b" ", at)]
        udp.settimeout({QUIET})
    count, last = count + 1, time.monotonic()
"""


class PacketEnd:
    """Counts the packets that arrive at a UDP port, in a process of its own."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _RECEIVE],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # it is ended by a signal
            preexec_fn=pinned(LOAD_CORE),
        )
        assert self.process.stdout is not None
        self._said = self.process.stdout
        self.port = int(self._said.readline())

    def begin(self) -> None:
        """Nothing: each round has a mark of its own."""

    def finish(self, mark: bytes) -> tuple[int, float]:
        """As `FileEnd.finish`.

        :raises BenchError: no packet at all arrived.
        """
        if not select.select([self._said], [], [], PATIENCE)[0]:
            raise BenchError("no packet arrived")
        found, count, last = self._said.readline().split()
        if found != mark:
            raise BenchError(f"packets of {found.decode()} arrived late")
        return int(count), float(last)


# ---- rounds ------------------------------------------------------------------------------------------------


def nanoseconds(pid: int) -> int:
    """The time that a process spent on a core so far."""
    return sum(int(stat.read_text().split()[0]) for stat in Path(f"/proc/{pid}/task").glob("*/schedstat"))


def chat(instance: Instance, lines: int, mark: str) -> int:
    """Have each worker write its share of *lines*: how many could be written."""
    written = [0] * WRITERS

    def ask(number: int) -> None:
        query = f"{lines // WRITERS}&{mark}"
        written[number] = int(uwsgi_get(str(instance.address), query).rpartition(b"\r\n\r\n")[2])

    asking = [threading.Thread(target=ask, args=(number,)) for number in range(WRITERS)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    return sum(written)


def uwsgi_get(path: str, query: str) -> bytes:
    """Ask an application over its unix uwsgi socket."""
    vars = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "QUERY_STRING": query, "SERVER_PROTOCOL": "HTTP/1.1"}
    block = b"".join(
        len(text).to_bytes(2, "little") + text.encode() for pair in vars.items() for text in pair
    )
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(path)
        client.sendall(b"\0" + len(block).to_bytes(2, "little") + b"\0" + block)
        answer = b""
        while chunk := client.recv(65536):
            answer += chunk
    return answer


def run_round(instance: Instance, arrival: FileEnd | PacketEnd, case: Case, mark: str, into: Lines) -> None:
    """Write lines, and wait until the last one arrived."""
    arrival.begin()
    workers = instance.workers()
    master = instance.stats()["pid"]
    before = nanoseconds(master), sum(map(nanoseconds, workers))
    began = time.monotonic()
    written = chat(instance, case.lines, mark)
    arrived, last = arrival.finish(mark.encode())
    into.rates.append(arrived / (last - began))
    into.master.append((nanoseconds(master) - before[0]) / 1000 / max(1, arrived))
    into.workers.append((sum(map(nanoseconds, workers)) - before[1]) / 1000 / case.lines)
    into.refused += case.lines - written
    into.vanished += written - arrived


def run_case(case: Case, servers: Sequence[Contestant]) -> dict[str, Lines]:
    """`ROUNDS` rounds of both servers in turns, after one that does not count."""
    found = {server.name: Lines() for server in servers}
    with ExitStack() as stack:
        runs: list[tuple[Instance, FileEnd | PacketEnd, Lines]] = []
        for server in servers:
            packets = PacketEnd() if case.receiver else None
            if packets is not None:
                stack.callback(end, packets.process)
            config = CHATTER + case.config.replace("{port}", str(packets.port if packets else 0))
            instance = stack.enter_context(serving(server, config, over="socket"))
            arrival = packets or FileEnd(instance.folder / "server.log", case.packed)
            run_round(instance, arrival, case, "round-w", Lines())
            runs.append((instance, arrival, found[server.name]))
        for number in range(ROUNDS):
            for instance, arrival, lines in runs if number % 2 == 0 else reversed(runs):
                run_round(instance, arrival, case, f"round-{number}", lines)
    return found


@dataclass(slots=True)
class Costs:
    """Hello world of one contestant, with and without a line for each request."""

    rates: dict[str, list[float]] = field(default_factory=lambda: {LOGGED: [], SILENT: []})
    cpu: dict[str, list[float]] = field(default_factory=lambda: {LOGGED: [], SILENT: []})

    def more(self) -> float:
        """How many times the processor time a request takes that is logged: the median of pairs of rounds."""
        return statistics.median(
            logged / silent for logged, silent in zip(self.cpu[LOGGED], self.cpu[SILENT], strict=True)
        )

    def figures(self) -> dict[str, float]:
        told = {"cpu_ratio": round(self.more(), 4)}
        for how in (LOGGED, SILENT):
            told[f"requests_per_second_{how}"] = round(statistics.median(self.rates[how]), 1)
            told[f"cpu_us_per_request_{how}"] = round(statistics.median(self.cpu[how]), 3)
        return told


LOGGED: Final = "logged"
SILENT: Final = "silent"


def run_hello(servers: Sequence[Contestant]) -> dict[str, Costs]:
    """Load all four in turns, from `STARTS` starts."""
    found = {server.name: Costs() for server in servers}
    for _ in range(STARTS):
        with ExitStack() as stack:
            instances: dict[tuple[str, str], Instance] = {}
            for server in servers:
                for how, more in ((LOGGED, ""), (SILENT, "disable-logging = true\n")):
                    instance = stack.enter_context(serving(server, HELLO + more, over="socket"))
                    instances[server.name, how] = instance
            urls = stack.enter_context(
                nginx({" ".join(key): str(instance.address) for key, instance in instances.items()})
            )
            for number in range(-1, ROUNDS):
                keys = list(instances)
                for key in keys if number % 2 == 0 else reversed(keys):
                    instance = instances[key]
                    before = instance.worker_nanoseconds()
                    result = wrk(
                        urls[" ".join(key)], connections=8, seconds=SECONDS / 2 if number < 0 else SECONDS
                    )
                    if result.bad_answers:
                        raise BenchError(f"{key[0]} gave {result.bad_answers} answers that are errors")
                    if number >= 0:
                        spent = (instance.worker_nanoseconds() - before) / 1000 / result.requests
                        found[key[0]].cpu[key[1]].append(spent)
                        found[key[0]].rates[key[1]].append(result.requests / result.seconds)
    return found


def lines_table(found: dict[str, dict[str, Lines]]) -> str:
    """The table of the ways of lines."""
    rows = [
        [
            f"({case.key}) {case.title}" if number == 0 else "",
            name,
            f"{lines.rate:,.0f}",
            f"{statistics.median(lines.master):.2f}",
            f"{statistics.median(lines.workers):.2f}",
            f"{lines.refused:,}",
            f"{lines.vanished:,}",
        ]
        for case in CASES
        if case.key in found
        for number, (name, lines) in enumerate(found[case.key].items())
    ]
    head = ["way", "server", "lines/s", "master µs/line", "workers µs/line", "refused", "vanished"]
    return table(head, rows)


def bars_of(ways: Mapping[str, Lines], costs: Costs | None) -> list[Bar]:
    """The promises about those cases of ours that ran."""
    bars = []
    if "a" in ways:
        lines = ways["a"]
        bars = [
            Bar("(a) lines/s to a file through log-master, one core", lines.rate, 200_000, at_least=True),
            Bar("(a) lines lost of them", lines.refused + lines.vanished, 0),
        ]
    if costs is not None:
        bars.append(Bar("(d) CPU of a request that is logged, beside one that is not", costs.more(), 1.1))
    return bars


def main(keys: list[str]) -> int:
    """Run all cases, or those whose letters are given."""
    servers = contestants()
    ours = servers[-1].name
    figures: dict[str, Any] = {}
    ways: dict[str, dict[str, Lines]] = {}
    for case in CASES:
        if keys and case.key not in keys:
            continue
        ways[case.key] = run_case(case, servers)
        figures[case.key] = {name: lines.figures() for name, lines in ways[case.key].items()}
        print(f"({case.key}) done", flush=True)
    if ways:
        print("\n" + lines_table(ways))
    costs: dict[str, Costs] = {}
    if not keys or "d" in keys:
        costs = run_hello(servers)
        figures["d"] = {name: cost.figures() for name, cost in costs.items()}
        rows = [
            [
                name,
                *(f"{statistics.median(cost.rates[how]):,.0f}" for how in (LOGGED, SILENT)),
                *(f"{statistics.median(cost.cpu[how]):.2f}" for how in (LOGGED, SILENT)),
                f"{cost.more():.3f} x",
            ]
            for name, cost in costs.items()
        ]
        head = ["(d) hello world", "requests/s logged", "silent", "worker µs/request logged", "silent", "CPU"]
        print("\n" + table(head, rows))
    bars = bars_of({key: found[ours] for key, found in ways.items()}, costs.get(ours))
    return report("logs", figures, bars)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BenchError as error:
        sys.exit(str(error))
