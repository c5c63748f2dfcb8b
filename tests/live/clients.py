"""Plain clients that share no code with uwsgid: HTTP, the uwsgi protocol, raw bytes, and many at a time."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.live.daemon import PATIENCE, wait_until

Address = str | tuple[str, int]

_ACCEPTS = 0x10000  #: the flag of a socket that listens in /proc/net/unix (__SO_ACCEPTCON)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an HTTP client got."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first value of a header."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


def connect(address: Address, seconds: float = PATIENCE) -> socket.socket:
    """A connected stream to a unix path or a (host, port)."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    client = socket.socket(family, socket.SOCK_STREAM)
    client.settimeout(seconds)
    try:
        client.connect(address)
    except BaseException:
        client.close()
        raise
    return client


def fetch(
    address: Address,
    path: str = "/",
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | Iterable[bytes] | None = None,
    seconds: float = PATIENCE,
) -> Answer:
    """One HTTP request on a connection of its own."""
    connection = http.client.HTTPConnection("localhost", timeout=seconds)
    connection.sock = connect(address, seconds)
    try:
        connection.request(method, path, body=body, headers=dict(headers or {}))
        response = connection.getresponse()
        return Answer(response.status, response.reason, tuple(response.getheaders()), response.read())
    finally:
        connection.close()


def is_listening(path: str) -> bool:
    """Whether clients can connect to a UNIX socket: it has its name a moment before it listens."""
    rows = (row.split() for row in Path("/proc/net/unix").read_text().splitlines()[1:])
    return any(row[7:] == [path] and int(row[3], 16) & _ACCEPTS for row in rows)


def talk(address: Address, data: bytes, seconds: float = PATIENCE) -> bytes:
    """Send raw bytes and read until the server closes."""
    with connect(address, seconds) as client:
        client.sendall(data)
        received = []
        while chunk := client.recv(65536):
            received.append(chunk)
        return b"".join(received)


def uwsgi_packet(variables: Mapping[str, str], modifier1: int = 0, modifier2: int = 0) -> bytes:
    """The uwsgi packet that carries ``variables``."""
    pairs = b"".join(
        struct.pack("<H", len(part)) + part
        for pair in variables.items()
        for part in (text.encode("latin-1") for text in pair)
    )
    return struct.pack("<BHB", modifier1, len(pairs), modifier2) + pairs


def request_vars(path: str = "/", *, method: str = "GET", query: str = "", length: int = 0) -> dict[str, str]:
    """The vars that nginx would send for a small request."""
    return {
        "QUERY_STRING": query,
        "REQUEST_METHOD": method,
        "CONTENT_TYPE": "",
        "CONTENT_LENGTH": str(length) if length else "",
        "REQUEST_URI": path + (f"?{query}" if query else ""),
        "PATH_INFO": path,
        "DOCUMENT_ROOT": "/srv/www",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REQUEST_SCHEME": "http",
        "REMOTE_ADDR": "192.0.2.7",
        "REMOTE_PORT": "40404",
        "SERVER_PORT": "80",
        "SERVER_NAME": "shop.example",
        "HTTP_HOST": "shop.example",
    }


def parse_answer(data: bytes) -> Answer:
    """What came back on a uwsgi connection: an HTTP head, then the body up to the end."""
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        raise AssertionError(f"no complete answer: {data[:200]!r}")
    first, *rest = head.decode("latin-1").split("\r\n")
    _, status, reason = (first + "  ").split(" ", 2)
    pairs = tuple((key, value.strip()) for key, _, value in (line.partition(":") for line in rest))
    return Answer(int(status), reason.strip(), pairs, body)


def uwsgi_fetch(address: Address, path: str = "/", *, method: str = "GET", body: bytes = b"") -> Answer:
    """One request in the uwsgi protocol on a connection of its own."""
    variables = request_vars(path, method=method, length=len(body))
    return parse_answer(talk(address, uwsgi_packet(variables) + body))


class Waiting:
    """Clients whose requests are in workers until a file is made: the probe's ``/until``, over uwsgi.

    :ivar switch: the file; nobody makes it but `go`.
    """

    def __init__(self, address: Address, switch: Path, clients: int = 1) -> None:
        self.switch = switch
        packet = uwsgi_packet(request_vars("/until", query=str(switch)))
        self._clients = [connect(address) for _ in range(clients)]
        for client in self._clients:
            client.sendall(packet)

    def go(self) -> None:
        """Let the application answer."""
        self.switch.touch()

    def answers(self) -> list[Answer]:
        """What the clients get, once the application may answer."""
        found = []
        for client in self._clients:
            with client.makefile("rb") as stream:
                found.append(parse_answer(stream.read()))
        return found

    def close(self) -> None:
        """Leave."""
        for client in self._clients:
            client.close()


@dataclass
class Load:
    """Clients that ask a uwsgi socket one request after the other, each on a connection of its own.

    :ivar failures: what went wrong, one text each.
    """

    address: Address
    clients: int = 4
    path: str = "/pid"
    done: int = 0
    failures: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Load:
        for _ in range(self.clients):
            thread = threading.Thread(target=self._run, daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _run(self) -> None:
        packet = uwsgi_packet(request_vars(self.path))
        while not self._stop.is_set():
            step, received = "connecting", b""
            try:
                with connect(self.address) as client:
                    step = "sending"
                    client.sendall(packet)
                    step = "reading"
                    while chunk := client.recv(65536):
                        received += chunk
                problem = "" if received.startswith(b"HTTP/1.1 200") else f"answered {received[:100]!r}"
            except OSError as error:
                problem = f"{step}: {error!r}"
            with self._lock:
                self.done += 1
                if problem:
                    self.failures.append(problem)

    def wait_for_more(self, requests: int, seconds: float = 4 * PATIENCE) -> None:
        """Wait until this many further requests were made."""
        self.wait_for(self.done + requests, seconds)

    def wait_for(self, requests: int, seconds: float = 4 * PATIENCE) -> None:
        """Wait until this many requests were made in all."""
        wait_until(lambda: self.done >= requests, f"{requests} requests", seconds=seconds)
