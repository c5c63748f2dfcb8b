"""kill -9 of everybody in turn: who notices, what is lost, who is back."""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Final

import psutil

from tests.live.support import (
    PATIENCE,
    Daemon,
    LiveCase,
    Load,
    connect,
    free_port,
    request_vars,
    talk,
    uwsgi_fetch,
    uwsgi_packet,
    wait_until,
)

KILLS: Final = 10
LENGTH: Final = re.compile(rb"\r\nContent-Length: (\d+)\r\n")


def is_whole(received: bytes) -> bool:
    """Whether an answer is good and complete."""
    head, end, body = received.partition(b"\r\n\r\n")
    length = LENGTH.search(head + b"\r\n")
    if not end or length is None:
        return False
    return head.startswith(b"HTTP/1.1 200 ") and len(body) == int(length[1])


class KeepingLoad:
    """HTTP clients that ask again and again on a connection, and connect where it ended.

    :ivar failures: what went wrong, without what a client repeats.
    :ivar repeated: how many requests that was.
    :ivar connections: how many there were.
    :ivar threads: a client each.
    """

    def __init__(self, address: str, clients: int = 4) -> None:
        self.address = address
        self.done = 0
        self.connections = 0
        self.repeated = 0
        self.failures: list[str] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]

    def __enter__(self) -> KeepingLoad:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self.threads:
            thread.join(PATIENCE)

    def ask_more(self, requests: int) -> Callable[[], bool]:
        """Whether that many requests have been made since this call."""
        goal = self.done + requests
        return lambda: self.done >= goal

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                client = connect(self.address)
            except OSError as error:
                self._count(f"connecting: {error!r}")
                continue
            with self._lock:
                self.connections += 1
            with client:
                self._use(client)

    def _use(self, client: socket.socket) -> None:
        answered = 0
        while not self._stop.is_set():
            received = b""
            try:
                client.sendall(b"GET /pid HTTP/1.1\r\nHost: shop.example\r\n\r\n")
                while not is_whole(received) and (chunk := client.recv(65536)):
                    received += chunk
                problem = "" if is_whole(received) else f"answered {received[:100]!r}"
            except OSError as error:
                problem = repr(error)
            if problem and answered and not received:
                with self._lock:
                    self.repeated += 1
                return
            self._count(f"request {answered} of a connection: {problem}" if problem else "")
            if problem or b"Connection: close" in received:
                return
            answered += 1

    def _count(self, problem: str) -> None:
        with self._lock:
            self.done += 1
            if problem:
                self.failures.append(problem)


