"""What uWSGI's router and client say to ours besides packets: rules, users, datagrams; and where."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Final

from tests.live.support import PATIENCE, server_command, wait_until
from tests.live.tunnels import HOST, OTHER, VASSAL, TunTapCase, kill_gateway, uid_of

FAR: Final = "10.99.0.2"


class BesideUwsgiTests(TunTapCase):
    def test_its_vassal_over_tcp(self) -> None:
        """A vassal of uWSGI reaches a router of ours that listens at TCP, which uWSGI's own can not."""
        self.net.veth(self.host, "10.9.0.1/24", self.vassal, "10.9.0.2/24")
        self.router(socket="10.9.0.1:3000")
        self.device(server="uwsgi", socket="10.9.0.1:3000")
        self.reach_each_other()
        # not the other way: where TCP takes a part of a frame, its client loses its place in the stream
        # (plugins/tuntap/common.c, uwsgi_tuntap_peer_enqueue), and our router closes it
        self.carries_much(reverse=True)
        [peer] = self.peers()
        self.assertEqual((peer["addr"], peer["uid"], peer["pid"]), (VASSAL, 0, 0))

    def test_its_rules_for_our_router(self) -> None:
        """A router of ours applies the rules that uWSGI's client sends, of which /16 and hosts are right."""
        self.router()
        self.device(
            "tuntap-device-rule = out 192.168.0.2 10.77.1.1 allow\n"
            "tuntap-device-rule = out 192.168.0.9/16 10.77.9.9/16 deny",
            server="uwsgi",
        )
        for address in ("10.77.1.1", "10.77.1.2", "10.78.1.1"):
            self.host.run("ip", "addr", "add", f"{address}/32", "dev", "lo")
        self.reach_each_other()
        self.assertTrue(self.vassal.answers("10.77.1.1", wait=PATIENCE))
        self.assertFalse(self.vassal.answers("10.77.1.2", wait=0.3))
        self.assertTrue(self.vassal.answers("10.78.1.1", wait=PATIENCE))
        [peer] = self.peers()
        self.assertEqual([rule["packets"] for rule in peer["rules"]], [1, 1])

    def test_an_address_by_its_user(self) -> None:
        """A map of ours gives uWSGI's vassal the address of its user, and no other one."""
        users = self.folder / "users"
        users.write_text(f"nobody {VASSAL}\n")
        users.chmod(0o644)
        router = self.router(f"tuntap-use-credentials = map:{users}")
        self.device("tuntap-use-credentials = true", server="uwsgi")
        # known before it has sent anything
        wait_until(lambda: self.host.answers(VASSAL), "the vassal is found")
        self.vassal.run("ip", "addr", "add", f"{OTHER}/32", "dev", "uwsgi0")
        self.vassal.run("ping", "-n", "-c", "1", "-W", "0.3", "-I", OTHER, HOST, check=False)
        wait_until(lambda: [peer["spoofed"] > 0 for peer in self.peers()] == [True], "it is noticed")
        [peer] = self.peers()
        self.assertEqual((peer["uid"], peer["addresses"]), (uid_of("nobody"), [VASSAL]))
        self.assertGreater(router.seen(f"dropped a packet of {VASSAL} with the source {OTHER}"), 0)

    def test_datagrams_to_its_gateway(self) -> None:
        """Datagrams of our gateway are packets to that of uWSGI's router, and back."""
        near = self.start(
            self.host,
            f"tuntap-router = near0 {self.socket} {self.path('stats')} 127.0.0.1:4001\n"
            "tuntap-router-route = 0.0.0.0 10.99.0.0/24 127.0.0.1:4002\n"
            "exec-as-root = ip link set near0 up",
            "near",
            "uwsgid",
        )
        near.wait_for(r"spawned uWSGI tuntap router 1 ")
        far = self.start(
            self.host,
            f"tuntap-router = far0 {self.path('far.sock')} {self.path('far.stats')} 127.0.0.1:4002\n"
            "tuntap-router-route = 0.0.0.0 192.168.0.0/24 127.0.0.1:4001\n"
            "exec-as-root = ip link set far0 up",
            "far",
            "uwsgi",
        )
        far.wait_for(r"spawned uWSGI tuntap router 1 ")
        other = self.net.space("W")
        for space, address, socket, name in (
            (self.vassal, VASSAL, self.socket, "v"),
            (other, FAR, self.path("far.sock"), "w"),
        ):
            self.start(
                space,
                f"tuntap-device = uwsgi0 {socket}\n"
                f"exec-as-root = ip addr add {address}/24 dev uwsgi0\n"
                "exec-as-root = ip link set uwsgi0 up\n"
                "exec-as-root = ip route add default dev uwsgi0",
                name,
                "uwsgid",
            )
        wait_until(lambda: other.answers(VASSAL), "one vassal reaches the other")
        wait_until(lambda: self.vassal.answers(FAR), "and the other one it")
        # fragments too: a datagram is a whole packet, and theirs are at most 8192 bytes
        self.assertTrue(
            self.vassal.succeeds("ping", "-n", "-c", "1", "-W", f"{PATIENCE:g}", "-s", "6000", FAR)
        )

    def test_its_buffer_is_not_ours(self) -> None:
        """uWSGI's router has room for 8 KB and checks no length; tuntap-buffer-size keeps a vassal below."""
        router = self.router(server="uwsgi")
        self.device("tuntap-buffer-size = 8188")
        self.reach_each_other()
        for space, device in ((self.host, "emperor0"), (self.vassal, "uwsgi0")):
            space.run("ip", "link", "set", device, "mtu", "20000")
        ping = ("ping", "-n", "-M", "do", "-c", "1", HOST)
        self.assertTrue(self.vassal.succeeds(*ping, "-W", f"{PATIENCE:g}", "-s", "8100"))
        for _ in range(3):
            self.assertFalse(self.vassal.succeeds(*ping, "-W", "0.5", "-s", "19000"))
        self.assertTrue(self.vassal.succeeds(*ping, "-W", f"{PATIENCE:g}", "-s", "8100"))
        self.assertEqual(router.seen("respawned"), 0)
        [peer] = self.peers()
        self.assertLess(peer["rx"], 19000)

    def test_a_killed_attendant_comes_back(self) -> None:
        """The process that passes packets on to uWSGI's router may die: the next one goes on with it."""
        self.router(server="uwsgi")
        vassal = self.device()
        self.reach_each_other()
        # until then the stand-in of the boot may be the one who passes them on
        vassal.wait_for("tuntap device uwsgi0: frames to the router")
        before = self.vassal.run("ip", "-o", "addr", "show", "uwsgi0")
        kill_gateway(vassal, "tuntap device uwsgi0")
        vassal.wait_for("tuntap device uwsgi0: frames to the router", count=2)
        wait_until(lambda: self.host.answers(VASSAL), "the vassal is found again")
        self.assertEqual(self.vassal.run("ip", "-o", "addr", "show", "uwsgi0"), before)

    def test_who_says_too_much(self) -> None:
        """A client with credentials at a router without them is no peer, and hurts nobody."""
        router = self.router()
        theirs = self.start(
            self.vassal,
            f"tuntap-device = uwsgi0 {self.socket}\ntuntap-use-credentials = true\njailed = true",
            "v",
            "uwsgi",
        )
        router.wait_for("a message with the unknown modifier2 103 from fd:")
        theirs.wait_for("tuntap server disconnected")  # it ends its instance then
        other = self.net.space("W")
        self.device(space=other, address=OTHER, name="w")
        self.reach_each_other(OTHER, other)
        self.assertEqual([peer["addr"] for peer in self.peers()], [OTHER])


