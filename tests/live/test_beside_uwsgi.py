"""The same config under the real uWSGI and under uwsgid, and the same visits: what differs has to be meant.

Debian's uWSGI (2.0.21) stands for the original.  `MEANT` names each difference that uwsgid wants.
"""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.live.support import APPS, Answer, LiveCase, fetch, requires, talk, uwsgi_packet

#: Keys of the environ whose values may differ, and why.
MEANT: Final[Mapping[str, str]] = {
    "uwsgi.version": "each has its own",
    "REMOTE_PORT": "the client's, another one for each connection",
}

#: The same for http-socket, where uWSGI makes the vars itself.
MEANT_OF_HTTP: Final[Mapping[str, str]] = {
    **MEANT,
    "REMOTE_ADDR": "a client on a unix socket has no address, and uWSGI makes one up",
}

#: Keys of uWSGI 2.0 that 1.9.16, which uwsgid follows, does not have; and the reverse.
ONE_SIDED: Final[frozenset[str]] = frozenset({"wsgi.input_terminated"})


@dataclass(frozen=True, slots=True)
class Visit:
    """One request for both."""

    path: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


VISITS: Final = (
    Visit("/env"),
    Visit("/env?a=b&c=%20d&e"),
    Visit("/env/a%20b/%C3%BC?x=%C3%BC"),
    Visit("/env//double///slashes/../up"),
    Visit("/env", headers={"X-One": "1", "X-two": "a, b", "Cookie": "a=1; b=2", "X-Empty": ""}),
    Visit("/env", headers={"Content-Type": "text/strange"}),
    Visit("/env", "POST", {"Content-Type": "application/json"}, b"{}"),
    Visit("/env", "OPTIONS"),
    Visit("/env", "PROPFIND", {"Depth": "1"}),
    Visit("/digest", "POST", body=b"x" * 100_000),
    Visit("/digest", "PUT", body=b""),
    Visit("/lines", "POST", body=b"first\nsecond\nthird without end"),
    Visit("/stream"),
    Visit("/stream", "HEAD"),
    Visit("/write"),
    Visit("/empty"),
    Visit("/redirect"),
    Visit("/file"),
)


