"""Rules, limits and odd packets on real devices, where the kernel has a say."""

from __future__ import annotations

import json
import sys
from typing import Any, Final

from tests.live.daemon import requires
from tests.live.namespaces import Space
from tests.live.support import PATIENCE, connect, wait_until
from tests.live.tunnels import HOST, OTHER, VASSAL, TunTapCase

#: Sends datagrams to a port, with destination options before the header of UDP or without.
SENDS: Final = """
import socket
s = socket.socket(socket.AF_INET6 if ':' in {to!r} else socket.AF_INET, socket.SOCK_DGRAM)
if {options}:
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_DSTOPTS, bytes((0, 0, 1, 4, 0, 0, 0, 0)))
for _ in range({count}):
    s.sendto(bytes({size}), ({to!r}, {port}))
"""

ASKS: Final = "import socket; socket.create_connection(({to!r}, {port}), {wait})"


class ChainCase(TunTapCase):
    def document(self) -> dict[str, Any]:
        """The statistics of the router."""
        with connect(self.path("stats"), PATIENCE) as client, client.makefile("rb") as stream:
            found: dict[str, Any] = json.loads(stream.read())
        return found

    def counted(self, chain: str) -> list[int]:
        """The packets that each rule of a chain has counted."""
        return [rule["packets"] for rule in self.document()["chains"][chain]]

    def send(
        self, space: Space, to: str, port: int, *, count: int = 1, size: int = 10, options: bool = False
    ) -> None:
        """Send datagrams from *space*."""
        text = SENDS.format(to=to, port=port, count=count, size=size, options=options)
        space.run(sys.executable, "-c", text)

    def listen(self, space: Space, address: str) -> int:
        """The port of somebody who accepts connections in *space* for ever."""
        server = self.run_daemon(
            [
                *space.prefix, sys.executable, "-c",
                "import socket\n"
                f"s = socket.create_server(({address!r}, 0)); print(s.getsockname()[1], flush=True)\n"
                "while True: s.accept()\n",
            ]
        )  # fmt: skip
        return int(server.wait_for(r"^(\d+)$")[1])

    def connects(self, space: Space, to: str, port: int, *, wait: float = 0.5) -> bool:
        """Whether somebody in *space* gets a connection."""
        return space.succeeds(sys.executable, "-c", ASKS.format(to=to, port=port, wait=wait))


class RuleTests(ChainCase):
    def test_established(self) -> None:
        """Behind ``established`` a vassal calls whom it may, is answered, and is called by nobody."""
        self.router(
            "tuntap-router-firewall-out = allow any any tcp\n"
            "tuntap-router-firewall-out = allow any any udp\n"
            "tuntap-router-firewall-out = deny\n"
            "tuntap-router-firewall-in = allow any any established\n"
            "tuntap-router-firewall-in = deny\n"
        )
        self.device()
        port = self.listen(self.host, HOST)
        wait_until(lambda: self.connects(self.vassal, HOST, port), "the vassal calls the host")
        self.carries_much()
        port = self.listen(self.vassal, VASSAL)
        self.assertFalse(self.connects(self.host, VASSAL, port))
        self.assertFalse(self.vassal.answers(HOST, wait=0.3))
        self.assertFalse(self.host.answers(VASSAL, wait=0.3))
        document = self.document()
        self.assertGreater(document["router"]["flows"], 0)
        self.assertGreater(document["router"]["denied_in"], 1)

    def test_options_do_not_hide_a_port(self) -> None:
        """A rule about a port finds it behind extension headers of IPv6."""
        self.router(
            "tuntap-router-firewall-out = deny any any udp dport 7777\n"
            "tuntap-router-firewall-out = count any any udp dport 7778\n"
        )
        self.device()
        self.give_ipv6()
        for port in (7777, 7778):
            self.send(self.vassal, "fd00:9::1", port, count=2)
            self.send(self.vassal, "fd00:9::1", port, count=3, options=True)
        wait_until(lambda: self.counted("out") == [5, 5], "all are counted")

    def test_limits(self) -> None:
        """What a peer sends beyond its burst is dropped; what it gets is not, for the limit is one-way."""
        self.router(f"tuntap-router-limit = {VASSAL} 1k 8k out")
        self.device()
        self.reach_each_other()
        self.send(self.vassal, HOST, 7777, count=30, size=1000)
        self.send(self.host, VASSAL, 7777, count=30, size=1000)
        wait_until(lambda: self.peers()[0]["tx_packets"] >= 30, "the vassal gets all")
        wait_until(lambda: self.peers()[0]["drops"].get("limit", 0) > 18, "most are dropped")
        [peer] = self.peers()
        self.assertEqual((peer["limit_in"], peer["limit_out"]), (0, 1000))

    def test_past_the_host(self) -> None:
        """With tuntap-router-switch-local vassals meet where the host forwards nothing; chains count."""
        self.router(
            "tuntap-router-switch-local = true\n"
            "tuntap-router-firewall-out = deny any any udp dport 7777\n"
            "tuntap-router-firewall-in = deny any any udp dport 7778\n"
        )
        other = self.net.space("W")
        self.device()
        self.device(space=other, address=OTHER, name="w", server="uwsgi")
        self.reach_each_other()
        self.reach_each_other(OTHER, other)
        self.assertTrue(self.vassal.answers(OTHER, wait=PATIENCE))
        self.assertTrue(other.answers(VASSAL, wait=PATIENCE))
        for port in (7777, 7778):
            self.send(self.vassal, OTHER, port, count=2)
            self.send(other, VASSAL, port, count=2)
        wait_until(lambda: (self.counted("out"), self.counted("in")) == ([4], [4]), "all are denied")

    def test_nobody_takes_the_place_of_the_host(self) -> None:
        """Not even past the host a vassal gets what others send to the address of the router's own device."""
        router = self.router("tuntap-router-switch-local = true\ntuntap-router-collision = takeover")
        self.device()
        self.reach_each_other()
        other = self.net.space("W")
        self.device(space=other, address=OTHER, name="w")
        self.reach_each_other(OTHER, other)
        evil = self.net.space("E")
        self.device(space=evil, address=HOST, name="e")
        evil.answers(VASSAL, wait=0.3)
        router.wait_for(f"{HOST}.* router's own")
        self.assertNotIn(HOST, [peer["addr"] for peer in self.peers()])
        self.assertTrue(self.vassal.answers(HOST, wait=PATIENCE))
        self.assertTrue(self.vassal.answers(OTHER, wait=PATIENCE))


