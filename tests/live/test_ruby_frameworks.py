"""Rack 3 and its own Rack::Lint, and an application of Rails."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any, Final

from twisted.trial.unittest import SkipTest

from tests.live.support import APPS, Address, connect, fetch, parse_answer, talk, uwsgi_packet
from tests.live.test_frameworks import FORM, UPLOAD, multipart
from tests.live.test_rack import RACK, RubyCase

RACK3: Final = APPS / "ruby" / "rack3.ru"
SHOP: Final = APPS / "ruby" / "shop"
UPGRADE: Final = (
    b"GET /cable HTTP/1.1\r\nHost: shop.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: actioncable-v1-json\r\n\r\n"
)
#: A whole message of text in one frame.
TEXT: Final = 0x81
#: What .ci/debian-unpacked made; the tests may be reached by a link.
UNPACKED: Final = Path(__file__).resolve().parents[2] / ".unpacked"


class Rack3Tests(RubyCase):
    """The gem of Rack 3, which Debian has in a later suite."""

    def test_rack_3(self) -> None:
        """What Rack 3 brought works, and neither its Rack::Lint nor its middleware has anything to say."""
        gems = sorted(UNPACKED.glob("usr/share/rubygems-integration/*/gems/rack-3*/lib"))
        if not gems:
            raise SkipTest("needs Rack 3; tests/debian-unpacked.txt says where it comes from")
        http = self.path("http.sock")
        daemon = self.instance(f"http-socket = {http}\nrb-lib = {gems[0]}\n", app=RACK3)
        self.assertEqual(self.ask("/release").body[:2], b"3.", daemon.log())
        pieces = b"part 0\npart 1\npart 2\n"
        for path, body in {
            "/each": pieces,
            "/call": pieces,
            "/partial": b"partly",
            "/file": RACK3.read_bytes(),
            "/files/rack3.ru": RACK3.read_bytes(),
            "/hijack": b"hijacked",
            "/finished": b"finishing",
            "/empty": b"",
        }.items():
            self.assertEqual((path, self.ask(path).body), (path, body))
            self.assertEqual((path, fetch(http, path).body), (path, body))
        daemon.wait_for("finished 200 text/plain nil", count=2)
        headers = self.ask("/headers").headers
        self.assertEqual([value for name, value in headers if name == "set-cookie"], ["a=1", "b=2"])
        self.assertIn("etag", dict(headers))
        data = b"0123456789" * 20_000
        for where in (self.where, http):
            for path, expected in (
                ("/digest", hashlib.md5(data).hexdigest().encode()),
                ("/echo", b"heard " + data),
            ):
                answer = (
                    self.ask(path, method="POST", body=data)
                    if where == self.where
                    else fetch(where, path, method="POST", body=data)
                )
                self.assertEqual((path, answer.body), (path, expected))
        env = json.loads(fetch(http, "/env?a=b", method="GET").body)
        self.assertEqual((env["QUERY_STRING"], env["SCRIPT_NAME"], env["PATH_INFO"]), ("a=b", "", "/env"))
        self.assertEqual(fetch(http, "/each", method="HEAD").body, b"")
        bare = {"REQUEST_METHOD": "GET", "PATH_INFO": "/env"}
        self.assertEqual(parse_answer(talk(self.where, uwsgi_packet(bare, RACK))).status, 200)
        self.assertEqual(daemon.seen("LintError|Error"), 0, daemon.log())


class RailsTests(RubyCase):
    """An application of the Rails that Debian has."""

    def test_rails(self) -> None:
        """Routes, sessions, uploads, files, streams, channels and errors work."""
        ask_for = [
            "ruby",
            "-e",
            "%w[railties actioncable].each { |gem| Gem::Specification.find_by_name(gem) }",
        ]
        if subprocess.run(ask_for, stderr=subprocess.DEVNULL).returncode:
            raise SkipTest("needs ruby-railties and ruby-actioncable; tests/debian-packages.txt")
        http = self.path("http.sock")
        daemon = self.serve(
            f"http-socket = {http}\nrails = {SHOP}\nneed-app = true\nmaster = true\n"
            "http = 127.0.0.1:0\nhttp-websockets = true\n",
            environ={"RAILS_ENV": "production"},
        )
        host = {"Host": "shop.example"}
        self.assertEqual(
            fetch(http, "/orders?page=2", headers=host).body,
            b'orders of shop.example by http page "2" seen nil',
        )
        order = fetch(http, "/orders", method="POST", headers={**host, **FORM}, body=b"item=tea")
        self.assertEqual(
            (order.status, order.header("Location")), (302, "http://shop.example/orders"), daemon.log()
        )
        cookie = (order.header("Set-Cookie") or "").partition(";")[0]
        self.assertIn(b'seen "tea"', fetch(http, "/orders", headers={**host, "Cookie": cookie}).body)
        headers = {**host, "Content-Type": "multipart/form-data; boundary=uwsgid-live-boundary"}
        upload = json.loads(
            fetch(http, "/upload", method="POST", headers=headers, body=multipart(UPLOAD)).body
        )
        self.assertEqual(upload, {"name": "shop.bin", "size": len(UPLOAD)})
        self.assertEqual(fetch(http, "/guarded", method="POST", headers={**host, **FORM}).status, 422)
        self.assertEqual(
            fetch(http, "/source", headers=host).body, (SHOP / "config" / "environment.rb").read_bytes()
        )
        self.assertEqual(fetch(http, "/live", headers=host).body, b"part 0\npart 1\npart 2\n")
        port = int(daemon.wait_for(r"uWSGI http bound on 127.0.0.1:(\d+) ")[1])
        for where in (http, ("127.0.0.1", port)):
            self.hear_of_prices(where)
        self.assertEqual(fetch(http, "/break", headers=host).status, 500)
        daemon.wait_for("an apple fell")
        self.assertEqual(fetch(http, "/nowhere", headers=host).status, 404)

    def hear_of_prices(self, where: Address) -> None:
        """A channel of ActionCable: a websocket, for which Rails takes the connection of the client."""
        with connect(where) as client, client.makefile("rb") as frames:
            client.sendall(UPGRADE)
            self.assertEqual(frames.readline(), b"HTTP/1.1 101 Switching Protocols\r\n")
            while frames.readline() != b"\r\n":
                pass

            def hear() -> Any:
                """What Rails tells next, but for the pings in between."""
                while True:
                    head, size = frames.read(2)
                    heard = json.loads(frames.read(size))
                    self.assertEqual(head, TEXT)
                    if heard.get("type") != "ping":
                        return heard

            def tell(**words: object) -> None:
                data = json.dumps({"identifier": json.dumps({"channel": "PricesChannel"}), **words}).encode()
                # what a client says is masked (RFC 6455, section 5.3), with zeros here
                client.sendall(bytes((TEXT, 0x80 | 126)) + len(data).to_bytes(2, "big") + bytes(4) + data)

            self.assertEqual(hear(), {"type": "welcome"})
            tell(command="subscribe")
            self.assertEqual(hear()["type"], "confirm_subscription")
            self.assertEqual(fetch(where, "/nowhere", headers={"Host": "shop.example"}).status, 404)
            tell(command="message", data=json.dumps({"action": "tell", "price": 7}))
            self.assertEqual(hear()["message"], {"told": 7})
