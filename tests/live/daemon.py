"""Programs that run until they are told otherwise: start them, read their log, find and end what they left.

A test waits for a line of the log or for an answer, never for a while.  Every process that a daemon left
behind is found again by a mark in its environment and ended by its pid; a test that expects none to be left
says so with `Daemon.survivors`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import termios
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

import psutil
from twisted.trial.unittest import SkipTest

#: How long a step of a test may take on a busy machine, in seconds; nothing waits this long when all is well.
PATIENCE: Final = 30.0

#: The ports that `free_port` chooses from begin here.
_FIRST_PORT: Final = 10_000

#: The flag of a process that is within exit (include/linux/sched.h).
_PF_EXITING: Final = 0x4

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
    """A TCP port of the loopback address that is free, and that the kernel gives to nobody by itself.

    A port from the kernel's own range may be that of somebody's connection by the time a server wants it.
    """
    while True:
        port = random.randrange(_FIRST_PORT, _first_of_the_kernel())
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _first_of_the_kernel() -> int:
    """Where the ports begin that connections get, and sockets that ask for none."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    return first if first > 2 * _FIRST_PORT else 1 << 16


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
        assert self.process.stdout is not None
        self._log = self.process.stdout.fileno()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    def _read(self) -> None:
        stream = select.poll()
        stream.register(self._log)
        rest = b""
        while not self._ended:
            stream.poll()
            with self.changed:  # so that what was read is never neither in the pipe nor in the lines
                data = os.read(self._log, 1 << 16)
                self._ended = not data
                *whole, rest = (rest + data).split(b"\n")
                whole += [rest] if self._ended and rest else []
                self.lines += [line.decode("utf-8", "replace") for line in whole]
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
        self._drain()
        return status

    def _drain(self) -> None:
        """Wait until all that was written is in the lines; somebody else may hold the pipe open."""
        end = time.monotonic() + PATIENCE
        with self.changed:
            while not self._ended and time.monotonic() < end:
                (waiting,) = struct.unpack("i", fcntl.ioctl(self._log, termios.FIONREAD, bytes(4)))
                if not waiting:
                    return
                self.changed.wait(0.1)

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
        return [process for process in self.family() if title in title_of(process)]

    def examine(self, look: Callable[[psutil.Process], T]) -> dict[int, T]:
        """What ``look`` finds in each living process of this daemon; see `examine`."""
        return examine(self.family(), look)

    def named(self, name: str) -> psutil.Process:
        """The process with this short name, once it is one: whoever is forked has another's at first."""

        def look() -> psutil.Process | None:
            family = {process.pid: process for process in self.family()}
            names = examine(family.values(), lambda process: str(process.name()))
            found = [pid for pid, said in names.items() if said == name]
            return family[found[0]] if len(found) == 1 else None

        return wait_until(look, f"one process called {name}")

    def signal_all(self, number: int) -> None:
        """Send a signal to every process, whoever ends in the meantime."""
        for process in self.family():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def survivors(self) -> list[str]:
        """What still runs, as readable texts."""
        return [f"{process.pid} {title_of(process)}" for process in self.family()]

    def close(self) -> None:
        """End everything, politely first, and wait until nobody is left.

        :raises AssertionError: somebody can not be ended.
        """
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
        wait_until(lambda: not self.family(), f"the end of {self.command}")
        self._reader.join(2)
        if self.process.stdout is not None and not self._reader.is_alive():
            self.process.stdout.close()


def title_of(process: psutil.Process) -> str:
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


def examine(processes: Iterable[psutil.Process], look: Callable[[psutil.Process], T]) -> dict[int, T]:
    """What ``look`` finds in each of these processes that lives, by pid.

    Midwives, spare seeds, and workers of before a reload end when it suits them.  A process that ends while
    it is looked at does not count, whatever ``look`` found or raised: of such a one the kernel tells less and
    less.

    :param look: reads or asserts something.
    :raises AssertionError: ``look`` raised something about a process that lives, which is named; or there was
        no process to look at.
    """
    found: dict[int, T] = {}
    for process in processes:
        title = title_of(process)
        try:
            answer = look(process)
        except Exception as error:
            if is_leaving(process):
                continue
            raise AssertionError(f"process {process.pid} ({title}): {error!r}") from error
        if not is_leaving(process):
            found[process.pid] = answer
    if not found:
        raise AssertionError("no process lived long enough to be looked at")
    return found


def is_leaving(process: psutil.Process) -> bool:
    """Whether a process has ended, or is about to: the kernel has begun to take away what it has."""
    if not _lives(process):
        return True
    try:
        facts = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return facts[0] in "ZX" or bool(int(facts[6]) & _PF_EXITING)


def descriptors(pid: int) -> list[tuple[str, os.stat_result]]:
    """What a process has open, where each leads to and what is there; without what it closes meanwhile."""
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append((os.readlink(entry), entry.stat()))
        except FileNotFoundError:
            if not entry.is_symlink():
                continue
            raise
    return found
