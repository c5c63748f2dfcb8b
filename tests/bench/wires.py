"""Ways to connect two network namespaces: uwsgid's router and its peers, each ready to be measured.

H is where the router lives, V where the vassal does.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from tests.bench.harness import SERVER_CORE, BenchError, contestants, pinned, program
from tests.live.namespaces import Space, run

PATIENCE: Final = 20.0

_numbers: Final = itertools.count()


@dataclass(slots=True)
class Wire:
    """Two namespaces that are connected somehow.

    :ivar address: of H, as V sees it.
    :ivar processes: what moves the packets; empty for the kernel.
    :ivar folder: where its sockets are, if it has any.
    :ivar echoes: whether the address answers echo requests.
    """

    name: str
    host: Space
    vassal: Space
    address: str
    processes: list[psutil.Process] = field(default_factory=list)
    folder: Path = Path()
    echoes: bool = True

    def is_alive(self) -> bool:
        """Whether the way is still open, and everybody there that made it."""
        if not all(process.is_running() for process in self.processes):
            return False
        return not self.echoes or any(self.vassal.answers(self.address) for _ in range(3))

    def nanoseconds(self) -> int:
        """The time that its processes have spent on a core so far."""
        spent = 0
        for process in self.processes:
            for thread in Path(f"/proc/{process.pid}/task").glob("*/schedstat"):
                spent += int(thread.read_text().split()[0])
        return spent


@contextmanager
def spaces() -> Iterator[tuple[Space, Space]]:
    """A namespace for the router and one for the vassal, without IPv6, which ends uWSGI's client."""
    made: list[Space] = []
    try:
        for letter in "HV":
            space = Space(f"bench-{os.getpid()}-{next(_numbers)}{letter}")
            made.append(space)
            space.run("ip", "link", "set", "lo", "up")
            space.without_ipv6()
        yield made[0], made[1]
    finally:
        for space in made:
            space.remove()