class SocketTests(TunTapCase):
    def test_mode_and_owner(self) -> None:
        """Socket and companion have the mode and the owner of the configuration, which say who may join."""
        router = self.router("chown-socket = nobody:nogroup\nchmod-socket = 600")
        for name in (self.socket, self.socket + ".dev"):
            facts = os.stat(name)
            self.assertEqual((facts.st_mode & 0o777, facts.st_uid), (0o600, uid_of("nobody")), name)
        vassal = self.device()
        self.reach_each_other()
        other = self.net.space("W")
        stranger = self.start(
            other, f"tuntap-device = uwsgi0 {self.socket}\nuid = daemon\ngid = daemon", "w", "uwsgid"
        )
        # as root, once
        stranger.wait_for("tuntap device uwsgi0: handed over to the router")
        stranger.wait_for("spawned uWSGI tuntap device uwsgi0 ")
        kill_gateway(router, "tuntap router 1")
        vassal.wait_for("tuntap device uwsgi0: handed over to the router", count=2)
        stranger.wait_for("tuntap server disconnected.*Permission denied")
        wait_until(lambda: self.host.answers(VASSAL), "the vassal is found again")
        self.assertEqual(stranger.seen("handed over to the router"), 1)

    def test_statistics(self) -> None:
        """They are at an abstract name as everybody writes it, and without blanks where that is wanted."""
        router = self.start(
            self.host,
            f"tuntap-router = emperor0 {self.socket}\ntuntap-router-stats = @{self.folder.name}\n"
            "stats-minified = true\nstats-http = true",
            "r",
            "uwsgid",
        )
        router.wait_for("spawned uWSGI tuntap router 1 ")
        # an abstract name is one of its network namespace
        program = (
            "import socket; c = socket.socket(socket.AF_UNIX); "
            f"c.connect('\\0{self.folder.name}'); print(c.makefile().read())"
        )
        head, _, body = self.host.run(sys.executable, "-c", program).strip().partition("\n\n")
        self.assertTrue(head.startswith("HTTP/1.0 200 OK"), head)
        self.assertEqual(len(body.splitlines()), 1)
        self.assertEqual(json.loads(body)["router"]["device"], "emperor0")
        said = self.host.run(*server_command("uwsgid"), "tuntap", "rules", f"@{self.folder.name}")
        self.assertIn("tuntap-router-firewall-in: no rules", said)

    def test_started_twice(self) -> None:
        """Who starts a router by mistake while it runs hears why it can not be, and hurts nobody."""
        line = f"tuntap-router = emperor0 {self.socket} {self.path('stats')}"
        self.router()
        second = self.start(self.host, line, "again", "uwsgid")
        self.assertEqual(second.wait(), 1)
        self.assertIn("Device or resource busy [emperor0]", second.log())
        vassal = self.device()
        vassal.wait_for("tuntap device uwsgi0: handed over to the router")
        self.reach_each_other()
        self.assertEqual(len(self.peers()), 1)

    def test_two_devices(self) -> None:
        """A vassal with two devices is two peers of one router."""
        self.router()
        vassal = self.start(
            self.vassal,
            f"tuntap-device = one0 {self.socket}\ntuntap-device = two0 {self.socket}\n"
            f"exec-as-root = ip addr add {VASSAL}/24 dev one0\n"
            f"exec-as-root = ip addr add {OTHER}/24 dev two0\n"
            "exec-as-root = ip link set one0 up\n"
            "exec-as-root = ip link set two0 up\n",
            "v",
            "uwsgid",
        )
        vassal.wait_for("spawned uWSGI tuntap device two0 ")
        for name, address in (("one0", VASSAL), ("two0", OTHER)):
            ping = ("ping", "-n", "-c", "1", "-W", "1", "-I", name, HOST)
            wait_until(lambda p=ping: self.vassal.succeeds(*p), f"{HOST} answers {address}")  # type: ignore[misc]
        self.assertEqual(sorted(peer["addr"] for peer in self.peers()), [VASSAL, OTHER])

    def test_the_longest_path(self) -> None:
        """A path of 102 bytes, as many as uWSGI takes, has room for a companion."""
        path = str(self.folder / "s") + "s" * (102 - len(str(self.folder)) - 2)
        self.assertEqual(len(path), 102)
        self.router(socket=path)
        vassal = self.device(socket=path)
        vassal.wait_for("tuntap device uwsgi0: handed over to the router")
        self.reach_each_other()
        self.assertTrue(Path(path + ".dev").is_socket())

    def test_ipv6_outside(self) -> None:
        """A router listens at an address of IPv6, too."""
        self.net.veth(self.host, "10.9.0.1/24", self.vassal, "10.9.0.2/24")
        for space, last in ((self.host, 1), (self.vassal, 2)):
            [name] = [
                line.split()[0].partition("@")[0]
                for line in space.run("ip", "-br", "link").splitlines()
                if line.startswith("v")
            ]
            space.run("ip", "addr", "add", f"fd00:7::{last}/64", "dev", name, "nodad")
        self.router(socket="[fd00:7::1]:3000")
        vassal = self.device(socket="[fd00:7::1]:3000")
        vassal.wait_for("tuntap device uwsgi0: frames to the router")
        self.reach_each_other()
