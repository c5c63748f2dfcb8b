"""SCGI and persistent uwsgi: uwsgid and bytes of our own, and beside the real uWSGI.

What nginx, Apache and lighttpd make of it is in `tests.live.test_fronts`.
"""

from __future__ import annotations

from tests.live.protocols import BIG, DIGEST, LOOPS, ProtocolCase, pages
from tests.live.support import (
    APPS,
    LiveCase,
    connect,
    request_vars,
    requires,
    talk,
    uwsgi_packet,
)
from tests.loops.support import read_answer
from tests.worker.test_scgi import ask


class ScgiCase(ProtocolCase):
    """A server with the probe behind an SCGI socket."""

    options = ("scgi-socket", "scgi-nph-socket")

    def told(self, data: bytes, server: str = "uwsgid") -> bytes:
        return talk(self.path(f"{server}.sock"), data)

    def body(self, data: bytes, server: str = "uwsgid") -> bytes:
        return self.told(data, server).partition(b"\r\n\r\n")[2]


class BesideUwsgiTests(ScgiCase):
    """The same bytes for the real uWSGI and for uwsgid."""

    def test_answers(self) -> None:
        """Answers are the same, byte for byte."""
        self.compare_answers(pages(ask))

    def test_environ(self) -> None:
        """The application sees the same variables."""
        self.compare_environs(
            (
                ask(PATH_INFO="/env"),
                ask(b"body", PATH_INFO="/env", HTTP_X="\xfc\xff", HTTP_EMPTY="", HTTPS="on"),
                ask(PATH_INFO="/env", HTTP_LONG="x" * 1000, SCRIPT_NAME="/shop"),
            )
        )


class FaultTests(ScgiCase):
    """Front ends that go away, and front ends that make no sense."""

    def test_all_loops(self) -> None:
        """Who leaves too early, or is no front end, does not hurt the worker of any loop."""
        for config in LOOPS:
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
