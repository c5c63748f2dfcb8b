"""What becomes of packets, good and bad ones, on their way through a whole router."""

from __future__ import annotations

import errno
import os
import socket
from unittest import mock

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tuntap.routers import BLUE, HOST, RED, RouterCase, assigning, packet, policy
from uwsgid.errors import KernelError, PeerError
from uwsgid.host.tun import DeviceFacts
from uwsgid.testing.packets import ipv4, ipv6, tcp, udp
from uwsgid.tuntap import listen
from uwsgid.tuntap.offload import HEADER, NEEDS_CSUM, finish
from uwsgid.tuntap.options import TAKEOVER
from uwsgid.tuntap.policy import Policy
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
                listen.Caller(1, 1000, 1000),
                Hello("evil0", (), (HOST,)),
                device.fd,
                DeviceFacts("evil0", 0x5001),
            )
        blue.send(frame(packet(BLUE, HOST)))
        self.reactor.turn()
        self.assertEqual(self.host.written()[-1:], [packet(BLUE, HOST)])


class AssignedTests(RouterCase):
    def test_nothing_is_learnt_where_addresses_are_assigned(self) -> None:
        """With a map a vassal gets the address of its user, whatever its hello or its packets say."""
        self.make_router(assigning(BLUE))
        device, _ = self.device_peer()
        device.hold(packet(RED, HOST))
        device.hold(packet(BLUE, HOST))
        self.reactor.turn()
        self.assertEqual(self.host.written(), [packet(BLUE, HOST)])


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
