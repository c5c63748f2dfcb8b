"""A worker in a thread of the test: real sockets, a real loop, no master."""

from __future__ import annotations

import os
import select
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.host import Listener
from uwsgid.host.addresses import Family
from uwsgid.languages.python import wsgi
from uwsgid.loops.reactor import Reactor
from uwsgid.loops.simple import Simple
from uwsgid.loops.threads import Threads
from uwsgid.request.mounts import Apps
from uwsgid.request.request import Request
from uwsgid.request.serving import Serving
from uwsgid.static.options import StaticFiles
from uwsgid.static.serving import serve_files
from uwsgid.supervise.board import Board
from uwsgid.wire.uwsgi import packet
from uwsgid.worker.cycle import Cycle

LOOPS: dict[str, Any] = {
    "simple": Simple,
    "threads": Threads,
    # a reactor of its own beside trial's, in the thread of the worker
    "reactor": lambda serving, cycle: Reactor(serving, cycle, EPollReactor()),
}

#: No test waits longer than this for anything.
PATIENCE = 30.0

#: What a front end says of a request for ``/``.
VARS = {
    "REQUEST_METHOD": "GET",
    "REQUEST_URI": "/",
    "PATH_INFO": "/",
    "QUERY_STRING": "",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "SERVER_NAME": "localhost",
    "SERVER_PORT": "80",
    "REMOTE_ADDR": "192.0.2.1",
}


