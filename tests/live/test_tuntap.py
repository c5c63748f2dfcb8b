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
from tests.live.support import APPS, PATIENCE, Daemon, LiveCase, connect, requires, wait_until

HOST: Final = "192.168.0.1"
VASSAL: Final = "192.168.0.2"
OTHER: Final = "192.168.0.3"

PLUGIN: Final = Path("/usr/lib/uwsgi/plugins/tuntap_plugin.so")


def fetch_in(space: Space, url: str) -> str:
    """What a client in *space* gets from *url*."""
    program = f"import urllib.request as u; print(u.urlopen({url!r}, timeout={PATIENCE}).read().decode())"
    return space.run(sys.executable, "-c", program).strip()


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


class HandOverTests(TunTapCase):
    """A vassal of ours gives its device to a router of ours."""

    def test_packets_and_streams(self) -> None:
        """Both sides answer each other, and megabytes arrive whole in both directions."""
        self.router()
        vassal = self.device()
        vassal.wait_for("tuntap device uwsgi0: handed over to the router")
        self.reach_each_other()
        self.carries_much()
        self.carries_much(reverse=True)

    def test_a_vassal_that_only_answers_is_found(self) -> None:
        """The router knows a vassal that never sends anything by itself, once its process is up."""
        self.router()
        self.device()
        wait_until(lambda: self.host.answers(VASSAL), "the vassal is found")
        [peer] = self.peers()
        self.assertEqual(peer["addr"], VASSAL)

    def test_a_reload_is_not_noticed(self) -> None:
        """A reload that replaces the vassal's process image loses no packet, and keeps interface and peer."""
        self.router()
        vassal = self.device(stay_root=True)  # others may have no way to the interpreter
        self.reach_each_other()
        before = self.vassal.run("ip", "-o", "link", "show", "uwsgi0").split(":")[0]
        with self.nothing_lost():
            reload_by_exec(vassal)
        self.assertEqual(self.vassal.run("ip", "-o", "link", "show", "uwsgi0").split(":")[0], before)
        self.assertEqual(len(self.peers()), 1)
        self.assertEqual(vassal.seen("tuntap server disconnected"), 0)

    def test_a_killed_router_comes_back(self) -> None:
        """A router that was killed is born again, its device has its address, and the peers come back."""
        router = self.router()
        vassal = self.device()
        self.reach_each_other()
        vassal.wait_for("tuntap device uwsgi0: handed over to the router")
        kill_gateway(router, "tuntap router 1")
        router.wait_for(r"respawned uWSGI tuntap router 1 ")
        vassal.wait_for("tuntap device uwsgi0: handed over to the router", count=2)
        # nobody in the vassal has sent a packet since
        wait_until(lambda: self.host.answers(VASSAL), "the vassal is found again")
        self.assertTrue(self.vassal.answers(HOST, wait=PATIENCE))

    def test_a_reload_of_the_router(self) -> None:
        """A router whose process image is replaced keeps its device and its address; the peers come back."""
        router = self.router(stay_root=True)
        vassal = self.device()
        self.reach_each_other()
        vassal.wait_for("tuntap device uwsgi0: handed over to the router")
        reload_by_exec(router)
        vassal.wait_for("tuntap device uwsgi0: handed over to the router", count=2)
        wait_until(lambda: self.host.answers(VASSAL), "the vassal is found again")

    def test_rules_of_the_router_change_while_packets_flow(self) -> None:
        """A chain is replaced as a whole and without a pause; one with a mistake changes nothing."""
        router = self.router("tuntap-router-firewall-out = allow 192.168.0.0/24 192.168.0.1", stay_root=True)
        self.device()
        self.host.run("ip", "addr", "add", "10.77.1.1/32", "dev", "lo")
        self.reach_each_other()
        self.assertTrue(self.vassal.answers("10.77.1.1", wait=PATIENCE))
        config = self.folder / "r.ini"
        sound = config.read_text() + "tuntap-router-firewall-out = deny\n"
        with self.nothing_lost():
            config.write_text(sound)
            os.kill(router.pid, signal.SIGHUP)
            wait_until(lambda: not self.vassal.answers("10.77.1.1"), "the new rule counts")
            config.write_text(sound.replace("out = deny", "out = dney"))
            os.kill(router.pid, signal.SIGHUP)
            router.wait_for("r.ini:.*dney")
            router.wait_for("the instance goes on with the old one")
        self.assertFalse(self.vassal.answers("10.77.1.1", wait=0.3))
        self.assertEqual(router.seen("binary reloading uWSGI"), 0)

    def test_a_killed_attendant_comes_back(self) -> None:
        """The process that holds the vassal's connection may die: the next one goes on with it."""
        self.router()
        vassal = self.device()
        self.reach_each_other()
        vassal.wait_for("tuntap device uwsgi0: handed over to the router")
        kill_gateway(vassal, "tuntap device uwsgi0")
        vassal.wait_for(r"respawned uWSGI tuntap device uwsgi0 ")
        self.reach_each_other()
        self.assertEqual(len(self.peers()), 1)

    def test_the_exit_of_a_vassal_removes_its_peer(self) -> None:
        """A vassal that was killed is no peer any more, and its device is gone."""
        self.router()
        vassal = self.device()
        self.reach_each_other()
        self.assertEqual([peer["addr"] for peer in self.peers()], [VASSAL])
        os.kill(vassal.pid, signal.SIGKILL)
        wait_until(lambda: not self.peers(), "the router forgets the vassal")
        wait_until(lambda: not self.vassal.succeeds("ip", "link", "show", "uwsgi0"), "the device is gone")

    def test_who_may_have_which_address(self) -> None:
        """A router that wants a certain user sees it from the beginning, and refuses whoever is not meant."""
        self.router("tuntap-router-allow = uid=nobody 192.168.0.2")
        self.device()
        self.reach_each_other()
        self.assertEqual([(peer["addr"], peer["uid"]) for peer in self.peers()], [(VASSAL, uid_of("nobody"))])
        other = self.net.space("W")
        self.device(space=other, address=OTHER, name="w")
        self.assertFalse(other.answers(HOST, wait=0.3))
        # it is no peer at all where it had its address when it was offered, and one without an address if not
        self.assertIn(sorted(peer["addr"] for peer in self.peers()), ([VASSAL], ["", VASSAL]))
        self.assertTrue(self.vassal.answers(HOST, wait=PATIENCE))

    def test_ipv6(self) -> None:
        """Addresses of IPv6 are learned beside those of IPv4, one vassal having both."""
        self.router()
        self.device()
        self.give_ipv6()
        self.reach_each_other()
        [peer] = self.peers()
        self.assertEqual(peer["addr"], VASSAL)

    def test_two_routers(self) -> None:
        """An instance has two routers, and a vassal a device at each of them."""
        router = self.start(
            self.host,
            f"tuntap-router = emperor0 {self.socket}\ntuntap-router = emperor1 {self.path('u.sock')}",
            "r",
            "uwsgid",
        )
        router.wait_for("spawned uWSGI tuntap router 2 ")
        vassal = self.start(
            self.vassal,
            f"tuntap-device = uwsgi0 {self.socket}\ntuntap-device = uwsgi1 {self.path('u.sock')}",
            "v",
            "uwsgid",
        )
        vassal.wait_for("spawned uWSGI tuntap device uwsgi1 ")
        for number in (0, 1):
            for space, name, last in ((self.host, "emperor", 1), (self.vassal, "uwsgi", 2)):
                space.run("ip", "addr", "add", f"192.168.{number}.{last}/24", "dev", f"{name}{number}")
                space.run("ip", "link", "set", f"{name}{number}", "up")
            wait_until(lambda n=number: self.vassal.answers(f"192.168.{n}.1"), f"router {number}")  # type: ignore[misc]

    def test_two_vassals_through_the_host(self) -> None:
        """Vassals reach each other through the network of the host, and one's end is nothing to the other."""
        self.router()
        self.host.forward()
        other = self.net.space("W")
        first = self.device()
        self.device(space=other, address=OTHER, name="w")
        self.reach_each_other()
        self.reach_each_other(OTHER, other)
        wait_until(lambda: self.vassal.answers(OTHER), "one vassal answers the other")
        first.close()
        wait_until(lambda: len(self.peers()) == 1, "one peer is left")
        self.assertTrue(other.answers(HOST, wait=PATIENCE))

    def test_rules_change_while_packets_flow(self) -> None:
        """A vassal's rules are read again when its configuration changed, and its network goes on."""
        self.router()
        vassal = self.device("tuntap-device-rule = out 0.0.0.0 192.168.0.1 allow")
        self.host.run("ip", "addr", "add", "10.77.1.1/32", "dev", "lo")
        self.reach_each_other()
        self.assertTrue(self.vassal.answers("10.77.1.1", wait=PATIENCE))
        config = self.folder / "v.ini"
        config.write_text(config.read_text() + "tuntap-device-rule = out 0.0.0.0 10.77.0.0/16 deny\n")
        vassal.wait_for("tuntap device uwsgi0: handed over to the router")
        os.kill(vassal.pid, signal.SIGHUP)
        vassal.wait_for("tuntap device uwsgi0: handed over to the router", count=2)
        self.reach_each_other()
        self.assertFalse(self.vassal.answers("10.77.1.1", wait=0.3))
        self.assertEqual(vassal.seen("binary reloading uWSGI"), 0)

    def test_a_router_that_comes_late(self) -> None:
        """A vassal starts without its router, and joins when there is one."""
        vassal = self.device()
        vassal.wait_for("tuntap server disconnected")
        self.router()
        vassal.wait_for("tuntap device uwsgi0: (handed over|frames) to the router")
        self.reach_each_other()


