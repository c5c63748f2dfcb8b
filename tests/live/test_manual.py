"""The jailed vassal of uWSGI's manual, end to end and word for word, and that of ours.

The emperor runs in a network namespace with an interface called eth0, whose cable ends in a third one.  Its
files stand where the manual has them, ``/etc/vassals``, ``/tmp`` and ``/var/www``: the emperor's mount
namespace lays a file system in memory over those of the machine, which nobody else sees.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Final

from tests.live.namespaces import Net, joined, run
from tests.live.support import ROOT, Daemon, LiveCase, requires, wait_until

EXAMPLES: Final = ROOT / "examples"

EMPEROR: Final = """\
[uwsgi]
tuntap-router = emperor0 /tmp/tuntap.socket
exec-as-root = ifconfig emperor0 192.168.0.1 netmask 255.255.255.0 up
exec-as-root = iptables -t nat -F
exec-as-root = iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE
exec-as-root = echo 1 >/proc/sys/net/ipv4/ip_forward
emperor-use-clone = ipc,uts,fs,pid,net
emperor = /etc/vassals
"""

VASSAL: Final = """\
[uwsgi]
tuntap-device = uwsgi0 /tmp/tuntap.socket
exec-as-root = ifconfig lo up
exec-as-root = ifconfig uwsgi0 192.168.0.2 netmask 255.255.255.0 up
exec-as-root = route add default gw 192.168.0.1
exec-as-root = hostname foobar
socket = /var/www/foobar.socket
"""

#: What stands in the place of ``psgi-file = foobar.pl``.
APP: Final = "wsgi-file = foobar.py\n"

#: Tells who serves, and as whom a server in the world outside knows it.
FOOBAR: Final = """\
import json, os, socket

def application(environ, start_response):
    with socket.create_connection(("10.9.9.2", 8000), 30) as world:
        seen = world.makefile().read()
    start_response("200 OK", [("Content-Type", "application/json")])
    told = {"host": socket.gethostname(), "parent": os.getppid(), "seen": seen,
            "net": os.stat("/proc/self/ns/net").st_ino if os.path.exists("/proc/self/ns") else 0,
            "interfaces": sorted(name for _, name in socket.if_nameindex())}
    return [json.dumps(told).encode()]
"""

#: The same in Perl.
FOOBAR_IN_PERL: Final = """\
use strict;
use warnings;
use IO::Socket::INET ();
use JSON::PP ();
use Sys::Hostname ();

sub {
    my $world = IO::Socket::INET->new(PeerAddr => '10.9.9.2:8000', Timeout => 30) or die "no world: $@";
    my $seen = <$world>;
    open my $devices, '<', '/proc/thread-self/net/dev' or die "no devices: $!";
    my $names = join ' ', sort map { /^\\s*(\\w+):/ ? $1 : () } <$devices>;
    my $host = Sys::Hostname::hostname();
    my $told = JSON::PP::encode_json({ host => $host, seen => $seen, interfaces => $names });
    return [200, ['Content-Type' => 'application/json'], [$told]];
};
"""

#: The world: says to whoever connects which address that is.
WORLD: Final = """
import socket
with socket.create_server(("10.9.9.2", 8000)) as server:
    print("the world turns", flush=True)
    while True:
        client, peer = server.accept()
        with client:
            client.sendall(peer[0].encode())
"""

#: Asks one vassal over its socket.
ASK: Final = """
import sys
from tests.live.clients import uwsgi_fetch
print(uwsgi_fetch(sys.argv[1], "/").body.decode())
"""

#: Lays memory over the directories that the manual names, and becomes the server.
STAGE: Final = """
set -e
mount --make-rprivate /
mount -t tmpfs stage /mnt
for place in etc tmp var srv; do
    mkdir /mnt/$place /mnt/$place.work
    mount -t overlay overlay -o lowerdir=/$place,upperdir=/mnt/$place,workdir=/mnt/$place.work /$place
