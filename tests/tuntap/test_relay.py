from __future__ import annotations

import contextlib
import os
import socket
import struct

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.tuntap.devices import FakeDevice, SteppedReactor, packet, packet6
from uwsgid.tuntap.relay import BATCH, Relay, greet, stays_here
from uwsgid.wire.events import NEED_DATA
from uwsgid.wire.tunframe import (
    HELLO,
    FrameDecoder,
    PacketFrame,
    RuleRecord,
    frame,
    rule_block,
)

ANY_RULE = RuleRecord(0, bytes(4), bytes(4), bytes(4), bytes(4), 0)


class RelayCase(SynchronousTestCase):
    vnet = True

    def setUp(self) -> None:
        self.reactor = SteppedReactor()
        self.device = FakeDevice(vnet=self.vnet)
        self.addCleanup(self.device.close)
        ours, self.router = socket.socketpair()
        self.router.setblocking(False)
        self.addCleanup(self.router.close)
        self.stream = ours
        self.reasons: list[str] = []
        self.relay = Relay(self.reactor, self.device.fd, ours, self.reasons.append, vnet=self.vnet)
        self.relay.start()
        self.addCleanup(self.relay.stop)
        self.decoder = FrameDecoder()

    def arrived(self) -> list[bytes]:
        """The packets that came to the router since the last time."""
        try:
            while data := self.router.recv(1 << 20):
                self.decoder.feed(data)
        except BlockingIOError:
            pass
        found: list[bytes] = []
        while (event := self.decoder.next_event()) is not NEED_DATA:
            assert isinstance(event, PacketFrame)
            found.append(event.data)
        return found


class ToTheRouterTests(RelayCase):
    def test_a_packet_travels_with_four_bytes_before_it(self) -> None:
        """A ping of 84 bytes is written as uWSGI's client writes it: 00 54 00 00, then the packet."""
        self.device.hold(packet(size=84))
        self.reactor.turn()
        self.assertEqual(self.router.recv(1000), b"\x00\x54\x00\x00" + packet(size=84))
        self.assertEqual(self.relay.sent, 1)

    def test_packets_keep_their_order_and_their_borders(self) -> None:
        """More packets than one batch holds arrive one by one, in the order the device had them."""
        packets = [packet(size=28 + number) for number in range(2 * BATCH + 3)]
        for one in packets:
            self.device.hold(one)
        self.reactor.turn(3)
        self.assertEqual(self.arrived(), packets)

    def test_the_largest_packet_passes(self) -> None:
        """A packet of 65535 bytes, the most a header can announce, passes whole."""
        self.device.hold(packet(size=65535))
        self.reactor.turn()
        self.reactor.until(lambda: not self.reactor.writers)
        self.assertEqual(self.arrived(), [packet(size=65535)])

    def test_runts_are_dropped(self) -> None:
        """What is too short for a header is not sent, and the next packet is."""
        self.device.hold(b"\x45" * 19)
        self.device.hold(packet6()[:39])
        self.device.hold(packet())
        self.reactor.turn()
        self.assertEqual(self.arrived(), [packet()])
        self.assertEqual(self.relay.dropped, 2)

    def test_leftovers_of_offload_are_dropped(self) -> None:
        """A packet that the kernel expected somebody else to cut or to checksum goes nowhere."""
        self.device.hold(packet(), header=b"\1" + bytes(9))
        self.device.hold(packet(), header=b"\0\1" + bytes(8))
        self.device.hold(packet(), header=b"\2" + bytes(9))  # its checksum was seen to be right
        self.reactor.turn()
        self.assertEqual(len(self.arrived()), 1)

    def test_more_than_the_largest_is_dropped(self) -> None:
        """``tuntap-buffer-size`` bounds what is sent, for uWSGI's router has no room for more."""
        other, _ = socket.socketpair()
        relay = Relay(self.reactor, self.device.fd, other, self.reasons.append, largest=100)
        self.device.hold(packet(size=101))
        relay.read_device()
        self.assertEqual((relay.dropped, relay.sent), (1, 0))
        other.close()
        _.close()

    def test_a_router_that_does_not_read_stops_the_device(self) -> None:
        """While the stream takes nothing, packets wait in the device, and none is lost or torn."""
        packets = [packet(size=1400 + number) for number in range(900)]
        waiting = list(packets)
        stopped = 0
        got: list[bytes] = []
        while len(got) < len(packets):
            while waiting:
                try:
                    self.device.hold(waiting[0])
                except BlockingIOError:
                    break
                del waiting[0]
            self.reactor.turn(2)
            if self.reactor.writers:
                stopped += 1
                reading = [reader.fileno() for reader in self.reactor.readers]
                self.assertNotIn(self.device.fd, reading, "still read")
            if self.reactor.writers or not waiting:
                got += self.arrived()
        self.assertGreater(stopped, 0, "the stream took everything")
        self.assertEqual(got, packets)

    def test_a_router_that_leaves_while_packets_wait(self) -> None:
        """A stream that breaks with packets before it ends the relay as well."""
        for _ in range(20):
            for _ in range(30):
                with contextlib.suppress(BlockingIOError):
                    self.device.hold(packet(size=1500))
            self.relay.read_device()
            if self.reactor.writers:
                break
        self.relay.flush()  # nothing is taken, and nothing happens
        self.assertEqual(self.reasons, [])
        self.router.close()
        self.relay.flush()
        self.assertEqual(len(self.reasons), 1)

    def test_a_device_that_can_not_be_read(self) -> None:
        """What the kernel says of a broken device ends the relay, with its words."""
        os.dup2(os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), self.device.fd)
        self.relay.read_device()
        self.assertEqual(self.reasons, ["the device can not be read: Is a directory"])

    def test_a_stream_that_breaks(self) -> None:
        """So does what it says of a broken stream."""
        self.router.send(b"unread")
        self.stream.send(b"unread by the router, which then resets")
        self.router.close()
        self.relay.read_stream()
        self.relay.read_stream()
        self.assertEqual(len(self.reasons), 1)