class FramesTests(TunTapCase):
    """A vassal of ours sends its packets as frames, where the device can not be handed over."""

    def attached(self, *, stay_root: bool = False) -> tuple[Daemon, Daemon]:
        router = self.router()
        os.unlink(self.socket + ".dev")
        vassal = self.device(stay_root=stay_root)
        vassal.wait_for("tuntap device uwsgi0: frames to the router")
        return router, vassal

    def test_over_a_unix_socket(self) -> None:
        """Both sides answer each other, and megabytes arrive whole in both directions."""
        self.attached()
        self.reach_each_other()
        self.carries_much()
        self.carries_much(reverse=True)

    def test_ipv6(self) -> None:
        """Frames carry IPv6 as well."""
        self.attached()
        self.give_ipv6()
        self.reach_each_other()

    def test_over_tcp(self) -> None:
        """So it is with a router on another host."""
        self.net.veth(self.host, "10.9.0.1/24", self.vassal, "10.9.0.2/24")
        self.router(socket="10.9.0.1:3000")
        vassal = self.device(socket="10.9.0.1:3000")
        vassal.wait_for("tuntap device uwsgi0: frames to the router")
        self.reach_each_other()
        self.carries_much()
        self.carries_much(reverse=True)

    def test_a_reload_is_not_noticed(self) -> None:
        """A reload that replaces the process image loses no packet: a stand-in holds the stream meanwhile."""
        _, vassal = self.attached(stay_root=True)
        self.reach_each_other()
        before, [peer] = self.vassal.run("ip", "-o", "addr", "show", "uwsgi0"), self.peers()
        with self.nothing_lost():
            for count in (2, 3):
                reload_by_exec(vassal)
                vassal.wait_for("tuntap device uwsgi0: frames to the router", count=count)
        self.assertEqual(self.vassal.run("ip", "-o", "addr", "show", "uwsgi0"), before)
        # the same connection as before, and nothing that came while nobody held it
        self.assertEqual([(one["id"], one["pid"]) for one in self.peers()], [(peer["id"], peer["pid"])])
        self.assertEqual(vassal.seen("tuntap server disconnected"), 0)
        vassal.signal(signal.SIGINT)
        self.assertEqual(vassal.wait(), 0, vassal.log())
        self.assertEqual(vassal.survivors(), [])
        wait_until(lambda: not self.peers(), "the router forgets the vassal")

    def test_a_reload_to_another_router(self) -> None:
        """What a stand-in holds for a router that the new configuration does not name is given up."""
        _, vassal = self.attached(stay_root=True)
        self.reach_each_other()
        os.symlink(self.socket, self.path("other.sock"))
        [config] = [Path(word) for word in vassal.command if word.endswith(".ini")]
        config.write_text(config.read_text().replace(self.socket, self.path("other.sock")))
        reload_by_exec(vassal)
        vassal.wait_for("tuntap device uwsgi0: frames to the router at .*other.sock")
        wait_until(lambda: self.host.answers(VASSAL), "the vassal answers again")
        self.assertEqual(len(self.peers()), 1)

    def test_a_killed_router_comes_back(self) -> None:
        """Peers with frames come back to a router that was killed, too."""
        router, vassal = self.attached()
        self.reach_each_other()
        kill_gateway(router, "tuntap router 1")
        vassal.wait_for("tuntap device uwsgi0: frames to the router", count=2)
        wait_until(lambda: self.host.answers(VASSAL), "the vassal is found again")

    def test_the_exit_of_a_vassal_removes_its_peer(self) -> None:
        """A vassal that was killed is no peer any more."""
        _, vassal = self.attached()
        self.reach_each_other()
        os.kill(vassal.pid, signal.SIGKILL)
        wait_until(lambda: not self.peers(), "the router forgets the vassal")


