"""``zeromq``: each record is a message of a PUSH socket of ZeroMQ, by pyzmq.

ZeroMQ sends in a thread of its own, which comes with the first record.  It keeps a thousand messages while
the peer is away; what comes beyond that is not kept.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from uwsgid.config.settings import Settings
from uwsgid.errors import ConfigError
from uwsgid.families import loggers
from uwsgid.logs.loggers.engine import Engine, NotKept, borrow

LINGER: Final = 1000  #: milliseconds that messages have to leave in when the socket is closed
_ENDPOINT: Final = re.compile(r"tcp://.+:\d+|(ipc|inproc|pgm|epgm|vmci|ws|wss)://.+")


@loggers.member("zeromq", "zmq")
class ZeroMQ(Engine):
    """Pushes records to an endpoint of ZeroMQ.

    It never waits but in the end, for messages to leave.
    """

    SLOW = True

    def __init__(self, endpoint: str) -> None:
        self._endpoint: Final = endpoint
        self._zmq: Final[Any] = borrow("zmq", "zeromq", "zeromq")
        self._context: Any = None
        self._socket: Any = None

    @classmethod
    def check_argument(cls, argument: str, settings: Settings) -> None:
        """:raises ConfigError: it is no endpoint, or pyzmq is missing."""
        if not _ENDPOINT.fullmatch(argument):
            raise ConfigError(f"zeromq:{argument}: expected an endpoint such as tcp://127.0.0.1:9191")
        borrow("zmq", "zeromq", "zeromq")

    @classmethod
    def from_argument(cls, argument: str, settings: Settings) -> ZeroMQ:
        """What ``logger = zeromq:ENDPOINT`` names.

        :raises ConfigError: it is no endpoint, or pyzmq is missing.
        """
        cls.check_argument(argument, settings)
        return cls(argument)

    def write(self, records: Sequence[bytes]) -> None:
        """Hand *records* to ZeroMQ, which sends them when its peer is there.

        :raises NotKept: it has too many already.
        """
        sent = 0
        try:
            if self._socket is None:
                self._open()
            send, at_once = self._socket.send, self._zmq.DONTWAIT
            for record in records:
                send(record, at_once)
                sent += 1
        except self._zmq.ZMQError as error:
            text = "its peer does not take them" if isinstance(error, self._zmq.Again) else str(error)
            raise NotKept(f"{self._endpoint}: {text}", range(sent, len(records))) from None

    def close(self) -> None:
        """Send what is there, for a second at most."""
        if self._socket is not None:
            self._socket.close(LINGER)
        if self._context is not None:
            self._context.term()
        self._socket = self._context = None

    def _open(self) -> None:
        self._context = self._context or self._zmq.Context()
        made = self._context.socket(self._zmq.PUSH)
        made.setsockopt(self._zmq.LINGER, LINGER)
        made.setsockopt(self._zmq.IPV6, 1)
        try:
            made.connect(self._endpoint)
        except self._zmq.ZMQError:
            made.close(0)
            raise
        self._socket = made
