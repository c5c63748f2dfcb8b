"""The HTTP gateway with real workers, beside uWSGI's, and with clients that take their time."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
import threading
from pathlib import Path
from typing import Any, Final

from tests.gateways.certificates import make
from tests.live import test_beside_uwsgi as beside
from tests.live.support import (
    APPS,
    PATIENCE,
    SPAWNED,
    Daemon,
    LiveCase,
    fetch,
    free_port,
    requires,
    talk,
    wait_until,
)

#: What the two gateways may say differently of a request, and why.
MEANT: Final = {**beside.MEANT, "SERVER_PORT": "each has its own"}

HOST: Final = {"Host": "shop.example"}
SLOW: Final = 200


class GatewayCase(LiveCase):
    """An instance with a gateway."""

    def config(self, more: str = "", *, workers: int = 1, where: str = "http = 127.0.0.1:0") -> str:
        return (
            f"{where}\nwsgi-file = {APPS / 'probe.py'}\nneed-app = true\nmaster = true\n"
            f"processes = {workers}\n{more}\n"
        )

    def start(self, more: str = "", *, workers: int = 1, where: str = "http = 127.0.0.1:0") -> Daemon:
        daemon = self.serve(self.config(more, workers=workers, where=where), workers=workers)
        daemon.wait_for(r"spawned uWSGI http 1 \(pid: \d+\)")
        return daemon

    def port(self, daemon: Daemon, *, nth: int = 1) -> tuple[str, int]:
        """Where the gateway listens."""
        return "127.0.0.1", int(daemon.wait_for(r"uWSGI http bound on 127.0.0.1:(\d+) ", count=nth)[1])


class ServingTests(GatewayCase):
    """Requests."""

    def test_bodies(self) -> None:
        """Bodies with and without a length, small and large, reach the application whole."""
        for more in ("", "http-keepalive = 1\nhttp-auto-chunked = true"):
            daemon = self.start(more)
            where = self.port(daemon)
            for size in (0, 10, 100_000, 2_000_000):
                data = os.urandom(size)
                plain = fetch(where, "/digest", method="POST", body=data)
                chunked = fetch(where, "/digest", method="POST", body=iter([data[:7], data[7:]]))
                self.assertEqual(plain.body, chunked.body, more)
                self.assertTrue(plain.body.startswith(b"%d " % size), plain.body)
            daemon.close()

    def test_keep_alive(self) -> None:
        """A client keeps its connection over answers of all kinds, from several workers."""
        where = self.port(self.start("http-keepalive = 30\nhttp-auto-chunked = true", workers=2))
        client = http.client.HTTPConnection(*where, timeout=PATIENCE)
        self.addCleanup(client.close)
        client.connect()
        first = client.sock
        for path in ("/pid", "/stream", "/empty", "/large", "/pid", "/missing", "/env") * 3:
            client.request("GET", path)
            response = client.getresponse()
            response.read()
            self.assertIn(response.status, (200, 204, 404), path)
            self.assertIs(client.sock, first, path)

    def test_no_worker_waits_in_vain(self) -> None:
        """While one worker is busy for long, all other requests are answered by the other one."""
        daemon = self.start("http-keepalive = 1", workers=2)
        where = self.port(daemon)
        for _ in range(4):
            fetch(where, "/pid")
        switch = self.folder / "go"
        ended: list[str] = []

        def wait() -> None:
            ended.append(f"waited: {fetch(where, f'/until?{switch}').status}")

        thread = threading.Thread(target=wait)
        thread.start()
        self.addCleanup(switch.touch)
        daemon.wait_for("^the application waits$")
        for _ in range(20):
            self.assertEqual(fetch(where, "/pid").status, 200)
        ended.append("answered")
        switch.touch()
        thread.join(PATIENCE)
        self.assertEqual(ended, ["answered", "waited: 200"])

    def test_slow_clients(self) -> None:
        """Two hundred clients that send a byte now and then do not keep the only worker from the others."""
        where = self.port(self.start("http-keepalive = 1"))
        head = b"POST /digest HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"
        asleep: list[socket.socket] = []
        for number in range(SLOW):
            client = socket.create_connection(where, PATIENCE)
            self.addCleanup(client.close)
            client.sendall(head + b"12345" if number % 2 else head[:20])
            asleep.append(client)
        for turn in range(5):
            for client in asleep[1::2]:
                client.sendall(b"%d" % turn)
            for client in asleep[::2]:
                client.sendall(head[20 + turn : 21 + turn])
            self.assertEqual(fetch(where, "/digest", method="POST", body=b"x").body[:2], b"1 ")
        for client in asleep[1::2]:
            self.assertTrue(client.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n"))

    def test_slow_reader(self) -> None:
        """A client that reads nothing does not keep the worker from the others."""
        where = self.port(self.start())
        slow = socket.create_connection(where, PATIENCE)
        self.addCleanup(slow.close)
        slow.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        for _ in range(5):
            self.assertEqual(len(fetch(where, "/large").body), 102400)

    def test_death(self) -> None:
        """A worker that dies in a request costs that request a 502, and no other one."""
        daemon = self.start("http-keepalive = 1")
        where = self.port(daemon)
        self.assertEqual(fetch(where, "/pid").status, 200)
        self.assertEqual(fetch(where, "/die").status, 502)
        daemon.wait_for(SPAWNED, count=2)
        self.assertEqual(fetch(where, "/pid").status, 200)
        daemon.wait_for(r"\[uwsgi-http\] .*: no answer \[127.0.0.1:\d+, GET /die\]")

    def test_refused(self) -> None:
        """What could be read in two ways is answered by the gateway, with one line."""
        daemon = self.start()
        bad = (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        )
        self.assertTrue(talk(self.port(daemon), bad).startswith(b"HTTP/1.1 400 "))
        daemon.wait_for(r"\[uwsgi-http\] request of 127.0.0.1:\d+ refused: .*, answered 400 \(1 in all\)")

    def test_several_gateways(self) -> None:
        """http-processes share the sockets, and all of them end with the instance."""
        daemon = self.start("http-processes = 3", workers=2)
        daemon.wait_for(r"spawned uWSGI http \d \(pid: \d+\)", count=3)
        where = self.port(daemon)
        for _ in range(20):
            self.assertEqual(fetch(where, "/pid").status, 200)
        daemon.signal(signal.SIGINT)
        daemon.wait()
        self.assertEqual(daemon.survivors(), [])

    def test_shared_socket(self) -> None:
        """The gateway can have a shared socket, and send to another instance."""
        other = self.path("other.sock")
        self.serve(self.probe_config(workers=1, socket="other.sock"), name="other.ini")
        port = free_port()
        daemon = self.launch(
            f"shared-socket = 127.0.0.1:{port}\nhttp = =0\nhttp-to = {other}\nmaster = true\nprocesses = 0\n"
        )
        daemon.wait_for(r"spawned uWSGI http 1")
        self.assertEqual(fetch(("127.0.0.1", port), "/pid").status, 200)

    def test_statistics(self) -> None:
        """http-stats tells what the gateway did."""
        requires("root")
        daemon = self.start(f"http-stats = {self.path('stats.sock')}\nuid = www-data\nhttp-keepalive = 1")
        where = self.port(daemon)
        for _ in range(3):
            fetch(where, "/pid")

        def read() -> dict[str, Any]:
            found: dict[str, Any] = json.loads(talk(self.path("stats.sock"), b""))
            return found

        wait_until(lambda: read()["static_nodes"][0]["hits"] == 3, "three answers are counted")
        found = read()
        self.assertEqual((found["requests"], found["static_nodes"][0]["hits"]), (3, 3))
        self.assertEqual(found["http"], [f"{where[0]}:{where[1]}"])


class ReloadTests(GatewayCase):
    """Workers come and go."""

    def test_max_requests(self) -> None:
        """Workers that leave after a few requests are not missed, with one and with two of them."""
        for workers in (1, 2):
            daemon = self.start("http-keepalive = 30\nmax-requests = 7", workers=workers)
            client = http.client.HTTPConnection(*self.port(daemon), timeout=PATIENCE)
            statuses = []
            for _ in range(40):
                client.request("GET", "/pid")
                response = client.getresponse()
                response.read()
                statuses.append(response.status)
            client.close()
            self.assertEqual(statuses, [200] * 40)
            daemon.close()

    def test_threads(self) -> None:
        """A worker with threads gets as many requests at a time as it has of them, and serves all."""
        where = self.port(self.start("http-keepalive = 30\nthreads = 4", workers=2))
        answers: list[int] = []

        def ask() -> None:
            client = http.client.HTTPConnection(*where, timeout=PATIENCE)
            for _ in range(15):
                client.request("GET", "/sleep?s=0.01")
                response = client.getresponse()
                response.read()
                answers.append(response.status)
            client.close()

        threads = [threading.Thread(target=ask) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        self.assertEqual(answers, [200] * 180)

    def test_harakiri(self) -> None:
        """A worker that is killed because it takes too long costs its client an answer, and is named."""
        daemon = self.start("http-keepalive = 30\nharakiri = 1\nharakiri-verbose = true")
        where = self.port(daemon)
        self.assertEqual(fetch(where, "/forever?a=b").status, 502)
        daemon.wait_for(r"HARAKIRI.*GET /forever\?a=b")
        daemon.wait_for(SPAWNED, count=2)
        self.assertEqual(fetch(where, "/pid").status, 200)

    def test_reload(self) -> None:
        """Clients that keep their connections notice nothing of a reload."""
        daemon = self.start("http-keepalive = 30", workers=2)
        where = self.port(daemon)
        failures: list[str] = []
        counts = [0, 0, 0]
        over = threading.Event()

        def ask(number: int) -> None:
            client = http.client.HTTPConnection(*where, timeout=PATIENCE)
            try:
                while not over.is_set():
                    client.request("GET", "/pid")
                    response = client.getresponse()
                    response.read()
                    if response.status != 200:
                        failures.append(f"{response.status}")
                    counts[number] += 1
            except (OSError, http.client.HTTPException) as error:
                failures.append(repr(error))
            finally:
                client.close()

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(counts))]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: min(counts) > 5, "requests are answered")
            daemon.signal(signal.SIGHUP)
            daemon.wait_for(SPAWNED, count=4)
            seen = list(counts)
            wait_until(
                lambda: failures or all(now > then + 5 for now, then in zip(counts, seen, strict=True)),
                "requests are answered after the reload",
            )
        finally:
            over.set()
            for thread in threads:
                thread.join(PATIENCE)
        self.assertEqual(failures, [])

    def test_new_image(self) -> None:
        """A configuration that changed gives a new gateway on the same socket."""
        daemon = self.start("http-var = WORD=one")
        where = self.port(daemon)
        self.assertEqual(json.loads(fetch(where, "/env").body)["WORD"], "one")
        path = self.folder / "site.ini"
        path.write_text(path.read_text().replace("WORD=one", "WORD=two"))
        daemon.signal(signal.SIGHUP)
        daemon.wait_for(SPAWNED, count=2)
        daemon.wait_for(r"spawned uWSGI http 1", count=2)
        self.assertEqual(json.loads(fetch(where, "/env").body)["WORD"], "two")
        self.assertEqual(self.port(daemon, nth=2), where)


class TlsTests(GatewayCase):
    """https."""

    def test_https(self) -> None:
        """A key that only root may read serves an instance that is not root any more."""
        requires("root")
        certificate, key = make(Path(self.folder), "localhost")
        os.chmod(key, 0o600)
        daemon = self.start(
            "uid = www-data\nhttp-to-https = 127.0.0.1:0,8443\nhttp-keepalive = 1\nhttp-var = WORD=said",
            where=f"https = 127.0.0.1:0,{certificate},{key}",
        )
        plain, sealed = self.port(daemon), self.port(daemon, nth=2)
        moved = fetch(plain, "/env?a=b", headers=HOST)
        self.assertEqual(
            (moved.status, dict(moved.headers)["Location"]), (301, "https://shop.example:8443/env?a=b")
        )
        context = ssl.create_default_context(cafile=certificate)
        client = http.client.HTTPSConnection("localhost", sealed[1], context=context, timeout=PATIENCE)
        self.addCleanup(client.close)
        for _ in range(3):
            client.request("GET", "/env")
            environ = json.loads(client.getresponse().read())
            self.assertEqual(
                (environ["HTTPS"], environ["wsgi.url_scheme"], environ["WORD"]), ("on", "https", "said")
            )


class BesideUwsgiTests(GatewayCase):
    """The same application behind both gateways."""

    def test_same(self) -> None:
        """It sees the same environ, and a client gets the same answer, header by header."""
        requires("uwsgi-core")
        ours = self.port(self.start("http-var = WORD=said", workers=2))
        theirs = ("127.0.0.1", free_port())
        self.serve(
            self.config("http-var = WORD=said", workers=2, where=f"http = {theirs[0]}:{theirs[1]}"),
            "--plugin",
            "http",
            server="uwsgi",
            workers=2,
            name="uwsgi.ini",
        )
        found: list[str] = []
        for visit in beside.VISITS:
            if "/../" in visit.path:
                continue  # uWSGI folds the dots away; uwsgid leaves a path as it was asked for
            answers = []
            for where in (theirs, ours):
                answers.append(
                    fetch(
                        where,
                        visit.path,
                        method=visit.method,
                        headers={**HOST, **visit.headers},
                        body=visit.body,
                    )
                )
            original, answer = answers
            what = f"{visit.method} {visit.path}: "
            if (original.status, original.reason) != (answer.status, answer.reason):
                found.append(f"{what}{original.status} {original.reason} -> {answer.status} {answer.reason}")
            is_env = visit.path.startswith("/env") and original.status == answer.status == 200
            heads = [
                [(key, value) for key, value in one.headers if not (is_env and key == "Content-Length")]
                for one in answers
            ]
            if heads[0] != heads[1]:
                found.append(f"{what}{heads[0]} -> {heads[1]}")
            if is_env:
                pair = (json.loads(original.body), json.loads(answer.body))
                found += [what + text for text in beside._environ_differences(*pair, MEANT)]
            elif original.body != answer.body:
                found.append(f"{what}{original.body[:200]!r} -> {answer.body[:200]!r}")
        self.assertEqual(found, [], "\n" + "\n".join(found))
