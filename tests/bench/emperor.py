"""What vassals cost, beside Debian's uWSGI Emperor: ``make bench-emperor``.

Both emperors get the same files.  How long a new vassal takes to answer, in its emperor's namespaces and in
namespaces of its own; how long a hundred take from nothing; what they have in memory, shared pages divided
among those who share them (PSS); how long a change takes to be noticed; and what an emperor of a thousand
vassals costs while nothing happens.  Those thousand wait for their first client (``emperor-on-demand-…``), so
that it is the emperor that is measured.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from tests.bench.harness import (
    APPS,
    PATIENCE,
    ROUNDS,
    BenchError,
    Contestant,
    answers,
    contestants,
    end,
    program,
)
from tests.bench.verdict import Bar, report, table

MIB: Final = 1 << 20
VASSALS: Final = 100
MANY: Final = 1000
#: Seconds over which an emperor is watched that has nothing to do.
IDLE: Final = 10.0
#: A vassal of the least kind: a master and one worker.
VASSAL: Final = f"""[uwsgi]
plugins = python3
master = true
processes = 1
socket = {{socket}}
wsgi-file = {APPS / "hello.py"}
need-app = true
"""
ISOLATED: Final = "emperor-use-clone = ipc,uts,fs,pid,net"


@dataclass(slots=True)
class Empire:
    """An emperor at work.

    :ivar vassals: the directory of their files.
    :ivar sockets: the directory of their sockets.
    :ivar began: when it was started, in monotonic seconds.
    """

    folder: Path
    process: subprocess.Popen[bytes]
    began: float

    @property
    def vassals(self) -> Path:
        return self.folder / "vassals"

    @property
    def sockets(self) -> Path:
        return self.folder / "sockets"

    def await_answer(self, address: Path) -> None:
        """Return when a vassal answers.

        :raises BenchError: it never did.
        """
        limit = time.monotonic() + PATIENCE
        while not (address.exists() and answers(str(address))):
            if self.process.poll() is not None or time.monotonic() > limit:
                raise BenchError(
                    f"{address.name} does not answer:\n{(self.folder / 'log').read_text()[-4000:]}"
                )
            time.sleep(0.002)

    def await_line(self, text: str) -> None:
        """Return when the log says *text*.

        :raises BenchError: it never did.
        """
        log = self.folder / "log"
        limit = time.monotonic() + PATIENCE
        while text not in log.read_text():
            if self.process.poll() is not None or time.monotonic() > limit:
                raise BenchError(f"nobody says {text!r}:\n{log.read_text()[-4000:]}")
            time.sleep(0.002)

    def stats(self) -> dict[str, Any]:
        """What the emperor says of itself."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(str(self.folder / "stats"))
            received = b""
            while chunk := client.recv(65536):
                received += chunk
        document: dict[str, Any] = json.loads(received)
        return document

    def emperor(self) -> psutil.Process:
        """The process that governs."""
        return psutil.Process(self.stats()["pid"])

    def family(self) -> list[psutil.Process]:
        """Every process, but those that stand above the emperor."""
        emperor = self.emperor()
        return [emperor, *emperor.children(recursive=True)]

    def memory(self) -> int:
        """Bytes of all its processes, those above the emperor as well, shared pages divided."""
        first = psutil.Process(self.process.pid)
        return sum(each.memory_full_info().pss for each in [first, *first.children(recursive=True)])

    def memory_of_vassals(self) -> list[int]:
        """Bytes of the processes of each vassal, shared pages divided."""
        trees = [psutil.Process(vassal["pid"]) for vassal in self.stats()["vassals"]]
        return [
            sum(each.memory_full_info().pss for each in [tree, *tree.children(recursive=True)])
            for tree in trees
        ]


def write(folder: Path, name: str) -> Path:
    """Write the file of a vassal of the empire in *folder*; its socket."""
    address = folder / "sockets" / f"{name}.socket"
    made = folder / f"{name}.ini"
    made.write_text(VASSAL.format(socket=address))
    made.rename(folder / "vassals" / made.name)
    return address


@contextmanager
def empire(contestant: Contestant, *options: str, vassals: int = 0) -> Iterator[Empire]:
    """Start an emperor.

    :param options: more lines of its configuration; ``{sockets}`` is the directory of sockets.
    :param vassals: how many files there are already when it starts.
    """
    folder = Path(tempfile.mkdtemp(prefix="uwsgid-bench-emperor-"))
    folder.chmod(0o755)
    for name in ("vassals", "sockets"):
        (folder / name).mkdir()
    lines = [
        "[uwsgi]",
        f"emperor = {folder / 'vassals'}",
        f"emperor-stats = {folder / 'stats'}",
        *(option.format(sockets=folder / "sockets") for option in options),
    ]
    (folder / "emperor.ini").write_text("\n".join(lines) + "\n")
    for number in range(vassals):
        write(folder, f"v{number}")
    began = time.monotonic()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*contestant.command, "--ini", str(folder / "emperor.ini")],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Empire(folder, process, began)
    finally:
        end(process)
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(slots=True)
class Figures:
    """The rounds of one contestant."""

    first: list[float] = field(default_factory=list)  #: seconds from a new file to its first answer
    isolated: list[float] = field(default_factory=list)  #: the same in namespaces of its own
    noticed: list[float] = field(default_factory=list)  #: seconds from a touch to the order to reload
    cold: list[float] = field(default_factory=list)  #: seconds until all vassals answer
    total: list[float] = field(default_factory=list)  #: MiB of all of them and their emperor
    vassals: list[float] = field(default_factory=list)  #: MiB of all of them
    each: list[float] = field(default_factory=list)  #: MiB of one of them
    idle: list[float] = field(default_factory=list)  #: percent of a core, with many that wait

    def told(self) -> dict[str, float]:
        """Medians."""
        return {
            name: round(statistics.median(values), 4)
            for name, values in (
                ("first_answer_seconds", self.first),
                ("isolated_first_answer_seconds", self.isolated),
                ("noticed_seconds", self.noticed),
                ("cold_start_seconds", self.cold),
                ("total_pss_mib", self.total),
                ("vassals_pss_mib", self.vassals),
                ("vassal_pss_mib", self.each),
                ("idle_percent", self.idle),
            )
            if values
        }