def hello(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """An application that says which path it was asked for."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"hello {environ['PATH_INFO']}".encode("latin-1")]


class Worker:
    """A worker that listens on a unix socket (uwsgi) and on a port of its own (HTTP).

    :param config: lines of its configuration; ``@`` stands for the folder of ``@/uwsgi.sock``.
    :param defer: TCP_DEFER_ACCEPT of the port.
    :param protocol: what is spoken on the unix socket.
    :ivar said: the server lines of its log.
    :ivar served: the requests it logged.
    """

    def __init__(
        self,
        app: Any = hello,
        config: str = "",
        loop: str = "simple",
        cores: int = 1,
        defer: int = 0,
        protocol: str = "uwsgi",
        **more: Any,
    ) -> None:
        self.folder = tempfile.mkdtemp()
        self.said: list[str] = []
        self.served: list[Request] = []
        self.code: int | None = None
        path = os.path.join(self.folder, "uwsgi.sock")
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(path)
        listening.listen(64)
        port = socket.create_server(("127.0.0.1", 0), backlog=64)
        port.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, defer)
        self.address: tuple[str, int] = port.getsockname()
        self.path = path
        self.listeners = (
            Listener(0, path, path, listening.detach(), Family.UNIX, protocol),
            Listener(
                1,
                f"127.0.0.1:{self.address[1]}",
                "",
                port.detach(),
                Family.INET,
                "http",
                port=self.address[1],
            ),
        )
        self.board = Board(1, cores)
        self.apps = Apps()
        if app is not None:
            self.apps.add("", app)
        self._heard = threading.Event()
        self._wake, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.serving = Serving(
            settings=settings_of(config.replace("@", self.folder)),
            board=self.board,
            slot=1,
            seat=0,
            cores=cores,
            listeners=self.listeners,
            handlers=[None] * 256,
            apps=self.apps,
            wakeups=((self._wake, self._drain),),
            after_request=lambda core: None,
            log_request=self.served.append,
            say=self.said.append,
            **more,
        )
        for modifier, handler in wsgi.handlers(self.serving).items():
            self.serving.handlers[modifier] = handler
        if self.serving.settings[StaticFiles].any:
            serve_files(self.serving)
        self.cycle = Cycle(self.serving)
        self.engine = LOOPS[loop](self.serving, self.cycle)
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def logged(self) -> list[Request]:
        """The requests that left a line."""
        return [request for request in self.served if request.log is not False]

    def _run(self) -> None:
        self.code = self.engine.run()

    def _drain(self) -> None:
        os.read(self._wake, 64)
        self._heard.set()

    def start(self) -> Worker:
        self._thread.start()
        return self

    def wake(self) -> None:
        """Let the loop look at the farewell."""
        self._heard.clear()
        os.write(self._waker, b"!")

    def wait_until_it_heard(self) -> None:
        """Wait until the loop has been woken: it looks at the farewell before it waits again."""
        if not self._heard.wait(PATIENCE):
            raise AssertionError("the worker does not wake up")

    def leave(self, code: int = 0) -> None:
        """Ask it to go."""
        self.serving.farewell.bid(code, "a test")
        self.wake()

    def join(self) -> int | None:
        """Wait for its end; the exit code."""
        self._thread.join(PATIENCE)
        if self._thread.is_alive():
            raise AssertionError("the worker does not leave")
        return self.code

    def stop(self) -> None:
        """Let go of everything."""
        if self._thread.is_alive():
            self.leave()
            self.join()
        for listener in self.listeners:
            os.close(listener.fd)
        os.close(self._wake)
        os.close(self._waker)
        shutil.rmtree(self.folder)

    def http(self) -> socket.socket:
        """A connection to its HTTP port."""
        client = socket.create_connection(self.address, timeout=PATIENCE)
        return client

    def uwsgi(self) -> socket.socket:
        """A connection to its uwsgi socket."""
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(PATIENCE)
        client.connect(self.path)
        return client


class WorkerCase(SynchronousTestCase):
    """The base of tests that need a worker."""

    def worker(self, *args: Any, **more: Any) -> Worker:
        """A running one, which is stopped after the test."""
        worker = Worker(*args, **more).start()
        self.addCleanup(worker.stop)
        return worker

    def http(self, worker: Worker) -> socket.socket:
        client = worker.http()
        self.addCleanup(client.close)
        return client

    def uwsgi(self, worker: Worker) -> socket.socket:
        client = worker.uwsgi()
        self.addCleanup(client.close)
        return client

    def ask(self, worker: Worker, data: bytes) -> bytes:
        """Send *data* to the uwsgi socket; all that comes back."""
        client = self.uwsgi(worker)
        client.sendall(data)
        return read_all(client)

    def fetch(self, worker: Worker, data: bytes) -> bytes:
        """Send *data* to the HTTP port; all that comes back until the end of the connection."""
        client = self.http(worker)
        client.sendall(data)
        return read_all(client)


def request(**more: str) -> bytes:
    """A uwsgi packet that asks for ``/``; keywords add variables or replace them."""
    return packet(0, {**VARS, **more})


def get(path: str = "/", *, version: str = "1.1", headers: str = "") -> bytes:
    """An HTTP request."""
    return f"GET {path} HTTP/{version}\r\nHost: localhost\r\n{headers}\r\n".encode()


def read_all(client: socket.socket) -> bytes:
    """All that comes until the other side closes; a reset is a failure."""
    parts = []
    while data := client.recv(65536):
        parts.append(data)
    return b"".join(parts)


def read_answer(client: socket.socket) -> tuple[bytes, bytes]:
    """Head and body of one HTTP answer that says its length or is chunked; what follows stays unread."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = client.recv(1)
        if not byte:
            raise AssertionError(f"the connection ended within a head: {head!r}")
        head += byte
    lines = head.decode("latin-1").lower().split("\r\n")
    length = next((int(line.split(":")[1]) for line in lines if line.startswith("content-length:")), None)
    if length is not None:
        return head, read_exactly(client, length)
    body = b""
    if "transfer-encoding: chunked" in lines:
        while True:
            size = b""
            while not size.endswith(b"\r\n"):
                size += read_exactly(client, 1)
            data = read_exactly(client, int(size, 16) + 2)
            if int(size, 16) == 0:
                break
            body += data[:-2]
    return head, body


def read_answer_of(client: socket.socket, data: bytes) -> tuple[bytes, bytes]:
    client.sendall(data)
    return read_answer(client)


def read_exactly(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = client.recv(count - len(data))
        if not more:
            raise AssertionError(f"the connection ended after {data!r}")
        data += more
    return data


def until(condition: Callable[[], object], what: str = "it") -> None:
    """Wait until *condition* holds; an assertion where it does not."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not happen; {sys._getframe(1).f_code.co_name}")
        select.select([], [], [], 0.005)
