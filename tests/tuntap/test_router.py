"""Tests of `uwsgid.tuntap.router`."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any
from unittest import mock

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tuntap.devices import SteppedReactor
from tests.tuntap.routers import BLUE, HOST, RED, RouterCase, packet
from uwsgid.config.settings import Settings, settings_of
from uwsgid.errors import ConfigError, KernelError, PeerError
from uwsgid.host.tun import DeviceFacts
from uwsgid.testing.packets import ipv4, ipv6, tcp, udp
from uwsgid.tuntap import listen
from uwsgid.tuntap import router as routers
from uwsgid.tuntap.access import Credentials
from uwsgid.tuntap.chain import Chain
from uwsgid.tuntap.decision import Decision
from uwsgid.tuntap.offload import HEADER, NEEDS_CSUM, finish
from uwsgid.tuntap.opened import Opened
from uwsgid.tuntap.options import TAKEOVER, RouterSpec
from uwsgid.tuntap.policy import Policy
from uwsgid.tuntap.router import serve
from uwsgid.tuntap.rules import read_route, read_rule
from uwsgid.tuntap.tap import Tap
from uwsgid.wire.handover import Hello
from uwsgid.wire.ip import look, show
from uwsgid.wire.tunframe import frame

#: Bytes, and packets that are changed in one place.
CHUNKS: st.SearchStrategy[bytes] = st.one_of(
    st.binary(max_size=80),
    st.builds(
        lambda good, at, byte, head: bytes(head) + good[: at % len(good)] + byte + good[at % len(good) + 1 :],
        st.sampled_from((packet(BLUE, HOST), packet(BLUE, RED), ipv6(udp()), ipv4(tcp(), 6, src=BLUE))),
        st.integers(0, 99),
        st.binary(min_size=1, max_size=1),
        st.sampled_from((0, 10)),
    ),
)


def policy(out: str = "", **more: Any) -> Policy:
    """A policy with one rule for packets from peers."""
    return Policy(chain_out=Chain((read_rule(out),) if out else ()), **more)


def assigning(address: str) -> Policy:
    """A policy that gives everybody one address."""
    return Policy(credentials=Credentials(required=True, assign=lambda pid, uid, gid: address))


class FailingTap(Tap):
    """A mistake, wherever a packet comes from."""

    def from_host(self, *_: object) -> Decision:
        raise ZeroDivisionError

    def from_gateway(self, *_: object) -> Decision:
        raise ZeroDivisionError


class PacketTests(RouterCase):
    def test_bad_packets_do_no_harm(self) -> None:
        """Whatever a peer sends is dropped and counted by its reason, and the next packet passes."""
        self.make_router()
        device, _ = self.device_peer(BLUE)
        client = self.stream_peer(RED)
        good = packet(BLUE, HOST)
        for bad in (
            b"\x45",
            bytes(40),
            b"\x75" + good[1:],
            b"\xf5" + good[1:],
            b"\x44" + good[1:],
            good + b"more",
            good[:-1],
            ipv6(udp())[:30],
            packet("8.8.8.8", HOST),
        ):
            device.hold(bad)
            client.send(frame(bad))
        device._ours.send(b"\0\0\0")
        device._ours.send(b"\0" * 10)
        device.hold(good)
        client.send(frame(packet(RED, HOST)))
        self.reactor.turn(2)
        self.assertEqual(set(self.host.written()), {good, packet(RED, HOST)})
        blue, red = self.peer(BLUE), self.peer(RED)
        self.assertEqual((blue.spoofed, red.spoofed), (1, 1))
        self.assertEqual(blue.invalid, red.invalid + 2)
        self.assertEqual(len(self.router.peers), 2)
        self.assertEqual(self.codes, [])

    def test_checksums_are_no_way_around_rules(self) -> None:
        """A checksum that the kernel would write over a port is written before the packet is judged."""
        for start, offset in ((20, 2), (20, 0), (22, 0), (0, 22), (0, 16)):
            header = HEADER.pack(NEEDS_CSUM, 0, 0, 0, start, offset)
            meant = bytearray(header + packet(BLUE, "8.8.8.8"))
            self.assertTrue(finish(meant, len(meant)))
            facts = look(meant, 10, len(meant))
            self.make_router(
                policy(f"deny any {show(facts.dst)} udp sport {facts.sport} dport {facts.dport}")
            )
            device, _ = self.device_peer(BLUE)
            device.hold(packet(BLUE, "8.8.8.8"), header=header)
            self.reactor.turn()
            self.assertEqual(self.host.written(), [])
            self.assertEqual(self.peer(BLUE).denied_out, 1, (start, offset))
            self.router.stop()
            self.folder = self.folder / "next"
            self.folder.mkdir()

    def test_usual_checksums_stay_with_the_kernel(self) -> None:
        """What the kernel of a vassal leaves to that of the host passes as it is, large packets too."""
        self.make_router()
        device, _ = self.device_peer(BLUE)
        for header in (HEADER.pack(1, 0, 0, 0, 20, 6), HEADER.pack(1, 5, 28, 1000, 20, 6)):
            device.hold(packet(BLUE, "8.8.8.8"), header=header)
            self.reactor.turn()
            self.assertEqual(self.host._ours.recv(1 << 17), header + packet(BLUE, "8.8.8.8"))
        device.hold(packet(BLUE, "8.8.8.8"), header=HEADER.pack(1, 5, 28, 1000, 20, 2))
        self.reactor.turn()
        self.assertEqual(self.host.written(), [])
        self.assertEqual(self.peer(BLUE).drops, {"invalid": 1})

    def test_runts_from_the_host(self) -> None:
        """The host's own device may say nonsense as well."""
        self.make_router()
        for bad in (b"", b"\0\0", bytes(10), bytes(11), bytes(60)):
            self.host._ours.send(bad) if bad else None
        self.reactor.turn()
        self.assertEqual(sum(self.router.switch.drops.values()), 4)
        self.assertEqual(self.codes, [])

    def test_what_the_host_does_not_take(self) -> None:
        """A packet that the host's device refuses is dropped, and counted against who sent it."""
        self.make_router()
        client = self.stream_peer(BLUE)
        device, _ = self.device_peer(RED)
        for number, reason in ((errno.EINVAL, "invalid"), (errno.EIO, "unattached"), (errno.EAGAIN, "full")):

            def refuse(*_: object, number: int = number) -> int:
                raise OSError(number, os.strerror(number))

            with mock.patch.object(os, "writev", refuse), mock.patch.object(os, "write", refuse):
                client.send(frame(packet(BLUE, HOST)))
                device.hold(packet(RED, HOST))
                self.reactor.turn()
            self.assertEqual(self.peer(BLUE).drops[reason], 1)
            self.assertEqual(self.peer(RED).drops[reason], 1)
        self.assertEqual(self.codes, [])

    def test_an_answer_goes_back_at_once(self) -> None:
        """What the host has to say right after a packet is passed on without asking the reactor."""
        self.make_router()
        device, _ = self.device_peer(BLUE)
        device.hold(packet(BLUE, HOST))
        self.host.hold(packet(HOST, BLUE))
        self.peer(BLUE).link.doRead()
        self.assertEqual(self.host.written(), [packet(BLUE, HOST)])
        self.assertEqual(device.written(), [packet(HOST, BLUE)])

    def test_collisions(self) -> None:
        """Who comes second is refused and closed; with takeover, who came first is."""
        self.make_router()
        first = self.stream_peer(BLUE)
        second = self.stream_peer(BLUE)
        self.assertEqual(second.recv(1), b"")
        self.assertRaises(BlockingIOError, first.recv, 1)
        self.assertIn("detected ip collision for 192.168.0.2", "\n".join(self.lines))
        self.router.swap(policy(collision="takeover"))
        self.stream_peer(BLUE)
        self.assertEqual(first.recv(1), b"")
        self.assertEqual(len(self.router.peers), 1)