class ToTheDeviceTests(RelayCase):
    def test_a_frame_becomes_a_packet(self) -> None:
        """What the router frames is written to the device, behind a virtio header that wants nothing."""
        self.router.send(frame(packet()) + frame(packet(size=1500)))
        self.reactor.turn()
        self.assertEqual(self.device.written(), [packet(), packet(size=1500)])
        self.assertEqual(self.relay.received, 2)

    @given(st.lists(st.integers(20, 3000), min_size=1, max_size=8), st.integers(1, 700))
    @settings(deadline=None, max_examples=30)
    def test_any_slicing(self, sizes: list[int], step: int) -> None:
        """A frame means the same however the network cuts it."""
        stream = b"".join(frame(packet(size=size)) for size in sizes)
        for at in range(0, len(stream), step):
            self.router.send(stream[at : at + step])
            self.reactor.turn()
        self.assertEqual(self.device.written(), [packet(size=size) for size in sizes])

    @given(st.lists(st.binary(min_size=1, max_size=100), max_size=10))
    @settings(deadline=None, max_examples=50)
    def test_no_input_is_a_mistake_of_ours(self, pieces: list[bytes]) -> None:
        """Whatever a router sends, the relay goes on or ends with a reason."""
        ours, router = socket.socketpair()
        reasons: list[str] = []
        relay = Relay(self.reactor, self.device.fd, ours, reasons.append)
        relay.start()
        for piece in pieces:
            if not reasons:
                router.send(piece)
                relay.read_stream()
        relay.stop()
        self.assertLessEqual(len(reasons), 1)
        self.device.written()
        router.close()

    def test_what_the_device_refuses_is_dropped(self) -> None:
        """A packet that the kernel does not take costs that packet, not the connection."""
        self.device.vanish()
        self.router.send(frame(packet()))
        self.relay.read_stream()
        self.assertEqual((self.relay.dropped, self.reasons), (1, []))

    def test_an_empty_frame_ends_the_connection(self) -> None:
        """A message without a body is a broken protocol, as it is for uWSGI's router."""
        self.router.send(bytes(4))
        self.reactor.turn()
        self.assertEqual(self.reasons, ["an empty message"])

    def test_rules_from_a_router_are_ignored(self) -> None:
        """Only clients have rules to send; a router that sends some is heard out, as by uWSGI's client."""
        self.router.send(rule_block([ANY_RULE]) + frame(packet()))
        self.reactor.turn()
        self.assertEqual(self.device.written(), [packet()])


class EndTests(RelayCase):
    def test_a_router_that_leaves_is_told_once(self) -> None:
        """The end of the stream is the end of the relay; its stream is closed, its device is not."""
        self.router.close()
        self.reactor.turn(3)
        self.assertEqual(self.reasons, ["the router closed the connection"])
        self.assertEqual(self.reactor.readers + self.reactor.writers, [])
        self.assertEqual(self.stream.fileno(), -1)
        os.fstat(self.device.fd)

    def test_a_router_that_leaves_while_we_send(self) -> None:
        """So is a stream that breaks while packets are written to it."""
        self.router.close()
        self.device.hold(packet())
        self.relay.read_device()
        self.assertEqual(len(self.reasons), 1)
        self.assertIn("Broken pipe", self.reasons[0])

    def test_a_device_that_vanishes(self) -> None:
        """A device that ends, as with its namespace, ends the relay."""
        self.device.vanish()
        self.relay.read_device()
        self.assertEqual(self.reasons, ["the device is gone"])

    def test_what_the_poller_says_counts(self) -> None:
        """A descriptor that the poller calls dead ends the relay as well, and once."""
        device_end, stream_end = self.reactor.readers
        self.reactor.hang_up(stream_end)
        self.reactor.hang_up(device_end)
        self.assertEqual(self.reasons, ["the router closed the connection"])

    def test_stopping_says_nothing(self) -> None:
        """Whoever stops a relay knows about it."""
        self.relay.stop()
        self.relay.stop()
        self.assertEqual(self.reasons, [])
        self.assertEqual(self.router.recv(10), b"")


