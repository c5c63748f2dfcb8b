"""A Ruby of its own for a test, spoken to by frames: no worker, no socket of a client."""

from __future__ import annotations

import os
import shutil
import tempfile
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket
from struct import unpack
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from tests.live.daemon import requires
from uwsgid.languages.foreign.frames import FrameReader, frame, read_counted, read_head, request_frame
from uwsgid.languages.foreign.mother import Mother, Recipe
from uwsgid.languages.ruby.options import SCRIPT

PATIENCE: Final = 30.0
VARS: Final = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/",
    "QUERY_STRING": "",
    "SERVER_NAME": "shop.example",
    "SERVER_PORT": "80",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "HTTP_HOST": "shop.example",
}


@dataclass
class Answer:
    """What came for a request.

    :ivar letters: of the frames, in their order.
    :ivar flags: of its end.
    :ivar failure: what the application failed with.
    :ivar calls: the API functions it called, with their arguments.
    :ivar file: descriptor, offset and count of a file.
    """

    letters: str = ""
    status: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    flags: int = -1
    failure: str = ""
    calls: list[list[bytes]] = field(default_factory=list)
    file: tuple[int, int, int] | None = None


class Child:
    """One connection to a child."""

    def __init__(self, line: socket, pid: int) -> None:
        self.line = line
        self.pid = pid
        line.settimeout(PATIENCE)
        self._reader = FrameReader(b"whbfexruiz")
        self._turn = 0

    def hear(self) -> tuple[str, bytes]:
        """The next frame.

        :raises EOFError: the child ended.
        """
        while (heard := self._reader.next()) is None:
            data = self.line.recv(1 << 18)
            if not data:
                raise EOFError
            self._reader.feed(data)
        return chr(heard[0]), heard[1]

    def send(self, vars: dict[str, Any], start: bytes = b"", length: int | None = 0, app: int = 0) -> int:
        """Send a request; its turn."""
        self._turn = (self._turn + 1) & 255
        self.line.sendall(request_frame(self._turn, app, vars, length, start))
        return self._turn

    def ask(
        self,
        body: bytes = b"",
        *,
        pieces: tuple[bytes, ...] = (),
        app: int = 0,
        answers: dict[str, bytes] | None = None,
        vars: Mapping[str, str] | None = None,
        bare: bool = False,
        **more: str,
    ) -> Answer:
        """A request and its whole answer.

        :param pieces: of the body, told when they are asked for; then its length is not known.
        :param answers: to API functions, by name.
        :param vars: over those that every request has, and *more* over them.
        :param bare: *vars* are all there are.
        """
        asked = {**({} if bare else VARS), **(vars or {}), **more}
        turn = self.send(asked, body, None if pieces else len(body), app)
        return self.answer(turn, pieces, answers or {})

    def answer(
        self, turn: int, pieces: tuple[bytes, ...] = (), answers: dict[str, bytes] | None = None
    ) -> Answer:
        """What comes for a request that was sent."""
        found, rest = Answer(), list(pieces)
        while True:
            letter, payload = self.hear()
            found.letters += letter
            if letter == "w":
                assert payload[0] == turn
                end = 6 + unpack("<I", payload[2:6])[0]
                found.flags = payload[1]
                found.status, found.headers = read_head(payload[6:end])
                found.body = payload[end:]
            elif letter == "h":
                assert payload[0] == turn
                found.status, found.headers = read_head(payload[1:])
            elif letter == "b":
                found.body += payload
            elif letter == "f":
                fd, offset, count = unpack("<Iqq", payload)
                found.file = fd, offset, count
                found.body += Path(f"/proc/{self.pid}/fd/{fd}").read_bytes()
                self.line.sendall(frame(b"k", b"\1"))
            elif letter == "r":
                self.line.sendall(frame(b"d", rest.pop(0) if rest else b""))
            elif letter == "u":
                call = read_counted(payload)
                found.calls.append(call)
                self.line.sendall(frame(b"a", (answers or {}).get(call[0].decode(), b"\0")))
            elif letter == "e":
                found.flags = payload[0]
            elif letter == "x":
                found.flags = payload[0]
                found.failure = payload[1:].decode()
            if letter == "z" or (letter in "wex" and not found.flags & 1):
                return found


class RubyCase(SynchronousTestCase):
    """A test with a folder, in which it may start a Ruby."""

    def setUp(self) -> None:
        requires("ruby")
        self.folder = Path(tempfile.mkdtemp(prefix="uwsgid-ruby-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def write(self, name: str, text: str) -> str:
        """A file of this test; its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return str(path)

    def mother(self, *apps: str, **words: str | list[str]) -> Mother:
        """Start a Ruby that loads these files."""
        given = {"host": "node.example", "port": "80", "server": "9", "processes": "2", **words}
        pairs = [
            (name, one)
            for name, value in given.items()
            for one in (value if isinstance(value, list) else [value])
        ]
        pairs += [("app", app) for app in apps]
        mother = Mother(
            Recipe("Ruby", ["ruby", SCRIPT], "rack", pairs),
            lambda payload: b"\1" + b"+".join(read_counted(payload)),
        )
        self.addCleanup(self._end, mother)
        return mother

    def _end(self, mother: Mother) -> None:
        mother.end()
        os.waitpid(mother.pid, 0)

    def child(self, mother: Mother, core: int = 0, facts: tuple[tuple[str, str], ...] = ()) -> Child:
        """A child of a mother."""
        line, pid = mother.connect(1, core, facts)
        self.addCleanup(line.close)
        return Child(line, pid)

    def serve(self, text: str, **words: str | list[str]) -> Child:
        """A child that serves the application of this text of a config.ru."""
        return self.child(self.mother(self.write("config.ru", text), **words))
