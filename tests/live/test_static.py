"""Static files: behind nginx and alone, beside the real uWSGI, under attack, and for slow clients."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import signal
import socket
import threading
from collections.abc import Mapping
from typing import Final

from tests.live.support import (
    SPAWNED,
    Address,
    Answer,
    Daemon,
    LiveCase,
    connect,
    fetch,
    free_port,
    parse_answer,
    request_vars,
    requires,
    talk,
    uwsgi_packet,
    wait_until,
)

APP: Final = """
def application(environ, start_response):
    body = ("app " + environ["REQUEST_METHOD"] + " " + environ["PATH_INFO"]).encode("latin-1")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
"""
MIME: Final = "text/html html\ntext/css css\ntext/plain txt\napplication/json json\n"
#: Seconds since the epoch at which all files of the tree were changed.
CHANGED: Final = 1_600_000_000
MODIFIED: Final = "Sun, 13 Sep 2020 12:26:40 GMT"
SECRET: Final = "the secret that nobody may read"
#: A size that no socket buffer takes at once.
LARGE: Final = 16 << 20


class StaticCase(LiveCase):
    """A tree of files in the folder of the test."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = self.folder.resolve()
        self.www = self.folder / "www"
        (self.folder / "app.py").write_text(APP)
        (self.folder / "types").write_text(MIME)
        (self.folder / "secret.txt").write_text(SECRET)
        for name, text in {
            "page.html": "<p>page",
            "site.css": "body {}",
            "plain.txt": "text",
            "noext": "no extension",
            "unknown.xyz": "unknown",
            "UPPER.TXT": "upper case",
            "empty.txt": "",
            "code.py": "print()",
            "a b.txt": "a space",
            "sub/index.html": "<p>index",
            "sub/deep/file.txt": "deep",
            "none/file.txt": "no index here",
        }.items():
            path = self.www / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (self.www / "site.css.gz").write_bytes(gzip.compress(b"body {}", mtime=0))
        (self.folder / "www-secret").mkdir()
        (self.folder / "www-secret" / "file.txt").write_text(SECRET)
        (self.folder / "shared").mkdir()
        (self.folder / "shared" / "logo.txt").write_text("shared logo")
        (self.www / "near.txt").symlink_to("sub/deep/file.txt")
        (self.www / "folder").symlink_to("sub")
        (self.www / "escape.txt").symlink_to("../secret.txt")
        (self.www / "logo.txt").symlink_to("../shared/logo.txt")
        (self.folder / "link").symlink_to("www")
        self.date()

    def date(self) -> None:
        for path in self.folder.rglob("*"):
            if path.is_file():
                os.utime(path, (CHANGED, CHANGED))

    def large(self, name: str = "large.bin", size: int = LARGE) -> bytes:
        """A file that takes a while; its digest."""
        content = os.urandom(1 << 20) * (size >> 20)
        (self.www / name).write_bytes(content)
        return hashlib.sha256(content).digest()

    def config(self, more: str = "static-map = /s=@/www") -> str:
        return (
            f"wsgi-file = {self.path('app.py')}\nneed-app = true\nmaster = true\nprocesses = 1\n"
            f"mimefile = {self.path('types')}\nchmod-socket = 666\n" + more.replace("@", str(self.folder))
        )

    def alone(self, more: str = "static-map = /s=@/www", **options: object) -> tuple[Daemon, tuple[str, int]]:
        """A server whose HTTP socket clients reach themselves."""
        port = free_port()
        text = self.config(f"http-socket = 127.0.0.1:{port}\n{more}")
        return self.serve(text, **options), ("127.0.0.1", port)  # type: ignore[arg-type]


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


