"""psgix.io: applications in Perl that take the connection of the client for themselves."""

from __future__ import annotations

from typing import Final

from tests.live.support import (
    APPS,
    Address,
    Daemon,
    connect,
    fetch,
    talk,
)
from tests.live.test_psgi import PerlCase

SWITCHING: Final = APPS / "perl" / "switching.psgi"
UPGRADE: Final = (
    b"GET %s HTTP/1.1\r\nHost: shop.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
SWITCHED: Final = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: lines\r\nConnection: Upgrade\r\n\r\n"


class ClientsTests(PerlCase):
    """Applications that speak to the client themselves."""

    def hear(self, where: Address, request: bytes) -> None:
        """Speak lines over a connection that began with *request*."""
        with connect(where) as client, client.makefile("rb") as lines:
            client.sendall(request)
            self.assertEqual(lines.read(len(SWITCHED)), SWITCHED)
            for word in (b"one", b"two"):
                client.sendall(word + b"\n")
                self.assertEqual(lines.readline(), b"heard " + word + b"\n")
            client.sendall(b"bye\n")
            self.assertEqual(lines.read(), b"")

    def gateway(self, daemon: Daemon) -> Address:
        return "127.0.0.1", int(daemon.wait_for(r"uWSGI http bound on 127.0.0.1:(\d+) ")[1])

    def test_behind_a_gateway(self) -> None:
        """Behind the gateway of the instance a client may switch protocols; nothing else is taken from it."""
        daemon = self.serve(
            f"psgi = {SWITCHING}\npsgi-enable-psgix-io = true\nmaster = true\n"
            "http = 127.0.0.1:0\nhttp-websockets = true\nhttp-keepalive = 9\n"
        )
        where = self.gateway(daemon)
        for path in (b"/switch", b"/late"):
            self.hear(where, UPGRADE % path)
            self.assertEqual(fetch(where, "/").body, b"there")
        self.assertIn(b"can not be taken: its protocol", fetch(where, "/refused").body)

    def test_sockets(self) -> None:
        """On sockets for uwsgi and for HTTP it is what it claims to be, and the worker goes on."""
        http = self.path("http.sock")
        daemon = self.instance(
            f"psgi-enable-psgix-io = true\nhttp-socket = {http}\nhttp-socket = 127.0.0.1:0\n"
            "http = 127.0.0.1:0\nhttp-websockets = true\n",
            app=SWITCHING,
        )
        tcp = "127.0.0.1", int(daemon.wait_for(r"bound to TCP address 127.0.0.1:(\d+) ")[1])
        gateway = self.gateway(daemon)
        for path in ("/switch", "/late", "/writer"):
            self.hear(self.where, self.packet(path))
            for where in (http, tcp, gateway):
                self.hear(where, UPGRADE % path.encode())
        # what is opened by its first use is a socket of its kind
        self.assertEqual(self.ask("/kinds").body, b"uwsgid::client 1 1 IO::Socket::UNIX 1 1 1 -")
        self.assertEqual(fetch(tcp, "/kinds").body, b"uwsgid::client 1 1 IO::Socket::INET 1 1 1 127.0.0.1")
        for name, value in (
            ("peerhost", b"127.0.0.1"),
            ("blocking", b"1"),
            ("opened", b"1"),
            ("no", b"no no"),
        ):
            self.assertEqual(fetch(tcp, f"/first?{name}").body, value)
        # it is open for as long as the application wants, on connections that would be kept as well
        head = b"HTTP/1.0 200 OK\r\n\r\n"
        self.assertEqual(talk(self.where, self.packet("/after")), head + b"goodbye\n")
        self.assertEqual(talk(http, b"GET /after HTTP/1.1\r\nHost: a\r\n\r\n"), head + b"goodbye\n")
        # who dies after taking it is heard in the log, and that of another request is nobody's
        self.hear(self.where, self.packet("/dies"))
        daemon.wait_for(r"\[uwsgi-perl error\] an apple fell on the line")
        self.assertEqual(self.ask("/keep").body, b"kept")
        self.assertEqual(self.ask("/kept").body, b"psgix.io is that of a request which is over\n")
        with connect(self.where) as client:
            client.sendall(self.packet("/refused", method="POST", length=4) + b"ha")
            self.assertIn(b"its body was not read to the end", client.recv(65536))
        self.assertEqual(self.ask("/").body, b"there")
        self.assertNotIn("thrown away", daemon.log())
