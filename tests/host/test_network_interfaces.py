from __future__ import annotations

import socket
import sys
from typing import NamedTuple

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host import network_interfaces
from uwsgid.host.network_interfaces import (
    addresses_of,
    call_neighbour,
    neighbours_of,
    parse_gateway,
    parse_gateway6,
)

TABLE = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0109000A\t0003\t0\t0\t0\t00000000\t0\t0\t0
uwsgi0\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
uwsgi0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
"""


class Entry(NamedTuple):
    """What psutil tells of an address."""

    family: int
    address: str
    netmask: str


class InterfaceTests(SynchronousTestCase):
    def known(self, *entries: tuple[int, str, str]) -> None:
        """Let an interface have addresses: family, text and mask of each."""
        found = [Entry(*entry) for entry in entries]
        self.patch(network_interfaces, "_known", lambda name: found)

    def test_addresses_of_both_kinds(self) -> None:
        """Addresses that are for the link alone are left out, and so is what is none of IP."""
        self.known(
            (socket.AF_INET, "192.168.0.2", "255.255.255.0"),
            (socket.AF_INET6, "fe80::1%uwsgi0", "ffff:ffff:ffff:ffff::"),
            (socket.AF_INET6, "fd00::2", "ffff:ffff:ffff:ffff::"),
            (socket.AF_PACKET, "00:00:00:00:00:00", ""),
        )
        self.assertEqual(addresses_of("uwsgi0"), ("192.168.0.2", "fd00::2"))

    def test_the_neighbour_is_the_first_host(self) -> None:
        """Without a gateway it is the first host of the network, if we are not that one ourselves."""
        half = "ffff:ffff:ffff:ffff::"
        for address, netmask, neighbour in (
            ("192.168.7.9", "255.255.255.0", "192.168.7.1"),
            ("fd00::2", half, "fd00::1"),
            ("fd00::9:2", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffc", "fd00::9:1"),
        ):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            self.known((socket.AF_INET6, "fe80::1%uwsgi0", half), (family, address, netmask))
            self.assertEqual(neighbours_of("nosuchdevice"), ((address, neighbour),))
        everything = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
        self.known(
            (socket.AF_INET, "192.168.7.1", "255.255.255.0"),
            (socket.AF_INET, "192.168.8.9", "255.255.255.0"),
            (socket.AF_INET6, "fd00::2", everything),
        )
        self.assertEqual(neighbours_of("nosuchdevice"), ())

    def test_calling_the_neighbours(self) -> None:
        """An empty datagram goes to the discard port; where it can not be sent nothing happens."""
        for address in ("127.0.0.1", "::1"):
            pairs = (("203.0.113.77", "127.0.0.1"), ("2001:db8::77", "::1"), (address, address))
            self.patch(network_interfaces, "neighbours_of", lambda name, found=pairs: found)
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            with socket.socket(family, socket.SOCK_DGRAM) as hearing:
                hearing.bind((address, 0))
                hearing.settimeout(5)
                self.patch(network_interfaces, "_DISCARD", hearing.getsockname()[1])
                call_neighbour("lo")
                self.assertEqual(hearing.recv(10), b"")

    def test_by_no_other_interface(self) -> None:
        """What can not leave by its own interface does not leave, though another one leads there."""
        pair = ("127.0.0.1", "127.0.0.1")
        self.patch(network_interfaces, "neighbours_of", lambda name: (pair,))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hearing:
            hearing.bind((pair[1], 0))
            hearing.setblocking(False)
            self.patch(network_interfaces, "_DISCARD", hearing.getsockname()[1])
            call_neighbour("nosuchdevice")
            self.assertRaises(BlockingIOError, hearing.recv, 10)

    def test_the_loopback(self) -> None:
        """The loopback has its address, and is the first host of its own network: no neighbour."""
        self.assertIn("127.0.0.1", addresses_of("lo"))
        self.assertEqual(neighbours_of("lo"), ())

    def test_an_interface_that_does_not_exist(self) -> None:
        """It has no address, leads to nobody, and calling there does nothing."""
        self.assertEqual(addresses_of("nosuchdevice"), ())
        self.assertEqual(neighbours_of("nosuchdevice"), ())
        call_neighbour("nosuchdevice")

    def test_the_gateway_of_a_route(self) -> None:
        """The gateway is that of the route through the interface, not of another one."""
        if sys.byteorder == "little":
            self.assertEqual(parse_gateway(TABLE.splitlines(), "uwsgi0"), "192.168.0.1")
            self.assertEqual(parse_gateway(TABLE.splitlines(), "eth0"), "10.0.9.1")

    def test_no_gateway(self) -> None:
        """An interface without one, or a table without anything, answers with nothing."""
        self.assertEqual(parse_gateway(TABLE.splitlines()[:3], "uwsgi0"), "")
        self.assertEqual(parse_gateway([], "uwsgi0"), "")

    def test_the_gateway_of_a_route_of_ipv6(self) -> None:
        """So it is with IPv6, where a gateway may have an address of the link."""
        routes = [
            f"{'fd00':0<32} 40 {0:032} 00 {0:032} 00000100 00000001 00000000 00000001   uwsgi0",
            f"{0:032} 00 {0:032} 00 {'fe80':0<31}7 00000400 00000003 00000000 00000003     eth0",
            f"{0:032} 00 {0:032} 00 {'fd00':0<31}1 00000400 00000003 00000000 00000003   uwsgi0",
        ]
        self.assertEqual(parse_gateway6(routes, "uwsgi0"), "fd00::1")
        self.assertEqual(parse_gateway6(routes, "eth0"), "fe80::7")
        self.assertEqual(parse_gateway6(routes[:1], "uwsgi0"), "")