class FrontEndTests(StaticCase):
    """Behind nginx, as most are."""

    def behind_nginx(self, more: str, locations: str = "") -> tuple[Daemon, str]:
        daemon = self.serve(self.config(f"socket = {self.path('app.sock')}\n{more}"))
        inside = f"location / {{ uwsgi_pass unix:{self.path('app.sock')}; }} {locations}"
        return daemon, self.nginx(inside)

    def test_files_and_the_application(self) -> None:
        """nginx passes on small and large files, parts of them, and what the application says."""
        requires("nginx")
        digest = self.large()
        more = "check-static = @/www\nhonour-range = true\noffload-threads = 1"
        daemon, site = self.behind_nginx(more)
        self.assertEqual(fetch(site, "/page.html").body, b"<p>page")
        self.assertEqual(hashlib.sha256(fetch(site, "/large.bin").body).digest(), digest)
        part = fetch(site, "/large.bin", headers={"Range": "bytes=-4"})
        self.assertEqual((part.status, part.body), (206, (self.www / "large.bin").read_bytes()[-4:]))
        tag = fetch(site, "/page.html").header("ETag")
        assert tag is not None
        self.assertEqual(fetch(site, "/page.html", headers={"If-None-Match": tag}).status, 304)
        self.assertEqual(fetch(site, "/app").body, b"app GET /app")
        line = daemon.wait_for(
            r"GET /large.bin => generated (\d+) bytes in \d+ msecs via offload\(\) .* 200\)"
        )
        self.assertEqual(int(line[1]), LARGE)

    def visit_all(self, site: Address, digest: bytes, prefix: str = "") -> None:
        """Every kind of answer, over whatever stands between."""
        page = fetch(site, f"{prefix}/page.html")
        self.assertEqual(
            (page.status, page.body, page.header("Content-Type")), (200, b"<p>page", "text/html")
        )
        head = fetch(site, f"{prefix}/page.html", method="HEAD")
        self.assertEqual((head.status, head.body, head.header("Content-Length")), (200, b"", "7"))
        tag = page.header("ETag") or ""
        known = fetch(site, f"{prefix}/page.html", headers={"If-None-Match": tag})
        self.assertEqual((known.status, known.body), (304, b""))
        for asked, body in (("2-3", b">p"), ("-4", b"page"), ("0-100", b"<p>page")):
            part = fetch(site, f"{prefix}/page.html", headers={"Range": f"bytes={asked}"})
            self.assertEqual((part.status, part.body), (206, body), asked)
        parts = fetch(site, f"{prefix}/page.html", headers={"Range": "bytes=0-1,5-"})
        self.assertEqual((parts.status, parts.body.count(b"Content-Range: ")), (206, 2))
        self.assertEqual(fetch(site, f"{prefix}/page.html", headers={"Range": "bytes=7-"}).status, 416)
        self.assertEqual(fetch(site, f"{prefix}/empty.txt").body, b"")
        large = fetch(site, f"{prefix}/large.bin")
        self.assertEqual((len(large.body), hashlib.sha256(large.body).digest()), (LARGE, digest))
        head = fetch(site, f"{prefix}/large.bin", method="HEAD")
        self.assertEqual(head.header("Content-Length"), str(LARGE))
        self.assertEqual(fetch(site, f"{prefix}/app").body, b"app GET /app")

    def test_every_protocol(self) -> None:
        """Over every protocol, and through the gateway, the answers are the same."""
        self.through_everything(0)

    def test_every_protocol_with_threads(self) -> None:
        """And where threads send what is large."""
        self.through_everything(1)

    def through_everything(self, threads: int) -> None:
        requires("nginx")
        digest = self.large()
        sockets = {name: self.path(f"{name}.sock") for name in ("uwsgi", "fastcgi", "scgi")}
        lines = [f"{name}-socket = {path}" for name, path in sockets.items()]
        port = free_port()
        lines += [f"http = 127.0.0.1:{port}", "check-static = @/www", "honour-range = true"]
        lines += [f"offload-threads = {threads}"]
        daemon, http = self.alone("\n".join(lines))
        site = self.nginx(
            "".join(
                f"location ~ ^/{name}(/.*)$ {{ include /etc/nginx/{name}_params; {name}_param PATH_INFO $1; "
                f"{name}_pass unix:{path}; }}"
                for name, path in sockets.items()
            )
        )
        for name in sockets:
            self.visit_all(site, digest, f"/{name}")
        self.visit_all(http, digest)
        self.visit_all(("127.0.0.1", port), digest)
        self.assertEqual(daemon.seen("Traceback"), 0, daemon.log())

    def test_nginx_sends(self) -> None:
        """Under file-serve-mode nginx sends the file, by a location that clients can not ask for."""
        requires("nginx")
        digest = self.large()
        (self.www / "ä %41?.txt").write_text("strange name")
        inside = f"location {self.folder}/ {{ internal; root /; }}"
        daemon, site = self.behind_nginx("check-static = @/www\nfile-serve-mode = nginx", inside)
        self.assertEqual(hashlib.sha256(fetch(site, "/large.bin").body).digest(), digest)
        self.assertEqual(fetch(site, "/%C3%A4%20%2541%3F.txt").body, b"strange name")
        daemon.wait_for(r"GET /large.bin => generated 0 bytes")