class BesideUwsgiTests(TunTapCase):
    """uWSGI's own router and client, with ours on the other side."""

    def test_our_vassal_at_its_router(self) -> None:
        """A vassal of ours lives behind uWSGI's router, with IPv6 on its interface."""
        router = self.router(server="uwsgi")
        vassal = self.device()
        vassal.wait_for("tuntap device uwsgi0: frames to the router")
        self.reach_each_other()
        self.carries_much()
        self.carries_much(reverse=True)
        [peer] = self.peers()
        self.assertEqual(peer["addr"], VASSAL)
        # the C client would end its instance here
        kill_gateway(router, "tuntap router 1")
        vassal.wait_for("tuntap device uwsgi0: frames to the router", count=2)
        wait_until(lambda: self.host.answers(VASSAL), "the vassal is found again")

    def test_its_vassal_at_our_router(self) -> None:
        """A vassal of uWSGI lives behind a router of ours."""
        self.router()
        self.device(server="uwsgi")
        self.reach_each_other()
        self.carries_much()
        self.carries_much(reverse=True)
        [peer] = self.peers()
        self.assertEqual(peer["addr"], VASSAL)

    def test_our_credentials_for_its_router(self) -> None:
        """uWSGI's router takes our credentials, and tells whose they are."""
        self.router("tuntap-use-credentials = true", server="uwsgi")
        self.device("tuntap-use-credentials = true")
        self.reach_each_other()
        [peer] = self.peers()
        self.assertEqual(peer["uid"], uid_of("nobody"))
        self.assertGreater(peer["pid"], 0)

    def test_its_credentials_for_our_router(self) -> None:
        """Our router takes those of uWSGI's client."""
        self.router("tuntap-use-credentials = true")
        self.device("tuntap-use-credentials = true", server="uwsgi")
        self.reach_each_other()
        [peer] = self.peers()
        self.assertEqual(peer["uid"], uid_of("nobody"))

    def test_our_rules_for_its_router(self) -> None:
        """uWSGI's router applies what our vassal asks of it, with the masks as they were meant."""
        self.router(server="uwsgi")
        self.device(
            "tuntap-device-rule = out 192.168.0.0/24 192.168.0.1 allow\n"
            "tuntap-device-rule = out 192.168.0.0/24 10.77.0.0/16 deny"
        )
        self.host.run("ip", "addr", "add", "10.77.1.1/32", "dev", "lo")
        self.host.run("ip", "addr", "add", "10.78.1.1/32", "dev", "lo")
        self.reach_each_other()
        self.assertTrue(self.vassal.answers("10.78.1.1", wait=PATIENCE))
        self.assertFalse(self.vassal.answers("10.77.1.1", wait=0.3))

    def test_hooks_reach_its_router(self) -> None:
        """A ping in a hook is answered, although the process that attends to the device is not born yet."""
        self.router(server="uwsgi")
        vassal = self.start(
            self.vassal,
            f"tuntap-device = uwsgi0 {self.socket}\n"
            f"exec-as-root = ip addr add {VASSAL}/24 dev uwsgi0\n"
            "exec-as-root = ip link set uwsgi0 up\n"
            f"exec-as-root = ping -n -c 1 -W 30 {HOST}\n",
            "v",
            "uwsgid",
        )
        vassal.wait_for("tuntap device uwsgi0: frames to the router")
        self.reach_each_other()
        self.assertEqual(len(self.peers()), 1)

    def test_side_by_side(self) -> None:
        """A vassal of uWSGI and one of ours share a router of ours, and reach each other."""
        self.router()
        self.host.forward()
        other = self.net.space("W")
        self.device(server="uwsgi")
        self.device(space=other, address=OTHER, name="w")
        self.reach_each_other()
        self.reach_each_other(OTHER, other)
        wait_until(lambda: other.answers(VASSAL), "ours answers uWSGI's")
        wait_until(lambda: self.vassal.answers(OTHER), "uWSGI's answers ours")


