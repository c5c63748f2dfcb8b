"""A client by ssh at the prompt of a worker: the master carries bytes, and the session is in the worker.

The relay stands where a `Session` of the master would, and talks with that of the worker as
``uwsgid manhole`` does: a terminal says its size first, a pipe begins with a NUL and gets a verdict.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import Any, Final, NoReturn

from twisted.internet.interfaces import IReadWriteDescriptor
from zope.interface import implementer

from uwsgid.errors import UwsgidError
from uwsgid.manhole.console import ClientGone
from uwsgid.manhole.record import Record
from uwsgid.manhole.session import VERDICT
from uwsgid.manhole.verdict import CUT, FAILED, UNREACHABLE, Ends

#: Bytes that may wait for a worker.
MOST: Final = 16 << 20

_ROWS: Final = 24  #: nobody asks for them
_PIECE: Final = 1 << 16


class NoPrompt(UwsgidError):
    """The worker that was asked for has no prompt now."""


def no_worker(slot: int, words: str) -> NoReturn:
    """Stands where workers have none at all."""
    raise NoPrompt(f"worker {slot} has no prompt; add manhole-workers = true")


@implementer(IReadWriteDescriptor)
class Relay:
    """One client, and the worker that it came for.

    :param reach: a connection to the prompt of the worker; raises `UwsgidError` with the reason.
    :param send: takes bytes for the client.  It may raise `ClientGone`.
    :param close: ends the connection, once everything was sent.
    :ivar exit_code: of the session, when it is over.
    """

    def __init__(
        self,
        reactor: Any,
        reach: Callable[[], socket.socket],
        record: Record,
        send: Callable[[bytes], None],
        close: Callable[[], None],
    ) -> None:
        self._reactor = reactor
        self._reach = reach
        self._record = record
        self._send = send
        self._close = close
        self._worker: socket.socket | None = None
        self._pending = bytearray()
        self._ends: Ends | None = None
        self._says_no_more = False
        self.is_over = False
        self.exit_code = 0

    # ---- what the client says

    def open_terminal(self, columns: int) -> None:
        """Come in with a terminal, or tell of its new size."""
        self._say(f"\x1b[8;{_ROWS};{columns or 80}t".encode())

    def open_pipe(self) -> None:
        """Come in with lines, whose verdict is the exit code."""
        self._ends = Ends()
        self._say(VERDICT.encode())

    def run_command(self, text: str) -> None:
        """Have *text*, lines of it, run, and end."""
        self.open_pipe()
        self._say(text.encode("utf-8", "backslashreplace") + b"\n")
        self.end_of_input()

    def receive(self, data: bytes) -> None:
        """Pass on what the client sent."""
        self._say(data)

    def end_of_input(self) -> None:
        """The client sends no more."""
        self._says_no_more = True
        if not self.is_over:
            self._write()

    def end(self, why: str = "") -> None:
        """The client left, or there is nothing more to say.  Only the first call counts."""
        if self.is_over:
            return
        self.is_over = True
        if self._worker is not None:
            self._reactor.removeReader(self)
            self._reactor.removeWriter(self)
            self._worker.close()
        self._record.logout(why)
        self._close()

    def dismiss(self, why: str, code: int = FAILED) -> None:
        """End from our side, and tell the client why."""
        if self.is_over:
            return
        self.exit_code = code
        text = f"\r\n*** {why} ***\r\n" if self._ends is None else f"*** {why} ***\n"
        with contextlib.suppress(ClientGone):
            self._send(text.encode("utf-8", "backslashreplace"))
        self.end(why)

    # ---- what the worker says

    def pause(self) -> None:
        """The client does not take what was sent."""
        self._reactor.removeReader(self)

    def resume(self) -> None:
        """It goes on."""
        if self._worker is not None and not self.is_over:
            self._reactor.addReader(self)

    def fileno(self) -> int:
        return self._worker.fileno() if self._worker is not None else -1

    def logPrefix(self) -> str:
        return "manhole"

    def doRead(self) -> None:
        if self._worker is None:
            return
        try:
            data = self._worker.recv(_PIECE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._worker_left()
            return
        try:
            self._send(data if self._ends is None else self._ends.feed(data))
        except ClientGone:
            self.end("it does not read what is sent")

    def doWrite(self) -> None:
        self._write()

    def connectionLost(self, reason: object) -> None:
        """The reactor stops."""
        self.end("the instance ends")

    # ---- inside

    def _say(self, data: bytes) -> None:
        if self.is_over or not self._is_connected():
            return
        self._pending += data
        self._write()
        if len(self._pending) > MOST:
            self.dismiss("the worker does not read")

    def _is_connected(self) -> bool:
        if self._worker is None:
            try:
                self._worker = self._reach()
            except UwsgidError as error:
                self.dismiss(str(error), UNREACHABLE)
                return False
            self._worker.setblocking(False)
            self._reactor.addReader(self)
        return True

    def _write(self) -> None:
        """Pass on what the worker takes now."""
        worker = self._worker
        if worker is None:
            return
        try:
            while self._pending:
                with memoryview(self._pending) as whole, whole[:_PIECE] as piece:
                    sent = worker.send(piece)
                del self._pending[:sent]
            if self._says_no_more:
                worker.shutdown(socket.SHUT_WR)
        except (BlockingIOError, InterruptedError):
            self._reactor.addWriter(self)
            return
        except OSError:  # the session is over; what it said is still to be read
            self._pending.clear()
        self._reactor.removeWriter(self)

    def _worker_left(self) -> None:
        if self._ends is None or self._ends.code != CUT:
            self.exit_code = 0 if self._ends is None else self._ends.code
            self.end("left")
            return
        with contextlib.suppress(ClientGone):
            self._send(self._ends.last)
        self.dismiss("the connection ended before the last answer", CUT)
