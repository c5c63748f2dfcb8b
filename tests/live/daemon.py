"""Programs that run until they are told otherwise: start them, read their log, find and end what they left.

A test waits for a line of the log or for an answer, never for a while.  Every process that a daemon left
behind is found again by a mark in its environment and ended by its pid; a test that expects none to be left
says so with `Daemon.survivors`.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

import psutil
from twisted.trial.unittest import SkipTest

#: How long a step of a test may take on a busy machine, in seconds; nothing waits this long when all is well.
PATIENCE: Final = 30.0

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