@contextmanager
def running(space: Space, *command: str, core: int = SERVER_CORE) -> Iterator[subprocess.Popen[bytes]]:
    """A program in a namespace, ended with its children."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [*space.prefix, *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=pinned(core),
        )
        try:
            yield process
        except BenchError as error:
            log.seek(0)
            raise BenchError(f"{error}\n{log.read().decode(errors='replace')[-2000:]}") from None
        finally:
            family = [process.pid]
            if process.poll() is None:
                family += [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
                process.send_signal(signal.SIGINT)
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            for pid in family[1:]:
                if psutil.pid_exists(pid):
                    os.kill(pid, signal.SIGKILL)


def until(what: Callable[[], bool], complaint: str) -> None:
    """Wait until *what* is true.

    :raises BenchError: it takes too long.
    """
    end = time.monotonic() + PATIENCE
    while not what():
        if time.monotonic() > end:
            raise BenchError(complaint)
        time.sleep(0.02)


def _has(space: Space, device: str) -> bool:
    return space.succeeds("ip", "link", "show", device)


def _up(space: Space, device: str, address: str) -> None:
    until(lambda: _has(space, device), f"{device} does not appear")
    space.run("ip", "addr", "add", address, "dev", device)
    space.run("ip", "link", "set", device, "up")


def _answering(wire: Wire) -> Wire:
    until(lambda: wire.vassal.answers(wire.address), f"{wire.name}: no answer from {wire.address}")
    return wire


@contextmanager
def veth() -> Iterator[Wire]:
    """The kernel alone."""
    with spaces() as (host, vassal):
        run("ip", "link", "add", "v0", "netns", host.name, "type", "veth",
            "peer", "name", "v1", "netns", vassal.name)  # fmt: skip
        _up(host, "v0", "192.168.70.1/24")
        _up(vassal, "v1", "192.168.70.2/24")
        yield _answering(Wire("veth", host, vassal, "192.168.70.1"))


@contextmanager
def instances(
    name: str, router: Sequence[str], vassal: Sequence[str], config: str = "", more: str = ""
) -> Iterator[Wire]:
    """A router and a vassal of uWSGI's kind.

    :param router: the command of the router; a config file follows.
    :param vassal: likewise.
    :param config: more lines for the router.
    :param more: more lines for the vassal.
    """
    with ExitStack() as stack:
        host, jail = stack.enter_context(spaces())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-tuntap-")))
        folder.chmod(0o777)
        common = "[uwsgi]\nmaster = true\nprocesses = 1\nsocket = 127.0.0.1:0\n"
        (folder / "router.ini").write_text(
            f"{common}tuntap-router = emperor0 {folder}/tuntap.socket\n{config}\n"
        )
        (folder / "vassal.ini").write_text(
            f"{common}uid = nobody\ntuntap-device = uwsgi0 {folder}/tuntap.socket\n{more}\n"
        )
        first = stack.enter_context(running(host, *router, str(folder / "router.ini")))
        _up(host, "emperor0", "192.168.77.1/24")
        until(lambda: (folder / "tuntap.socket").exists(), f"{name}: no socket")
        second = stack.enter_context(running(jail, *vassal, str(folder / "vassal.ini")))
        _up(jail, "uwsgi0", "192.168.77.2/24")
        wire = _answering(Wire(name, host, jail, "192.168.77.1", folder=folder))
        for process in (first, second):
            wire.processes += [
                psutil.Process(process.pid),
                *psutil.Process(process.pid).children(recursive=True),
            ]
        yield wire


def uwsgi(config: str = "", name: str = "uWSGI") -> AbstractContextManager[Wire]:
    """uWSGI's C code at both ends.

    :param config: more lines for the router.
    """
    core = [program("uwsgi-core"), "--plugin", "tuntap", "--ini"]
    return instances(name, core, core, config, "jailed = true")


def uwsgid(config: str = "", name: str = "uwsgid") -> AbstractContextManager[Wire]:
    """Ours at both ends: the router reads and writes the vassal's device.

    :param config: as above.
    """
    ours = list(contestants()[1].command)
    return instances(name, ours, ours, config)


@contextmanager
def slirp(mtu: int) -> Iterator[Wire]:
    """slirp4netns, which speaks TCP in user space."""
    with spaces() as (host, vassal):
        command = [program("slirp4netns"), "--configure", f"--mtu={mtu}", "--netns-type=path",
                   f"/run/netns/{vassal.name}", "tap0"]  # fmt: skip
        with running(host, *command) as process:
            wire = Wire(f"slirp4netns, MTU {mtu}", host, vassal, "10.0.2.2")
            until(lambda: _has(vassal, "tap0"), "slirp4netns makes no device")
            wire.processes = [psutil.Process(process.pid)]
            yield _answering(wire)


@contextmanager
def pasta() -> Iterator[Wire]:
    """pasta, which splices sockets."""
    with spaces() as (host, vassal):
        # it copies an interface of H, and asks for one with a default route
        host.run("ip", "link", "add", "out0", "type", "veth", "peer", "name", "nowhere0")
        host.run("ip", "link", "set", "nowhere0", "up")
        _up(host, "out0", "10.98.0.2/24")
        host.run("ip", "route", "add", "default", "via", "10.98.0.1")
        command = [program("pasta"), "--foreground", "--config-net", "--ipv4-only", "--runas", "0",
                   f"--netns=/run/netns/{vassal.name}"]  # fmt: skip
        with running(host, *command) as process:
            until(lambda: _has(vassal, "out0"), "pasta makes no device")
            wire = Wire("pasta", host, vassal, "10.98.0.1", echoes=False)
            wire.processes = [psutil.Process(process.pid)]
            yield wire


@contextmanager
def idle_peers(wire: Wire, count: int) -> Iterator[None]:
    """Attach so many more devices to the router of *wire*, from a namespace of their own.

    They stay silent, but for the one echo request that tells the router their address.
    """
    if not count:
        yield
        return
    socket, ready = wire.folder / "tuntap.socket.dev", wire.folder / "ready"
    command = [sys.executable, "-m", "tests.bench.idle_peers", str(socket), str(count), str(ready)]
    with spaces() as (_, space), running(space, *command):
        until(ready.exists, "the idle peers do not attach")
        yield
