"""nginx in front, real frameworks behind: what a site is made of.

Each front runs the same visits, for the way a request takes makes no difference to an application: nginx
over a unix socket, nginx over TCP, nginx as a plain HTTP proxy.
"""

from __future__ import annotations

import hashlib
import json
from typing import Final

from twisted.trial.unittest import SkipTest

from tests.live.support import APPS, SERVER, LiveCase, fetch, free_port, requires

BOUNDARY: Final = "uwsgid-live-boundary"
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
UPLOAD: Final = bytes(range(256)) * 8192


def multipart(data: bytes) -> bytes:
    """A form with one file in it."""
    return (
        (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="shop.bin"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        + data
        + f"\r\n--{BOUNDARY}--\r\n".encode()
    )


class Fronts(LiveCase):
    """The three ways from nginx to a server; not run by itself."""

    def front(self, way: str, app: str, callable_name: str) -> str:
        """Start the server with an app and nginx before it; the address of nginx."""
        requires("nginx")
        if SERVER != "uwsgid":
            raise SkipTest("the frameworks live in uwsgid's environment only")
        if way == "unix":
            where = self.path("app.sock")
            option, location = f"socket = {where}", f"uwsgi_pass unix:{where};"
        else:
            where = f"127.0.0.1:{free_port()}"
            if way == "tcp":
                option, location = f"socket = {where}", f"uwsgi_pass {where};"
            else:
                option = f"http-socket = {where}"
                location = (
                    f"proxy_pass http://{where}; proxy_http_version 1.1; proxy_set_header Connection '';"
                    "proxy_set_header Host $host;"
                )
        self.serve(
            f"""
            {option}
            chmod-socket = 666
            wsgi-file = {APPS / app}
            callable = {callable_name}
            need-app = true
            master = true
            processes = 2
            """,
            workers=2,
        )
        return self.nginx(f"location / {{ {location} }}")


class FlaskTests(Fronts):
    """A Flask application behind nginx."""

    def visit(self, way: str) -> None:
        site = self.front(way, "flask_shop.py", "app")
        front = fetch(site, headers={"Host": "shop.example"})
        self.assertEqual((front.status, front.body[:24]), (200, b"Welcome to shop.example,"))
        basket = fetch(
            site, "/basket?page=2", method="POST", headers=FORM, body=b"item=tea&item=milk&note=%C3%BC"
        )
        self.assertEqual(
            json.loads(basket.body),
            {"form": {"item": ["tea", "milk"], "note": ["ü"]}, "query": {"page": "2"}},
        )
        mirror = fetch(
            site, "/json", method="PUT", headers={"Content-Type": "application/json"}, body=b'{"a": [1, 2]}'
        )
        self.assertEqual(json.loads(mirror.body), {"a": [1, 2]})
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        upload = json.loads(
            fetch(site, "/upload", method="POST", headers=headers, body=multipart(UPLOAD)).body
        )
        self.assertEqual(
            (upload["size"], upload["sha256"]), (len(UPLOAD), hashlib.sha256(UPLOAD).hexdigest())
        )
        login = fetch(site, "/login/ada")
        self.assertEqual((login.status, login.header("Location")), (302, "/who"))
        cookie = (login.header("Set-Cookie") or "").partition(";")[0]
        self.assertEqual(fetch(site, "/who", headers={"Cookie": cookie}).body, b"ada")
        stream = fetch(site, "/stream")
        self.assertEqual(stream.body, b"".join(b"line %d\n" % number for number in range(100)))
        self.assertEqual(fetch(site, "/teapot").status, 418)
        self.assertEqual(fetch(site, "/broken").status, 500)
        head = fetch(site, "/", method="HEAD", headers={"Host": "shop.example"})
        self.assertEqual(
            (head.status, head.body, head.header("Content-Length")),
            (200, b"", front.header("Content-Length")),
        )

    def test_unix(self) -> None:
        """Flask works behind nginx over a unix uwsgi socket."""
        self.visit("unix")

    def test_tcp(self) -> None:
        """Flask works behind nginx over a TCP uwsgi socket."""
        self.visit("tcp")

    def test_proxy(self) -> None:
        """Flask works behind nginx as a proxy before http-socket."""
        self.visit("proxy")


class DjangoTests(Fronts):
    """A Django application behind nginx."""

    def visit(self, way: str) -> None:
        site = self.front(way, "django_shop.py", "application")
        host = {"Host": "shop.example"}
        self.assertEqual(fetch(site, "/", headers=host).body, b"Welcome to shop.example/.")
        token = fetch(site, "/token", headers=host)
        cookie = (token.header("Set-Cookie") or "").partition(";")[0]
        form = {**host, **FORM, "Cookie": cookie, "X-CSRFToken": token.body.decode()}
        order = fetch(site, "/order", method="POST", headers=form, body=b"item=tea&item=milk")
        self.assertEqual(json.loads(order.body), {"post": {"item": ["tea", "milk"]}, "orders": 1})
        refused = fetch(site, "/order", method="POST", headers={**host, **FORM}, body=b"item=tea")
        self.assertEqual(refused.status, 403)
        headers = {**host, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        upload = fetch(site, "/upload", method="POST", headers=headers, body=multipart(UPLOAD))
        self.assertEqual(
            json.loads(upload.body), {"size": len(UPLOAD), "sha256": hashlib.sha256(UPLOAD).hexdigest()}
        )
        stream = fetch(site, "/stream", headers=host)
        self.assertEqual(stream.body, b"".join(b"line %d\n" % number for number in range(100)))
        self.assertEqual(fetch(site, "/broken", headers=host).status, 500)
        self.assertEqual(fetch(site, "/nowhere", headers=host).status, 404)

    def test_unix(self) -> None:
        """Django works behind nginx over a unix uwsgi socket."""
        self.visit("unix")

    def test_tcp(self) -> None:
        """Django works behind nginx over a TCP uwsgi socket."""
        self.visit("tcp")

    def test_proxy(self) -> None:
        """Django works behind nginx as a proxy before http-socket."""
        self.visit("proxy")
