"""Tests of `uwsgid.tuntap.statsserver`."""

from __future__ import annotations

import json
import socket

from tests.tuntap.routers import BLUE, HOST, RED, RouterCase, packet
from uwsgid.tuntap.statsserver import CAPTURE_QUEUE, MOMENT, MOST_CLIENTS, PATIENCE
from uwsgid.wire.tunframe import frame


class DocumentTests(RouterCase):
    def setUp(self) -> None:
        super().setUp()
        self.make_router()
        self.stream_peer(BLUE)

    def read(self, client: socket.socket) -> bytes:
        """Everything until the server closes its half."""
        data = b""
        for _ in range(1000):
            self.reactor.turn()
            try:
                more = client.recv(1 << 16)
            except BlockingIOError:
                continue
            if not more:
                return data
            data += more
        raise AssertionError("the document does not end")

    def test_who_says_nothing(self) -> None:
        """As with uWSGI, a client gets the document without asking, a moment later."""
        client = self.connect("stats")
        self.reactor.turn()
        self.reactor.advance(MOMENT)
        document = json.loads(self.read(client))
        self.assertEqual(list(document)[:6], ["version", "pid", "uid", "gid", "cwd", "peers"])
        self.assertEqual(document["peers"][0]["addr"], BLUE)
        self.assertEqual(document["peers"][0]["rx"], len(frame(packet(BLUE, HOST))))
        self.assertEqual(document["router"]["device"], "emperor0")
        client.close()
        self.reactor.turn()
        self.assertEqual(self.router._stats.clients if self.router._stats else None, set())
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_http(self) -> None:
        """Who asks in HTTP is answered in HTTP, and its request may be long."""
        client = self.connect("stats")
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
        self.reactor.turn(2)
        client.send(b"X-Long: " + b"x" * 3000 + b"\r\n\r\n")
        head, _, body = self.read(client).partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.0 200 OK\r\n"))
        self.assertEqual(json.loads(body)["peers"][0]["addr"], BLUE)

    def test_http_for_everybody(self) -> None:
        """With ``stats-http`` nobody has to ask."""
        assert self.router._stats is not None
        self.router._stats.http = True
        client = self.connect("stats")
        self.reactor.turn()
        self.reactor.advance(MOMENT)
        self.assertTrue(self.read(client).startswith(b"HTTP/1.0 200 OK\r\n"))

    def test_who_closes_its_half_first(self) -> None:
        """The end of the question is the end of the waiting."""
        client = self.connect("stats")
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(json.loads(self.read(client))["peers"][0]["addr"], BLUE)

    def test_who_does_not_read(self) -> None:
        """A client that takes nothing is dropped after a while."""
        client = self.connect("stats")
        client.send(b"GET /")
        self.reactor.turn(3)
        self.reactor.advance(PATIENCE)
        assert self.router._stats is not None
        self.assertEqual(self.router._stats.clients, set())

    def test_who_leaves(self) -> None:
        """A client that is gone before it has its answer disturbs nobody."""
        assert self.router._stats is not None
        for said in (b"", b"GET /", b"capture\n"):
            client = self.connect("stats")
            if said:
                client.send(said)
            self.reactor.turn()
            client.close()
            self.reactor.turn(3)
            self.assertEqual(self.router._stats.clients, set())

    def test_so_many(self) -> None:
        """There is room for so many clients, and the next one is closed."""
        clients = [self.connect("stats") for _ in range(MOST_CLIENTS)]
        self.reactor.turn(2)
        one_more = self.connect("stats")
        self.reactor.turn()
        self.assertEqual(one_more.recv(1), b"")
        self.assertRaises(BlockingIOError, clients[0].recv, 1)


class CaptureTests(RouterCase):
    def setUp(self) -> None:
        super().setUp()
        self.make_router()
        self.client = self.stream_peer(BLUE)

    def capture(self, *questions: bytes) -> socket.socket:
        """A client that captures."""
        client = self.connect("stats")
        for question in questions:
            client.send(question)
            self.reactor.turn(2)
        return client

    def test_packets_are_shown(self) -> None:
        """From the question on, packets are shown with their verdict, until the client leaves."""
        viewer = self.capture(b"capt", b"ure host 8.8.8.8", b"\n")
        self.client.send(frame(packet(BLUE, "8.8.8.8", b"one")) + frame(packet(BLUE, HOST, b"two")))
        device, _ = self.device_peer(RED)
        device.hold(packet(RED, "8.8.8.8", b"three"))
        self.host.hold(packet("8.8.8.8", BLUE, b"four"))
        self.reactor.turn()
        self.reactor.advance(0)
        self.reactor.turn()
        seen = viewer.recv(1 << 16)
        self.assertEqual(seen[:4], b"\x0a\x0d\x0d\x0a")
        for word in (b"one", b"three", b"four", b"from 192.168.0.2", b"to the host"):
            self.assertIn(word, seen)
        self.assertNotIn(b"two", seen)
        self.reactor.advance(PATIENCE)
        self.reactor.turn()
        viewer.close()
        self.reactor.turn()
        self.assertEqual(self.router._tap.captures, [])
        self.assertIs(self.router._pump._asked, self.router.switch)

    def test_a_filter_that_is_none(self) -> None:
        """The answer says what is wrong with it."""
        viewer = self.capture(b"capture tpc\n")
        self.reactor.turn(2)
        self.assertIn(b"'tpc'", viewer.recv(1000))
        self.assertEqual(self.router._tap.captures, [])

    def test_half_a_question(self) -> None:
        """Who does not get to the point in time gets the document."""
        viewer = self.capture(b"capture")
        self.reactor.advance(MOMENT)
        self.reactor.turn()
        self.assertEqual(viewer.recv(1), b"{")

    def test_a_viewer_that_never_reads(self) -> None:
        """What has no room is not shown, and packets flow."""
        viewer = self.capture(b"capture\n")
        (shown,) = self.router._tap.captures
        client = next(iter(self.router._stats.clients)) if self.router._stats else None
        assert client is not None
        client._left += bytes(CAPTURE_QUEUE)
        self.client.send(frame(packet(BLUE, HOST)))
        self.reactor.turn()
        self.reactor.advance(0)
        self.assertEqual(self.host.written(), [packet(BLUE, HOST)])
        self.assertEqual(shown.lost, 1)
        viewer.close()
