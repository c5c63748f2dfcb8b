"""The PROXY protocol between HAProxy and an HTTP socket."""

from __future__ import annotations

import json
from dataclasses import replace

from tests.live.fronts import HAPROXY_HTTP, start_front
from tests.live.support import APPS, LiveCase, connect, fetch, requires, talk


class HaproxyTests(LiveCase):
    """HAProxy says who its client is."""

    def test_versions(self) -> None:
        """In version 1 and 2 the application and the log see the client's address and port."""
        requires("haproxy")
        where = self.path("shop.sock")
        for words in ("send-proxy", "send-proxy-v2"):
            daemon = self.serve(
                f"http-socket = {where}\nwsgi-file = {APPS / 'probe.py'}\nmaster = true\n"
                "enable-proxy-protocol = true\nlog-format = seen %(addr) %(uri)\n"
            )
            server = "server shop unix@/tmp/shop.sock"
            site = start_front(self, replace(HAPROXY_HTTP, changes=((server, f"{server} {words}"),)), where)
            with connect(site) as client:
                port = client.getsockname()[1]
                client.sendall(b"GET /env HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                received = b""
                while data := client.recv(65536):
                    received += data
            environ = json.loads(received.partition(b"\r\n\r\n")[2])
            self.assertEqual((environ["REMOTE_ADDR"], environ["REMOTE_PORT"]), ("127.0.0.1", str(port)))
            assert not isinstance(site, str)
            self.assertEqual((environ["SERVER_ADDR"], environ["SERVER_PORT"]), (site[0], str(site[1])))
            for _ in range(5):
                self.assertTrue(fetch(site, "/pid").body.isdigit())
            daemon.wait_for("seen 127.0.0.1 /env")
            refused = talk(where, b"GET /env HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertTrue(refused.startswith(b"HTTP/1.1 400 "), refused)
            daemon.wait_for("no PROXY header before 'GET /env.*enable-proxy-protocol")
            daemon.close()
