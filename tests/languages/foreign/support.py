"""An interpreter that says what a test tells it to, and a request that remembers what was answered."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from struct import pack
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import AppError, BodyError
from uwsgid.languages.foreign.frames import frame
from uwsgid.languages.foreign.line import Line
from uwsgid.request.reply import KnownHead


class FakeReply:
    """Remembers what was answered."""

    def __init__(self) -> None:
        self.status, self.headers = "", [("", "")]
        self.body = b""
        self.close = self.broken = self.sent = self.ended = False
        self.gone = False

    def start(self, status: str, headers: list[tuple[str, str]]) -> None:
        if "\n" in status:
            raise AppError("a status with a line break")
        self.status, self.headers = status, headers

    def start_again(self, known: KnownHead) -> None:
        self.start(known.status, known.headers)

    def whole(self, data: bytes) -> None:
        self.write(data)

    def write(self, data: bytes) -> None:
        if self.gone:
            raise OSError("write error")
        self.body += data
        self.sent = True

    def finish(self) -> None:
        self.ended = True

    def sendfile(self, fd: int, offset: int, count: int) -> None:
        self.write(os.pread(fd, count, offset))


class FakeBody:
    """A body that arrives in pieces; None stands for one that has to be awaited."""

    def __init__(self, *pieces: bytes | None, length: int | None = None) -> None:
        self._pieces = list(pieces)
        self.length = sum(len(piece or b"") for piece in pieces) if length is None else length
        self.broken: BodyError | None = None

    def read_now(self, most: int) -> bytes | None:
        if self.broken is not None and not self._pieces:
            raise self.broken
        return self._pieces.pop(0) if self._pieces else b""

    def read(self, size: int) -> bytes:
        piece = self._pieces[0] or b""
        self._pieces[0] = piece[size:]
        return piece[:size]


class FakeRequest:
    def __init__(self, body: FakeBody | None = None) -> None:
        self.vars = {"REQUEST_METHOD": "GET"}
        self.body = body or FakeBody()
        self.reply = FakeReply()


def whole(turn: int, head: bytes, body: bytes, flags: int = 0) -> bytes:
    """``w``."""
    return frame(b"w", pack("<BBI", turn, flags, len(head)) + head + body)


class Interpreter:
    """The other end of a line: runs a script in a thread."""

    def __init__(self, script: Callable[[Interpreter], None]) -> None:
        self.end, ours = socket.socketpair()
        self.end.settimeout(30)
        self.calls: list[bytes] = []
        self.learnt: list[bytes] = []
        self.heard: list[tuple[str, bytes]] = []
        self.line = Line(ours.detach(), os.getpid(), self._call, self.learnt.append)
        self._script = script
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _call(self, payload: bytes) -> bytes:
        self.calls.append(payload)
        return b"\1answer"

    def _run(self) -> None:
        try:
            self._script(self)
        except OSError:
            pass
        finally:
            self.end.close()

    def hear(self) -> tuple[str, bytes]:
        """The next frame of the worker."""
        header = self._exactly(5)
        payload = self._exactly(int.from_bytes(header[1:], "little"))
        self.heard.append((chr(header[0]), payload))
        return self.heard[-1]

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self.end.recv(size - len(data))
            if not piece:
                raise OSError("the worker is gone")
            data += piece
        return data

    def say(self, data: bytes) -> None:
        self.end.sendall(data)

    def serve(self, request: FakeRequest) -> bool:
        typed: Any = request
        try:
            return self.line.serve(typed, 0)
        finally:
            if not self.line.pending:
                self.line.close()
                self._thread.join(30)


class ScriptCase(SynchronousTestCase):
    """One request, and what its interpreter says."""

    def answered(self, *frames: bytes) -> tuple[bool, FakeRequest]:
        """What comes of these frames."""

        def script(interpreter: Interpreter) -> None:
            interpreter.hear()
            interpreter.say(b"".join(frames))
            interpreter.hear()

        request = FakeRequest()
        return Interpreter(script).serve(request), request
