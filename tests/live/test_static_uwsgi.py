"""Static files beside the real uWSGI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.live.sites import MODIFIED, StaticCase
from tests.live.support import Answer, parse_answer, request_vars, requires, talk, uwsgi_packet

#: Options for the comparison with uWSGI.
OPTIONS: Final = r"""
static-map = /s=@/www
static-map = /twice=@/none
static-map = /twice=@/www
static-map = /one=@/www/page.html
static-map2 = /sub=@/www
check-static = @/www/none
static-map = /linked=@/link
static-index = nothing.html
static-index = index.html
static-skip-ext = .py
static-safe = @/shared
static-expires-mtime = \.txt$ 3600
static-expires-path-info-mtime = ^/s/page 60
static-expires-uri-mtime = v=1 90
static-expires-type-mtime = text/css=120
static-gzip-ext = .css
"""


class BesideUwsgiTests(StaticCase):
    """The same visits to both, with the same configuration."""

    #: Headers that uWSGI does not have and uwsgid means to have, and those that each server says of itself.
    MEANT: Final = frozenset({"etag", "vary", "connection", "date", "server"})

    VISITS: Final[tuple[tuple[str, str, Mapping[str, str]], ...]] = (
        *(
            ("GET", path, {})
            for path in (
                "/s/page.html", "/s/plain.txt", "/s/noext", "/s/unknown.xyz", "/s/UPPER.TXT", "/s/empty.txt",
                "/s/code.py", "/s/a%20b.txt", "/s/sub", "/s/sub/", "/s/sub/index.html", "/s/sub/deep",
                "/s/none/", "/s/", "/s", "/sx", "/s//page.html", "/s/./sub/../page.html",
                "/s/none/../page.html",
                "/twice/page.html", "/one", "/sub/deep/file.txt", "/sub/", "/file.txt", "/app", "/s/nothing",
                "/s/page.html/", "/s/page.html/x", "/s/near.txt", "/s/folder/", "/s/folder/deep/file.txt",
                "/s/escape.txt", "/s/logo.txt", "/linked/page.html", "/s/../secret.txt",
                "/s/%2e%2e/secret.txt", "/s/%2e%2e%2fsecret.txt", "/s/noext?v=1", "/s/site.css",
            )
        ),
        ("HEAD", "/s/page.html", {}),
        ("POST", "/s/page.html", {}),
        ("PUT", "/s/page.html", {}),
        ("OPTIONS", "/s/page.html", {}),
        ("GET", "/s/site.css", {"Accept-Encoding": "gzip, deflate"}),
        ("GET", "/s/site.css", {"Accept-Encoding": "deflate"}),
        ("GET", "/s/page.html", {"Accept-Encoding": "gzip"}),
        ("GET", "/s/noext", {"If-Modified-Since": MODIFIED}),
        ("GET", "/s/noext", {"If-Modified-Since": "Sun, 13 Sep 2020 12:26:41 GMT"}),
        ("GET", "/s/noext", {"If-Modified-Since": "Sun, 13 Sep 2020 12:26:39 GMT"}),
        ("GET", "/s/noext", {"If-Modified-Since": "soon"}),
        ("GET", "/s/noext", {"Range": "bytes=0-1"}),
    )  # fmt: skip

    def ask(self, site: str, server: str, visit: tuple[str, str, Mapping[str, str]]) -> Answer:
        method, path, headers = visit
        # raw, since a client of the library would tidy the path
        fields = {"Host": "shop.example", "X-Server": server, "Connection": "close", **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return parse_answer(talk(site, f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode()))

    def facts(self, answer: Answer) -> tuple[object, ...]:
        """What is compared: all but what is meant to differ."""
        headers = sorted((name, value) for name, value in answer.headers if name.lower() not in self.MEANT)
        return answer.status, headers, answer.body

    def compare(self, option: str) -> None:
        requires("uwsgi-core")
        sites = {}
        for server in ("uwsgi", "uwsgid"):
            sites[server] = self.path(f"{server}.sock")
            self.serve(
                self.config(f"{option} = {sites[server]}\n{OPTIONS}"), server=server, name=f"{server}.ini"
            )
        found = []
        for visit in self.VISITS:
            if option == "http-socket" and "/../" in visit[1]:
                continue  # uWSGI 2.0 takes the dots away before anybody sees them
            theirs, ours = (self.facts(self.visit(option, sites[server], visit)) for server in sites)
            if theirs != ours:
                found.append(f"{visit}\n  uwsgi  {theirs}\n  uwsgid {ours}")
        self.assertEqual(found, [], "\n" + "\n".join(found))

    def visit(self, option: str, site: str, visit: tuple[str, str, Mapping[str, str]]) -> Answer:
        if option == "http-socket":
            return self.ask(site, "", visit)
        method, path, headers = visit
        plain, _, query = path.partition("?")
        named = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
        decoded = plain.replace("%2e", ".").replace("%2f", "/").replace("%20", " ")
        vars = {**request_vars(decoded, method=method, query=query), **named}
        return parse_answer(talk(site, uwsgi_packet(vars)))

    def test_http_socket(self) -> None:
        """Status, headers and body of every visit are the same on an HTTP socket."""
        self.compare("http-socket")

    def test_uwsgi_socket(self) -> None:
        """And on a uwsgi socket."""
        self.compare("socket")
