"""Static files: behind nginx and alone, and under attack."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from typing import Final

from tests.live.sites import LARGE, SECRET, StaticCase
from tests.live.support import (
    Address,
    Daemon,
    fetch,
    free_port,
    request_vars,
    requires,
    talk,
    uwsgi_packet,
    wait_until,
)


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
