"""What is the same for each language behind each web server, over each protocol that it speaks.

One instance of a language listens for all protocols, and the front ends come to it one after the other.  All
languages (`tests.live.test_languages`) have the same pages (``apps/matrix``), so that what is expected stands
here once.  Debian's uWSGI runs the same application behind the same front ends, and its clients have to get
the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Final
from urllib.parse import unquote

from tests.live.fronts import APACHE_UWSGI, FRONTS, NGINX_UWSGI, standing
from tests.live.support import Address, Answer, LiveCase, fetch, requires

UPLOAD: Final = bytes(range(256)) * 1024
SOCKETS: Final = ("socket", "http-socket", "fastcgi-socket", "scgi-socket")
#: Fields that a front end makes, or makes of the moment at which the pieces of an answer reach it.
FRAMING: Final = frozenset({"date", "content-length", "transfer-encoding", "connection"})


def ask(site: Address, path: str, method: str = "GET", body: bytes | None = None) -> Answer:
    """What a front end answers."""
    return fetch(site, path, method=method, headers={"Host": "shop.example", "X-One": "1"}, body=body)


class LanguageTests(LiveCase):
    """One language, behind everything; not run by itself.

    :cvar option: how the application is configured.
    :cvar plugin: the plugin of uWSGI that has the language, and its modifier.
    :cvar programs: what the language needs.
    """

    option: ClassVar[str]
    plugin: ClassVar[tuple[str, int]]
    programs: ClassVar[tuple[str, ...]] = ()

    def instance(self, server: str, *more: str) -> None:
        """Start a server that listens for every protocol."""
        lines = [f"{name} = {self.path(f'{server}-{name}')}" for name in SOCKETS]
        lines += [self.option, "master = true", "processes = 2", "chmod-socket = 666", *more]
        self.serve("\n".join(lines), server=server, workers=2, name=f"{server}.ini")

    def check(self, site: Address, path: str = "/env/a%20b") -> None:
        """Every page is as it should be.

        :param path: one that is told back.
        """
        seen = ask(site, f"{path}?d=%20e").body.decode()
        self.assertEqual(
            seen,
            f"REQUEST_METHOD=GET\nSCRIPT_NAME=\nPATH_INFO={unquote(path)}\nQUERY_STRING=d=%20e\n"
            "HTTP_X_ONE=1\nHTTP_HOST=shop.example\n",
        )
        for body in (UPLOAD, b"small", b""):
            answer = ask(site, "/digest", "POST", body)
            self.assertEqual((answer.status, answer.body), (200, b"%d %d" % (len(body), sum(body))))
        large = ask(site, "/large")
        self.assertEqual((large.status, len(large.body)), (200, 102400))
        head = ask(site, "/large", "HEAD")
        self.assertEqual((head.status, head.body), (200, b""))
        missing = ask(site, "/missing")
        self.assertEqual((missing.status, missing.body), (404, b"there is no such thing"))
        self.assertEqual(missing.header("X-Quoted"), 'a "b" \\ c; d=(e), <f>')
        redirect = ask(site, "/redirect")
        self.assertEqual((redirect.status, redirect.body), (302, b""))
        self.assertTrue((redirect.header("Location") or "").endswith("/elsewhere?a=b"), redirect)
        cookies = [value for key, value in redirect.headers if key.lower() == "set-cookie"]
        self.assertEqual(cookies, ["a=1", "b=2"])

    def told(self, name: str, site: Address) -> Mapping[str, object]:
        """What a client is told on each page: status, reason, headers and body."""
        pages: list[tuple[str, str, bytes | None]] = [
            ("GET", "/env/a-b?d=%20e", None),
            ("OPTIONS", "/env", None),
            ("POST", "/digest", UPLOAD),
            ("PUT", "/digest", b""),
            ("GET", "/large", None),
            ("GET", "/missing", None),
            ("GET", "/redirect", None),
        ]
        found: dict[str, object] = {}
        for method, path, body in pages:
            answer = ask(site, path, method, body)
            headers = [pair for pair in answer.headers if pair[0].lower() not in FRAMING]
            found[f"{name}: {method} {path}"] = (
                answer.status,
                answer.reason,
                sorted(headers),
                answer.body,
            )
        return found

    def visit(self, program: str) -> None:
        """Every protocol that a web server speaks."""
        requires(program, *self.programs)
        self.instance("uwsgid")
        for front in FRONTS:
            if front.program == program:
                with standing(self, front, self.path(f"uwsgid-{front.option}")) as site:
                    self.check(site, "/env/a-b" if front.plain_paths else "/env/a%20b")

    def visit_gateway(self) -> None:
        """The HTTP gateway of the instance, with nothing before it."""
        requires(*self.programs)
        gateway = self.path("gateway")
        self.instance("uwsgid", f"http = {gateway}")
        self.check(gateway)

    def compare(self) -> None:
        """Every front end, every protocol and the gateway, beside uWSGI."""
        requires("uwsgi-core", *sorted({front.program for front in FRONTS}), *self.programs)
        plugin, modifier1 = self.plugin
        modifiers = [f"{name}-modifier1 = {modifier1}" for name in ("http", "http-socket", "fastcgi", "scgi")]
        told: list[Mapping[str, object]] = []
        for server in ("uwsgi", "uwsgid"):
            gateway = self.path(f"{server}-gateway")
            self.instance(server, f"plugins = http,{plugin}", f"http = {gateway}", *modifiers)
            pages = dict(self.told("http", gateway))
            for front in FRONTS:
                if front is APACHE_UWSGI and modifier1:
                    continue  # it says modifier 0, for which uWSGI has nobody then
                changes = front.anew
                if front is NGINX_UWSGI:
                    changes = (("uwsgi_pass", f"uwsgi_modifier1 {modifier1};\n        uwsgi_pass"),)
                with standing(
                    self, replace(front, changes=changes), self.path(f"{server}-{front.option}")
                ) as site:
                    pages.update(self.told(front.example, site))
            told.append(pages)
        found = [
            f"{page}: {told[0][page]} -> {told[1][page]}"
            for page in told[0]
            if told[0][page] != told[1][page]
        ]
        self.assertEqual(found, [], "\n" + "\n".join(found))

    def test_nginx(self) -> None:
        """Behind nginx."""
        self.visit("nginx")

    def test_apache(self) -> None:
        """Behind Apache."""
        self.visit("apache2")

    def test_lighttpd(self) -> None:
        """Behind lighttpd."""
        self.visit("lighttpd")

    def test_haproxy(self) -> None:
        """Behind HAProxy."""
        self.visit("haproxy")

    def test_gateway(self) -> None:
        """Behind the gateway."""
        self.visit_gateway()

    def test_beside_uwsgi(self) -> None:
        """As with uWSGI."""
        self.compare()
