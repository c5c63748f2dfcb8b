from __future__ import annotations

import sys

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host.interfaces import addresses_of, call_neighbour, neighbour_of, parse_gateway

TABLE = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0109000A\t0003\t0\t0\t0\t00000000\t0\t0\t0
uwsgi0\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
uwsgi0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
"""


class InterfaceTests(SynchronousTestCase):
    def test_the_loopback(self) -> None:
        """The loopback has its address, and is the first host of its own network: no neighbour."""
        self.assertIn("127.0.0.1", addresses_of("lo"))
        self.assertIs(neighbour_of("lo"), None)

    def test_an_interface_that_does_not_exist(self) -> None:
        """It has no address, leads to nobody, and calling there does nothing."""
        self.assertEqual(addresses_of("nosuchdevice"), ())
        self.assertIs(neighbour_of("nosuchdevice"), None)
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
