"""A handler of CGI without a worker: scripts in a folder, and a client at the other end of a socket pair."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.languages.cgi.handler import CgiHandler
from uwsgid.request.body import Body
from uwsgid.request.connection import Connection
from uwsgid.request.reply import Reply
from uwsgid.request.request import Request
from uwsgid.request.terms import Terms

PATIENCE = 30.0  #: seconds


class PaperGuard:
    """A guard that only notes what it was told.

    :ivar alive: the process groups that it has.
    """

    def __init__(self) -> None:
        self.alive: set[int] = set()
        self.all: list[int] = []

    def take_me(self) -> None:
        """The child's memory is not ours."""

    def take(self, group: int) -> None:
        self.alive.add(group)
        self.all.append(group)

    def drop(self, group: int) -> None:
        self.alive.discard(group)


class Client:
    """One request of a client, which reads its answer in a thread of its own."""

    def __init__(
        self, case: CgiCase, vars: dict[str, str], body: bytes | None, here: int, reads: bool
    ) -> None:
        ours, self.socket = socket.socketpair()
        ours.setblocking(False)
        self.socket.settimeout(PATIENCE)
        self.connection = Connection(ours.detach(), "192.0.2.7", None, None, case.terms)
        self.received = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        data = body or b""
        base = {"REQUEST_METHOD": "POST" if data else "GET", "SERVER_PROTOCOL": "HTTP/1.1"}
        if data:
            base["CONTENT_LENGTH"] = str(len(data))
        self.request = request = Request({**base, **vars}, 9, 0, 0, time.time())
        request.var_count = len(request.vars)
        request.reply = Reply(self.connection, request.vars)
        request.body = Body(self.connection, len(data), data[:here])
        self._rest = data[here:]
        if reads:
            self._reader.start()
        if self._rest:
            self._writer = threading.Thread(target=self._write, daemon=True)
            self._writer.start()

    def _write(self) -> None:
        try:
            self.socket.sendall(self._rest)
        except OSError:
            pass

    def _read(self) -> None:
        try:
            while data := self.socket.recv(1 << 16):
                self.received += data
        except OSError:
            pass

    def wait_until_sent(self) -> None:
        self._writer.join()

    def start_to_read(self) -> None:
        self._reader.start()

    def answer(self) -> bytes:
        """All that was answered."""
        self.connection.close()
        if not self._reader.ident:
            self._reader.start()
        self._reader.join(PATIENCE)
        self.socket.close()
        return self.received


class CgiCase(SynchronousTestCase):
    """A test with a folder of scripts.

    :ivar said: the lines that were logged.
    """

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir(parents=True)
        self.said: list[str] = []
        self.guard = PaperGuard()
        self.configure()

    def configure(self, more: str = "", cgi: str = "") -> None:
        """Make a handler of this configuration."""
        settings = settings_of(f"cgi = {cgi or self.folder}\n{more}")
        self.terms = Terms(settings, self.said.append)
        serving: Any = SimpleNamespace(settings=settings, say=self.said.append)
        self.handler = CgiHandler(serving, self.guard)

    def script(self, name: str, text: str, program: str = "/bin/sh") -> str:
        """Make an executable script; its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!{program}\n{text}\n")
        path.chmod(0o755)
        return str(path)

    def client(
        self, path: str, body: bytes | None = None, *, here: int = 0, reads: bool = True, **vars: str
    ) -> Client:
        client = Client(self, {"PATH_INFO": path, **vars}, body, here, reads)
        self.addCleanup(client.socket.close)
        self.addCleanup(client.connection.close)
        return client

    def ask(self, path: str, body: bytes | None = None, *, here: int = 0, **vars: str) -> bytes:
        """What a client gets, status line and all.  Nothing of the script is left then."""
        client = self.client(path, body, here=here, reads=True, **vars)
        self.handler(client.request)
        self.assert_all_gone()
        return client.answer()

    def assert_all_gone(self) -> None:
        """No script is running, none is a zombie, and the guard has none."""
        self.assertEqual(self.guard.alive, set())
        for pid in self.guard.all:
            self.assertRaises(ChildProcessError, os.waitpid, pid, os.WNOHANG)

    def wait_until(self, holds: Any, what: str) -> None:
        end = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > end:
                self.fail(f"in vain: {what}\n" + "\n".join(self.said))
            time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Whether *pid* runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