class FuzzTests(RouterCase):
    @settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(st.sampled_from(("stream", "framed", "device", "hello", "host")), CHUNKS)))
    def test_anything(self, said: list[tuple[str, bytes]]) -> None:
        """Whatever comes in at whatever side, a proper peer is served after it, and nothing is left open."""
        if not hasattr(self, "router"):
            self.make_router(policy("deny any 9.9.9.9"))
        device, connection = self.device_peer()
        client = self.stream_peer()
        for where, data in said:
            if where == "hello":
                guest = self.connect("t.dev", socket.SOCK_SEQPACKET)
                guest.send(data) if data else guest.close()
            elif where == "host":
                self.host._ours.send(data) if data else None
            elif where == "device":
                device._ours.send(data) if data else None
            else:
                try:
                    client.send(frame(data) if where == "framed" and data else data)
                except OSError:
                    client = self.stream_peer()
            self.reactor.turn()
        self._drain_host()
        proper = self.stream_peer()
        good = packet("10.9.8.7", "10.6.5.4")
        proper.send(frame(good))
        self.reactor.turn()
        self.assertEqual(self._drain_host(), [bytes(10) + good])
        for end in (device, connection, client, proper):
            end.close()
        self.reactor.turn(2)
        self.assertEqual((self.router.peers, self.codes), ({}, []))

    def _drain_host(self) -> list[bytes]:
        found: list[bytes] = []
        while True:
            try:
                found.append(self.host._ours.recv(1 << 17))
            except BlockingIOError:
                return found


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
                connection[0], listen.UNKNOWN, Hello("x"), device[0].detach(), DeviceFacts("x", 0x5001)
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