#: The example of uWSGI's documentation: vassals reach their gateway and the world, not each other.
FIREWALL: Final = """
tuntap-router-firewall-out = allow 192.168.0.0/24 192.168.0.1
tuntap-router-firewall-out = deny 192.168.0.0/24 192.168.0.0/24
tuntap-router-firewall-out = allow 192.168.0.0/24 0.0.0.0
tuntap-router-firewall-out = deny
tuntap-router-firewall-in = allow 192.168.0.1 192.168.0.0/24
tuntap-router-firewall-in = deny 192.168.0.0/24 192.168.0.0/24
tuntap-router-firewall-in = allow 0.0.0.0 192.168.0.0/24
tuntap-router-firewall-in = deny
"""

NAT: Final = (
    "nft 'add table ip t; add chain ip t post { type nat hook postrouting priority 100; }; "
    'add rule ip t post ip saddr 192.168.0.0/24 oifname != "emperor0" masquerade\''
)


class SeedTests(TunTapCase):
    """The configuration that the router is for."""

    def vassal_in(self, space: Space, address: str, name: str) -> Daemon:
        return self.start(
            space,
            f"tuntap-device = uwsgi0 {self.socket}\n"
            "jailed = true\n"  # uWSGI makes no device without it
            "exec-as-root = ip link set lo up\n"
            f"exec-as-root = ip addr add {address}/24 dev uwsgi0\n"
            "exec-as-root = ip link set uwsgi0 up\n"
            f"exec-as-root = ip route add default via {HOST}\n"
            f"exec-as-root = ping -n -c 1 -W 30 {HOST}\n"
            f"http-socket = {address}:8080\nwsgi-file = {APPS / 'probe.py'}\nneed-app = true",
            name,
            "uwsgid",
        )

    def test_by_hooks_alone(self) -> None:
        """Hooks give addresses and NAT; requests are served across, and vassals reach the world alone."""
        requires("nft")
        world = self.net.space("X")
        self.net.veth(self.host, "203.0.113.1/24", world, "203.0.113.2/24")
        router = self.start(
            self.host,
            f"tuntap-router = emperor0 {self.socket} {self.path('stats')}\n"
            f"exec-as-root = ip addr add {HOST}/24 dev emperor0\n"
            "exec-as-root = ip link set emperor0 up\n"
            "exec-as-root = sysctl -qw net.ipv4.ip_forward=1\n"
            f"exec-as-root = {NAT}\n" + FIREWALL,
            "r",
            "uwsgid",
        )
        router.wait_for(r"spawned uWSGI tuntap router 1 ")
        other = self.net.space("W")
        for space, address, name in ((self.vassal, VASSAL, "v"), (other, OTHER, "w")):
            vassal = self.vassal_in(space, address, name)
            vassal.wait_for(r"spawned uWSGI worker 1 ")
        self.assertIn(VASSAL, fetch_in(self.host, f"http://{VASSAL}:8080/"))
        self.assertIn(OTHER, fetch_in(self.host, f"http://{OTHER}:8080/"))
        for space in (self.vassal, other):
            self.assertTrue(space.answers("203.0.113.2", wait=PATIENCE), "the world is out of reach")
        self.assertFalse(self.vassal.answers(OTHER, wait=0.5), "the firewall lets vassals to each other")
        self.assertFalse(world.answers(VASSAL, wait=0.3), "the world has no route to a vassal")


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
