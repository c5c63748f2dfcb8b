"""`uwsgid.tuntap.tap`: what stands between who moves packets and who decides, while somebody captures."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from functools import partial

from twisted.trial.unittest import SynchronousTestCase

from tests.tuntap.routers import BLUE, HOST, RED, RouterCase, packet
from tests.tuntap.test_capture import DENIED, SPOOFED, TO_HOST, blue
from uwsgid.testing.packets import PLAIN, ipv6, udp
from uwsgid.tuntap.capture import Capture, Filter
from uwsgid.tuntap.chain import Chain
from uwsgid.tuntap.decision import PEER, Decision
from uwsgid.tuntap.offload import HEADER, NEEDS_CSUM
from uwsgid.tuntap.peer import Peer
from uwsgid.tuntap.policy import Policy
from uwsgid.tuntap.rules import read_route
from uwsgid.tuntap.tap import Tap
from uwsgid.wire import pcapng
from uwsgid.wire.events import NEED_DATA
from uwsgid.wire.ip import Buffer
from uwsgid.wire.tunframe import frame


class Notebook:
    """A switch that writes down what it is asked.

    :ivar asked: what that was.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []

    def from_peer(self, peer: Peer, buffer: Buffer, start: int, end: int, now: float) -> Decision:
        """To the host."""
        self.asked.append((peer, bytes(buffer), start, end, now))
        return TO_HOST

    def from_host(self, buffer: Buffer, start: int, end: int, now: float) -> Decision:
        """Denied."""
        self.asked.append(("host", bytes(buffer), start, end, now))
        return DENIED

    def from_gateway(self, buffer: Buffer, start: int, end: int, now: float) -> Decision:
        """Spoofed."""
        self.asked.append(("gateway", bytes(buffer), start, end, now))
        return SPOOFED

    def lose(self, peer: Peer | None, reason: str, size: int = 0) -> None:
        """Lost."""
        self.asked.append((peer, reason, size))

    def refuse(self, peer: Peer | None, buffer: Buffer, start: int, end: int, reason: str) -> None:
        """Refused."""
        self.asked.append((peer, bytes(buffer), start, end, reason))


def read(data: bytes) -> list[pcapng.Captured]:
    """The packets in a pcapng stream."""
    reader = pcapng.Reader()
    reader.feed(data)
    packets: list[pcapng.Captured] = []
    while (event := reader.next_event()) is not NEED_DATA:
        assert isinstance(event, pcapng.Captured)
        packets.append(event)
    return packets


class TapTests(SynchronousTestCase):
    """A tap looks on, and changes nothing."""

    def setUp(self) -> None:
        """A tap with a capture of everything, and one of what is dropped."""
        self.switch = Notebook()
        self.later: list[Callable[[], None]] = []
        self.tap = Tap(self.switch, self.later.append)
        self.data = {"": b"", "dropped": b""}
        for text in self.data:
            self.tap.captures.append(Capture(partial(self.write, text), "a", Filter(text)))

    def write(self, text: str, data: bytes) -> bool:
        """A capture gets bytes."""
        self.data[text] += data
        return True

    def comments(self, text: str = "") -> list[str]:
        """What a capture has seen."""
        return [captured.comment for captured in read(self.data[text])]

    def test_passes_on(self) -> None:
        """The switch is asked, its decision is returned, and all captures see what they want."""
        peer, data = blue(), ipv6(udp())
        size = len(data)
        self.assertIs(self.tap.from_peer(peer, data, 0, size, 1.0), TO_HOST)
        self.assertIs(self.tap.from_host(data, 0, size, 2.0), DENIED)
        self.assertIs(self.tap.from_gateway(data, 0, size, 3.0), SPOOFED)
        self.tap.lose(peer, "full", 7)
        self.tap.refuse(None, data, 0, size, "target")
        self.assertEqual(
            self.switch.asked,
            [
                (peer, data, 0, size, 1.0),
                ("host", data, 0, size, 2.0),
                ("gateway", data, 0, size, 3.0),
                (peer, "full", 7),
                (None, data, 0, size, "target"),
            ],
        )
        dropped = [str(DENIED), "drop, spoofed", "drop, target"]
        self.assertEqual(self.comments(), ["from 192.168.0.2: to the host", *dropped])
        self.assertEqual(self.comments("dropped"), dropped)

    def test_nobody_looks(self) -> None:
        """Without captures a tap is a switch."""
        self.tap.captures.clear()
        data = PLAIN["tcp"]
        self.assertIs(self.tap.from_peer(blue(), data, 0, len(data), 0.0), TO_HOST)
        self.tap.settle()

    def test_shown_when_delivered(self) -> None:
        """A packet is shown as it was, when all that was at hand is moved, though its buffer has another."""
        buffer = bytearray(PLAIN["udp"])
        self.tap.from_peer(blue(), buffer, 0, len(buffer), 0.0)
        buffer[:] = bytes(len(buffer))
        self.assertEqual(self.comments(), [])
        (call,) = self.later
        call()
        self.assertEqual([captured.data for captured in read(self.data[""])], [PLAIN["udp"]])
        call()
        self.assertEqual(len(self.comments()), 1)

    def test_order(self) -> None:
        """Packets are shown in the order in which they came, and once, whatever becomes of them."""
        peer, data = blue(), PLAIN["udp"]
        for lost in (False, True, False):
            self.tap.from_peer(peer, data, 0, len(data), 0.0)
            if lost:
                self.tap.lose(peer, "full", 1)
        self.tap.from_host(data, 0, len(data), 0.0)
        self.tap.from_peer(peer, data, 0, len(data), 0.0)
        while self.later:
            self.later.pop(0)()
        sent, lost_one = (
            "from 192.168.0.2: to the host",
            "from 192.168.0.2: drop, full, on its way to the host",
        )
        self.assertEqual(self.comments(), [sent, lost_one, sent, str(DENIED), sent])
        self.assertEqual(self.comments("dropped"), [lost_one, str(DENIED)])


