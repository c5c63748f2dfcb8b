"""FastCGI between uwsgid and what speaks it: nginx that keeps connections, cgi-fcgi, and bytes of our own.

What Apache, lighttpd and HAProxy make of it is in `tests.live.test_fronts`.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
from pathlib import Path

from tests.live.protocols import BIG, DIGEST, LOOPS, ProtocolCase, digest, pages
from tests.live.support import PATIENCE, connect, fetch, find_program, requires
from tests.worker.fastcgi_client import KEEP, Told, ask, begin, params, read_told, record


class FastCgiCase(ProtocolCase):
    """A server with the probe behind a FastCGI socket."""

    options = ("fastcgi-socket", "fastcgi-nph-socket")

    def body(self, data: bytes, server: str = "uwsgid") -> bytes:
        return self.told(data, server).body

    def told(self, data: bytes, server: str = "uwsgid") -> Told:
        with connect(self.path(f"{server}.sock")) as client:
            client.sendall(data)
            told = read_told(client)
            self.assertEqual(client.recv(1), b"")
            return told


def connections(path: str) -> list[str]:
    """The inodes of the accepted connections of a unix socket."""
    rows = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    return [row[6] for row in rows if row[7:] == [path] and row[5] == "03"]


class NginxTests(FastCgiCase):
    """Behind nginx."""

    def site(self, keep: bool) -> str:
        path = self.path("uwsgid.sock")
        upstream = f"upstream shop {{ server unix:{path}; {'keepalive 4;' if keep else ''} }}"
        return self.nginx(
            f"""location / {{
                include /etc/nginx/fastcgi_params;
                fastcgi_param PATH_INFO $document_uri;
                fastcgi_param SCRIPT_NAME "";
                fastcgi_keep_conn {"on" if keep else "off"};
                fastcgi_request_buffering off;
                fastcgi_pass shop;
            }}""",
            more=upstream,
        )

    def visit(self, site: str) -> None:
        """Small and large requests and answers."""
        for _ in range(3):
            self.assertTrue(fetch(site, "/pid").body.isdigit())
            self.assertEqual(len(fetch(site, "/large").body), 102400)
            self.assertEqual(fetch(site, "/digest", method="POST", body=BIG).body, DIGEST)
            chunked = fetch(site, "/digest", method="POST", body=[BIG[:100], BIG[100:]])
            self.assertEqual(chunked.body, DIGEST)
            self.assertEqual(fetch(site, "/boom").status, 500)
            self.assertEqual(fetch(site, "/env", method="POST", body=BIG).status, 200)
            self.assertEqual(fetch(site, "/empty").status, 204)

    def test_kept_connections(self) -> None:
        """With fastcgi_keep_conn all requests use one connection."""
        self.start()
        site = self.site(keep=True)
        seen = set()
        # one client, on one connection: nginx is done with a request before it reads the next
        client = http.client.HTTPConnection("localhost")
        client.sock = connect(site)
        self.addCleanup(client.close)
        for path in ("/pid", "/large", "/stream", "/missing", "/file", "/redirect", "/pid"):
            client.request("GET", path)
            client.getresponse().read()
            seen.update(connections(self.path("uwsgid.sock")))
        self.assertEqual(len(seen), 1, seen)

    def test_all_loops(self) -> None:
        """In each loop, with kept connections and without."""
        for config in LOOPS:
            daemon = self.start(config)
            for keep in (True, False):
                site = self.site(keep)
                self.visit(site)
                os.unlink(site)
            daemon.wait_for("^RuntimeError: the application broke, as it was told", count=3 * 2)
            daemon.close()

    def test_a_reload_between_kept_connections(self) -> None:
        """A reload costs a front end with kept connections no request."""
        daemon = self.start("touch-reload = " + self.path("reload"))
        site = self.site(keep=True)
        first = fetch(site, "/pid").body
        (self.folder / "reload").write_text("")
        daemon.wait_for("spawned uWSGI worker 1 ", count=2)
        second = first
        for _ in range(400):
            answer = fetch(site, "/pid")
            self.assertEqual(answer.status, 200)
            second = answer.body
            if second != first:
                break
        self.assertNotEqual(first, second)


class CgiFcgiTests(FastCgiCase):
    """``cgi-fcgi``, the bridge of the FastCGI development kit."""

    def ask(self, path: str, body: bytes = b"", **environ: str) -> bytes:
        program = find_program("cgi-fcgi")
        assert program is not None
        told = {
            "REQUEST_METHOD": "POST" if body else "GET",
            "PATH_INFO": path,
            "SCRIPT_NAME": "",
            "CONTENT_LENGTH": str(len(body)) if body else "",
            "SERVER_PROTOCOL": "HTTP/1.1",
            **environ,
        }
        command = [program, "-bind", "-connect", self.path("uwsgid.sock")]
        return subprocess.run(
            command, input=body, env=told, stdout=subprocess.PIPE, timeout=PATIENCE, check=True
        ).stdout

    def test_visits(self) -> None:
        """It sends what it was given and prints what was answered."""
        requires("cgi-fcgi")
        self.start()
        self.assertRegex(
            self.ask("/pid"),
            rb"\AStatus: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: \d+\r\n\r\n\d+\Z",
        )
        self.assertTrue(self.ask("/digest", BIG[:200_000]).endswith(digest(BIG[:200_000])))
        self.assertTrue(self.ask("/stream").endswith(b"piece 3\npiece 4\n"))
        environ = json.loads(self.ask("/env", HTTP_X_ONE="1").partition(b"\r\n\r\n")[2])
        self.assertEqual((environ["HTTP_X_ONE"], environ["PATH_INFO"]), ("1", "/env"))


class BesideUwsgiTests(FastCgiCase):
    """The same bytes for the real uWSGI and for uwsgid."""

    def test_answers(self) -> None:
        """STDOUT, ids and the end of requests are the same, byte for byte."""
        self.compare_answers(
            {
                **pages(ask),
                "another id": ask(0x0102, PATH_INFO="/missing"),
                "unread body": ask(PATH_INFO="/missing", body=b"unread"),
            }
        )

    def test_environ(self) -> None:
        """The application sees the same variables."""
        self.compare_environs(
            (
                ask(PATH_INFO="/env"),
                ask(PATH_INFO="/env", HTTP_X="\xfc\xff", HTTP_EMPTY="", HTTPS="on", body=b"body"),
                ask(PATH_INFO="/env", HTTP_LONG="x" * 1000, CONTENT_TYPE="text/strange", SCRIPT_NAME="/shop"),
                begin()
                + record(4, params({"PATH_INFO": "/env", "REQUEST_METHOD": "GET"}))
                + record(4)
                + record(5),
            )
        )


class FaultTests(FastCgiCase):
    """Front ends that go away, and front ends that make no sense."""

    def test_clients_that_leave(self) -> None:
        """Those who leave within a head, a body or an answer, or abort, do not hurt the worker."""
        daemon = self.start("socket-timeout = 5")
        pid = self.told(ask(PATH_INFO="/pid")).body
        where = self.path("uwsgid.sock")
        upload = ask(PATH_INFO="/digest", REQUEST_METHOD="POST", body=BIG)
        cuts = (upload[:20], upload[:2000], upload[:100_000], ask(PATH_INFO="/large"))
        for data in cuts * 5:
            with connect(where) as client:
                client.sendall(data)
        head = (
            begin(flags=KEEP) + record(4, params({"PATH_INFO": "/digest", "CONTENT_LENGTH": "9"})) + record(4)
        )
        for _ in range(5):
            with connect(where) as client:
                client.sendall(head + record(5, b"12") + record(2))
                self.assertEqual(read_told(client).status, 0)
        for junk in (b"GET / HTTP/1.0\r\n\r\n", b"\x01\x01\x00\x01\xff\xff\x00\x00" + bytes(100), BIG[:5000]):
            with connect(where) as client:
                client.sendall(junk)
                client.recv(100)
        self.assertEqual(self.told(ask(PATH_INFO="/pid")).body, pid)
        self.assertEqual(self.told(upload).body, DIGEST)
        daemon.wait_for(r"not FastCGI 1: a record of version \d+\.\.\.skip")
        daemon.wait_for("the front end aborted the request")

    def test_small_buffers(self) -> None:
        """A large answer arrives whole where the socket takes a little of it at a time."""
        self.start("socket-sndbuf = 4096")
        data = b"".join(b"%015d\n" % number for number in range(6400))
        for _ in range(3):
            self.assertEqual(self.told(ask(PATH_INFO="/large")).body, data)

    def test_harakiri(self) -> None:
        """A request that takes too long ends its worker, and the log tells which one it was."""
        daemon = self.start("harakiri = 1\nharakiri-verbose = true")
        with connect(self.path("uwsgid.sock")) as client:
            client.sendall(ask(PATH_INFO="/forever", REQUEST_URI="/forever?why"))
            self.assertEqual(client.recv(1), b"")
        daemon.wait_for(r"HARAKIRI.*/forever\?why")
        daemon.wait_for("spawned uWSGI worker 1 ", count=2)
        self.assertTrue(self.told(ask(PATH_INFO="/pid")).body.isdigit())
