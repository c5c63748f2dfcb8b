"""``redislog``: a command of Redis for each record, ``publish`` where nothing else is said.

The few lines of its protocol that this needs (RESP, https://redis.io/docs/latest/develop/reference/protocol-spec/)
are here: commands go out as arrays, all those of a batch at once, and of the answers only errors matter.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO, Final

from uwsgid.config.settings import Settings
from uwsgid.errors import ConfigError
from uwsgid.families import loggers
from uwsgid.logs.lines import encode
from uwsgid.logs.loggers.addresses import Address, read_host_port, read_path
from uwsgid.logs.loggers.engine import Engine, NotKept, why

PORT: Final = 6379
TIMEOUT: Final = 3.0  #: seconds for each step


def command(words: Iterable[bytes]) -> bytes:
    """A command with its arguments."""
    parts = list(words)
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)


def read_answer(stream: IO[bytes]) -> str:
    """Read one answer, and say which error it is; an empty text where it is none.

    :raises OSError: the server has hung up, or speaks something else.
    """
    line = stream.readline(65536)
    if not line.endswith(b"\r\n"):
        raise ConnectionError("it has hung up")
    kind, rest = line[:1], line[1:-2]
    if kind == b"-":
        return rest.decode("utf-8", "replace")
    if kind in (b"+", b":"):
        return ""
    try:
        count = int(rest)
    except ValueError:
        count = -2
    if kind == b"$" and count >= -1:
        if count >= 0 and len(stream.read(count + 2)) < count + 2:
            raise ConnectionError("it has hung up")
        return ""
    if kind == b"*" and count >= -1:
        errors = [read_answer(stream) for _ in range(count)]
        return next(filter(None, errors), "")
    raise ConnectionError("it does not speak the protocol of Redis")


@dataclass(frozen=True, slots=True)
class Wish:
    """``[[PASSWORD@]HOST[:PORT][/DATABASE]][,COMMAND[,PREFIX]]``; the host may be the path of a socket."""

    address: Address
    password: bytes
    database: bytes
    words: tuple[bytes, ...]
    prefix: bytes

    @classmethod
    def read(cls, argument: str) -> Wish:
        """:raises ConfigError: it can not be read."""
        target, _, rest = argument.partition(",")
        words, _, prefix = rest.partition(",")
        password, _, place = target.rpartition("@")
        database = ""
        if place.startswith("/"):
            address = Address(place, path=read_path(place, "redislog"), kind=socket.SOCK_STREAM)
        else:
            place, _, database = place.partition("/")
            host, port = read_host_port(place, "redislog", PORT)
            address = Address(f"{host}:{port}", host=host, port=port, kind=socket.SOCK_STREAM)
        if database and not database.isdecimal():
            raise ConfigError(f"redislog: {database!r} is no database; expected a number")
        return cls(
            address,
            encode(password),
            encode(database),
            tuple(encode(word) for word in (words or "publish uwsgi").split()),
            encode(prefix),
        )


@loggers.member("redislog")
class Redis(Engine):
    """Runs a command of Redis for each record, with the record, without its newline, as the last argument."""

    SLOW = True

    def __init__(self, wish: Wish) -> None:
        self._wish: Final = wish
        self._socket: socket.socket | None = None
        self._stream: IO[bytes] | None = None
        wish.address.settle()

    @classmethod
    def check_argument(cls, argument: str, settings: Settings) -> None:
        """:raises ConfigError: it can not be read."""
        Wish.read(argument)

    @classmethod
    def from_argument(cls, argument: str, settings: Settings) -> Redis:
        """What ``logger = redislog:…`` names.

        :raises ConfigError: it can not be read.
        """
        return cls(Wish.read(argument))

    def write(self, records: Sequence[bytes]) -> None:
        """Send the commands for *records* together, and read what the server says.

        :raises NotKept: it did not take some of them.
        """
        wish = self._wish
        prefix = wish.prefix
        data = b"".join(command((*wish.words, prefix + each.removesuffix(b"\n"))) for each in records)
        was_open = self._socket is not None
        lost: dict[int, str] = {}
        answered = 0
        try:
            try:
                stream = self._send(data)
                lost |= self._first(stream)
                answered = 1
            except TimeoutError:
                raise
            except OSError:
                if not was_open:
                    raise
                self.close()  # the server has closed a connection that was idle for long
                stream = self._send(data)
            while answered < len(records):
                if error := read_answer(stream):
                    lost[answered] = error
                answered += 1
        except OSError as error:
            self.close()
            lost |= {position: why(error) for position in range(answered, len(records))}
        if lost:
            raise NotKept(f"{wish.address.text}: {list(lost.values())[-1]}", list(lost))

    def close(self) -> None:
        """Close the connection; the next record opens another one."""
        if self._stream is not None:
            self._stream.close()
        if self._socket is not None:
            self._socket.close()
        self._socket = self._stream = None

    def _first(self, stream: IO[bytes]) -> dict[int, str]:
        error = read_answer(stream)
        return {0: error} if error else {}

    def _send(self, data: bytes) -> IO[bytes]:
        if self._socket is None or self._stream is None:
            self._socket = self._wish.address.connect(TIMEOUT)
            self._stream = self._socket.makefile("rb")
            self._introduce(self._socket, self._stream)
        self._socket.sendall(data)
        return self._stream

    def _introduce(self, made: socket.socket, stream: IO[bytes]) -> None:
        for word, value in ((b"AUTH", self._wish.password), (b"SELECT", self._wish.database)):
            if value:
                made.sendall(command((word, value)))
                if error := read_answer(stream):
                    raise ConnectionError(f"{word.decode()}: {error}")
