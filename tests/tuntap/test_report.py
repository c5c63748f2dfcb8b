"""The document of a router's stats server."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.tuntap.packets import udp
from uwsgid.tuntap.chain import Chain
from uwsgid.tuntap.flows import FlowTable
from uwsgid.tuntap.peer import Peer
from uwsgid.tuntap.policy import Policy
from uwsgid.tuntap.report import Rates, Report, RouterFacts
from uwsgid.tuntap.rules import read_device_rule, read_route, read_rule
from uwsgid.tuntap.shaper import Limits, read_limit
from uwsgid.tuntap.switch import Switch
from uwsgid.wire.ip import read_address

UWSGI_TOP = ["version", "pid", "uid", "gid", "cwd", "peers"]
UWSGI_PEER = ["addr", "addr_32", "uid", "gid", "pid", "tx", "rx", "dropped"]
PEER = [
    *UWSGI_PEER, "tx_packets", "rx_packets", "denied_in", "denied_out", "spoofed", "invalid", "queue",
    "rules", "id", "label", "device", "addresses", "age", "limit_in", "limit_out", "drops", "rates",
]  # fmt: skip
WORLD, BLUE, BLUE6 = "8.8.8.8", "192.168.0.2", "fd00::2"


def a_switch(policy: Policy | None = None) -> Switch:
    return Switch(policy or Policy(), lambda text: None, lambda: 50.0)


def facts() -> RouterFacts:
    return RouterFacts("emperor0", "/run/tuntap.socket", "127.0.0.1:4000", 17, 1000, 1001, "/srv", "9.9")


def numbers_in(found: Any) -> list[Any]:
    if isinstance(found, dict):
        return [number for value in found.values() for number in numbers_in(value)]
    if isinstance(found, list):
        return [number for value in found for number in numbers_in(value)]
    return [] if isinstance(found, str) else [found]


class Keys(SynchronousTestCase):
    """What stands where."""

    def test_an_empty_router(self) -> None:
        """Keys of uWSGI come first and in its order, ours behind them."""
        document = Report(facts(), a_switch()).document(60.0)
        self.assertEqual(list(document), [*UWSGI_TOP, "router", "chains"])
        self.assertEqual([document[key] for key in UWSGI_TOP], ["9.9", 17, 1000, 1001, "/srv", []])
        router = document["router"]
        self.assertEqual(list(router)[:6], [
            "device", "socket", "gateway", "unknown_dst", "denied_in", "denied_out",
        ])  # fmt: skip
        self.assertEqual(router["rates"], {"rx": 0, "tx": 0, "rx_packets": 0, "tx_packets": 0})

    def test_a_peer_before_it_speaks(self) -> None:
        """A peer without an address has an empty one, and nobody behind it counts as user 0."""
        switch = a_switch()
        switch.attach(Peer(1, "fd: 12"))
        (row,) = Report(facts(), switch).document(60.0)["peers"]
        self.assertEqual(list(row), PEER)
        self.assertEqual([row[key] for key in UWSGI_PEER], ["", 0, 0, 0, 0, 0, 0, 0])
        self.assertEqual((row["label"], row["age"], row["addresses"]), ("fd: 12", 10, []))

    def test_a_peer(self) -> None:
        """A peer has uWSGI's numbers, headers of its frames included, and each reason apart."""
        policy = Policy(
            chain_out=Chain([read_rule("deny any any tcp"), read_rule("allow any any", "shop.ini:14")]),
            limits=Limits([read_limit("192.168.0.2 10m")]),
        )
        switch = a_switch(policy)
        peer = Peer(3, "fd: 12", uid=1000, gid=1001, pid=77, device="uwsgi0", header=4)
        switch.attach(peer)
        switch.offer_rules(peer, [read_device_rule("in 10.0.0.0/8 any deny")])
        peer.extra_rx = 4 + 24  # the block that it came in, as its link counts it
        out, back = udp(BLUE, WORLD), udp(WORLD, BLUE)
        switch.from_peer(peer, out, 0, len(out), 51.0)
        switch.from_peer(peer, out, 0, len(out) - 1, 51.0)
        switch.from_host(back, 0, len(back), 51.0)
        evil = udp("10.0.0.1", BLUE)
        switch.from_host(evil, 0, len(evil), 51.0)
        (row,) = Report(facts(), switch, queued=lambda one: one.number * 100).document(60.0)["peers"]
        (native,) = struct.unpack("=I", socket.inet_aton(BLUE))
        self.assertEqual(
            [row[key] for key in UWSGI_PEER],
            [BLUE, native, 1000, 1001, 77, len(back) + 4, 2 * len(out) - 1 + 2 * 4 + 4 + 24, 1],
        )
        self.assertEqual((row["tx_packets"], row["rx_packets"], row["denied_in"]), (1, 2, 1))
        self.assertEqual((row["invalid"], row["drops"], row["queue"]), (1, {"denied": 1, "length": 1}, 300))
        self.assertEqual(
            row["rules"],
            [{"direction": "in", "text": "in 10.0.0.0/8 any deny", "packets": 1, "bytes": len(evil)}],
        )
        self.assertEqual((row["device"], row["limit_in"], row["limit_out"]), ("uwsgi0", 10**7, 10**7))

    def test_an_address_of_ipv6_only(self) -> None:
        """A peer that has IPv6 only is shown with that, and without an integer."""
        switch = a_switch()
        peer = Peer(1)
        peer.addresses[read_address(BLUE6)] = None
        switch.attach(peer)
        (row,) = Report(facts(), switch).document(60.0)["peers"]
        self.assertEqual((row["addr"], row["addr_32"], row["addresses"]), (BLUE6, 0, [BLUE6]))

    def test_chains(self) -> None:
        """Every rule of the router has its counters and its place."""
        policy = Policy(
            chain_in=Chain([read_rule("deny", "shop.ini:15")]),
            chain_out=Chain([read_rule("allow any any established", "shop.ini:14")]),
            routes=Chain([read_route("any 10.0.0.0/8 127.0.0.1:5000", "shop.ini:16")]),
            flows=FlowTable(),
        )
        switch = a_switch(policy)
        packet = udp(WORLD, BLUE)
        switch.from_host(packet, 0, len(packet), 51.0)
        document = Report(facts(), switch).document(60.0)
        self.assertEqual(
            document["chains"]["in"],
            [{"origin": "shop.ini:15", "text": "deny", "packets": 1, "bytes": len(packet)}],
        )
        self.assertEqual([len(document["chains"][key]) for key in ("out", "routes")], [1, 1])
        router = document["router"]
        self.assertEqual((router["denied_in"], router["drops"]), (1, {"denied": 1}))
        self.assertEqual((router["host_packets"], router["host_bytes"], router["flows"]), (1, len(packet), 0))