class BesideUwsgiTests(LiveCase):
    """Behind the same nginx."""

    CONFIG: Final = f"""
        wsgi-file = {APPS / "probe.py"}
        need-app = true
        master = true
        processes = 2
        chmod-socket = 666
    """

    def both(self, option: str, location: str) -> str:
        """Start both servers on sockets of their own, and one nginx; its address."""
        requires("nginx", "uwsgi-core")
        locations = []
        for server in ("uwsgi", "uwsgid"):
            where = self.path(f"{server}.sock")
            self.serve(
                self.CONFIG + f"\n{option} = {where}\n", server=server, workers=2, name=f"{server}.ini"
            )
            locations.append(f"if ($http_x_server = {server}) {{ {location.format(where)} }}")
        site = self.nginx(f"location / {{ {' '.join(locations)} }}")
        pids = {self.ask(site, server, Visit("/pid")).body for server in ("uwsgi", "uwsgid")}
        self.assertTrue(len(pids) == 2 and all(pid.isdigit() for pid in pids), pids)
        return site

    def ask(self, site: str, server: str, visit: Visit) -> Answer:
        headers = {"Host": "shop.example", **visit.headers, "X-Server": server}
        return fetch(site, visit.path, method=visit.method, headers=headers, body=visit.body)

    def compare(
        self, visit: Visit, original: Answer, ours: Answer, meant: Mapping[str, str] = MEANT
    ) -> list[str]:
        """Every difference between two answers that is not meant, one text each."""
        found = []
        if (original.status, original.reason) != (ours.status, ours.reason):
            found.append(f"status {original.status} {original.reason} -> {ours.status} {ours.reason}")
        if _headers(original) != _headers(ours):
            found.append(f"headers {_headers(original)} -> {_headers(ours)}")
        if visit.path.startswith("/env") and original.status == ours.status == 200:
            found += _environ_differences(json.loads(original.body), json.loads(ours.body), meant)
        elif original.body != ours.body:
            found.append(f"body {original.body[:200]!r} -> {ours.body[:200]!r}")
        return [f"{visit.method} {visit.path}: {text}" for text in found]

    def test_uwsgi_socket(self) -> None:
        """Behind uwsgi_pass an application sees the same environ, and a client the same answer."""
        site = self.both("socket", "uwsgi_pass unix:{};")
        found = []
        for visit in VISITS:
            found += self.compare(visit, self.ask(site, "uwsgi", visit), self.ask(site, "uwsgid", visit))
        self.assertEqual(found, [], "\n" + "\n".join(found))

    def test_http_socket(self) -> None:
        """Behind proxy_pass to http-socket, too."""
        site = self.both("http-socket", "proxy_pass http://unix:{};")
        found = []
        for visit in VISITS:
            if "/../" in visit.path:
                continue  # uWSGI folds the dots away; uwsgid leaves a path as it was asked for
            original, ours = self.ask(site, "uwsgi", visit), self.ask(site, "uwsgid", visit)
            found += self.compare(visit, original, ours, MEANT_OF_HTTP)
        self.assertEqual(found, [], "\n" + "\n".join(found))

    def test_bare_packets(self) -> None:
        """Packets that no web server would send get the same answers: few vars, a mount, no vars at all."""
        requires("uwsgi-core")
        packets = {
            "two vars": {"REQUEST_METHOD": "GET", "PATH_INFO": "/env"},
            "script name": {"REQUEST_METHOD": "GET", "PATH_INFO": "/env", "SCRIPT_NAME": "/shop"},
            "https": {"REQUEST_METHOD": "GET", "PATH_INFO": "/env", "HTTPS": "on"},
            "scheme": {"REQUEST_METHOD": "GET", "PATH_INFO": "/env", "UWSGI_SCHEME": "ftp"},
            "latin": {"REQUEST_METHOD": "GET", "PATH_INFO": "/env", "HTTP_X": "\xfc\xff"},
        }
        answers: dict[str, dict[str, bytes]] = {}
        for server in ("uwsgi", "uwsgid"):
            where = self.path(f"{server}.sock")
            self.serve(self.CONFIG + f"\nsocket = {where}\n", server=server, workers=2, name=f"{server}.ini")
            answers[server] = {name: talk(where, uwsgi_packet(packet)) for name, packet in packets.items()}
        found = []
        for name in packets:
            head, _, body = answers["uwsgi"][name].partition(b"\r\n\r\n")
            our_head, _, our_body = answers["uwsgid"][name].partition(b"\r\n\r\n")
            if head != our_head and len(head) - len(our_head) not in range(-3, 4):
                found.append(f"{name}: head {head!r} -> {our_head!r}")
            found += [
                f"{name}: {text}" for text in _environ_differences(json.loads(body), json.loads(our_body))
            ]
        self.assertEqual(found, [], "\n" + "\n".join(found))


#: Says nothing true about its request any more.
CHANGING: Final = """
def application(environ, start_response):
    for name in [name for name in environ if name.isupper()]:
        if name.startswith("HTTP_"):
            del environ[name]
        else:
            environ[name] = "changed"
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"whatever"]
"""


