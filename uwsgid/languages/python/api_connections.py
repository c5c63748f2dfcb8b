"""Functions of the ``uwsgi`` module about the request in progress, its client, and other connections.

Descriptors are plain numbers, as in uWSGI: whoever opens one closes it.
"""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Iterator
from typing import IO, Final, overload

from uwsgid.families import api_functions
from uwsgid.host.addresses import Address, Family, parse_address
from uwsgid.languages.python.context import as_text, here
from uwsgid.languages.python.environ import FileWrapper
from uwsgid.request.options import RequestOptions
from uwsgid.supervise.deadline import Harakiri

_DEFAULT_CHUNK: Final = 32768


@api_functions.member("cl")
def cl() -> int:
    """The CONTENT_LENGTH of the request in progress; 0 where it has none."""
    text = str(here.need_request().vars.get("CONTENT_LENGTH", ""))
    return int(text) if text.isdecimal() else 0


@api_functions.member("add_var")
def add_var(name: str | bytes, value: str | bytes) -> bool:
    """Set a variable of the request in progress."""
    here.need_request().vars[as_text(name)] = as_text(value)
    return True


@api_functions.member("connection_fd")
def connection_fd() -> int:
    """The descriptor of the client."""
    return here.need_request().reply._connection.fd


@api_functions.member("disconnect")
def disconnect() -> None:
    """End the connection of the client; the request goes on, and what it writes from now on is lost."""
    reply = here.need_request().reply
    if reply.started:
        reply.finish()
    reply.close = reply.broken = True
    with socket.socket(fileno=os.dup(reply._connection.fd)) as client:
        try:
            client.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it was gone already


@api_functions.member("set_user_harakiri")
def set_user_harakiri(seconds: int) -> None:
    """Have this worker ended when the request is not over in so many seconds; 0 takes that back.

    The limit of the option ``harakiri`` stays in force.
    """
    serving = here.need_serving()
    board, cell = serving.board, serving.seat * serving.board.cores + here.core
    limit = serving.settings[Harakiri].timeout
    now = time.monotonic()
    deadlines = []
    if limit and board.in_request[cell] & 1:
        deadlines.append(now - (time.time() - board.started[cell]) + limit)
    if seconds > 0:
        deadlines.append(now + seconds)
    serving.user_harakiri = True
    board.deadline[cell] = min(deadlines, default=0.0)


class _Rest:
    """What `uwsgid.languages.python.wsgi` has to know of a file to send the rest of it by sendfile()."""

    def __init__(self, fd: int, offset: int) -> None:
        self._fd = fd
        self._offset = offset

    def fileno(self) -> int:
        return self._fd

    def tell(self) -> int:
        return self._offset


class SentFile(FileWrapper):
    """What `sendfile` returns, for an application to return: a file wrapper with a start and an end.

    The rest of a file goes by sendfile(), a part of it is read and written.

    :ivar fd: the open file.
    :ivar offset: where it starts.
    :ivar count: how many bytes.
    """

    def __init__(self, fd: int, offset: int, count: int, chunk: int, owned: bool) -> None:
        is_rest = offset + count >= os.fstat(fd).st_size
        super().__init__(_Rest(fd, offset) if is_rest else None, chunk)
        self.fd = fd
        self.offset = offset
        self.count = count
        self._chunk = chunk or _DEFAULT_CHUNK
        self._owned = owned

    def __iter__(self) -> Iterator[bytes]:
        position, end = self.offset, self.offset + self.count
        while position < end:
            piece = os.pread(self.fd, min(self._chunk, end - position), position)
            if not piece:
                return
            position += len(piece)
            yield piece

    def close(self) -> None:
        """Close the file, if `sendfile` opened it."""
        if self._owned and self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __del__(self) -> None:
        self.close()


@api_functions.member("sendfile")
def sendfile(file: IO[bytes] | int | str | bytes, chunk: int = 0, pos: int = 0, size: int = 0) -> SentFile:
    """The bytes of a file, as the answer of an application.

    :param file: an open file, a descriptor or a name.
    :param chunk: bytes to read at a time where they are read.
    :param pos: where to start.
    :param size: how many bytes; 0 takes all the rest.
    :raises OSError: when it can not be opened.
    """
    owned = isinstance(file, str | bytes)
    if isinstance(file, str | bytes):
        fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    else:
        fd = file if isinstance(file, int) else file.fileno()
    return SentFile(fd, pos, size or max(0, os.fstat(fd).st_size - pos), chunk, owned)


def _place(address: Address) -> tuple[int, str | bytes | tuple[str, int]]:
    if address.family is Family.UNIX:
        return socket.AF_UNIX, address.path
    if address.family is Family.ABSTRACT:
        return socket.AF_UNIX, b"\0" + address.path.encode() + b"\0" * address.padded
    family = socket.AF_INET6 if address.family is Family.INET6 else socket.AF_INET
    return family, (address.host or "127.0.0.1", address.port)


@api_functions.member("connect")
def connect(address: str | bytes, timeout: int = 0) -> int:
    """Connect to ``host:port`` or to the path of a unix socket; the descriptor, or -1 when that fails.

    :param timeout: seconds; 0 takes ``socket-timeout``.
    """
    settings = here.settings
    seconds = timeout or (settings[RequestOptions].socket_timeout if settings is not None else 4)
    family, place = _place(parse_address(as_text(address)))
    link = socket.socket(family, socket.SOCK_STREAM)
    try:
        link.settimeout(seconds)
        link.connect(place)
        link.settimeout(None)
    except OSError as error:
        link.close()
        here.say(f"uwsgi.connect({as_text(address)}): {error.strerror or error}")
        return -1
    return link.detach()


@overload
def send(fd_or_data: bytes, /) -> int: ...
@overload
def send(fd_or_data: int, data: bytes, /) -> int: ...
@api_functions.member("send")
def send(fd_or_data: int | bytes, data: bytes = b"", /) -> int:
    """Write bytes to a descriptor, or to the client where none is given; how many were written.

    :raises OSError: when nothing can be written.
    """
    if isinstance(fd_or_data, int):
        return os.write(fd_or_data, data)
    return os.write(connection_fd(), fd_or_data)


@api_functions.member("recv")
def recv(fd_or_max: int | None = None, max: int | None = None, /) -> bytes:
    """Read up to *max* (4096) bytes from a descriptor, or from the client where none is given.

    ``recv(max)`` reads from the client, ``recv(fd, max)`` from a descriptor
    (plugins/python/uwsgi_pymodule.c, py_uwsgi_recv).

    :raises OSError: when nothing can be read.
    """
    if max is not None and fd_or_max is not None:
        return os.read(fd_or_max, max)
    return os.read(connection_fd(), fd_or_max or 4096)


@api_functions.member("is_connected")
def is_connected(fd: int) -> bool:
    """Whether a descriptor is open and its other end has not gone."""
    poll = select.poll()
    poll.register(fd, select.POLLRDHUP)
    return not any(
        event & (select.POLLRDHUP | select.POLLHUP | select.POLLERR | select.POLLNVAL)
        for _, event in poll.poll(0)
    )


@api_functions.member("close")
def close(fd: int) -> None:
    """Close a descriptor."""
    os.close(fd)