class Text(SynchronousTestCase):
    """The document as bytes."""

    def test_both_layouts(self) -> None:
        """Both layouts are the same JSON, one with uWSGI's tabs and one without blanks."""
        switch = a_switch()
        switch.attach(Peer(1, 'fd: "12"\\'))
        report = Report(facts(), switch)
        wide, narrow = report.text(60.0), report.text(60.0, minified=True)
        self.assertEqual(json.loads(wide), json.loads(narrow))
        self.assertTrue(wide.startswith(b'{\n\t"version":"9.9",\n\t"pid":17,'))
        self.assertTrue(narrow.startswith(b'{"version":"9.9","pid":17,'))
        self.assertTrue(all(type(number) is int for number in numbers_in(json.loads(wide))))

    def test_odd_names(self) -> None:
        """A name that is no text is shown as well as it can be."""
        odd = RouterFacts("emperor0", b"/run/\xff.sock".decode("utf-8", "surrogateescape"))
        document = json.loads(Report(odd, a_switch()).text(1.0))
        self.assertEqual(document["router"]["socket"], "/run/\ufffd.sock")


class Growth(SynchronousTestCase):
    """Rates."""

    def test_since_the_last_look(self) -> None:
        """A rate is over the time since the last look that is a second old."""
        rates = Rates()
        self.assertEqual(rates.look({1: (100,)}, {1: 0.0}, 10.0), {1: (10,)})
        self.assertEqual(rates.look({1: (100,)}, {1: 0.0}, 10.5), {1: (9,)})
        self.assertEqual(rates.look({1: (300,)}, {1: 0.0}, 12.0), {1: (100,)})
        self.assertEqual(rates.look({1: (310,)}, {1: 0.0}, 12.5), {1: (84,)})
        self.assertEqual(rates.look({1: (310,)}, {1: 0.0}, 22.0), {1: (1,)})

    def test_somebody_new(self) -> None:
        """What was not there before is measured from when it came, and never over less than a second."""
        rates = Rates()
        rates.look({}, {}, 10.0)
        rates.look({}, {}, 20.0)
        self.assertEqual(rates.look({1: (50,)}, {1: 19.9}, 20.0), {1: (50,)})
        self.assertEqual(rates.look({1: (50,)}, {1: 20.0}, 25.0), {1: (10,)})

    def test_counters_that_went_back(self) -> None:
        """A packet that was taken back does not make a rate negative."""
        rates = Rates()
        rates.look({1: (50,)}, {1: 0.0}, 10.0)
        rates.look({1: (50,)}, {1: 0.0}, 11.0)
        self.assertEqual(rates.look({1: (40,)}, {1: 0.0}, 12.0), {1: (0,)})

    def test_of_the_router(self) -> None:
        """The rates of the router are those of its peers together."""
        switch = a_switch()
        for number, address in ((1, BLUE), (2, "192.168.0.3")):
            peer = Peer(number)
            switch.attach(peer)
            packet = udp(address, WORLD, size=972)
            switch.from_peer(peer, packet, 0, len(packet), 51.0)
        document = Report(facts(), switch).document(60.0)
        self.assertEqual([row["rates"]["rx"] for row in document["peers"]], [100, 100])
        self.assertEqual(document["router"]["rates"]["rx"], 200)