class HandOnTests(RelayCase):
    def follow(self) -> None:
        """Another relay goes on, as in another process."""
        handed = self.relay.hand_on()
        self.assertEqual((self.reactor.readers, self.reactor.writers), ([], []))
        self.relay = Relay(
            self.reactor,
            self.device.fd,
            handed.link,
            self.reasons.append,
            unsent=handed.unsent,
            pending=handed.pending,
        )
        self.relay.start()
        self.addCleanup(self.relay.stop)

    @settings(deadline=None, max_examples=30)
    @given(st.lists(st.integers(1, 90), min_size=1, max_size=6))
    def test_any_moment(self, sizes: list[int]) -> None:
        """Whenever it happens, every packet to the device arrives whole, and once."""
        packets = [packet(size=40 + number) for number in range(5)]
        left = b"".join(map(frame, packets))
        for size in sizes:
            self.router.send(left[:size])
            left = left[size:]
            self.reactor.turn()
            self.follow()
        self.router.send(left)
        self.reactor.turn()
        self.assertEqual(self.device.written(), packets)

    def test_while_packets_wait(self) -> None:
        """What the router has not taken yet is sent before what the device has next, and in whole frames."""
        packets: list[bytes] = []
        while not self.reactor.writers:
            packets.append(packet(size=60000 + len(packets)))
            self.device.hold(packets[-1])
            self.reactor.turn()
        packets.append(packet(size=100))
        self.device.hold(packets[-1])
        arrived: list[bytes] = []
        for _ in range(50):
            self.follow()
            arrived += self.arrived()
            self.reactor.turn()
        self.assertEqual(arrived + self.arrived(), packets)
        self.assertEqual(self.reasons, [])


class PlainDeviceTests(RelayCase):
    vnet = False

    def test_without_virtio_headers(self) -> None:
        """A device without virtio headers is read and written as it is."""
        self.device.hold(packet(size=60))
        self.router.send(frame(packet(size=70)))
        self.reactor.turn()
        self.assertEqual(self.arrived(), [packet(size=60)])
        self.assertEqual(self.device.written(), [packet(size=70)])


class LinkLocalTests(SynchronousTestCase):
    def test_what_stays(self) -> None:
        """Router solicitations, groups, link-local sources and packets without a source are kept back."""
        for one in (
            packet6("fe80::1", "ff02::2"),
            packet6("::", "ff02::16"),
            packet6("fe80::1", "2001:db8::1"),
            packet6("2001:db8::2", "ff02::1"),
            packet("0.0.0.0", "224.0.0.22"),
        ):
            self.assertTrue(stays_here(one), one.hex())

    def test_what_goes(self) -> None:
        """Everything that has a source somebody may answer goes on."""
        for one in (packet(), packet6(), packet("192.168.0.2", "224.0.0.22")):
            self.assertFalse(stays_here(b"before" + one, 6), one.hex())

    def test_they_never_reach_a_router(self) -> None:
        """uWSGI's router would close the connection at the first of them."""
        device, reactor = FakeDevice(), SteppedReactor()
        ours, router = socket.socketpair()
        relay = Relay(reactor, device.fd, ours, self.fail)
        relay.start()
        device.hold(packet6("fe80::1", "ff02::2"))
        device.hold(packet())
        reactor.turn()
        self.assertEqual(router.recv(1000), frame(packet()))
        relay.stop()
        router.close()
        device.close()


class GreetingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.ours, self.router = socket.socketpair()
        self.addCleanup(self.ours.close)
        self.addCleanup(self.router.close)

    def test_credentials_come_first(self) -> None:
        """Twelve bytes with our pid, uid and gid, then the rules, each as uWSGI's router reads it."""
        self.router.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        rules = rule_block([ANY_RULE])
        greet(self.ours, rules, credentials=True)
        text, extra, _, _ = self.router.recvmsg(12, socket.CMSG_SPACE(12))
        self.assertEqual(text, HELLO)
        [(level, kind, ucred)] = extra
        self.assertEqual((level, kind), (socket.SOL_SOCKET, socket.SCM_CREDENTIALS))
        self.assertEqual(struct.unpack("=iII", ucred), (os.getpid(), os.getuid(), os.getgid()))
        self.assertEqual(self.router.recv(100), rules)

    def test_without_anything_to_say(self) -> None:
        """A router without credentials would read them as a header, so nothing is said."""
        greet(self.ours, b"", credentials=False)
        self.ours.close()
        self.assertEqual(self.router.recv(10), b"")
