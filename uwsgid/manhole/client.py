"""The other end of a manhole's UNIX socket: ``uwsgid manhole``.

In a terminal every key goes to the instance, whose editor draws the line; here is only what belongs to the
terminal itself, its mode and its size.  Elsewhere lines are passed on and answers printed, and the instance
tells at the end whether all went well.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import termios
import tty
from collections.abc import Iterator
from typing import Final

from uwsgid.errors import UwsgidError
from uwsgid.manhole.verdict import CUT, Ends

#: Leaves at once, also where the instance does not answer any more: Ctrl-].
ESCAPE: Final = b"\x1d"

_PIECE: Final = 1 << 16
_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)


class Unreachable(UwsgidError):
    """No manhole answers."""


def connect(path: str, worker: int = 0) -> socket.socket:
    """A connection to the manhole at *path*.

    :param worker: the number of the worker that it belongs to; 0 for the master.
    :raises Unreachable: with what to try.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(path)
    except OSError as error:
        connection.close()
        missing = "; is the instance running, with this line in its configuration?"
        if worker:
            missing = f"; does the instance have manhole-workers = true, and {worker} processes?"
        hint = {
            FileNotFoundError: missing,
            ConnectionRefusedError: "; nobody listens there, the instance that made it is gone",
            PermissionError: "; only root and the user of the instance may come in",
        }.get(type(error), "")
        raise Unreachable(f"no manhole answers at {path}: {error.strerror or error}{hint}") from None
    return connection


def attach(connection: socket.socket) -> int:
    """Be the terminal of a session until it ends; the exit code."""
    keyboard, screen = sys.stdin.fileno(), sys.stdout.fileno()
    with _raw(keyboard), _resizes() as resizes:
        try:
            connection.sendall(_size(screen))
            return _carry(connection, keyboard, screen, resizes)
        except (BrokenPipeError, ConnectionResetError):
            return CUT


def _carry(connection: socket.socket, keyboard: int, screen: int, resizes: int) -> int:
    poll = select.poll()
    for fd in (connection.fileno(), keyboard, resizes):
        poll.register(fd, select.POLLIN)
    while True:
        for fd, _ in poll.poll():
            if fd == resizes:
                os.read(resizes, _PIECE)
                connection.sendall(_size(screen))
            elif fd == keyboard:
                data = os.read(keyboard, _PIECE)
                if not data or ESCAPE in data:
                    os.write(screen, b"\r\n")
                    return 0
                connection.sendall(data)
            else:
                data = connection.recv(_PIECE)
                if not data:
                    return 0
                _write(screen, data)


def pipe(connection: socket.socket, source: int, target: int) -> int:
    """Pass on the lines of *source*, write the answers to *target*; the exit code."""
    ends = _Ends(target)
    left, has_more, is_listening = b"\0", True, True
    connection.setblocking(False)
    while True:
        poll = select.poll()
        poll.register(connection, select.POLLIN | (select.POLLOUT if left else 0))
        if has_more and is_listening and not left:
            poll.register(source, select.POLLIN)
        ready = dict(poll.poll())
        try:
            if left and ready.get(connection.fileno(), 0) & select.POLLOUT:
                left = left[connection.send(left) :]
        except BlockingIOError:
            pass
        except OSError:  # the session is over; what it said may still be read
            left, is_listening = b"", False
        if source in ready:
            left = os.read(source, _PIECE)
            if not left:
                has_more = False
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_WR)
        if ready.get(connection.fileno(), 0) & ~select.POLLOUT:
            try:
                data = connection.recv(_PIECE)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                return ends.verdict()
            ends.take(data)


def run(connection: socket.socket, code: str, target: int) -> int:
    """Run the lines of *code*, write the answers to *target*; the exit code."""
    source = os.memfd_create("code")
    try:
        _write(source, code.encode("utf-8", "surrogateescape") + b"\n")
        os.lseek(source, 0, os.SEEK_SET)
        return pipe(connection, source, target)
    finally:
        os.close(source)


class _Ends(Ends):
    """Writes what comes, but for the verdict."""

    def __init__(self, target: int) -> None:
        super().__init__()
        self._target = target

    def take(self, data: bytes) -> None:
        _write(self._target, self.feed(data))

    def verdict(self) -> int:
        if self.code == CUT:
            _write(self._target, self.last)
            sys.stderr.write("uwsgid manhole: the connection ended before the last answer\n")
        return self.code


def _write(target: int, data: bytes) -> None:
    while data:
        data = data[os.write(target, data) :]


def _size(screen: int) -> bytes:
    try:
        rows, columns = os.get_terminal_size(screen).lines, os.get_terminal_size(screen).columns
    except OSError:
        rows, columns = 24, 80
    return f"\x1b[8;{rows};{columns or 80}t".encode()


@contextlib.contextmanager
def _raw(keyboard: int) -> Iterator[None]:
    """Have the terminal pass on every key, and be as before afterwards, whatever happens."""
    before = termios.tcgetattr(keyboard)
    handlers = {number: signal.signal(number, _leave) for number in _ENDING}
    try:
        tty.setraw(keyboard, termios.TCSADRAIN)
        yield
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _leave(number: int, frame: object) -> None:
    sys.exit(128 + number)


@contextlib.contextmanager
def _resizes() -> Iterator[int]:
    """A descriptor that becomes readable when the window changes its size."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def told(number: int, frame: object) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(writing, b".")

    before = signal.signal(signal.SIGWINCH, told)
    try:
        yield reading
    finally:
        signal.signal(signal.SIGWINCH, before)
        os.close(reading)
        os.close(writing)