class LossTests(RouterCase):
    """A router tells its captures of all that it loses."""

    def capture(self) -> None:
        """Somebody captures what is dropped."""
        self.data = b""

        def write(data: bytes) -> bool:
            self.data += data
            return True

        self.router.begin_capture(write, Filter("dropped"))

    def comments(self) -> list[str]:
        """What was seen, once nothing is left to do."""
        self.reactor.turn()
        self.reactor.advance(0)
        return [captured.comment for captured in read(self.data)]

    def test_a_peer_that_never_reads(self) -> None:
        """What finds a full queue is shown as dropped, and as often as it is counted."""
        self.make_router(Policy(queue=4096))
        self.stream_peer(BLUE)
        self.capture()
        while not self.router.switch.drops.get("full"):
            for _ in range(8):
                self.host.hold(packet(HOST, BLUE, bytes(1400)))
            self.reactor.turn()
        seen = self.comments()
        self.assertEqual(set(seen), {f"drop, full, on its way to {BLUE}"})
        self.assertEqual(len(seen), self.router.switch.drops["full"])

    def test_a_device_that_takes_nothing(self) -> None:
        """So is what a full device of a peer does not take, from the host and from its like."""
        self.make_router(Policy(switch_local=True))
        self.device_peer(BLUE)
        other = self.stream_peer(RED)
        self.patch(os, "pwritev", self.refuse)
        self.capture()
        self.host.hold(packet(HOST, BLUE))
        self.reactor.turn()
        other.send(frame(packet(RED, BLUE)))
        self.assertEqual(
            self.comments(),
            [f"drop, full, on its way to {BLUE}", f"from {RED}: drop, full, on its way to {BLUE}"],
        )

    def refuse(self, *_: object) -> int:
        """The kernel has no room."""
        raise BlockingIOError(11, "Resource temporarily unavailable")

    def test_what_the_host_does_not_take(self) -> None:
        """So is what the router's own device does not take."""
        self.make_router()
        device, _ = self.device_peer(BLUE)
        client = self.stream_peer(RED)
        self.capture()
        self.patch(os, "write", self.refuse)
        self.patch(os, "writev", self.refuse)
        device.hold(packet(BLUE, HOST))
        client.send(frame(packet(RED, HOST)))
        self.reactor.turn()
        self.assertEqual(
            sorted(self.comments()),
            [f"from {one}: drop, full, on its way to the host" for one in (BLUE, RED)],
        )

    def test_a_header_that_can_not_be(self) -> None:
        """So is a packet that is dropped for its virtio header, before anything is decided about it."""
        self.make_router()
        device, _ = self.device_peer(BLUE)
        self.capture()
        device.hold(packet(BLUE, HOST), header=HEADER.pack(NEEDS_CSUM, 0, 0, 0, 60000, 6))
        self.assertEqual(self.comments(), [f"from {BLUE}: drop, invalid"])

    def test_a_stranger_at_the_gateway(self) -> None:
        """So is a datagram of somebody from whom none is accepted, and a route that leads nowhere."""
        self.make_router(Policy(routes=Chain((read_route("any 8.8.8.8 203.0.113.1:9"),))), gateway=True)
        client = self.stream_peer(BLUE)
        self.capture()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
            far.sendto(packet("8.8.8.8", BLUE), self.gateway_address)
            self.reactor.until(lambda: self.router.switch.drops.get("target", 0) > 0)
        client.send(frame(packet(BLUE, "8.8.8.8")))
        self.reactor.turn()
        # the gateway is bound to 127.0.0.1, and from there nobody reaches the world
        self.assertEqual(
            self.comments(),
            [
                "drop, target",
                f"from {BLUE}: drop, target, on its way to the gateway 203.0.113.1:9, "
                "by 'any 8.8.8.8 203.0.113.1:9'",
            ],
        )

    def test_the_last_packet(self) -> None:
        """A capture that ends has seen all that was moved before."""
        self.make_router()
        client = self.stream_peer(BLUE)
        data: list[bytes] = []

        def write(piece: bytes) -> bool:
            data.append(piece)
            return True

        capture = self.router.begin_capture(write, Filter())
        client.send(frame(packet(BLUE, HOST)))
        self.reactor.turn()
        self.router.end_capture(capture)
        self.assertEqual(len(read(b"".join(data))), 1)


class OtherPeerTests(SynchronousTestCase):
    """Whose packet was lost is told by its way."""

    def test_between_peers(self) -> None:
        """A packet between two peers names both."""
        switch = Notebook()
        switch.from_peer = lambda *_: Decision(PEER, blue())  # type: ignore[method-assign]
        data = b""

        def write(piece: bytes) -> bool:
            nonlocal data
            data += piece
            return True

        tap = Tap(switch, lambda call: None)
        tap.captures.append(Capture(write, "a", Filter()))
        sender = Peer(2, "fd: 10")
        tap.from_peer(sender, PLAIN["udp"], 0, len(PLAIN["udp"]), 0.0)
        tap.lose(blue(), "full", 28)
        self.assertEqual(read(data)[0].comment, "from fd: 10: drop, full, on its way to 192.168.0.2")
