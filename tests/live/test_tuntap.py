"""Devices that vassals hand over to a router, and all of it as it is meant to be used."""

from __future__ import annotations

import os
import signal
from typing import Final

from tests.live.namespaces import Space
from tests.live.support import APPS, PATIENCE, Daemon, requires, wait_until
from tests.live.tunnels import HOST, OTHER, VASSAL, TunTapCase, fetch_in, kill_gateway, reload_by_exec, uid_of

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
