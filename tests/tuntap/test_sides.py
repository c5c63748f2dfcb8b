"""Tests of `uwsgid.tuntap.sides`: the UDP gateway of a router."""

from __future__ import annotations

import socket

from tests.tuntap.routers import BLUE, HOST, RED, RouterCase, packet
from uwsgid.testing.packets import ipv4, udp
from uwsgid.tuntap.chain import Chain
from uwsgid.tuntap.policy import Policy
from uwsgid.tuntap.rules import read_route
from uwsgid.wire.tunframe import frame


class GatewayTests(RouterCase):
    def setUp(self) -> None:
        super().setUp()
        self.far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.far.bind(("127.0.0.1", 0))
        self.far.settimeout(10)
        self.addCleanup(self.far.close)
        route = read_route(f"any 10.0.0.0/8 127.0.0.1:{self.far.getsockname()[1]}")
        self.routed = Policy(routes=Chain((route,)))

    def test_out(self) -> None:
        """A packet that a route matches leaves as a datagram, as it is, from both kinds of peers."""
        self.make_router(self.routed, gateway=True)
        client = self.stream_peer(BLUE)
        device, _ = self.device_peer(RED)
        client.send(frame(packet(BLUE, "10.1.1.1")))
        self.reactor.turn()
        self.assertEqual(self.far.recv(9999), packet(BLUE, "10.1.1.1"))
        device.hold(packet(RED, "10.1.1.1"))
        self.reactor.turn()
        self.assertEqual(self.far.recv(9999), packet(RED, "10.1.1.1"))
        self.assertEqual(self.host.written(), [])
        self.assertEqual(set(self.offloads.values()), {False})

    def test_large_packets_are_not_datagrams(self) -> None:
        """What nobody has cut is dropped."""
        self.make_router(self.routed, gateway=True)
        device, _ = self.device_peer(RED)
        device.hold(packet(RED, "10.1.1.1"), header=bytes((0, 1)) + bytes(8))
        self.reactor.turn()
        self.assertEqual(self.peer(RED).drops, {"invalid": 1})

    def test_in(self) -> None:
        """A datagram from the target of a route is a packet to a peer; others are dropped and counted."""
        self.make_router(self.routed, gateway=True)
        device, _ = self.device_peer(BLUE)
        self.far.sendto(packet("10.1.1.1", BLUE), self.gateway_address)
        self.far.sendto(b"\x45", self.gateway_address)
        self.far.sendto(b"", self.gateway_address)
        self.reactor.until(lambda: bool(self.router.switch.drops.get("runt", 0) >= 2))
        self.assertEqual(device.written(), [packet("10.1.1.1", BLUE)])
        self.router.swap(Policy())
        self.far.sendto(packet("10.1.1.1", BLUE), self.gateway_address)
        self.reactor.until(lambda: bool(self.router.switch.drops.get("target")))
        self.assertEqual(device.written(), [])

    def test_a_target_that_refuses(self) -> None:
        """What the network says of a datagram disturbs nobody."""
        self.make_router(self.routed, gateway=True)
        client = self.stream_peer(BLUE)
        self.far.close()
        for _ in range(3):
            client.send(frame(packet(BLUE, "10.1.1.1")))
            self.reactor.turn(2)
        client.send(frame(packet(BLUE, HOST)))
        self.reactor.turn()
        self.assertEqual(self.host.written(), [packet(BLUE, HOST)])

    def test_too_large_a_datagram(self) -> None:
        """A packet that no datagram can hold is dropped."""
        self.make_router(self.routed, gateway=True)
        client = self.stream_peer(BLUE)
        client.setblocking(True)
        client.sendall(frame(ipv4(udp(data=bytes(65535 - 28)), src=BLUE, dst="10.1.1.1")))
        self.reactor.turn(3)
        self.assertEqual(self.peer(BLUE).drops, {"target": 1})