class OwnAddressTests(RouterCase):
    def test_nobody_is_the_host(self) -> None:
        """The address of the router's own interface is nobody else's, however somebody comes to it."""
        rules = Policy(switch_local=True, collision=TAKEOVER)
        self.make_router(rules, addresses=lambda name: (HOST, "fd00::1"))
        blue = self.stream_peer(BLUE)
        self.stream_peer(HOST)
        self.assertIn("detected ip collision for 192.168.0.1, which is the router's own", self.lines[-1])
        device, _ = self.device_peer(HOST)
        self.assertEqual([peer.name for peer in self.router.peers.values()], [BLUE])
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(ours.close)
        with theirs:
            self.assertRaises(
                PeerError,
                self.router.welcome_device,
                theirs,
                listen.Credentials(1, 1000, 1000),
                Hello("evil0", (), (HOST,)),
                device.fd,
                DeviceFacts("evil0", 0x5001),
            )
        blue.send(frame(packet(BLUE, HOST)))
        self.reactor.turn()
        self.assertEqual(self.host.written()[-1:], [packet(BLUE, HOST)])


class OffloadTests(RouterCase):
    def test_a_frame_peer_turns_it_off(self) -> None:
        """While a peer behind a stream is there, the host's device cuts packets itself; vassals go on."""
        self.make_router()
        self.device_peer(BLUE)
        (link,) = self.device_links()
        self.assertEqual(self.offloads, {self.host.fd: True, link.device: True})
        client = self.stream_peer(RED)
        self.assertEqual(self.offloads, {self.host.fd: False, link.device: True})
        client.close()
        self.reactor.turn()
        self.assertEqual(self.offloads, {self.host.fd: True, link.device: True})

    def test_who_only_connects_turns_nothing_off(self) -> None:
        """A stream without an address can not be sent anything, so it costs nobody speed."""
        self.make_router()
        self.device_peer(BLUE)
        client = self.stream_peer()
        self.assertEqual(set(self.offloads.values()), {True})
        client.send(frame(packet(RED, HOST)))
        self.reactor.turn()
        self.assertFalse(self.offloads[self.host.fd])

    def test_local_switching(self) -> None:
        """With tuntap-router-switch-local the devices of vassals are turned off as well."""
        self.make_router(policy(switch_local=True))
        self.device_peer(BLUE)
        (link,) = self.device_links()
        self.stream_peer(RED)
        self.assertEqual(self.offloads, {self.host.fd: False, link.device: False})
        self.router.swap(policy())
        self.assertEqual(self.offloads, {self.host.fd: False, link.device: True})

    def test_a_kernel_that_refuses(self) -> None:
        """What can not be turned is said, and packets flow."""

        def refuse(fd: int, on: bool) -> int:
            raise KernelError("TUNSETOFFLOAD: no")

        self.make_router()
        self.router._turning._turn = refuse
        self.stream_peer(BLUE)
        self.assertIn("TUNSETOFFLOAD: no", "\n".join(self.lines))
        self.assertEqual(len(self.router.peers), 1)


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


class AssignedTests(RouterCase):
    def test_nothing_is_learnt_where_addresses_are_assigned(self) -> None:
        """With a map a vassal gets the address of its user, whatever its hello or its packets say."""
        self.make_router(assigning(BLUE))
        device, _ = self.device_peer()
        device.hold(packet(RED, HOST))
        device.hold(packet(BLUE, HOST))
        self.reactor.turn()
        self.assertEqual(self.host.written(), [packet(BLUE, HOST)])
