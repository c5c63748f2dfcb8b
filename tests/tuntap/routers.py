"""A router without tun devices and without time: sockets stand for devices, and a test turns the reactor."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.tuntap.devices import FakeDevice, SteppedReactor
from uwsgid.host.tun import DeviceFacts
from uwsgid.testing.packets import ipv4, udp
from uwsgid.tuntap.access import Credentials
from uwsgid.tuntap.chain import Chain
from uwsgid.tuntap.links import DeviceLink
from uwsgid.tuntap.listen import Caller
from uwsgid.tuntap.opened import Opened
from uwsgid.tuntap.options import RouterSpec
from uwsgid.tuntap.peer import Peer
from uwsgid.tuntap.policy import Policy
from uwsgid.tuntap.router import Router
from uwsgid.tuntap.rules import read_rule
from uwsgid.wire.handover import Answer, Hello
from uwsgid.wire.tunframe import frame

BLUE = "192.168.0.2"
RED = "192.168.0.3"
HOST = "192.168.0.1"


def packet(src: str, dst: str, data: bytes = b"hello") -> bytes:
    """A UDP packet."""
    return ipv4(udp(data=data), src=src, dst=dst)


class RouterCase(SynchronousTestCase):
    """A test around one router, made by `make_router`.

    :ivar host: the router's own device.
    :ivar lines: what it wrote to the log.
    :ivar offloads: by descriptor, whether a device may hand out large packets.
    :ivar codes: the exit codes it asked for.
    """

    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.reactor = SteppedReactor()
        self.lines: list[str] = []
        self.codes: list[int] = []
        self.offloads: dict[int, bool] = {}

    def turn_offload(self, fd: int, on: bool) -> int:
        """Stand in for the kernel's switch."""
        self.offloads[fd] = on
        return int(on)

    def listening(self, name: str, kind: int = socket.SOCK_STREAM) -> int:
        """A listening UNIX socket in the folder of the test."""
        made = socket.socket(socket.AF_UNIX, kind)
        made.bind(str(self.folder / name))
        made.listen(100)
        return made.detach()

    def make_router(self, policy: Policy | None = None, *, gateway: bool = False, **more: Any) -> Router:
        """The router of the test, started; it listens at ``t``, ``t.dev`` and ``stats``."""
        self.host = FakeDevice()
        self.addCleanup(self.host.close)
        away = -1
        if gateway:
            made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            made.bind(("127.0.0.1", 0))
            self.gateway_address = made.getsockname()
            away = made.detach()
        opened = Opened(
            RouterSpec("emperor0", "t"),
            0,
            self.host.fd,
            "emperor0",
            self.listening("t"),
            self.listening("t.dev", socket.SOCK_SEQPACKET),
            self.listening("stats"),
            "stats",
            away,
        )
        self.router = Router(
            opened,
            policy or Policy(),
            self.reactor,
            self.lines.append,
            end=self.codes.append,
            clock=self.reactor.seconds,
            offload=self.turn_offload,
            **more,
        )
        self.router.start()
        self.addCleanup(self.router.stop)
        return self.router

    def connect(self, name: str = "t", kind: int = socket.SOCK_STREAM) -> socket.socket:
        """A connection to one of the router's sockets, accepted or not."""
        made = socket.socket(socket.AF_UNIX, kind)
        self.addCleanup(made.close)
        made.connect(str(self.folder / name))
        made.setblocking(False)
        return made

    def stream_peer(self, address: str = "") -> socket.socket:
        """A connected peer behind a stream; with an address it has said its first packet."""
        client = self.connect()
        self.reactor.turn()
        if address:
            client.send(frame(packet(address, HOST)))
            self.reactor.turn()
            self.host.written()
        return client

    def device_peer(self, address: str = "", name: str = "uwsgi0") -> tuple[FakeDevice, socket.socket]:
        """A peer whose device the router has, and the other end of its connection."""
        device = FakeDevice()
        self.addCleanup(device.close)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(ours.close)
        ours.setblocking(False)
        theirs.setblocking(False)
        self.router.welcome_device(
            theirs, Caller(1, 1000, 1000), Hello(name), os.dup(device.fd), DeviceFacts(name, 0x5001)
        )
        self.assertEqual(Answer.unpack(ours.recv(4096)), Answer(True))
        if address:
            device.hold(packet(address, HOST))
            self.reactor.turn()
            self.host.written()
        return device, ours

    def peer(self, address: str) -> Peer:
        """The peer who owns an address."""
        wanted = socket.inet_aton(address)
        return next(peer for peer in self.router.peers.values() if wanted in peer.addresses)

    def device_links(self) -> list[DeviceLink]:
        """All links that are devices."""
        return [peer.link for peer in self.router.peers.values() if isinstance(peer.link, DeviceLink)]


def policy(out: str = "", **more: Any) -> Policy:
    """A policy with one rule for packets from peers."""
    return Policy(chain_out=Chain((read_rule(out),) if out else ()), **more)


def assigning(address: str) -> Policy:
    """A policy that gives everybody one address."""
    return Policy(credentials=Credentials(required=True, assign=lambda pid, uid, gid: address))