done
mkdir -p /etc/vassals /var/www /srv/jail
cp {files}/* /etc/vassals/
exec {command}
"""


class JailCase(LiveCase):
    """A router, an emperor and their vassals."""

    def setUp(self) -> None:
        super().setUp()
        requires("root", "ifconfig", "route", "iptables", "hostname", "unshare", "nsenter")
        net = Net(self)
        self.host, self.world = net.space("H"), net.space("T")
        run("ip", "link", "add", "eth0", "netns", self.host.name, "type", "veth",
            "peer", "name", "w0", "netns", self.world.name)  # fmt: skip
        for space, name, address in (
            (self.host, "eth0", "10.9.9.1/24"),
            (self.world, "w0", "10.9.9.2/24"),
        ):
            space.run("ip", "addr", "add", address, "dev", name)
            space.run("ip", "link", "set", name, "up")
        world = self.run_daemon([*self.world.prefix, sys.executable, "-c", WORLD])
        world.wait_for("the world turns")

    def start(self, vassals: dict[str, str], emperor: str = EMPEROR) -> Daemon:
        """Start the emperor of the manual, or another one, over these files."""
        files = Path(self.path("files"))
        files.mkdir()
        for name, text in vassals.items():
            (files / name).write_text(text)
        Path(self.path("emperor.ini")).write_text(emperor)
        server = f"{shlex.quote(sys.executable)} -m uwsgid --ini {self.path('emperor.ini')}"
        stage = STAGE.format(files=files, command=server)
        return self.run_daemon(joined(self.host.prefix, ["unshare", "--mount", "sh", "-c", stage]))

    def ask(self, daemon: Daemon, address: str) -> dict[str, object]:
        """What a vassal answers over its socket, which only the emperor's files have."""
        inside = ["nsenter", "--target", str(daemon.pid), "--mount", "--net"]
        here = ["env", f"PYTHONPATH={ROOT}", sys.executable, "-c", ASK, address]
        told: dict[str, object] = json.loads(run(*inside, *here))
        return told


class Manual(JailCase):
    """What the manual of uWSGI shows."""

    def test_foobar(self) -> None:
        """Two vassals with a host name, processes and a network of their own answer, and reach the world
        through the router and its masquerade."""
        beside = VASSAL.replace("192.168.0.2", "192.168.0.3").replace("foobar", "beside")
        daemon = self.start(
            {
                "foobar.ini": VASSAL + APP,
                "beside.ini": beside + APP,
                "foobar.py": FOOBAR,
            }
        )
        daemon.wait_for(r"spawned uWSGI worker 1 ", count=2)
        told = {name: self.ask(daemon, f"/var/www/{name}.socket") for name in ("foobar", "beside")}
        for name, answer in told.items():
            self.assertEqual(
                answer,
                {
                    "host": name,
                    "parent": 1,
                    "seen": "10.9.9.1",
                    "net": answer["net"],
                    "interfaces": ["lo", "uwsgi0"],
                },
            )
        spaces = {answer["net"] for answer in told.values()} | {os.stat("/proc/self/ns/net").st_ino}
        self.assertEqual(len(spaces), 3)
        self.assertNotIn(os.uname().nodename, told)
        wait_until(lambda: self.host.answers("192.168.0.2"), "the vassal answers its host")
        pids = daemon.examine(lambda process: _pids(process.pid)).values()
        self.assertEqual(len([one for one in pids if len(one) > 1 and one[-1] == "1"]), 2)

    def test_end(self) -> None:
        """The end of the emperor is that of the vassals, their namespaces and devices."""
        daemon = self.start({"foobar.ini": VASSAL + APP, "foobar.py": FOOBAR})
        daemon.wait_for(r"spawned uWSGI worker 1 ")
        daemon.signal(2)
        self.assertEqual(daemon.wait(), 0)
        self.assertEqual(daemon.survivors(), [])
        self.assertNotIn("emperor0", self.host.run("ip", "-o", "link"))

    def test_foobar_in_perl(self) -> None:
        """The vassal of the manual, with its own last line: psgi-file = foobar.pl."""
        requires("perl")
        daemon = self.start({"foobar.ini": VASSAL + "psgi-file = foobar.pl\n", "foobar.pl": FOOBAR_IN_PERL})
        daemon.wait_for(r"spawned uWSGI worker 1 ")
        answer = self.ask(daemon, "/var/www/foobar.socket")
        self.assertEqual(answer, {"host": "foobar", "seen": "10.9.9.1", "interfaces": "lo uwsgi0"})
        self.assertEqual(self.ask(daemon, "/var/www/foobar.socket"), answer)
        daemon.signal(2)
        self.assertEqual(daemon.wait(), 0)
        self.assertEqual(daemon.survivors(), [])


class StepByStep(JailCase):
    """The vassal that the chapter about jailed vassals builds."""

    def test_shop(self) -> None:
        """It answers over its network, has what its root has, no power, and comes back after a touch."""
        files = {
            "shop.ini": (EXAMPLES / "jail-vassal.ini").read_text(),
            "hello.py": (EXAMPLES / "hello.py").read_text(),
        }
        daemon = self.start(files, (EXAMPLES / "jail-emperor.ini").read_text())
        daemon.wait_for(r"spawned uWSGI worker 1 ")
        self.assertIn("was answered by process", self.fetch())
        worker = daemon.named("uwsgid worker 1").pid
        self.assertEqual(
            sorted(os.listdir(f"/proc/{worker}/root")),
            ["app", "bin", "etc", "lib", "lib64", "old", "proc", "sbin", "tmp", "usr"],
        )
        self.assertEqual(os.listdir(f"/proc/{worker}/root/old"), [])
        status = dict(
            line.split(":\t", 1) for line in Path(f"/proc/{worker}/status").read_text().splitlines()
        )
        self.assertEqual(status["Uid"].split() + status["Gid"].split(), ["1000"] * 8)
        self.assertEqual(
            (int(status["CapPrm"], 16), status["NoNewPrivs"], status["Groups"].split()), (0, "1", ["1000"])
        )
        inside = ["nsenter", "--target", str(daemon.pid), "--mount"]
        run(*inside, "touch", "/etc/vassals/shop.ini")
        daemon.wait_for(r"spawned uWSGI worker 1 ", count=2)
        self.assertIn("was answered by process", self.fetch())

    def fetch(self) -> str:
        """What the shop answers the host."""
        url = "http://192.168.0.2:8080/"
        program = f"import urllib.request as u; print(u.urlopen({url!r}, timeout=30).read().decode())"
        return self.host.run(sys.executable, "-c", program)


def _pids(pid: int) -> list[str]:
    """The numbers of a process, from our pid namespace inwards."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[1:]