class RequestLineTests(LiveCase):
    """What both write about the same packets, of an application that spoils its environ."""

    PACKETS: Final = (
        {"REQUEST_METHOD": "GET", "REQUEST_URI": "/a?b=c", "PATH_INFO": "/a", "SERVER_PROTOCOL": "HTTP/1.1"},
        {
            "REQUEST_METHOD": "POST",
            "REQUEST_URI": "/",
            "SERVER_PROTOCOL": "HTTP/1.0",
            "REMOTE_ADDR": "192.0.2.1",
            "REMOTE_USER": "ann",
            "CONTENT_LENGTH": "",
            "HTTP_HOST": "shop.example",
            "HTTP_USER_AGENT": "curl/7",
            "HTTP_REFERER": "http://elsewhere/",
            "HTTP_X_EMPTY": "",
        },
    )
    FORMAT: Final = (
        "%(addr) %(user) %(method) %(uri) %(proto) %(host) %(uagent) %(referer) %(cl) %(vars) %(pktsize) "
        "%(status) %(rsize) %(hsize) %(headers) %(size) %(var.HTTP_HOST) %(modifier1) done"
    )

    def lines(self, server: str, config: str) -> list[str]:
        where = self.path(f"{server}.sock")
        (self.folder / "changing.py").write_text(CHANGING)
        daemon = self.serve(
            f"socket = {where}\nwsgi-file = {self.path('changing.py')}\n{config}\n",
            server=server,
            name=f"{server}.ini",
        )
        for sent, packet in enumerate(self.PACKETS, 1):
            talk(where, uwsgi_packet(packet))
            daemon.wait_for(" done$|generated ", count=sent)
        found = [line for line in daemon.log().splitlines() if line.endswith(" done") or "generated" in line]
        daemon.close()
        return [re.sub(r"pid: \d+|\[... ... .*?\]|\d+ msecs|\d+ switches", "*", line) for line in found]

    def test_lines(self) -> None:
        """The default line and the variables of log-format are the same, byte for byte."""
        requires("uwsgi-core")
        for config in ("", f"log-format = {self.FORMAT}"):
            original, ours = (self.lines(server, config) for server in ("uwsgi", "uwsgid"))
            self.assertEqual(len(ours), 2)
            self.assertEqual(ours, original)

    #: What differs from one request to the next, or between two processes: variables whose shape is the same.
    MOVING: Final = (
        "%(time) %(epoch) %(ctime) %(ltime) %(ftime) %(micros) %(msecs) %(secs) %(tmsecs) %(tmicros) %(pid) "
        "%(wid) %(switches) %(core) %(vsz) %(rss) %(vszM) %(rssM) %(modifier2) %(werr) %(rerr) %(ioerr) "
        "%(nobody.knows) done"
    )

    def test_shapes(self) -> None:
        """So are what moves, but for its digits, and the lines of all options that change them."""
        requires("uwsgi-core")
        for config in (
            f"log-format = {self.MOVING}",
            f"log-micros = true\nlog-format = {self.MOVING}",
            "log-micros = true",
            "memory-report = true",
            "vhost = true",
            "log-x-forwarded-for = true",
            "memory-report = true\nvhost = true\nlog-micros = true",
        ):
            original, ours = (
                [re.sub(r"\d+|[+-]\d{4}", "N", line) for line in self.lines(server, config)]
                for server in ("uwsgi", "uwsgid")
            )
            self.assertEqual(len(ours), 2)
            self.assertEqual(ours, original, config)

    def test_conditions(self) -> None:
        """Where lines of requests are off, the same conditions bring them."""
        requires("uwsgi-core")
        for condition in ("log-zero", "log-big = 5", "log-big = 8", "log-big = 9", "log-slow = 0", "log-4xx"):
            original, ours = (
                [re.sub(r"\d+", "N", line) for line in self.conditional(server, condition)]
                for server in ("uwsgi", "uwsgid")
            )
            self.assertEqual(ours, original, condition)

    def conditional(self, server: str, condition: str) -> list[str]:
        """The lines of two requests, as far as there are any."""
        where = self.path(f"{server}.sock")
        (self.folder / "changing.py").write_text(CHANGING)
        daemon = self.serve(
            f"socket = {where}\nwsgi-file = {self.path('changing.py')}\nmaster = true\n"
            f"disable-logging = true\n{condition}\n",
            server=server,
            name=f"{server}.ini",
        )
        # a worker reads the next request when it has written the line of the one before
        for packet in (*self.PACKETS, {"REQUEST_METHOD": "GET", "REQUEST_URI": "/last"}):
            talk(where, uwsgi_packet(packet))
        daemon.signal(signal.SIGINT)
        daemon.wait()
        found = [line for line in daemon.log().splitlines() if "generated" in line and "/last" not in line]
        daemon.close()
        return [re.sub(r"\[... ... .*?\]", "*", line) for line in found]


def _headers(answer: Answer) -> list[tuple[str, str]]:
    """The headers that come from behind nginx; a length that counts the environ is not compared."""
    return sorted(
        (key.lower(), value)
        for key, value in answer.headers
        if key.lower() not in {"date", "server", "content-length", "connection", "transfer-encoding"}
    )


def _environ_differences(
    original: dict[str, object], ours: dict[str, object], meant: Mapping[str, str] = MEANT
) -> list[str]:
    found = []
    for key in sorted({*original, *ours} - set(meant) - ONE_SIDED):
        if original.get(key, "absent") != ours.get(key, "absent") and key != "HTTP_X_SERVER":
            found.append(f"{key}: {original.get(key, 'absent')!r} -> {ours.get(key, 'absent')!r}")
    return found
