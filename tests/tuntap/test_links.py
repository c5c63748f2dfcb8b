"""Tests of `uwsgid.tuntap.links`."""

from __future__ import annotations

import json
import os
import socket
import threading
import time

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tuntap.devices import is_open
from tests.tuntap.routers import BLUE, HOST, RED, RouterCase, packet
from uwsgid.tuntap import closing
from uwsgid.tuntap.closing import closer
from uwsgid.tuntap.offload import HEADER, NEEDS_CSUM
from uwsgid.tuntap.policy import Policy
from uwsgid.tuntap.router import MOST_RULES
from uwsgid.wire.tunframe import FrameDecoder, PacketFrame, RuleRecord, frame, rule_block


def packets_of(data: bytes) -> list[bytes]:
    """The packets in a stream of frames."""
    decoder = FrameDecoder()
    decoder.feed(data)
    found = []
    while isinstance(event := decoder.next_event(), PacketFrame):
        found.append(event.data)
    return found


def read_all(client: socket.socket) -> bytes:
    """What is there to be read."""
    data = b""
    while True:
        try:
            more = client.recv(1 << 16)
        except BlockingIOError:
            return data
        if not more:
            return data
        data += more


class FrameLinkTests(RouterCase):
    def test_packets_go_to_the_host(self) -> None:
        """A frame comes out of the host's device, behind a virtio header that wants nothing."""
        self.make_router()
        client = self.stream_peer()
        client.send(frame(packet(BLUE, HOST)) + frame(packet(BLUE, "8.8.8.8")))
        self.reactor.turn()
        self.assertEqual(self.host.written(), [packet(BLUE, HOST), packet(BLUE, "8.8.8.8")])

    def test_packets_come_from_the_host(self) -> None:
        """What the host sends to the peer's address reaches it in a frame."""
        self.make_router()
        client = self.stream_peer(BLUE)
        self.host.hold(packet(HOST, BLUE))
        self.host.hold(packet(HOST, RED))
        self.reactor.turn()
        self.assertEqual(packets_of(read_all(client)), [packet(HOST, BLUE)])
        self.assertEqual(self.router.switch.unknown_dst, 1)

    @settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.integers(1, 60), min_size=1, max_size=12))
    def test_any_slicing(self, sizes: list[int]) -> None:
        """Frames mean the same however the stream cuts them."""
        if not hasattr(self, "router"):
            self.make_router()
        client = self.stream_peer()
        whole = b"".join(frame(packet(BLUE, HOST, bytes([number]) * number)) for number in range(5))
        at = 0
        for size in [*sizes, len(whole)]:
            client.send(whole[at : at + size])
            self.reactor.turn()
            at += size
            if at >= len(whole):
                break
        self.assertEqual(
            self.host.written(), [packet(BLUE, HOST, bytes([number]) * number) for number in range(5)]
        )
        client.close()
        self.reactor.turn()

    def test_half_a_frame_and_silence(self) -> None:
        """A peer that stops in the midst of a frame disturbs nobody."""
        self.make_router()
        half = self.stream_peer()
        half.send(frame(packet(RED, HOST))[:-3])
        client = self.stream_peer()
        client.send(frame(packet(BLUE, HOST)))
        self.reactor.turn(3)
        self.assertEqual(self.host.written(), [packet(BLUE, HOST)])
        self.assertEqual(len(self.router.peers), 2)
        half.send(frame(packet(RED, HOST))[-3:])
        self.reactor.turn()
        self.assertEqual(self.host.written(), [packet(RED, HOST)])

    def test_broken_frames_close_their_peer_alone(self) -> None:
        """An empty frame, an unknown modifier2 or a frame that is too large ends the peer, with a line."""
        self.make_router(Policy(buffer=1500))
        other = self.stream_peer(BLUE)
        for broken in (b"\0\0\0\0", b"\0\x05\0\x07hello", b"\0\xff\xff\0", b"\0\x05\0\x01hello"):
            bad = self.stream_peer()
            bad.send(broken)
            self.reactor.advance(2)
            self.reactor.turn()
            self.assertEqual(bad.recv(10), b"")
            self.assertEqual(len(self.router.peers), 1)
        self.assertIn("oversized packet (65535 bytes)", "\n".join(self.lines))
        other.send(frame(packet(BLUE, HOST)))
        self.reactor.turn()
        self.assertEqual(self.host.written(), [packet(BLUE, HOST)])

    def test_a_peer_that_never_reads(self) -> None:
        """Its queue fills up to the limit and no further, what finds no room is counted, and others go on."""
        self.make_router(Policy(queue=20000))
        slow = self.stream_peer(BLUE)
        quick = self.stream_peer(RED)
        size = 1000
        for _ in range(2000):
            self.host.hold(packet(HOST, BLUE, bytes(size)))
            self.reactor.turn()
            if self.peer(BLUE).drops.get("full"):
                break
        link = self.peer(BLUE).link
        self.assertTrue(20000 - size - 100 < link.queued() <= 20000, link.queued())
        self.host.hold(packet(HOST, RED))
        self.reactor.turn()
        self.assertEqual(packets_of(read_all(quick)), [packet(HOST, RED)])
        # once it reads, it gets whole packets, in order
        received = b""
        self.reactor.turn()
        while data := read_all(slow):
            received += data
            self.reactor.turn()
        self.assertEqual(link.queued(), 0)
        self.assertEqual(set(packets_of(received)), {packet(HOST, BLUE, bytes(size))})
        self.assertEqual(self.peer(BLUE).tx_packets, len(packets_of(received)))
        self.assertNotIn(link, self.reactor.writers)

    def test_the_limit_of_the_queue_counts_headers(self) -> None:
        """As in uWSGI (plugins/tuntap/tuntap.c): queued, header and packet together fit the limit, or not."""
        self.make_router(Policy(queue=8192))
        client = self.stream_peer(BLUE)
        for data, dropped in ((8188 - 28, 0), (8189 - 28, 1)):
            self.host.hold(packet(HOST, BLUE, bytes(data)))
            self.reactor.turn()
            self.assertEqual(self.peer(BLUE).drops.get("full", 0), dropped)
        self.assertEqual(len(packets_of(read_all(client))), 1)

    def test_large_packets_are_not_for_streams(self) -> None:
        """A packet that nobody has cut is dropped; one that only lacks its checksum gets it."""
        self.make_router()
        client = self.stream_peer(BLUE)
        self.host.hold(packet(HOST, BLUE), header=HEADER.pack(0, 1, 28, 1000, 0, 0))
        self.host.hold(packet(HOST, BLUE), header=HEADER.pack(NEEDS_CSUM, 0, 0, 0, 20, 6))
        self.reactor.turn()
        (got,) = packets_of(read_all(client))
        self.assertNotEqual(got[26:28], bytes(2))
        self.assertEqual(self.peer(BLUE).drops, {"invalid": 1})

    def test_a_batch_of_frames_leaves_room_for_others(self) -> None:
        """Of thousands of tiny frames that came at once 64 are looked at before others have a turn."""
        self.make_router()
        client = self.stream_peer(BLUE)
        [link] = [peer.link for peer in self.router.peers.values()]
        client.setblocking(True)
        client.sendall(frame(packet(BLUE, HOST, b"")[:20]) * 200 + frame(packet(BLUE, HOST)))
        seen: list[int] = []
        while link not in self.reactor.readers or not seen:
            self.reactor.turn()
            seen.append(self.peer(BLUE).rx_packets - 1)
        self.assertEqual(seen, [64, 128, 192, 201])
        self.assertEqual(self.host.written(), [packet(BLUE, HOST)])
        # whoever leaves meanwhile has left
        client.sendall(frame(packet(BLUE, HOST)) * 200)
        self.reactor.turn()
        self.router.lost(link, "")
        self.reactor.turn()
        self.assertEqual(len(self.host.written()), 64)

    def test_a_mistake_behind_a_batch(self) -> None:
        """A mistake of ours ends the peer, as it does within the batch, and is logged."""
        self.make_router()
        client = self.stream_peer(BLUE)
        client.setblocking(True)
        client.sendall(frame(packet(BLUE, HOST)) * 100)
        self.reactor.turn()
        [link] = [peer.link for peer in self.router.peers.values()]
        self.patch(link, "_pass_on", lambda: 1 // 0)
        self.assertRaises(ZeroDivisionError, self.reactor.turn)
        self.assertEqual(self.router.peers, {})

    def test_rules_of_a_peer(self) -> None:
        """A block of rules governs the peer that sent it."""
        self.make_router()
        client = self.stream_peer(BLUE)
        anywhere = bytes(4)
        client.send(rule_block([RuleRecord(1, anywhere, anywhere, b"\x08\x08\x08\x08", b"\xff" * 4, 1)]))
        client.send(frame(packet(BLUE, "8.8.8.8")) + frame(packet(BLUE, "9.9.9.9")))
        self.reactor.turn()
        self.assertEqual(self.host.written(), [packet(BLUE, "9.9.9.9")])
        self.assertEqual(self.peer(BLUE).denied_out, 1)

    def test_bytes_received(self) -> None:
        """What a peer sent is counted byte by byte, headers and rules included, as uWSGI does."""
        self.make_router()
        client = self.stream_peer(BLUE)
        rule = RuleRecord(0, bytes(4), bytes(4), bytes(4), bytes(4), 0)
        sent = frame(packet(BLUE, HOST)) + rule_block([rule] * 3) + frame(packet(BLUE, HOST, b"more"))
        client.send(sent)
        self.reactor.turn()
        [peer] = json.loads(self.router.document())["peers"]
        self.assertEqual(peer["rx"], len(frame(packet(BLUE, HOST)) + sent))

    def test_too_many_rules(self) -> None:
        """A peer may have as many rules as a hand-over could tell; who sends more is closed."""
        self.make_router()
        anywhere = bytes(4)
        for count, left in ((MOST_RULES, 1), (MOST_RULES + 1, 0)):
            client = self.stream_peer(BLUE)
            client.send(rule_block([RuleRecord(0, anywhere, anywhere, anywhere, anywhere, 0)] * count))
            self.reactor.turn()
            self.assertEqual(len(self.router.peers), left)
            client.close()
            self.reactor.turn()
        self.assertIn("257 rules, and 256 is the most from 192.168.0.2", "\n".join(self.lines))

    def test_the_end_of_the_stream_frees_the_address(self) -> None:
        """Who leaves is forgotten at once, and closes nothing of somebody else's."""
        self.make_router()
        client = self.stream_peer(BLUE)
        client.close()
        self.reactor.turn()
        self.assertEqual(self.router.peers, {})
        self.stream_peer(BLUE)
        self.assertEqual(self.peer(BLUE).number, 2)

    def test_a_packet_to_a_peer_that_just_left(self) -> None:
        """A broken connection that the reactor has not told of yet costs the packet, and nothing else."""
        self.make_router()
        client = self.stream_peer(BLUE)
        link = self.peer(BLUE).link
        client.close()
        link.send_plain(packet(HOST, BLUE))
        self.assertEqual(self.peer(BLUE).drops, {"unattached": 1})
        self.reactor.turn()
        self.assertEqual(self.router.peers, {})

    def test_a_reset(self) -> None:
        """A peer that leaves without having read everything is forgotten, with a line."""
        self.make_router()
        client = self.stream_peer(BLUE)
        self.host.hold(packet(HOST, BLUE))
        self.reactor.turn()
        self.reactor.advance(2)
        client.close()
        self.reactor.turn()
        self.assertEqual(self.router.peers, {})
        self.assertIn("Connection reset by peer from 192.168.0.2", "\n".join(self.lines))

    def test_a_reset_while_packets_wait(self) -> None:
        """So is one whose queue can not be written any more."""
        self.make_router(Policy(queue=1 << 20))
        client = self.stream_peer(BLUE)
        link = self.peer(BLUE).link
        while not link.queued():
            link.send_plain(packet(HOST, BLUE, bytes(5000)))
        link.doWrite()
        self.assertTrue(link.open)
        client.close()
        link.doWrite()
        self.assertFalse(link.open)
        self.assertEqual(self.router.peers, {})
        link.close()

    def test_the_poller_reports_an_error(self) -> None:
        """The poller may be the first to know of a broken connection."""
        self.make_router()
        client = self.stream_peer(BLUE)
        self.reactor.hang_up(self.peer(BLUE).link)
        self.assertEqual(client.recv(1), b"")
        self.assertEqual(self.router.peers, {})

    def test_packets_that_no_frame_can_hold(self) -> None:
        """What is larger than tuntap-buffer-size is no more for a peer than from it."""
        self.make_router(Policy(buffer=1500))
        self.stream_peer(BLUE)
        self.host.hold(packet(HOST, BLUE, bytes(2000)))
        self.reactor.turn()
        self.assertEqual(self.peer(BLUE).drops, {"length": 1})

    def test_a_device_that_takes_nothing(self) -> None:
        """A packet from a stream to a device that is down is counted against the device's peer."""
        self.make_router(Policy(switch_local=True))
        device, _ = self.device_peer(BLUE)
        client = self.stream_peer(RED)
        device.vanish()
        client.send(frame(packet(RED, BLUE)))
        (link,) = self.device_links()
        self.reactor.removeReader(link)
        self.reactor.turn()
        self.assertEqual(sum(self.peer(BLUE).drops.values()), 1)
        self.assertEqual(self.peer(BLUE).tx_packets, 0)


class DeviceLinkTests(RouterCase):
    def test_both_ways(self) -> None:
        """Packets and virtio headers pass as they are, in both directions."""
        self.make_router()
        device, _ = self.device_peer(BLUE)
        device.hold(packet(BLUE, "8.8.8.8"))
        self.host.hold(packet("8.8.8.8", BLUE))
        self.reactor.turn()
        self.assertEqual(self.host.written(), [packet(BLUE, "8.8.8.8")])
        self.assertEqual(device.written(), [packet("8.8.8.8", BLUE)])
        peer = self.peer(BLUE)
        self.assertEqual((peer.rx_packets, peer.tx_packets), (2, 1))

    def test_nothing_of_others_is_in_a_packet(self) -> None:
        """A peer may make its kernel leave a part of the buffer as it was: nothing of others is in there."""
        self.make_router()
        blue, _ = self.device_peer(BLUE)
        red, _ = self.device_peer(RED, "uwsgi1")
        links = self.peer(BLUE).link, self.peer(RED).link
        preadv, gap, secret = os.preadv, 0, b"secret of blue"

        def read_behind_a_gap(fd: int, views: list[memoryview], offset: int, flags: int) -> int:
            if fd != links[1].device:
                return preadv(fd, views, offset, flags)
            # a longer virtio header (TUNSETVNETHDRSZ) before Linux 6.15
            return gap + preadv(fd, [views[0][:10], views[0][10 + gap :]], offset, flags)

        self.patch(os, "preadv", read_behind_a_gap)
        blue.hold(packet(BLUE, HOST, secret * 20))
        links[0].doRead()
        # a header for what is to follow, which is dropped now, since the packet is shorter than it says
        red.hold(packet(RED, HOST, bytes(100))[:28])
        links[1].doRead()
        gap = 100
        red.hold(bytes(28))
        links[1].doRead()
        sent, leaked = self.host.written()
        self.assertEqual(sent, packet(BLUE, HOST, secret * 20))
        self.assertEqual((len(leaked), secret in leaked), (128, False))

    def test_a_batch_leaves_room_for_others(self) -> None:
        """A device that always has more is left after 64 packets, until the reactor has been around."""
        self.make_router()
        device, _ = self.device_peer(BLUE)
        for _ in range(100):
            device.hold(packet(BLUE, HOST))
        link, before = self.peer(BLUE).link, self.peer(BLUE).rx_packets
        link.doRead()
        self.assertEqual(self.peer(BLUE).rx_packets - before, 64)
        link.doRead()
        self.assertEqual(self.peer(BLUE).rx_packets - before, 100)

    def test_the_owner_may_set_it_to_blocking(self) -> None:
        """The owner shares the open file; neither an empty nor a full device makes the router wait."""
        self.make_router()
        device, _ = self.device_peer(BLUE)
        os.set_blocking(device.fd, True)
        self.reactor.turn()
        for _ in range(5000):
            self.host.hold(packet(HOST, BLUE, bytes(1000)))
            self.reactor.turn()
            if self.peer(BLUE).drops.get("full"):
                break
        self.assertTrue(self.peer(BLUE).drops.get("full"))

    def test_the_end_of_the_connection_closes_the_device(self) -> None:
        """The vassal's exit removes the peer, and the router lets its device go."""
        self.make_router()
        _, connection = self.device_peer(BLUE)
        (link,) = self.device_links()
        fd = link.device
        connection.close()
        self.reactor.turn()
        self.assertEqual(self.router.peers, {})
        self.assertNotIn(link, self.reactor.readers)
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        closer.close(writer)  # after the device
        self.assertEqual(os.read(reader, 1), b"")
        self.assertFalse(is_open(fd))

    def test_nobody_waits_for_the_end_of_a_device(self) -> None:
        """The kernel takes its time to remove an interface; that is no business of the other peers."""
        self.make_router()
        go = threading.Event()
        self.patch(closing, "close_now", lambda fd: go.wait(10))
        began = time.monotonic()
        for number in range(3):
            _, connection = self.device_peer(f"192.168.0.{number + 2}")
            connection.close()
        client = self.stream_peer("192.168.0.9")
        client.send(frame(packet("192.168.0.9", HOST)))
        self.reactor.turn()
        self.assertEqual(self.host.written(), [packet("192.168.0.9", HOST)])
        self.assertLess(time.monotonic() - began, 5)
        go.set()

    def test_more_words_end_the_link(self) -> None:
        """After the hello there is nothing to say."""
        self.make_router()
        _, connection = self.device_peer(BLUE)
        connection.send(b"and another thing")
        self.reactor.turn()
        self.assertEqual(self.router.peers, {})
        self.assertIn("more than a hello", "\n".join(self.lines))

    def test_a_device_that_vanishes(self) -> None:
        """A device whose namespace ended ends its link, with a line."""
        self.make_router()
        device, _ = self.device_peer(BLUE)
        device.vanish()
        self.reactor.turn()
        self.assertEqual(self.router.peers, {})
        self.assertIn("its device is gone", "\n".join(self.lines))

    def test_the_poller_reports_an_error(self) -> None:
        """So does one that the poller complains about."""
        self.make_router()
        self.device_peer(BLUE)
        (link,) = self.device_links()
        self.reactor.hang_up(link)
        self.assertEqual(self.router.peers, {})
        link.close()

    def test_the_connection_breaks(self) -> None:
        """However the end of the connection is told, it is the end of the link."""
        self.make_router()
        for _ in range(2):
            self.device_peer(BLUE)
            (link,) = self.device_links()
            (lifeline,) = [
                reader for reader in self.reactor.readers if reader.logPrefix() == "tuntap device connection"
            ]
            self.assertFalse(link.ended())
            lifeline.doRead()
            self.assertTrue(link.open)
            self.reactor.hang_up(lifeline)
            self.assertFalse(link.open)
            self.assertTrue(link.ended())
        self.assertEqual(self.router.peers, {})

    def test_from_a_stream_to_a_device(self) -> None:
        """With tuntap-router-switch-local a packet of one kind of peer reaches the other kind."""
        self.make_router(Policy(switch_local=True))
        device, _ = self.device_peer(BLUE)
        client = self.stream_peer(RED)
        client.send(frame(packet(RED, BLUE)))
        device.hold(packet(BLUE, RED))
        self.reactor.turn()
        self.assertEqual(device.written(), [packet(RED, BLUE)])
        self.assertEqual(packets_of(read_all(client)), [packet(BLUE, RED)])
        self.assertEqual(self.host.written(), [])
