"""What live tests of languages with an interpreter of their own share.

`ForeignCase` starts servers for the probe of a language, asks them, and compares them with Debian's uWSGI.
The others have what holds whatever language it is, for the probes have the same pages: `BesideUwsgi` for all
that uWSGI answers too, `Answering` for requests and their bodies, `Breaking` for an interpreter that breaks.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

import psutil

from tests.live.support import (
    APPS,
    Answer,
    Daemon,
    LiveCase,
    connect,
    is_leaving,
    parse_answer,
    request_vars,
    requires,
    talk,
    title_of,
    uwsgi_packet,
    wait_until,
)

#: Requests whose environ is compared.
REQUESTS: Final[tuple[Mapping[str, Any], ...]] = (
    {},
    {"method": "POST", "body": b"a=b", "CONTENT_TYPE": "application/x-www-form-urlencoded"},
    {"HTTPS": "on"},
    {"UWSGI_SCHEME": "https"},
    {"QUERY_STRING": "a=b&c=%20", "SCRIPT_NAME": "/shop"},
    {"HTTP_X_LATIN": "caf\xe9", "HTTP_CONTENT_LENGTH": "7", "HTTP_CONTENT_TYPE": "x/y"},
)


class ForeignCase(LiveCase):
    """A server with the probe of a language; not run by itself.

    :cvar interpreter: the program.
    :cvar option: what names an application.
    :cvar modifier1: of its requests.
    :cvar probe: the application that the tests ask.
    :cvar meant: keys of the environ whose values may differ from uWSGI's, and why.
    """

    interpreter: ClassVar[str]
    option: ClassVar[str]
    modifier1: ClassVar[int]
    probe: ClassVar[Path]
    meant: ClassVar[Mapping[str, str]]

    def setUp(self) -> None:
        super().setUp()
        requires(self.interpreter)
        self.where = self.path("app.sock")

    def instance(
        self, more: str = "", *, workers: int = 1, app: str | Path | None = None, **named: object
    ) -> Daemon:
        """A server with the probe, or another application, whose workers accept."""
        config = (
            f"socket = {self.where}\n{self.option} = {app or self.probe}\nneed-app = true\n"
            f"master = true\nprocesses = {workers}\n"
        )
        return self.serve(config + more, workers=workers, **named)  # type: ignore[arg-type]

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        body: bytes = b"",
        where: str = "",
        modifier1: int | None = None,
        **more: str,
    ) -> Answer:
        """One request over the uwsgi protocol."""
        variables = {**request_vars(path, method=method, length=len(body)), **more}
        modifier1 = self.modifier1 if modifier1 is None else modifier1
        return parse_answer(talk(where or self.where, uwsgi_packet(variables, modifier1) + body))

    def packet(self, path: str, *, method: str = "GET", length: int = 0) -> bytes:
        """The same as bytes, without its body."""
        return uwsgi_packet(request_vars(path, method=method, length=length), self.modifier1)

    def interpreters(self, daemon: Daemon) -> list[psutil.Process]:
        """The mothers and children that live."""
        found = []
        for process in psutil.Process(daemon.pid).children(recursive=True):
            if self.interpreter in title_of(process) and not is_leaving(process):
                found.append(process)
        return found

    def children(self, daemon: Daemon) -> list[psutil.Process]:
        """Those that serve."""
        return [process for process in self.interpreters(daemon) if "of worker" in title_of(process)]

    # ---- beside uWSGI --------------------------------------------------------------------------------------

    def plugin(self) -> str:
        """The plugin of uWSGI that has the language; skips the test where there is none."""
        raise NotImplementedError

    def both(self, more: str = "") -> dict[str, str]:
        """Start uWSGI and uwsgid with the same configuration; where they listen."""
        requires("uwsgi-core")
        name = self.plugin()
        places = {}
        for server in ("uwsgi", "uwsgid"):
            where = places[server] = self.path(f"{server}.sock")
            plugin = f"plugin = {name}\n" if server == "uwsgi" else ""
            config = (
                f"{plugin}socket = {where}\n{self.option} = {self.probe}\nneed-app = true\nmaster = true\n"
            )
            config += f"processes = 2\n{more}\n"
            self.serve(config, server=server, workers=2, name=f"{server}.ini")
        return places

    def compare(self, places: Mapping[str, str], path: str, **request: object) -> list[str]:
        """Every difference between the two answers to a request that is not meant, a text each."""
        original, ours = (
            self.ask(path, where=places[server], **request)  # type: ignore[arg-type]
            for server in ("uwsgi", "uwsgid")
        )
        found = []
        if (original.status, original.reason) != (ours.status, ours.reason):
            found.append(f"status {original.status} {original.reason} -> {ours.status} {ours.reason}")
        # the probes say the length of what differs
        heads = [
            [pair for pair in answer.headers if path != "/env" or pair[0].lower() != "content-length"]
            for answer in (original, ours)
        ]
        if heads[0] != heads[1]:
            found.append(f"headers {heads[0]} -> {heads[1]}")
        if path == "/env":
            before, now = (json.loads(answer.body.decode("latin-1")) for answer in (original, ours))
            for key in sorted({*before, *now} - set(self.meant)):
                if before.get(key, "absent") != now.get(key, "absent"):
                    found.append(f"{key}: {before.get(key, 'absent')!r} -> {now.get(key, 'absent')!r}")
        elif original.body != ours.body:
            found.append(f"body {original.body[:200]!r} -> {ours.body[:200]!r}")
        return [f"{request.get('method', 'GET')} {path}: {text}" for text in found]


class BesideUwsgi(ForeignCase):
    """The same application under Debian's uWSGI and under uwsgid.

    :cvar requests: whose environ is compared.
    :cvar pages: those that are asked for without a body.
    :cvar posted: one that tells of a body that it reads more than once.
    """

    requests: ClassVar[tuple[Mapping[str, Any], ...]] = REQUESTS
    pages: ClassVar[tuple[str, ...]]
    posted: ClassVar[str]

    def test_environ(self) -> None:
        """The environ has the same keys and values."""
        places = self.both()
        found = []
        for more in self.requests:
            found += self.compare(places, "/env", **more)
        self.assertEqual(found, [], "\n" + "\n".join(found))

    def test_answers(self) -> None:
        """Status, headers and body are the same, however the application gives them."""
        places = self.both()
        found = []
        for path in self.pages:
            found += self.compare(places, path)
        for size in (0, 1, 7_999, 100_000, 1_000_000):
            found += self.compare(places, "/digest", method="POST", body=b"x" * size)
        found += self.compare(places, self.posted, method="POST", body=b"0123456789")
        self.assertEqual(found, [], "\n" + "\n".join(found))


class Answering(ForeignCase):
    """What an application gets and gives; a language adds what is its own."""

    def test_body_that_comes_slowly(self) -> None:
        """The input waits for what has not arrived."""
        self.instance()
        body = os.urandom(200_000)
        with connect(self.where) as client:
            client.sendall(self.packet("/digest", method="POST", length=len(body)))
            for at in range(0, len(body), 70_000):
                client.sendall(body[at : at + 70_000])
                time.sleep(0.05)
            received = b""
            while piece := client.recv(65536):
                received += piece
        self.assertEqual(parse_answer(received).body.decode(), hashlib.md5(body).hexdigest())

    def test_body_that_is_cut(self) -> None:
        """A client that goes away within its body costs nothing but its request."""
        daemon = self.instance()
        with connect(self.where) as client:
            client.sendall(self.packet("/digest", method="POST", length=100) + b"some")
        daemon.wait_for(r"\[uwsgi-body-read\] Error reading")
        self.assertEqual(self.ask("/hello").body, b"hello\n")

    def test_behind_the_last_byte(self) -> None:
        """The client does not wait for psgix.cleanup, or close; the next request does."""
        daemon = self.instance()
        switch = self.folder / "switch"
        self.addCleanup(switch.touch)
        self.assertEqual(self.ask("/later", QUERY_STRING=str(switch)).body, b"soon")
        switch.touch()
        self.assertEqual(self.ask("/hello").body, b"hello\n")
        daemon.wait_for("cleaned up( /later|$)")

    def test_the_client_is_gone(self) -> None:
        """An answer without an end ends when nobody reads it any more."""
        daemon = self.instance("ignore-write-errors = true\nignore-sigpipe = true\n")
        with connect(self.where) as client:
            client.sendall(self.packet("/endless"))
            client.recv(1000)
        daemon.wait_for("stopped(: write error|$)")
        self.assertEqual(self.ask("/hello").body, b"hello\n")

    def test_beside_python(self) -> None:
        """Both languages in one instance: the modifier chooses."""
        self.instance(f"wsgi-file = {APPS / 'probe.py'}\n")
        self.assertEqual(self.ask("/hello").body, b"hello\n")
        self.assertIn(b"wsgi.version", self.ask("/env", modifier1=0).body)

    def test_lazy_apps(self) -> None:
        """With lazy-apps each worker has a mother of its own."""
        daemon = self.instance("lazy-apps = true\n", workers=2)
        self.assertEqual(self.ask("/hello").body, b"hello\n")
        wait_until(lambda: len(self.interpreters(daemon)) == 4, "two mothers, each with a child")


class Breaking(ForeignCase):
    """What an interpreter that breaks costs; a language adds what is its own.

    :cvar mistakes: pages that answer nothing that makes sense, and what the log says of each.
    """

    mistakes: ClassVar[Mapping[str, str]]

    def test_errors(self) -> None:
        """What is no answer is a 500 with its reason in the log, and the next request is answered."""
        daemon = self.instance()
        for path, reason in self.mistakes.items():
            answer = self.ask(path)
            self.assertEqual((path, answer.status, answer.body), (path, 500, b"Internal Server Error"))
            daemon.wait_for(re.escape(reason))
        wait_until(lambda: len(self.children(daemon)) == 1, "one child")
        self.assertEqual(self.ask("/hello").body, b"hello\n")

    def test_dying_late(self) -> None:
        """An application that dies in its stream cuts it."""
        daemon = self.instance()
        self.assertEqual(self.ask("/die-late").body, b"begun\n")
        daemon.wait_for("an apple fell late")

    def test_killed_while_idle(self) -> None:
        """An interpreter that ends between requests costs none."""
        daemon = self.instance()
        pid = int(self.ask("/pid").body)
        os.kill(pid, signal.SIGKILL)
        daemon.wait_for("died (of|with) signal 9")
        self.assertEqual(self.ask("/hello").body, b"hello\n")

    def test_the_mother_is_killed(self) -> None:
        """Without a mother the worker starts another."""
        daemon = self.instance()
        child = int(self.ask("/pid").body)
        mothers = [one for one in self.interpreters(daemon) if one.pid != child]
        self.assertEqual(len(mothers), 1)
        mothers[0].kill()
        wait_until(lambda: is_dead(child), "the end of the child")
        self.assertEqual(self.ask("/hello").body, b"hello\n")
        wait_until(lambda: len(self.children(daemon)) == 1, "one child")

    def test_junk(self) -> None:
        """An interpreter that prints junk on its line is ended and replaced."""
        daemon = self.instance()
        pid = int(self.ask("/pid").body)
        self.assertEqual(self.ask("/junk").status, 500)
        daemon.wait_for("junk in place of an answer")
        wait_until(lambda: is_dead(pid), "the end of the interpreter")
        self.assertEqual(self.ask("/hello").body, b"hello\n")

    def test_closed_line(self) -> None:
        """One that closes its line, too."""
        daemon = self.instance()
        pid = int(self.ask("/pid").body)
        self.assertEqual(self.ask("/close").status, 500)
        wait_until(lambda: is_dead(pid), "the end of the interpreter")
        self.assertEqual(self.ask("/hello").body, b"hello\n")
        wait_until(lambda: len(self.children(daemon)) == 1, "one child")

    def test_fork(self) -> None:
        """What an application forks does not answer in its place."""
        self.instance()
        for _ in range(3):
            self.assertEqual(self.ask("/fork").body, b"parent")

    def test_held(self) -> None:
        """One that is killed while something it forked keeps all its descriptors costs its request alone."""
        daemon = self.instance()
        self.assertEqual(self.ask("/held").status, 500)
        holder = int(daemon.wait_for(r"held by (\d+)")[1])
        self.assertFalse(is_dead(holder))
        os.kill(holder, signal.SIGKILL)
        self.assertEqual(self.ask("/hello").body, b"hello\n")

    def test_sizes(self) -> None:
        """Answers arrive whole, whichever way they come."""
        self.instance()
        around = range(4096 - 80, 4096 + 8, 2)  # where they do not fit into one write any more
        for size in (0, 1, *around, 16384, 65536, 1 << 18, (1 << 18) + 1, 1_000_000):
            self.assertEqual(len(self.ask("/size", QUERY_STRING=str(size)).body), size)

    def test_harakiri(self) -> None:
        """harakiri ends the interpreter with its worker, however deaf it is."""
        daemon = self.instance("harakiri = 1\n")
        pid = int(self.ask("/pid").body)
        with connect(self.where) as client:
            client.sendall(self.packet("/deaf"))
            self.assertEqual(client.recv(100), b"")
        daemon.wait_for("HARAKIRI ON WORKER 1")
        wait_until(lambda: is_dead(pid), "the end of the interpreter")
        self.assertEqual(self.ask("/hello").body, b"hello\n")

    def test_killed_worker(self) -> None:
        """A hung interpreter does not outlive a worker that was killed."""
        daemon = self.instance()
        pid = int(self.ask("/pid").body)
        with connect(self.where) as client:
            client.sendall(self.packet("/deaf"))
            found = daemon.wait_for(r"spawned uWSGI worker 1 \(pid: (\d+)")
            daemon.wait_for("^deaf$")
            os.kill(int(found[1]), signal.SIGKILL)
            wait_until(lambda: is_dead(pid), "the end of the interpreter")

    def test_stop(self) -> None:
        """Nobody is left when the instance ends, not even a busy one."""
        daemon = self.instance(workers=2)
        with connect(self.where) as client:
            client.sendall(self.packet("/sleep"))
            daemon.wait_for("^asleep$")
            wait_until(lambda: len(self.interpreters(daemon)) == 3, "a mother and two children")
            pids = [process.pid for process in self.interpreters(daemon)]
            daemon.signal(signal.SIGINT)
            daemon.wait()
        wait_until(lambda: all(is_dead(pid) for pid in pids), "the end of all interpreters")

    def test_evil(self) -> None:
        """evil-reload-on-rss looks at interpreters as well."""
        daemon = self.instance("evil-reload-on-rss = 150\n")
        self.assertEqual(self.ask("/eat").status, 500)
        daemon.wait_for("EVIL RELOAD ON (PERL|RUBY) INTERPRETER RSS")
        self.assertEqual(self.ask("/hello").body, b"hello\n")

    def test_max_requests(self) -> None:
        """max-requests replaces the interpreter with the worker: its state begins anew."""
        daemon = self.instance("max-requests = 2\nmin-worker-lifetime = 0\n")
        self.assertEqual(self.ask("/state").body.split()[0], b"1")
        loaded = self.ask("/state").body.split()[1]
        daemon.wait_for("spawned uWSGI worker 1", count=2)
        self.assertEqual(self.ask("/state").body.split(), [b"1", loaded])


def is_dead(pid: int) -> bool:
    """Whether a process has ended, collected or not."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
