"""Lines of requests that are written together: none is lost, none is late, none is there twice."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections import Counter
from functools import partial
from typing import Final

from tests.live.support import (
    SPAWNED,
    Daemon,
    LiveCase,
    connect,
    request_vars,
    uwsgi_fetch,
    uwsgi_packet,
    wait_until,
)

APP: Final = """
import os

print("loaded")

def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/wait":
        with open(os.path.join(os.path.dirname(__file__), "gate")) as gate:
            gate.read()
    if path == "/say":
        print("the application says so")
    start_response("200 OK", [])
    return [path.encode()]
"""
LINE: Final = re.compile(rb"\[pid: (\d+)\|app: 0\|req: \d+/\d+\] .* GET (/\S+) => generated .* on core 0\)")


class HeldLinesTests(LiveCase):
    """One log file, to which the workers write."""

    def serve_lines(self, *more: str) -> Daemon:
        (self.folder / "app.py").write_text(APP)
        daemon = self.launch(
            f"socket = {self.path('app.sock')}\nwsgi-file = {self.path('app.py')}\nneed-app = true\n"
            f"master = true\nlogto = {self.path('site.log')}\n" + "\n".join(more)
        )
        wait_until(lambda: re.search(SPAWNED.encode(), self.log()), "the start")
        return daemon

    def log(self) -> bytes:
        path = self.folder / "site.log"
        return path.read_bytes() if path.exists() else b""

    def lines(self) -> Counter[str]:
        """How often each path stands in the log."""
        return Counter(found[2].decode() for found in LINE.finditer(self.log()))

    def has_lines(self, count: int) -> bool:
        return sum(self.lines().values()) >= count

    def born(self) -> list[int]:
        """The workers so far, the oldest first."""
        told = re.findall(rb"^(?:spawned|Respawned) uWSGI worker .*pid: (\d+)", self.log(), re.M)
        return [int(pid) for pid in told]

    def wait_for_successor(self, pid: int) -> None:
        """Wait until the worker after *pid* is born."""
        wait_until(lambda: self.born()[-1] != pid, "a successor")

    def ask_at_once(self, *paths: str) -> None:
        """Have *paths* wait for the only worker, so that it finds one after the other."""
        pid = self.born()[-1]
        os.kill(pid, signal.SIGSTOP)
        try:
            for path in paths:
                client = connect(self.path("app.sock"))
                self.addCleanup(client.close)
                client.sendall(uwsgi_packet(request_vars(path)))
        finally:
            os.kill(pid, signal.SIGCONT)

    def test_an_idle_worker(self) -> None:
        """The last lines of a burst are written when nobody asks for more, in their order."""
        self.serve_lines("processes = 1")
        paths = [f"/{number}" for number in range(20)]
        self.ask_at_once(*paths)
        wait_until(lambda: len(self.lines()) == 20, "all lines")
        self.assertEqual([found[2].decode() for found in LINE.finditer(self.log())], paths)

    def test_behind_a_long_request(self) -> None:
        """The lines before a request that does not end are in the log meanwhile."""
        os.mkfifo(self.folder / "gate")
        self.serve_lines("processes = 1")
        paths = [f"/{number}" for number in range(5)]
        self.ask_at_once(*paths, "/wait")
        with open(self.folder / "gate", "w"):
            # the worker is in its long request now
            wait_until(lambda: len(self.lines()) == 5, "the lines before it")
            self.assertEqual(list(self.lines()), paths)
        wait_until(lambda: self.lines()["/wait"], "its own line")

    def test_what_an_application_says(self) -> None:
        """A print stands behind the requests before its own."""
        self.serve_lines("processes = 1")
        self.ask_at_once("/1", "/2", "/say", "/3")
        wait_until(lambda: len(self.lines()) == 4, "all lines")
        told = re.findall(rb"GET (/\S+) =>|^(the application says so)$", self.log(), re.M)
        self.assertEqual(
            [one or two for one, two in told], [b"/1", b"/2", b"the application says so", b"/say", b"/3"]
        )

    def test_the_end_of_a_worker(self) -> None:
        """A worker that is killed in the middle of a request leaves no line unwritten."""
        os.mkfifo(self.folder / "gate")
        self.serve_lines("processes = 1")
        for number in (1, 2):
            paths = [f"/{number}/{each}" for each in range(5)]
            pid = self.born()[-1]
            self.ask_at_once(*paths, "/wait")
            with open(self.folder / "gate", "w"):
                os.kill(pid, signal.SIGKILL)
                self.wait_for_successor(pid)
            wait_until(partial(self.has_lines, 5 * number), "the lines of both")
        self.assertEqual(set(self.lines().values()), {1})

    def test_kills_under_load(self) -> None:
        """Through twelve kill -9 every line is whole and there once; a kill costs one line at most."""
        self.serve_lines("processes = 2")
        answered: list[str] = []
        over = threading.Event()

        def ask(number: int) -> None:
            each = 0
            while not over.is_set():
                path = f"/{number}/{each}"
                each += 1
                try:
                    if uwsgi_fetch(self.path("app.sock"), path).body == path.encode():
                        answered.append(path)
                except (OSError, AssertionError, ValueError):
                    pass

        def has_more(count: int) -> bool:
            return len(answered) > count

        clients = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
        for client in clients:
            client.start()
        kills = 12
        try:
            for _ in range(kills):
                wait_until(partial(has_more, len(answered) + 150), "answers")
                pid = self.born()[-1]
                os.kill(pid, signal.SIGKILL)
                self.wait_for_successor(pid)
        finally:
            over.set()
            for client in clients:
                client.join()
        count = len(answered)
        wait_until(lambda: len(self.lines()) >= count - kills, "the lines")
        found = self.lines()
        missing = [path for path in answered if path not in found]
        self.assertLessEqual(len(missing), kills)
        self.assertEqual({path: times for path, times in found.items() if times > 1}, {})
        odd = [line for line in self.log().splitlines() if b"[pid: " in line and not LINE.fullmatch(line)]
        self.assertEqual(odd, [])