class DeathTests(LiveCase):
    """A death costs the requests of the process that died, and nothing else."""

    def test_workers(self) -> None:
        """20,000 requests while a worker is killed about once a second: each time the one in it may fail."""
        daemon = self.serve(self.probe_config(workers=3), workers=3)
        with Load(self.path("app.sock"), clients=3) as load:
            for _ in range(KILLS):
                load.wait_for_more(20_000 // KILLS - 500)
                failed = len(load.failures)
                self.kill_a_worker(daemon)
                load.wait_for_more(500)
                self.assertLessEqual(len(load.failures) - failed, 1, f"{load.failures}\n{daemon.log()}")
        daemon.wait_for("Respawned uWSGI worker", count=KILLS)

    def test_workers_of_clients_that_keep_their_connection(self) -> None:
        """Of HTTP clients with a connection of their worker, those who may ask again do and are answered.

        A client that asks again on a connection can not know whether the server has just gone, and so it
        repeats a request that got not a byte of an answer there (RFC 9112, section 9.3.1).  Without that a
        request fails where it was the first of its connection, or its answer began.
        """
        http = self.path("http.sock")
        daemon = self.serve(self.probe_config(workers=3, more=f"http-socket = {http}"), workers=3)
        load = KeepingLoad(http)
        with load:
            for _ in range(KILLS):
                wait_until(load.ask_more(500), "500 requests")
                failed = len(load.failures)
                self.kill_a_worker(daemon)
                wait_until(load.ask_more(500), "500 requests")
                self.assertLessEqual(len(load.failures) - failed, 1, f"{load.failures}\n{daemon.log()}")
        # nothing else ended a connection than the deaths, each of which repeats no more than one of a client
        self.assertLessEqual(load.repeated, KILLS * len(load.threads))
        self.assertLessEqual(load.connections, len(load.threads) * (KILLS + 1) + len(load.failures))

    def kill_a_worker(self, daemon: Daemon) -> None:
        """The one that answers now."""
        victim = int(uwsgi_fetch(self.path("app.sock"), "/pid").body)
        died = daemon.seen("DAMN")
        os.kill(victim, signal.SIGKILL)
        daemon.wait_for("DAMN", count=died + 1)

    def test_a_dead_worker_is_back_within_a_second(self) -> None:
        """The only worker of an instance is killed; within a second another one answers."""
        daemon = self.serve(self.probe_config(workers=1))

        def replace() -> None:
            before = uwsgi_fetch(self.path("app.sock"), "/pid").body
            os.kill(int(before), signal.SIGKILL)
            wait_until(lambda: self.pid_or_nothing() not in (b"", before), "an answer of another one")

        self.within_a_second(replace)
        daemon.wait_for(r"DAMN ! worker 1 \(pid: \d+\) died, killed by signal 9 :\( trying respawn")

    def pid_or_nothing(self) -> bytes:
        try:
            return uwsgi_fetch(self.path("app.sock"), "/pid").body
        except (OSError, AssertionError):
            return b""

    def test_zygote(self) -> None:
        """Without the zygote the workers go on serving; a second later a new one can bear workers."""
        daemon = self.serve(self.probe_config(workers=2, more="auto-procname = true"), workers=2)

        def replace() -> None:
            # a worker bears the title of the zygote until it has its own
            (zygote,) = wait_until(lambda: self.only(daemon, "zygote"), "one zygote")
            ready = daemon.seen(r"WSGI app 0 .* ready in")
            zygote.kill()
            daemon.wait_for(r"WSGI app 0 .* ready in", count=ready + 1)

        with Load(self.path("app.sock"), clients=2) as load:
            load.wait_for_more(100)
            self.within_a_second(replace)
            load.wait_for_more(500)
        self.assertEqual(load.failures, [], daemon.log())
        os.kill(int(uwsgi_fetch(self.path("app.sock"), "/pid").body), signal.SIGKILL)
        daemon.wait_for("Respawned uWSGI worker")
        self.assertEqual(uwsgi_fetch(self.path("app.sock"), "/pid").status, 200)

    def test_seed(self) -> None:
        """Without the seed nobody notices; a second later there is a spare again, and reloads work."""
        daemon = self.serve(self.probe_config(workers=2, more="auto-procname = true"), workers=2)

        def replace() -> None:
            seed = wait_until(lambda: daemon.members("seed"), "a seed")[0]
            gone = daemon.seen(r"the seed .* is gone")
            seed.kill()
            daemon.wait_for(r"the seed .* is gone", count=gone + 1)
            wait_until(lambda: self.are_two(daemon, seed.pid), "another spare")

        with Load(self.path("app.sock"), clients=2) as load:
            load.wait_for_more(100)
            self.within_a_second(replace)
            load.wait_for_more(200)
            daemon.signal(signal.SIGHUP)
            daemon.wait_for(r"worker \d+ (killed successfully|buried)", count=2)
            load.wait_for_more(200)
        self.assertEqual(load.failures, [], daemon.log())

    def within_a_second(self, act: Callable[[], object]) -> None:
        """Do something that takes less than a second; a busy machine may stop us, so there are more tries."""
        times: list[float] = []
        while not times or min(times) >= 1.0:
            self.assertLess(len(times), 5, times)
            began = time.monotonic()
            act()
            times.append(time.monotonic() - began)

    def only(self, daemon: Daemon, title: str) -> list[psutil.Process]:
        """The process of this title, if it is one."""
        found = daemon.members(title)
        return found if len(found) == 1 else []

    def are_two(self, daemon: Daemon, but: int) -> bool:
        """Whether there are a seed and its spare, without the one of that pid."""
        return len([seed for seed in daemon.members("seed") if seed.pid != but]) == 2

    def test_master(self) -> None:
        """Without the master everybody leaves, and the port is free at once."""
        port = free_port()
        config = self.probe_config(workers=3, more=f"http-socket = 127.0.0.1:{port}")
        daemon = self.serve(config, workers=3)
        self.assertGreaterEqual(len(daemon.family()), 4)
        daemon.signal(signal.SIGKILL)
        daemon.wait()
        wait_until(lambda: not daemon.family(), f"the children to leave: {daemon.survivors()}")
        again = self.serve(config, workers=3, name="again.ini")
        self.assertEqual(uwsgi_fetch(self.path("app.sock"), "/pid").status, 200, again.log())

    def test_master_with_a_request_in_progress(self) -> None:
        """A busy worker whose master died leaves as soon as it is done."""
        daemon = self.serve(self.probe_config(workers=2), workers=2)
        daemon.family()
        client = self.waiting(daemon)
        daemon.signal(signal.SIGKILL)
        daemon.wait()
        client.go()
        wait_until(lambda: not daemon.family(), "the children to leave")

    def test_worker_that_crashes(self) -> None:
        """A worker that crashes costs its client the answer, and the next one is served."""
        daemon = self.serve(self.probe_config(workers=1))
        answer = talk(self.path("app.sock"), uwsgi_packet(request_vars("/die")))
        self.assertEqual(answer, b"")
        daemon.wait_for("DAMN")
        self.assertEqual(uwsgi_fetch(self.path("app.sock"), "/pid").status, 200)