class PacketTests(ChainCase):
    def test_fragments_and_jumbo(self) -> None:
        """Packets of 60,000 bytes arrive in fragments, and in one piece where both devices have room."""
        self.router()
        self.device()
        self.reach_each_other()
        for space, to in ((self.vassal, HOST), (self.host, VASSAL)):
            self.assertTrue(space.succeeds("ping", "-n", "-c", "1", "-W", f"{PATIENCE:g}", "-s", "60000", to))
        self.host.run("ip", "link", "set", "emperor0", "mtu", "65520")
        self.vassal.run("ip", "link", "set", "uwsgi0", "mtu", "65520")
        for space, to in ((self.vassal, HOST), (self.host, VASSAL)):
            whole = ("ping", "-n", "-M", "do", "-c", "1", "-W", f"{PATIENCE:g}", "-s", "60000", to)
            self.assertTrue(space.succeeds(*whole), to)
        self.carries_much()
        self.carries_much(reverse=True)
        self.assertEqual(self.document()["router"]["drops"].keys() - {"unattached", "unknown"}, set())

    def test_frames_carry_fragments_and_jumbo(self) -> None:
        """So they do in frames."""
        self.router()
        self.device(server="uwsgi")
        self.reach_each_other()
        for space, to in ((self.vassal, HOST), (self.host, VASSAL)):
            self.assertTrue(space.succeeds("ping", "-n", "-c", "1", "-W", f"{PATIENCE:g}", "-s", "60000", to))

    def test_a_device_alone(self) -> None:
        """A tuntap-device without a socket is an interface, and nothing more."""
        alone = self.start(
            self.vassal,
            "tuntap-device = lone0\nexec-as-root = ip addr add 10.5.5.1/32 dev lone0\n"
            "exec-as-root = ip link set lone0 up\n"
            f"http-socket = {self.path('h.sock')}\n",
            "v",
            "uwsgid",
        )
        alone.wait_for("initialized tuntap device lone0")
        wait_until(lambda: self.vassal.answers("10.5.5.1"), "the address is there")
        alone.close()
        wait_until(lambda: not self.vassal.succeeds("ip", "link", "show", "lone0"), "the device is gone")


class HookTests(ChainCase):
    def test_a_vassal_with_ipv6_is_found(self) -> None:
        """Who only waits for requests is found at its address of IPv6, too, beside one of IPv4 or without."""
        self.router()
        self.host.run("ip", "addr", "add", "fd00:9::1/64", "dev", "emperor0", "nodad")
        other = self.net.space("W")
        for space, name, addresses in (
            (self.vassal, "v", (f"{VASSAL}/24", "fd00:9::2/64")),
            (other, "w", ("fd00:9::3/64",)),
        ):
            self.start(
                space,
                f"tuntap-device = uwsgi0 {self.socket}\n"
                + "".join(f"exec-as-root = ip addr add {one} dev uwsgi0\n" for one in addresses)
                + "exec-as-root = ip link set uwsgi0 up\n",
                name,
                "uwsgid",
            ).wait_for("spawned uWSGI tuntap device uwsgi0 ")
        for address in (VASSAL, "fd00:9::2", "fd00:9::3"):
            wait_until(lambda one=address: self.host.answers(one), f"{address} is found")  # type: ignore[misc]

    def test_ifconfig(self) -> None:
        """Hooks of old configurations, with ifconfig and route, work as in uWSGI's manual."""
        requires("ifconfig", "route")
        router = self.start(
            self.host,
            f"tuntap-router = emperor0 {self.socket} {self.path('stats')}\n"
            f"exec-as-root = ifconfig emperor0 {HOST} netmask 255.255.255.0 up\n",
            "r",
            "uwsgid",
        )
        router.wait_for(r"spawned uWSGI tuntap router 1 ")
        self.start(
            self.vassal,
            f"tuntap-device = uwsgi0 {self.socket}\n"
            "exec-as-root = ifconfig lo up\n"
            f"exec-as-root = ifconfig uwsgi0 {VASSAL} netmask 255.255.255.0 up\n"
            f"exec-as-root = route add default gw {HOST}\n"
            f"exec-as-root = ping -n -c 1 -W 30 {HOST}\n",
            "v",
            "uwsgid",
        ).wait_for("spawned uWSGI tuntap device uwsgi0 ")
        self.reach_each_other()
