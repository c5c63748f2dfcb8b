"""SCGI and persistent uwsgi: uwsgid and bytes of our own, and beside the real uWSGI.

What nginx, Apache and lighttpd make of it is in `tests.live.test_fronts`.
"""

from __future__ import annotations

import hashlib
import json
from typing import Final

from tests.live.support import (
    APPS,
    Daemon,
    LiveCase,
    connect,
    request_vars,
    requires,
    talk,
    uwsgi_packet,
)
from tests.loops.support import read_answer
from tests.worker.test_scgi import ask

BIG: Final = bytes(range(256)) * (1 << 15)
DIGEST: Final = f"{len(BIG)} {hashlib.sha256(BIG).hexdigest()}".encode()

REQUESTS: Final = {
    "get": ask(PATH_INFO="/missing"),
    "redirect": ask(PATH_INFO="/redirect"),
    "empty": ask(PATH_INFO="/empty"),
    "stream": ask(PATH_INFO="/stream"),
    "write": ask(PATH_INFO="/write"),
    "large": ask(PATH_INFO="/large"),
    "file": ask(PATH_INFO="/file"),
    "odd": ask(PATH_INFO="/odd"),
    "digest": ask(BIG[:100_000], PATH_INFO="/digest", REQUEST_METHOD="POST"),
    "lines": ask(b"one\ntwo\nthree", PATH_INFO="/lines", REQUEST_METHOD="POST"),
    "no protocol": ask(PATH_INFO="/missing", SERVER_PROTOCOL=""),
}


class ScgiCase(LiveCase):
    def start(self, more: str = "", *, server: str = "uwsgid", option: str = "scgi-socket") -> Daemon:
        """A server with one worker that serves the probe on ``<server>.sock``."""
        return self.serve(
            f"{option} = {self.path(server + '.sock')}\nwsgi-file = {APPS / 'probe.py'}\nneed-app = true\n"
            f"master = true\n{more}\n",
            server=server,
            name=f"{server}.ini",
        )

    def told(self, data: bytes, server: str = "uwsgid") -> bytes:
        return talk(self.path(f"{server}.sock"), data)

    def body(self, data: bytes, server: str = "uwsgid") -> bytes:
        return self.told(data, server).partition(b"\r\n\r\n")[2]


class BesideUwsgiTests(ScgiCase):
    """The same bytes for the real uWSGI and for uwsgid."""

    def test_answers(self) -> None:
        """Answers are the same, byte for byte."""
        requires("uwsgi-core")
        for option in ("scgi-socket", "scgi-nph-socket"):
            daemons = [self.start(server=server, option=option) for server in ("uwsgi", "uwsgid")]
            for name, data in REQUESTS.items():
                self.assertEqual(self.told(data), self.told(data, "uwsgi"), f"{option}: {name}")
            for daemon in daemons:
                daemon.close()

    def test_environ(self) -> None:
        """The application sees the same variables."""
        requires("uwsgi-core")
        for server in ("uwsgi", "uwsgid"):
            self.start(server=server)
        for data in (
            ask(PATH_INFO="/env"),
            ask(b"body", PATH_INFO="/env", HTTP_X="\xfc\xff", HTTP_EMPTY="", HTTPS="on"),
            ask(PATH_INFO="/env", HTTP_LONG="x" * 1000, SCRIPT_NAME="/shop"),
        ):
            found = [json.loads(self.body(data, server)) for server in ("uwsgi", "uwsgid")]
            for environ in found:
                for own in ("uwsgi.version", "wsgi.input_terminated"):
                    environ.pop(own, None)
            self.assertEqual(found[1], found[0])


class FaultTests(ScgiCase):
    """Front ends that go away, and front ends that make no sense."""

    def test_all_loops(self) -> None:
        """Who leaves too early, or is no front end, does not hurt the worker of any loop."""
        for config in ("", "threads = 2", "loop = reactor\nthreads = 2"):
            daemon = self.start(config)
            pid = self.body(ask(PATH_INFO="/pid"))
            upload = ask(BIG, PATH_INFO="/digest", REQUEST_METHOD="POST")
            cuts = (upload[:10], upload[:100_000], ask(PATH_INFO="/large"), b"GET / HTTP/1.0\r\n\r\n")
            for data in cuts * 3:
                with connect(self.path("uwsgid.sock")) as client:
                    client.sendall(data)
            self.assertEqual(self.told(b"0:,"), b"")
            self.assertEqual(self.body(upload), DIGEST)
            self.assertEqual(self.body(ask(PATH_INFO="/pid")), pid)
            daemon.wait_for(r"not SCGI: 'GET / HTTP/1\.0.*\.\.\.skip")
            daemon.close()


class PuwsgiTests(LiveCase):
    """Persistent uwsgi, beside the real uWSGI."""

    def test_beside_uwsgi(self) -> None:
        """Packets on one connection get the same answers."""
        requires("uwsgi-core")
        answers = []
        for server in ("uwsgi", "uwsgid"):
            where = self.path(f"{server}.sock")
            self.serve(
                f"puwsgi-socket = {where}\nwsgi-file = {APPS / 'probe.py'}\nmaster = true\n",
                server=server,
                name=f"{server}.ini",
            )
            received = b""
            with connect(where) as client:
                for path in ("/missing", "/large", "/missing", "/odd"):
                    client.sendall(uwsgi_packet(request_vars(path)))
                    received += b"".join(read_answer(client))
            answers.append(received)
        self.assertEqual(answers[1], answers[0])
