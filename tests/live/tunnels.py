"""Vassals behind a TunTap router, each in a network namespace of its own: real devices, real packets.

Every test makes the namespaces it needs; ``H`` is the host's and has the router, ``V`` a vassal's.  Routers
and devices of uWSGI itself (Debian's uwsgi-core) stand on either side of ours.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psutil
from twisted.trial.unittest import SkipTest

from tests.live.namespaces import Net, Space
from tests.live.support import PATIENCE, Daemon, LiveCase, connect, requires, wait_until

HOST: Final = "192.168.0.1"
VASSAL: Final = "192.168.0.2"
OTHER: Final = "192.168.0.3"
PLUGIN: Final = Path("/usr/lib/uwsgi/plugins/tuntap_plugin.so")


class TunTapCase(LiveCase):
    """The namespaces, routers and vassals of one test."""

    def setUp(self) -> None:
        super().setUp()
        self.folder.chmod(0o777)  # for sockets of who has dropped privileges
        self.net = Net(self)
        self.host = self.net.space("H")
        self.vassal = self.net.space("V")
        self.socket = self.path("t.sock")

    def start(self, space: Space, config: str, name: str, server: str, *, stay_root: bool = False) -> Daemon:
        """Start a server in *space*."""
        arguments: list[str] = []
        user = "" if stay_root else "uid = nobody\ngid = nogroup\n"
        config = f"master = true\n{user}chmod-socket = 666\n{config}\n"
        if server == "uwsgi":
            requires("uwsgi-core")
            if not PLUGIN.exists():
                raise SkipTest(f"needs {PLUGIN}")
            arguments = ["--plugin", "tuntap"]
            config += f"socket = {self.path(name + '.app')}\n"  # uWSGI has nothing to do without one
        return self.launch(config, *arguments, server=server, name=f"{name}.ini", prefix=space.prefix)

    def router(
        self,
        more: str = "",
        *,
        server: str = "uwsgid",
        socket: str = "",
        name: str = "r",
        stay_root: bool = False,
    ) -> Daemon:
        """A router in the host's namespace, with its device up."""
        line = f"tuntap-router = emperor0 {socket or self.socket} {self.path('stats')}"
        daemon = self.start(self.host, f"{line}\n{more}", name, server, stay_root=stay_root)
        daemon.wait_for("initialized tuntap device emperor0")
        self.host.run("ip", "addr", "add", f"{HOST}/24", "dev", "emperor0")
        self.host.run("ip", "link", "set", "emperor0", "up")
        daemon.wait_for(r"spawned uWSGI tuntap router 1 ")
        return daemon

    def device(
        self,
        more: str = "",
        *,
        space: Space | None = None,
        server: str = "uwsgid",
        socket: str = "",
        address: str = VASSAL,
        name: str = "v",
        stay_root: bool = False,
    ) -> Daemon:
        """A vassal in a namespace, with its device up and its default route."""
        space = space or self.vassal
        if server == "uwsgi":
            space.without_ipv6()
            more += "\njailed = true"  # else it makes its device twice, or never
        config = f"tuntap-device = uwsgi0 {socket or self.socket}\n{more}"
        daemon = self.start(space, config, name, server, stay_root=stay_root)
        daemon.wait_for("initialized tuntap device uwsgi0")
        space.run("ip", "addr", "add", f"{address}/24", "dev", "uwsgi0")
        space.run("ip", "link", "set", "uwsgi0", "up")
        space.run("ip", "route", "add", "default", "via", HOST)
        if server == "uwsgid":
            daemon.wait_for(r"spawned uWSGI tuntap device uwsgi0 ")  # from then on it hears signals
        return daemon

    def reach_each_other(self, address: str = VASSAL, space: Space | None = None) -> None:
        """Wait until each side answers the other, the vassal having asked first."""
        space = space or self.vassal
        wait_until(lambda: space.answers(HOST), f"{HOST} answers {address}")
        wait_until(lambda: self.host.answers(address), f"{address} answers {HOST}")

    def peers(self) -> list[dict[str, Any]]:
        """The peers that the router has, as its statistics tell."""
        with connect(self.path("stats"), PATIENCE) as client, client.makefile("rb") as stream:
            found: list[dict[str, Any]] = json.loads(stream.read())["peers"]
        return found

    def give_ipv6(self) -> None:
        """Give both sides addresses of IPv6 too, and wait until they answer each other there."""
        for space, device, address in (
            (self.host, "emperor0", "fd00:9::1/64"),
            (self.vassal, "uwsgi0", "fd00:9::2/64"),
        ):
            space.run("ip", "addr", "add", address, "dev", device, "nodad")
        wait_until(lambda: self.vassal.answers("fd00:9::1"), "the router answers in IPv6")
        wait_until(lambda: self.host.answers("fd00:9::2"), "the vassal answers in IPv6")

    @contextlib.contextmanager
    def nothing_lost(self) -> Iterator[None]:
        """Fifty packets a second go from the host to the vassal and back, and each of them arrives."""
        ping = self.run_daemon([*self.host.prefix, "ping", "-n", "-i", "0.02", "-W", "1", VASSAL])
        ping.wait_for("icmp_seq=5 ")
        yield
        ping.wait_for("icmp_seq=", count=ping.seen("icmp_seq=") + 20)
        ping.signal(signal.SIGINT)
        ping.wait()
        # what ping counts as lost may be on its way when it ends
        numbers = {int(number) for number in re.findall(r"icmp_seq=(\d+)", ping.log())}
        self.assertEqual(set(range(1, max(numbers) + 1)) - numbers, set(), ping.log()[-200:])

    def carries_much(self, *, reverse: bool = False) -> None:
        """Some megabytes of TCP arrive as they were sent, from the vassal to the host or back."""
        from_space, to_space, to = (
            (self.host, self.vassal, VASSAL) if reverse else (self.vassal, self.host, HOST)
        )
        listener = self.run_daemon(
            [
                *to_space.prefix, sys.executable, "-c",
                "import hashlib, socket\n"
                f"s = socket.create_server(({to!r}, 0)); print(s.getsockname()[1], flush=True)\n"
                "c, _ = s.accept(); h = hashlib.sha256()\n"
                "while data := c.recv(1 << 16): h.update(data)\n"
                "print('digest', h.hexdigest(), flush=True)\n",
            ]
        )  # fmt: skip
        port = listener.wait_for(r"^\d+$")[0]
        sent = from_space.run(
            sys.executable, "-c",
            "import hashlib, os, socket\n"
            "data = os.urandom(1 << 20) * 8\n"
            f"c = socket.create_connection(({to!r}, {port}), {PATIENCE}); c.sendall(data); c.close()\n"
            "print(hashlib.sha256(data).hexdigest())\n",
        )  # fmt: skip
        self.assertEqual(listener.wait_for(r"^digest (\w+)$")[1], sent.strip())


def fetch_in(space: Space, url: str) -> str:
    """What a client in *space* gets from *url*."""
    program = f"import urllib.request as u; print(u.urlopen({url!r}, timeout={PATIENCE}).read().decode())"
    return space.run(sys.executable, "-c", program).strip()


def reload_by_exec(daemon: Daemon) -> None:
    """Change the configuration of an instance and have it reloaded, which makes a new process image of it."""
    [config] = [Path(word) for word in daemon.command if word.endswith(".ini")]
    config.write_text(config.read_text() + "env = CHANGED=yes\n")
    births = daemon.seen("spawned uWSGI tuntap ")
    os.kill(daemon.pid, signal.SIGHUP)
    daemon.wait_for("binary reloading uWSGI")
    daemon.wait_for("spawned uWSGI tuntap ", count=births + 1)


def kill_gateway(daemon: Daemon, name: str) -> None:
    """Kill the gateway process *name* of an instance, without a warning."""
    born = daemon.wait_for(rf"spawned uWSGI {re.escape(name)} \(pid: (\d+)\)")
    process = psutil.Process(int(born[1]))
    process.kill()


def uid_of(user: str) -> int:
    """The number of a user."""
    import pwd

    return pwd.getpwnam(user).pw_uid