class HostileTests(StaticCase):
    """Whoever wants more than there is."""

    PATHS: Final = (
        "/s/../secret.txt", "/s/%2e%2e/secret.txt", "/s/%2e%2e%2fsecret.txt", "/s/..%2fsecret.txt",
        "/s/sub/../../secret.txt", "/s/sub/%2e%2e/%2e%2e/secret.txt", "/s//../secret.txt",
        "/s/./../secret.txt", "/s/../www-secret/file.txt", "/s-secret/file.txt", "/s/escape.txt",
        "/s/escape.txt/", "/s/folder/../../secret.txt", "/s/%252e%252e/secret.txt",
        "/s/..%5csecret.txt", "/s/%c0%ae%c0%ae/secret.txt", "/s/page.html%00/../../secret.txt",
        "/s/%00", "/s/..", "/s/../", "/s/../../../../../../../../etc/passwd", "/s/.../secret.txt",
        "/s/proc", "/s/proc/root/etc/passwd", "/../secret.txt",
        "http://shop.example/s/../secret.txt", "/s;/../secret.txt",
    )  # fmt: skip

    def test_ways_out(self) -> None:
        """No path leads to a file outside, and after all of them the worker serves as before."""
        (self.www / "proc").symlink_to("/proc/self")
        sock = self.path("app.sock")
        daemon, address = self.alone(f"socket = {sock}\nstatic-map = /s=@/www\nstatic-index = index.html")
        for path in self.PATHS:
            data = talk(address, f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            self.assertNotIn(SECRET.encode(), data, path)
            self.assertNotIn(b"root:", data, path)
            decoded = path.replace("%2e", ".").replace("%2f", "/").replace("%00", "\0")
            data = talk(sock, uwsgi_packet(request_vars(decoded)))
            self.assertNotIn(SECRET.encode(), data, path)
            self.assertNotIn(b"root:", data, path)
        self.assertEqual(fetch(address, "/s/page.html").body, b"<p>page")
        daemon.wait_for(r"\[uwsgi-fileserve\] security error: .*/secret.txt is not under", count=6)
        self.assertEqual(daemon.seen("Traceback"), 0)

    def test_a_link_that_changes(self) -> None:
        """While a link, and a directory in the way, turn around all the time, nothing outside is served."""
        (self.folder / "outside").mkdir()
        (self.folder / "outside" / "file.txt").write_text(SECRET)
        (self.www / "inside").mkdir()
        (self.www / "inside" / "file.txt").write_text("inside")
        _, address = self.alone()
        stop = threading.Event()

        def turn() -> None:
            while not stop.is_set():
                for target in ("inside", "../outside"):
                    os.symlink(target, self.www / "next")
                    os.rename(self.www / "next", self.www / "turning")

        turning = threading.Thread(target=turn)
        turning.start()
        try:
            wait_until((self.www / "turning").exists, "the link")
            bodies = {fetch(address, "/s/turning/file.txt").body for _ in range(500)}
        finally:
            stop.set()
            turning.join()
        self.assertLessEqual(bodies, {b"inside", b"app GET /s/turning/file.txt"})
        self.assertEqual(fetch(address, "/s/inside/file.txt").body, b"inside")


class SlowTests(StaticCase):
    """Clients that take their time, and workers that have to leave meanwhile."""

    def config(self, more: str = "static-map = /s=@/www") -> str:
        # no client is given up, however long it has to wait for its turn
        return super().config(f"socket-timeout = 60\n{more}")

    def slow(self, address: tuple[str, int], path: str = "/s/large.bin") -> socket.socket:
        """A client that asked and took the first bytes of the answer."""
        client = connect(address)
        self.addCleanup(client.close)
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        self.assertEqual(client.recv(12), b"HTTP/1.1 200")
        return client

    def rest(self, client: socket.socket) -> bytes:
        """The digest of the body, which is all that comes until the end."""
        return hashlib.sha256(self.body(client)).digest()

    def body(self, client: socket.socket) -> bytes:
        pieces = []
        while piece := client.recv(1 << 20):
            pieces.append(piece)
        return b"".join(pieces).partition(b"\r\n\r\n")[2]

    def test_one_worker_and_many_slow_clients(self) -> None:
        """With offload threads one worker serves others while ten clients take their time; a reactor too."""
        digest = self.large()
        for loop in ("simple", "reactor"):
            daemon, address = self.alone(
                f"static-map = /s=@/www\noffload-threads = 1\nloop = {loop}", name=f"{loop}.ini"
            )
            clients = [self.slow(address) for _ in range(10)]
            self.assertEqual(fetch(address, "/app").body, b"app GET /app")
            self.assertEqual(daemon.seen("/s/large.bin"), 0)
            for client in clients:
                self.assertEqual(self.rest(client), digest)
            line = rf"GET /s/large.bin => generated {LARGE} bytes in \d+ msecs via offload"
            daemon.wait_for(line, count=10)
            self.assertEqual(daemon.seen("spawned 1 offload threads for uWSGI worker 1"), loop == "simple")

    def test_a_stop_waits(self) -> None:
        """A stop and a reload let a transfer come to its end."""
        digest = self.large()
        daemon, address = self.alone("static-map = /s=@/www\noffload-threads = 1")
        before = self.slow(address)
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for(SPAWNED, count=2)
        wait_until(lambda: fetch(address, "/app").status == 200, "an answer of the new worker")
        after = self.slow(address)
        daemon.process.send_signal(signal.SIGTERM)
        rests = [self.rest(before), self.rest(after)]
        self.assertEqual(rests, [digest, digest], daemon.log())
        wait_until(lambda: daemon.process.poll() is not None, "the end of the instance")
        self.assertEqual(daemon.survivors(), [])

    def test_mercy_ends(self) -> None:
        """A client that goes on taking its time is left alone when the mercy is over."""
        self.large()
        more = "static-map = /s=@/www\noffload-threads = 1\nworker-reload-mercy = 2"
        daemon, address = self.alone(more)
        self.slow(address)
        daemon.process.send_signal(signal.SIGTERM)
        wait_until(lambda: daemon.process.poll() is not None, "the end of the instance")
        self.assertEqual(daemon.survivors(), [])

    def test_a_file_that_is_replaced(self) -> None:
        """A file that is replaced, or removed, in the middle of its transfer arrives as it was."""
        digest = self.large()
        for threads in (0, 1):
            _, address = self.alone(
                f"static-map = /s=@/www\noffload-threads = {threads}", name=f"{threads}.ini"
            )
            client = self.slow(address)
            (self.www / "other").write_bytes(b"new")
            os.rename(self.www / "large.bin", self.www / "kept.bin")
            os.rename(self.www / "other", self.www / "large.bin")
            self.assertEqual(self.rest(client), digest)
            self.assertEqual(fetch(address, "/s/large.bin").body, b"new")
            os.rename(self.www / "kept.bin", self.www / "large.bin")

    def test_a_file_that_is_cut(self) -> None:
        """A file that is cut in the middle of its transfer ends the connection, and no worker dies of it."""
        for threads in (0, 1):
            self.large()
            daemon, address = self.alone(
                f"static-map = /s=@/www\noffload-threads = {threads}", name=f"{threads}.ini"
            )
            client = self.slow(address)
            os.truncate(self.www / "large.bin", LARGE - 1)
            self.assertEqual(len(self.body(client)), LARGE - 1)
            self.assertEqual(fetch(address, "/app").status, 200)
            daemon.wait_for(rf"GET /s/large.bin => generated {LARGE - 1} bytes")

    def test_threads_that_serve(self) -> None:
        """The same with several cores, and what file_wrapper sends goes the same way."""
        digest = self.large()
        (self.folder / "app.py").write_text(FILE_APP.replace("@", str(self.www / "large.bin")))
        daemon, address = self.alone("offload-threads = 2\nthreads = 2")
        clients = [self.slow(address, "/any") for _ in range(6)]
        for client in clients:
            self.assertEqual(self.rest(client), digest)
        daemon.wait_for(rf"GET /any => generated {LARGE} bytes in \d+ msecs via offload", count=6)


FILE_APP: Final = """
import os
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", str(os.path.getsize("@")))])
    return environ["wsgi.file_wrapper"](open("@", "rb"))
"""


class AloneTests(StaticCase):
    """Without a front end, and without an application."""

    def test_no_application(self) -> None:
        """An instance without an application serves files, also the kinds of answers that only HTTP has."""
        port = free_port()
        config = f"http-socket = 127.0.0.1:{port}\nmaster = true\nprocesses = 1\ncheck-static = {self.www}\n"
        self.serve(
            config + f"static-index = index.html\nmimefile = {self.path('types')}\nhonour-range = true"
        )
        address = ("127.0.0.1", port)
        self.assertEqual(fetch(address, "/sub/").body, b"<p>index")
        self.assertEqual(fetch(address, "/page.html", method="HEAD").header("Content-Length"), "7")
        part = fetch(address, "/page.html", headers={"Range": "bytes=0-1,-2"})
        self.assertEqual(part.status, 206)
        self.assertIn(b"Content-Range: bytes 5-6/7\r\n\r\nge\r\n", part.body)
        self.assertEqual(fetch(address, "/page.html", headers={"Range": "bytes=7-"}).status, 416)
        self.assertEqual(fetch(address, "/nothing").status, 500)

    def test_a_config_that_can_not_be_meant(self) -> None:
        """Values that are none are told with file and line, and nothing starts."""
        lines = "static-map = /srv\nstatic-expires = ( 1\nfile-serve-mode = apache\nstatic-expires-type = x"
        daemon = self.launch(self.config(lines))
        wait_until(lambda: daemon.process.poll() is not None, "its end")
        self.assertEqual(daemon.process.returncode, 1)
        for said in (
            "syntax mountpoint=docroot", "pcre error:", "x-sendfile", "invalid dictionary syntax for x",
        ):  # fmt: skip
            daemon.wait_for(re.escape(said))
