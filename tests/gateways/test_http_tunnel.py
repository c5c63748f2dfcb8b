"""What passes through as it is, and what leads elsewhere."""

from __future__ import annotations

import json
import os
import socket

from tests.gateways.http_stage import GET, OK, Stage
from uwsgid.gateways.http_report import report
from uwsgid.gateways.http_router import HttpTerms

UPGRADE = (
    b"GET /chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: abc\r\n\r\n"
)
SWITCHED = b"HTTP/1.1 101 Web Socket Protocol Handshake\r\nUpgrade: WebSocket\r\n\r\n"


class Websockets(Stage):
    """http-websockets."""

    terms = HttpTerms(keep_alive=True, websockets=True, raw_body=True, timeout=5)

    def test_both_ways(self) -> None:
        """Behind the handshake all bytes pass, both ways, until one side ends."""
        self.open()
        client = self.client(UPGRADE + b"early")
        worker = self.instance.accept()
        head, _ = self.instance.read(worker)
        self.assertEqual(head.vars["HTTP_SEC_WEBSOCKET_KEY"], "abc")
        worker.send(SWITCHED)
        self.assertEqual(self.heard(client, len(SWITCHED)), SWITCHED)
        for turn in range(3):
            client.send(b"ping%d" % turn)
            self.assertIn(b"ping%d" % turn, self.heard(worker, 5))
            worker.send(b"pong%d" % turn)
            self.assertEqual(self.heard(client, 5), b"pong%d" % turn)
        worker.close()
        self.assertEqual(self.all_heard(client), b"")

    def test_client_ends(self) -> None:
        """The end of what a client says reaches the instance."""
        self.open()
        client = self.client(UPGRADE)
        worker = self.instance.accept()
        self.instance.read(worker)
        worker.send(SWITCHED)
        self.heard(client, len(SWITCHED))
        client.send(b"last")
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(self.all_heard(worker), b"last")
        worker.send(b"bye")
        worker.close()
        self.assertEqual(self.all_heard(client), b"bye")

    def test_much(self) -> None:
        """Neither side can send more than the other takes."""
        self.open()
        client = self.client(UPGRADE)
        worker = self.instance.accept()
        self.instance.read(worker)
        worker.send(SWITCHED)
        self.heard(client, len(SWITCHED))
        sent = 0
        for _ in range(200):
            try:
                sent += client.send(b"x" * 65536)
            except BlockingIOError:
                self.work()
        self.assertLess(sent, 200 * 65536)
        self.assertEqual(len(self.heard(worker, sent)), sent)

    def test_plain_answer(self) -> None:
        """An application that wants no websocket answers as always, and the connection ends."""
        self.open()
        client = self.client(UPGRADE)
        worker = self.instance.accept()
        self.instance.read(worker)
        worker.send(OK)
        worker.close()
        self.assertEqual(self.all_heard(client), OK)

    def test_not_a_handshake(self) -> None:
        """An upgrade to something else is an ordinary request."""
        self.open()
        client = self.client(UPGRADE.replace(b"websocket", b"h2c"))
        worker, _, _ = self.instance.asked()
        worker.send(OK)
        self.assertEqual(self.heard(client, len(OK)), OK)

    def test_raw_body(self) -> None:
        """http-raw-body passes chunks on as they come."""
        self.open()
        client = self.client(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab")
        worker = self.instance.accept()
        head, _ = self.instance.read(worker)
        self.assertEqual(head.vars["HTTP_TRANSFER_ENCODING"], "chunked")
        client.send(b"c\r\n0\r\n\r\n")
        worker.send(OK)
        self.assertEqual(self.heard(client, len(OK)), OK)


class WithoutWebsockets(Stage):
    """Without the option."""

    def test_ignored(self) -> None:
        """The handshake is an ordinary request."""
        self.open()
        client = self.client(UPGRADE)
        worker, vars, _ = self.instance.asked()
        self.assertEqual(vars["HTTP_UPGRADE"], "websocket")
        worker.send(OK)
        self.assertEqual(self.heard(client, len(OK)), OK)


class Redirecting(Stage):
    """http-to-https."""

    def test_redirect(self) -> None:
        """Every request is sent to the same place of the same host, encrypted."""
        self.open(redirect=":8443")
        for host, place in (
            (b"shop.example:80", b"https://shop.example:8443/a?b=c"),
            (b"[::1]:80", b"https://[::1]:8443/a?b=c"),
        ):
            got = self.all_heard(self.client(GET.replace(b"shop.example", host)))
            self.assertTrue(got.startswith(b"HTTP/1.1 301 Moved Permanently\r\n"), got)
            self.assertIn(b"\r\nLocation: " + place + b"\r\n", got)

    def test_plain_port(self) -> None:
        """Without a port it is the usual one."""
        self.open(redirect="")
        self.assertIn(b"\r\nLocation: https://shop.example/a?b=c\r\n", self.all_heard(self.client(GET)))


class Reporting(Stage):
    """http-stats."""

    def test_report(self) -> None:
        """The document has uWSGI's keys, and what was refused."""
        self.open()
        client = self.client(GET)
        worker, _, _ = self.instance.asked()
        worker.send(OK)
        self.heard(client, len(OK))
        bad = self.client(b"junk\r\n\r\n")
        self.all_heard(bad)
        bad.close()
        self.until(lambda: len(self.router.sessions) == 1)
        found = json.loads(report(self.router))
        self.assertEqual((found["pid"], found["active_sessions"]), (os.getpid(), 1))
        self.assertEqual((found["http"], found["refused"]), ([":80"], 1))
        self.assertEqual(found["static_nodes"], [{"name": "app.sock", "hits": 1, "grace": 0}])
        self.assertIn(b'"cheap":0', report(self.router, minified=True))
