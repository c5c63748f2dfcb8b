"""Tests of `uwsgid.tuntap.router`: its life, and what it is told meanwhile."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any
from unittest import mock

from tests.tuntap.devices import SteppedReactor
from tests.tuntap.routers import BLUE, HOST, RED, RouterCase, assigning, packet, policy
from uwsgid.config.settings import Settings, settings_of
from uwsgid.errors import ConfigError
from uwsgid.host.tun import DeviceFacts
from uwsgid.tuntap import listen
from uwsgid.tuntap import router as routers
from uwsgid.tuntap.access import Credentials
from uwsgid.tuntap.decision import Decision
from uwsgid.tuntap.opened import Opened
from uwsgid.tuntap.options import RouterSpec
from uwsgid.tuntap.router import serve
from uwsgid.tuntap.tap import Tap
from uwsgid.wire.handover import Hello
from uwsgid.wire.tunframe import frame


class FailingTap(Tap):
    """A mistake, wherever a packet comes from."""

    def from_host(self, *_: object) -> Decision:
        raise ZeroDivisionError

    def from_gateway(self, *_: object) -> Decision:
        raise ZeroDivisionError


class LifeTests(RouterCase):
    def test_the_loss_of_the_device_ends_the_router(self) -> None:
        """Without its device a router has nothing to do: it says so and ends with 1, once."""
        self.make_router()

        def gone(*_: object) -> int:
            raise OSError(errno.EBADFD, os.strerror(errno.EBADFD))

        self.patch(os, "readv", gone)
        self.reactor.turn()
        self.router.fail("again")
        self.assertEqual(self.codes, [1])
        self.assertIn("the device emperor0 is gone: File descriptor in bad state", "\n".join(self.lines))

    def test_the_poller_reports_an_error_of_the_device(self) -> None:
        """So does an interface that was removed."""
        self.make_router()
        self.router._sides[0].connectionLost(None)  # type: ignore[arg-type]
        self.assertEqual(self.codes, [1])

    def test_stopping_is_silent(self) -> None:
        """At the end of the instance nobody is told that peers or devices are lost."""
        self.make_router()
        client = self.stream_peer(BLUE)
        _, connection = self.device_peer(RED)
        before = list(self.lines)
        self.router.stop()
        self.router._sides[0].connectionLost(None)  # type: ignore[arg-type]
        self.assertEqual((client.recv(1), connection.recv(1)), (b"", b""))
        self.assertEqual((self.lines, self.codes), (before, []))

    def test_a_descriptor_that_can_not_be_watched(self) -> None:
        """When the kernel watches no more descriptors, who comes is closed, and nothing of it is left."""
        self.make_router()
        self.stream_peer(BLUE)

        def full(reader: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with mock.patch.object(self.reactor, "addReader", full):
            self.assertEqual(self.stream_peer().recv(1), b"")
            self.assertEqual(self.connect("t.dev", socket.SOCK_SEQPACKET).fileno() > 0, True)
            self.reactor.turn()
            device, connection = socket.socketpair(), socket.socketpair()
            self.router.welcome_device(
                connection[0], listen.STRANGER, Hello("x"), device[0].detach(), DeviceFacts("x", 0x5001)
            )
            self.assertEqual((connection[1].recv(1), device[1].recv(1)), (b"", b""))
            device[1].close()
            connection[1].close()
        self.assertEqual(len(self.router.peers), 1)
        self.assertEqual(self.router._doors._silent, 0)

    def test_an_odd_error_of_the_device(self) -> None:
        """An error that may pass does not end the router."""
        self.make_router()

        def poor(*_: object) -> int:
            raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

        with mock.patch.object(os, "readv", poor):
            self.reactor.turn()
        self.assertEqual(self.codes, [])
        self.assertIn("emperor0: Cannot allocate memory", "\n".join(self.lines))

    def test_lines_are_said_once_a_second(self) -> None:
        """The log is not for peers to fill."""
        self.make_router()
        self.reactor.advance(5)
        self.lines.clear()
        for _ in range(50):
            bad = self.stream_peer()
            bad.send(b"\0\0\0\0")
            self.reactor.turn()
        self.assertEqual(len(self.lines), 1)
        self.reactor.advance(1)
        self.router.grumble("another")
        self.assertEqual(self.lines[1:], ["[tuntap-router] another (49 more like it)"])

    def test_rules_are_swapped(self) -> None:
        """A new policy governs the next packet of a flow that is known already."""
        self.make_router()
        client = self.stream_peer(BLUE)
        self.router.swap(policy("deny any 8.8.8.8", credentials=Credentials(required=True), queue=5000))
        client.send(frame(packet(BLUE, "8.8.8.8")) + frame(packet(BLUE, HOST)))
        self.reactor.turn()
        self.assertEqual(self.host.written(), [packet(BLUE, HOST)])
        self.assertTrue(self.router._doors.use_credentials)
        self.assertEqual(self.peer(BLUE).link.limit, 5000)

    def test_sizes_are_swapped(self) -> None:
        """What is the largest packet is another matter for who is there, too, in both directions."""
        self.make_router()
        client = self.stream_peer(BLUE)
        self.router.swap(policy(buffer=1280))
        self.host.hold(packet(HOST, BLUE, bytes(1300)))
        self.host.hold(packet(HOST, BLUE))
        self.reactor.turn()
        self.assertEqual(client.recv(65536), frame(packet(HOST, BLUE)))
        client.send(frame(packet(BLUE, HOST, bytes(1300))))
        self.reactor.turn()
        self.assertEqual((self.host.written(), self.router.peers), ([], {}))

    def test_addresses_are_assigned_anew(self) -> None:
        """Who has not the address any more that a new map gives to its user has to come again."""
        self.make_router(assigning(BLUE))
        for address, left in ((BLUE, 1), (RED, 0), ("", 0), ("nonsense", 0)):
            self.router.swap(assigning(BLUE))
            if not self.router.peers:
                self.device_peer()
            self.router.swap(assigning(address))
            self.assertEqual(len(self.router.peers), left, address)
            self.reactor.turn()

    def test_a_mistake_of_ours_costs_a_packet(self) -> None:
        """Whatever goes wrong with one packet, device, gateway and doors stay open, and it is logged."""
        self.make_router(gateway=True)
        client = self.stream_peer(BLUE)

        def fail(*_: object, **_more: object) -> int:
            raise ZeroDivisionError

        self.host.hold(packet(HOST, BLUE))
        self.router._pump.ask(FailingTap(self.router.switch, print))
        self.router._sides[0].doRead()
        self.router.switch.policy.any_gateway = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
            far.sendto(b"hello", self.gateway_address)
            self.reactor.until(lambda: len(self.flushLoggedErrors(ZeroDivisionError)) > 0)
        self.router._pump.ask(self.router.switch)
        self.host.hold(packet(HOST, BLUE))
        self.reactor.turn()
        self.assertEqual(client.recv(1000), frame(packet(HOST, BLUE)))
        with mock.patch.object(self.router, "_new_peer", fail):
            self.assertEqual(self.stream_peer().recv(1), b"")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.stream_peer(RED)
        self.assertEqual(self.codes, [])


class FakeLife:
    """What a gateway process has, of which nothing runs."""

    name = "uWSGI tuntap router 1"
    number = 1

    def __init__(self, reactor: SteppedReactor, settings: Settings) -> None:
        self.reactor: Any = reactor
        self.settings = settings
        self.fresh: Settings | None = settings
        self.lines: list[str] = []
        self.hangups: list[Any] = []
        self.running: Any = None

    def say(self, line: str) -> None:
        self.lines.append(line)

    def end(self, code: int) -> None:
        self.lines.append(f"end {code}")

    def on_hangup(self, call: Any) -> None:
        self.hangups.append(call)

    def read_settings(self) -> Settings:
        if self.fresh is None:
            raise ConfigError("router.ini:3: tuntap-router-firewall-out: a bad rule")
        return self.fresh

    def adopt(self, settings: Settings) -> None:
        self.settings = settings

    def run(self) -> int:
        self.running()
        return 30


class ServeTests(RouterCase):
    def test_a_life(self) -> None:
        """HUP reads the rules again, in whole or not at all, and traffic goes on in between."""
        self.make_router()  # for its host device and its sockets
        opened = self.router.opened
        self.router._doors.close()
        spare = Opened(
            RouterSpec("emperor0", "t"), 0, opened.device, "emperor0", self.listening("u"), stats=-1
        )
        triggers: list[Any] = []
        self.patch(
            routers.Router.__init__,
            "__kwdefaults__",
            {**(routers.Router.__init__.__kwdefaults__ or {}), "offload": self.turn_offload},
        )
        life = FakeLife(self.reactor, settings_of())
        life.reactor.addSystemEventTrigger = lambda *trigger: triggers.append(trigger)

        def running() -> None:
            client = self.connect("u")
            self.reactor.turn()
            client.send(frame(packet(BLUE, "8.8.8.8")))
            self.reactor.turn()
            self.assertEqual(self.host.written(), [packet(BLUE, "8.8.8.8")])
            life.fresh = settings_of("tuntap-router-firewall-out = deny any 8.8.8.8\n")
            life.hangups[0]()
            client.send(frame(packet(BLUE, "8.8.8.8")) + frame(packet(BLUE, HOST)))
            self.reactor.turn()
            self.assertEqual(self.host.written(), [packet(BLUE, HOST)])
            self.assertIs(life.settings, life.fresh)
            life.fresh = None
            life.hangups[0]()
            client.send(frame(packet(BLUE, "8.8.8.8")) + frame(packet(BLUE, HOST)))
            self.reactor.turn()
            self.assertEqual(self.host.written(), [packet(BLUE, HOST)])
            self.assertIn("router.ini:3", life.lines[-1])

        life.running = running
        self.assertEqual(serve(spare, life), 30)  # type: ignore[arg-type]
        ((phase, event, stop),) = triggers
        self.assertEqual((phase, event), ("before", "shutdown"))
        stop()
