"""What each web server in front has to do: the same visits, the same answers.

`Matrix` is proved for every pair of a front end and a protocol (`tests.live.test_fronts`).  Its second half
asks Debian's uWSGI, too, behind the same running front end: the name of the socket that both wait behind is
turned from one to the other.  What may differ there has to be meant, see ``meant`` and ``wrong``.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final
from urllib.parse import unquote

from tests.live.fronts import Front, start_front
from tests.live.support import APPS, Address, Answer, LiveCase, connect, fetch, requires

HOST: Final = {"Host": "shop.example"}
UPLOAD: Final = bytes(range(256)) * 1024
PIECES: Final = (b"first ", b"second " * 5000, b"third")


@dataclass(frozen=True, slots=True)
class Visit:
    """One request.

    :ivar body: pieces travel as chunks.
    :ivar framed: the application says how long its answer is; otherwise the front end frames what it gets
        as it comes, with a length or in chunks.
    """

    path: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | tuple[bytes, ...] | None = None
    framed: bool = True

    def __str__(self) -> str:
        chunks = " in chunks" if isinstance(self.body, tuple) else ""
        return f"{self.method} {self.path}{chunks} {dict(self.headers) or ''}".strip()

    def ask(self, site: Address) -> Answer:
        """What a front end answers."""
        return fetch(site, self.path, method=self.method, headers={**HOST, **self.headers}, body=self.body)


VISITS: Final = (
    Visit("/env"),
    Visit("/env?a=b&c=%20d&e"),
    Visit("/env?"),
    Visit("/env/a%20b/%C3%BC?x=%C3%BC"),
    Visit("/env/a+b;c=d/~e"),
    Visit("/env", headers={"X-One": "1", "X-two": "a, b", "Cookie": "a=1; b=2", "X-Quoted": 'a "b" \\ c'}),
    Visit("/env", headers={"Content-Type": "text/strange", "X-Latin": "gr\u00fc\u00dfe"}),
    Visit("/env", headers={"Authorization": "Basic YTpi", "Referer": "http://elsewhere/"}),
    Visit("/env/read", "POST", {"Content-Type": "application/json"}, b"{}"),
    Visit("/env", "OPTIONS"),
    Visit("/env", "DELETE"),
    Visit("/digest", "POST", body=UPLOAD),
    Visit("/digest", "POST", body=b""),
    Visit("/digest", "PUT", body=b"put"),
    Visit("/digest", "POST", body=PIECES),
    Visit("/lines", "POST", body=b"first\nsecond\nthird without end", framed=False),
    Visit("/stream", framed=False),
    Visit("/stream", "HEAD", framed=False),
    Visit("/write", framed=False),
    Visit("/empty", framed=False),
    Visit("/redirect", framed=False),
    Visit("/file"),
    Visit("/large"),
    Visit("/large", "HEAD"),
    Visit("/missing"),
    Visit("/odd"),
)

#: Keys of the environ whose values may differ, and why.
MEANT: Final[Mapping[str, str]] = {
    "uwsgi.version": "each has its own",
    "REMOTE_PORT": "the client's, another one for each connection",
    "UNIQUE_ID": "Apache's, another one for each request",
    "wsgi.input_terminated": "uWSGI 2.0 has it, 1.9.16 does not",
}

#: The same for http-socket, where the application server makes the variables.
MEANT_OF_HTTP: Final[Mapping[str, str]] = {
    **MEANT,
    "REMOTE_ADDR": "a client on a unix socket has no address, and uWSGI makes one up",
}

#: What uWSGI does not do behind front ends that pass on the chunks of their client.
NO_CHUNKS: Final[Mapping[str, str]] = {
    "POST /digest in chunks": "its http-socket knows no chunks unless the application asks for them"
}


class Matrix(LiveCase):
    """What every front end has to do; not run by itself."""

    front: ClassVar[Front]
    meant: ClassVar[Mapping[str, str]] = MEANT
    #: A body that is sent in chunks.
    pieces: ClassVar[tuple[bytes, ...]] = PIECES
    #: Whether the length that the application tells reaches the client; otherwise the front end finds one if
    #: it happens to have the whole answer at once.
    tells_length: ClassVar[bool] = True
    #: Whether the front end takes a body of chunks; otherwise it asks for a length.
    chunks: ClassVar[bool] = True
    #: What it makes of a reason that it does not know.
    reasons: ClassVar[tuple[str, ...]] = ("Rather Odd",)
    #: Visits that uWSGI answers wrongly behind this front end, at least now and then, and why; not compared.
    wrong: ClassVar[Mapping[str, str]] = {}

    def instance(self, server: str) -> None:
        """Start a server on a socket of its own."""
        self.serve(
            f"""
            {self.front.option} = {self.path(server + ".sock")}
            wsgi-file = {APPS / "probe.py"}
            need-app = true
            master = true
            processes = 2
            chmod-socket = 666
            """,
            server=server,
            workers=2,
            name=f"{server}.ini",
        )

    def turn(self, server: str) -> None:
        """Let the front end ask this server from now on."""
        link = self.folder / "turned.sock"
        link.symlink_to(self.path(server + ".sock"))
        os.replace(link, self.path("shop.sock"))

    def site(self, changes: tuple[tuple[str, str], ...] = ()) -> Address:
        """The address of the front end before uwsgid."""
        requires(self.front.program)
        self.instance("uwsgid")
        self.turn("uwsgid")
        return start_front(self, replace(self.front, changes=changes), self.path("shop.sock"))

    def test_everything(self) -> None:
        """The application sees what was asked, and the client what was answered."""
        site = self.site()
        path = "/env/a-b/c" if self.front.plain_paths else "/env/a%20b/c"
        environ = json.loads(Visit(f"{path}?d=%20e", headers={"X-One": "1"}).ask(site).body)
        keys = ("PATH_INFO", "SCRIPT_NAME", "QUERY_STRING", "HTTP_X_ONE")
        seen = {key: environ.get(key, "") for key in keys}
        self.assertEqual(
            seen, {"PATH_INFO": unquote(path), "SCRIPT_NAME": "", "QUERY_STRING": "d=%20e", "HTTP_X_ONE": "1"}
        )
        self.assertEqual(
            (environ["REQUEST_METHOD"], environ["HTTP_HOST"], environ["wsgi.url_scheme"]),
            ("GET", "shop.example", "http"),
        )
        for body in (UPLOAD, self.pieces, b"small", b""):
            answer = Visit("/digest", "POST", body=body).ask(site)
            if isinstance(body, tuple) and not self.chunks:
                self.assertEqual(answer.status, 411)
                continue
            whole = b"".join(body) if isinstance(body, tuple) else body
            expected = f"{len(whole)} {hashlib.sha256(whole).hexdigest()}".encode()
            self.assertEqual((answer.status, answer.body), (200, expected))
        for body in (UPLOAD, b"small") * 3:
            self.assertEqual(Visit("/env", "POST", body=body).ask(site).status, 200, "nobody read the body")
        large = Visit("/large").ask(site)
        self.assertEqual((large.status, len(large.body)), (200, 102400))
        head = Visit("/large", "HEAD").ask(site)
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(head.header("Content-Length"), "102400" if self.tells_length else None)
        missing = Visit("/missing").ask(site)
        self.assertEqual((missing.status, missing.body), (404, b"there is no such thing"))
        redirect = Visit("/redirect").ask(site)
        self.assertEqual(redirect.status, 302)
        self.assertTrue((redirect.header("Location") or "").endswith("/elsewhere?a=b"))
        cookies = [value for key, value in redirect.headers if key.lower() == "set-cookie"]
        self.assertEqual(cookies, ["a=1", "b=2"])
        stream = Visit("/stream").ask(site)
        self.assertEqual(stream.body, b"".join(b"piece %d\n" % number for number in range(5)))
        odd = Visit("/odd").ask(site)
        self.assertEqual((odd.status, odd.body), (299, b"odd"))
        self.assertIn(odd.reason, self.reasons)
        self.assertEqual(odd.header("X-Quoted"), 'a "b" \\ c; d=(e), <f>')
        self.assertEqual(odd.header("X-Latin"), "gr\u00fc\u00dfe")
        self.assertEqual(odd.header("x-lower_and!#$%&'*+.^`|~0"), "a:b::c")
        self.keep_alive(site)

    def keep_alive(self, site: Address) -> None:
        """Requests of all kinds follow each other on one connection of a client."""
        connection = http.client.HTTPConnection("shop.example")
        connection.sock = connect(site)
        self.addCleanup(connection.close)
        kept = connection.sock
        for number in range(3):
            for path, method, status in (
                ("/large", "GET", 200),
                ("/large", "HEAD", 200),
                ("/stream", "GET", 200),
                ("/missing", "GET", 404),
                ("/empty", "GET", 204),
                ("/digest", "POST", 200),
            ):
                connection.request(method, path, body=b"body" * number if method == "POST" else None)
                answer = connection.getresponse()
                answer.read()
                self.assertEqual(answer.status, status, path)
                self.assertIs(connection.sock, kept, f"the connection was closed after {path}")

    def test_beside_uwsgi(self) -> None:
        """Behind the same front end uWSGI's application sees the same, and its client gets the same."""
        requires("uwsgi-core")
        site = self.site(self.front.anew)
        self.instance("uwsgi")
        visits = [replace(visit, body=self.pieces) if visit.body is PIECES else visit for visit in VISITS]
        visits = [visit for visit in visits if str(visit) not in self.wrong]
        answers: dict[str, list[Answer]] = {}
        pids = set()
        for server in ("uwsgi", "uwsgid"):
            self.turn(server)
            pids.add(Visit("/pid").ask(site).body)
            answers[server] = [visit.ask(site) for visit in visits]
        self.assertTrue(len(pids) == 2 and all(pid.isdigit() for pid in pids), pids)
        found = [
            f"{visit}: {text}"
            for visit, original, ours in zip(visits, answers["uwsgi"], answers["uwsgid"], strict=True)
            for text in self.differences(visit, original, ours)
        ]
        self.assertEqual(found, [], "\n" + "\n".join(found))

    def differences(self, visit: Visit, original: Answer, ours: Answer) -> list[str]:
        """Every difference between two answers that is not meant, one text each."""
        found = []
        if (original.status, original.reason) != (ours.status, ours.reason):
            found.append(f"status {original.status} {original.reason} -> {ours.status} {ours.reason}")
        ignored = {"date"}
        if visit.path.startswith("/env") or not visit.framed or not self.tells_length:
            # an http-socket of ours also keeps the connection where the length is not known
            ignored |= {"content-length", "transfer-encoding", "connection"}
        heads = [
            [pair for pair in answer.headers if pair[0].lower() not in ignored] for answer in (original, ours)
        ]
        if heads[0] != heads[1]:
            found.append(f"headers {heads[0]} -> {heads[1]}")
        if visit.path.startswith("/env") and original.status == ours.status == 200:
            found += self.environ_differences(json.loads(original.body), json.loads(ours.body))
        elif original.body != ours.body:
            found.append(f"body {original.body[:200]!r} -> {ours.body[:200]!r}")
        return found

    def environ_differences(self, original: Mapping[str, object], ours: Mapping[str, object]) -> list[str]:
        return [
            f"{key}: {original.get(key, 'absent')!r} -> {ours.get(key, 'absent')!r}"
            for key in sorted({*original, *ours} - set(self.meant))
            if original.get(key, "absent") != ours.get(key, "absent")
        ]
