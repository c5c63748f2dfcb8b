"""Vassals that somebody reports, one message each: the monitors ``zmq://`` and ``amqp://``.

They have no list: a vassal stays until a message ends it, and one that exiles itself (exit code 26) stays
away until the next message.  The clients are packages that a site has to have.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import Any, Final

from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer

from uwsgid.emperor.monitors.monitor import Circumstances, Court, Monitor
from uwsgid.emperor.monitors.tables import client
from uwsgid.emperor.names import fits
from uwsgid.emperor.sighting import Sighting
from uwsgid.errors import ConfigError
from uwsgid.families import imperial_monitors

_MOST: Final = 255  #: bytes of a path or a URL in a message (plugins/emperor_amqp)
_PAUSE: Final = 1.0  #: seconds that a lost server is waited for, at least


class Messages(Monitor):
    """What both have in common."""

    lists = False

    def __init__(self, text: str, circumstances: Circumstances) -> None:
        super().__init__(text, circumstances)
        self.court: Court | None = None
        self.reactor: Any = None

    def start(self, court: Court, reactor: Any) -> None:
        self.court, self.reactor = court, reactor

    def touch(
        self, name: str, config: bytes | None = None, uid: int = 0, gid: int = 0, socket: str = ""
    ) -> None:
        """Somebody says that this vassal ought to be there, or to reload."""
        assert self.court is not None
        if not fits(name):
            self.circumstances.say(f"invalid vassal name: {name}")
            return
        now = self.circumstances.clock()
        self.court.touch(self, Sighting(name, now, now, uid, gid, config or None, socket))

    def destroy(self, name: str) -> None:
        """Somebody says that this vassal ought to go."""
        assert self.court is not None
        self.court.dismiss(self, name)


@imperial_monitors.member("zmq")
@implementer(IReadDescriptor)
class ZeroMQ(Messages):
    """Messages to a ZeroMQ socket: ``touch`` or ``destroy``, name, configuration, uid, gid, socket.

    uWSGI 1.9.16 compares with ``destro``, so that nothing is ever destroyed there.
    """

    def __init__(self, text: str, circumstances: Circumstances) -> None:
        """:raises ConfigError: no client is installed."""
        super().__init__(f"zmq://{text}", circumstances)
        self._zmq = client("zmq", "zmq", package="pyzmq")
        self._endpoint = text
        self._socket: Any = None

    def start(self, court: Court, reactor: Any) -> None:
        """:raises ConfigError: the endpoint can not be bound."""
        super().start(court, reactor)
        self._socket = self._zmq.Context.instance().socket(self._zmq.PULL)
        try:
            self._socket.bind(self._endpoint)
        except self._zmq.ZMQError as error:
            raise ConfigError(f"emperor: {self.text}: {error}") from None
        reactor.addReader(self)
        self.doRead()

    def stop(self) -> None:
        if self._socket is not None:
            self.reactor.removeReader(self)
            self._socket.close(linger=0)
            self._socket = None

    def fileno(self) -> int:
        return int(self._socket.getsockopt(self._zmq.FD)) if self._socket is not None else -1

    def logPrefix(self) -> str:
        return self.text

    def doRead(self) -> None:
        """Messages may have come; the descriptor tells only once, so all of them are taken."""
        while self._socket is not None:
            try:
                parts = self._socket.recv_multipart(self._zmq.NOBLOCK)
            except self._zmq.Again:
                return
            self.heard(parts)

    def connectionLost(self, reason: object) -> None:
        """The reactor stops."""
        self.stop()

    def heard(self, parts: Sequence[bytes]) -> None:
        """Act upon one message."""
        if len(parts) < 2:
            self.circumstances.say(
                f"[emperor] {self.text}: a message of {len(parts)} parts, expected 2 at least"
            )
            return
        command, name = parts[0], os.fsdecode(parts[1])
        if command == b"destroy":
            self.destroy(name)
        elif command == b"touch":
            more = [*parts[2:], *(b"",) * 4]
            try:
                uid, gid = int(more[1] or 0), int(more[2] or 0)
            except ValueError:
                self.circumstances.say(f"[emperor] {self.text}: {name}: uid and gid are numbers")
                return
            self.touch(name, more[0], uid, gid, os.fsdecode(more[3]))
        else:
            self.circumstances.say(f"[emperor] {self.text}: nobody knows the command {command!r}")


@imperial_monitors.member("amqp")
class Amqp(Messages):
    """Messages to the exchange ``uwsgi.emperor`` of an AMQP server, ``amqp://host:port``.

    With a routing key that is the name of a vassal and the message its configuration, none for its end;
    without one the message is the path or the URL of a configuration.
    """

    EXCHANGE: Final = "uwsgi.emperor"

    def __init__(self, text: str, circumstances: Circumstances) -> None:
        """:raises ConfigError: no client is installed, or the address is none."""
        super().__init__(f"amqp://{text}", circumstances)
        host, _, port = text.partition(":")
        if port and not port.isdigit():
            raise ConfigError(f"emperor: {self.text}: expected host:port")
        self._host, self._port = host or "127.0.0.1", int(port or 5672)
        self._pika = client("amqp", "pika")
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, court: Court, reactor: Any) -> None:
        super().start(court, reactor)
        self._thread = threading.Thread(target=self._listen, name=self.text, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()

    def _listen(self) -> None:
        """The life of the thread: connect, hear, and begin again."""
        pause = max(_PAUSE, self.circumstances.options.period)
        while not self._over.is_set():
            try:
                self._hear()
            except Exception as error:  # whatever the client library raises
                self.reactor.callFromThread(self.complain, f"{self.text}: {error!r}")
            self._over.wait(pause)

    def _hear(self) -> None:
        parameters = self._pika.ConnectionParameters(
            self._host, self._port, "/", self._pika.PlainCredentials("guest", "guest")
        )
        connection = self._pika.BlockingConnection(parameters)
        try:
            channel = connection.channel()
            channel.exchange_declare(self.EXCHANGE, exchange_type="fanout")
            queue = channel.queue_declare("", exclusive=True).method.queue
            channel.queue_bind(queue, self.EXCHANGE)
            self.reactor.callFromThread(self.content)
            for method, _, body in channel.consume(queue, auto_ack=True, inactivity_timeout=_PAUSE):
                if self._over.is_set():
                    return
                if method is not None:
                    self.reactor.callFromThread(self.heard, method.routing_key, body)
        finally:
            connection.close()

    def heard(self, key: str, body: bytes) -> None:
        """Act upon one message."""
        if self._over.is_set():
            return
        if key:
            if body:
                self.touch(key, body)
            else:
                self.destroy(key)
            return
        path = os.fsdecode(body)
        if len(body) >= _MOST:
            self.circumstances.say(f"[emperor] {self.text}: a path of {len(body)} bytes")
        elif path.startswith("http://") or os.path.exists(os.path.join(self.cwd, path)):
            self.touch(path)
        else:
            self.destroy(path)