def first_answers(contestant: Contestant, figures: Figures) -> None:
    """A new file under an emperor that is at work, and then a touch of it."""
    for kept, options in ((figures.first, ()), (figures.isolated, (ISOLATED,))):
        with empire(contestant, *options) as made:
            made.await_line("Emperor ***")
            time.sleep(0.5)  # it has looked, and sleeps; asking it anything would make it look again
            began = time.monotonic()
            made.await_answer(write(made.folder, "new"))
            kept.append(time.monotonic() - began)
            if not options:
                figures.noticed.append(_notice(made))


def _notice(made: Empire) -> float:
    """Seconds until a touch is noticed."""
    time.sleep(1.1)  # uWSGI compares whole seconds
    began = time.monotonic()
    os.utime(made.vassals / "new.ini")
    made.await_line("reload the uwsgi instance new.ini")
    return time.monotonic() - began


def cold_start(contestant: Contestant, figures: Figures) -> None:
    """All vassals from nothing, and what they have in memory then."""
    with empire(contestant, vassals=VASSALS) as made:
        for number in range(VASSALS):
            made.await_answer(made.sockets / f"v{number}.socket")
        figures.cold.append(time.monotonic() - made.began)
        time.sleep(2)  # what they do after their start is over
        figures.total.append(made.memory() / MIB)
        sizes = made.memory_of_vassals()
        figures.vassals.append(sum(sizes) / MIB)
        figures.each.append(statistics.median(sizes) / MIB)


def idle(contestant: Contestant, figures: Figures) -> None:
    """An emperor of many, when nothing happens."""
    with empire(contestant, "emperor-on-demand-directory = {sockets}", vassals=MANY) as made:
        made.await_line("Emperor ***")
        limit = time.monotonic() + PATIENCE
        while len(made.stats()["vassals"]) < MANY:
            if time.monotonic() > limit:
                raise BenchError("an emperor does not find all of its vassals")
            time.sleep(0.1)
        time.sleep(2)
        family = made.family()
        before = sum(map(_nanoseconds, family))
        time.sleep(IDLE)
        figures.idle.append((sum(map(_nanoseconds, family)) - before) / 1e7 / IDLE)


def _nanoseconds(process: psutil.Process) -> int:
    """The time that a process spent on a core so far."""
    tasks = Path(f"/proc/{process.pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks)


def main(keys: Sequence[str]) -> int:
    """Run all parts, or those that are named: ``first``, ``cold``, ``idle``."""
    if os.geteuid() != 0:
        raise BenchError("namespaces need root")
    servers = (Contestant("uWSGI", (program("uwsgi-core"),)), contestants()[1])
    figures = {server.name: Figures() for server in servers}
    parts = {"first": first_answers, "cold": cold_start, "idle": idle}
    for name, part in parts.items():
        if keys and name not in keys:
            continue
        for number in range(ROUNDS if part is not idle else 1):
            for server in servers if number % 2 == 0 else reversed(servers):
                part(server, figures[server.name])
            print(f"{name}: round {number + 1} done", flush=True)
    told = {name: each.told() for name, each in figures.items()}
    head = ["", *told]
    names = dict.fromkeys(name for each in told.values() for name in each)
    print("\n" + table(head, [[name, *(f"{each[name]:.3f}" for each in told.values())] for name in names]))
    theirs, ours = told.values()
    bars = []
    if "cold_start_seconds" in ours:
        bars += [
            Bar(
                f"cold start of {VASSALS} vassals beside uWSGI's",
                _ratio("cold_start_seconds", ours, theirs),
                1.0,
            ),
            Bar("MiB of a vassal, all its processes", ours["vassal_pss_mib"], 16.0),
            Bar(f"memory of {VASSALS} vassals beside uWSGI's", _ratio("vassals_pss_mib", ours, theirs), 1.0),
        ]
    if "noticed_seconds" in ours:
        bars.append(Bar("seconds until a change is noticed", ours["noticed_seconds"], 1.0))
    if "idle_percent" in ours:
        bars.append(Bar(f"percent of a core for {MANY} idle vassals", ours["idle_percent"], 1.0))
    return report("emperor", told, bars)


def _ratio(name: str, ours: dict[str, float], theirs: dict[str, float]) -> float:
    return ours[name] / theirs[name]


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BenchError as error:
        sys.exit(str(error))
