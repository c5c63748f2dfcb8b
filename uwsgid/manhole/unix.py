"""The manhole of the master at a UNIX socket: sessions that its reactor reads and writes.

A statement runs while the reactor waits for it, as everything in the master does.  So what it prints is sent
as it is printed, and not when the reactor is next at leisure.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from typing import Any, Final

from twisted.internet.interfaces import IReadDescriptor, IReadWriteDescriptor
from zope.interface import implementer

from uwsgid.manhole.console import ClientGone
from uwsgid.manhole.line import Line
from uwsgid.manhole.listening import Hole, accept, admit
from uwsgid.manhole.names import Name, namespace
from uwsgid.manhole.record import Record
from uwsgid.manhole.session import Session

#: Sessions at a time, of one door.
MOST_SESSIONS: Final = 16
#: Bytes that may wait for a client before no more is read from it.
ENOUGH: Final = 1 << 16

_PIECE: Final = 1 << 16


@implementer(IReadWriteDescriptor)
class UnixClient:
    """One client of a door."""

    def __init__(self, door: UnixDoor, connection: socket.socket, record: Record) -> None:
        self._door = door
        self._socket = connection
        self._line = Line(connection, self._wait)
        self._is_leaving = False
        self.session = Session(namespace(door.names), record, self._line.send, self._leave, door.greeting)

    def fileno(self) -> int:
        return self._socket.fileno()

    def logPrefix(self) -> str:
        return "manhole"

    def doRead(self) -> None:
        try:
            data = self._socket.recv(_PIECE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if data:
            self.session.receive(data)
        elif self.session.is_over:
            self._close()
        else:
            self._door.reactor.removeReader(self)
            self.session.end_of_input()

    def doWrite(self) -> None:
        try:
            self._line.flush()
        except ClientGone:
            self.connectionLost(None)
            return
        if not len(self._line):
            self._door.reactor.removeWriter(self)
            if self._is_leaving:
                self._close()
            elif not self.session.is_over:
                self._door.reactor.addReader(self)

    def connectionLost(self, reason: object) -> None:
        """The client hung up, or the reactor stops."""
        self._is_leaving = True
        self.session.end("hung up")
        self._close()

    def _wait(self) -> None:
        """Something is left to be sent; one who does not read need not say more either."""
        self._door.reactor.addWriter(self)
        if len(self._line) > ENOUGH:
            self._door.reactor.removeReader(self)

    def _leave(self) -> None:
        self._is_leaving = True
        if not len(self._line):
            self._close()

    def _close(self) -> None:
        if self._socket.fileno() >= 0:
            self._door.reactor.removeReader(self)
            self._door.reactor.removeWriter(self)
            self._socket.close()
        self._door.clients.discard(self)


@implementer(IReadDescriptor)
class UnixDoor:
    """Lets root and the user of the instance in.

    :param path: of the socket.
    :param names: what statements know.
    :param say: writes a line to the log.
    :param greeting: the first line of a session.
    :ivar clients: those who are connected.
    """

    def __init__(
        self,
        path: str,
        names: Iterable[Name],
        reactor: Any,
        say: Callable[[str], None],
        *,
        greeting: str = "",
    ) -> None:
        self.path: Final = path
        self.names: Final = tuple(names)
        self.reactor = reactor
        self.greeting: Final = greeting
        self.clients: set[UnixClient] = set()
        self._say = say
        self._hole: Hole | None = None

    def open(self) -> None:
        """Listen.

        :raises KernelError: the socket can not be made.
        """
        self._hole = Hole(self.path)
        self.reactor.addReader(self)
        self._say(f"manhole at unix:{self.path}")

    def close(self, why: str) -> None:
        """Tell all sessions why they end, and remove the socket."""
        if self._hole is not None:
            self.reactor.removeReader(self)
            self._hole.close()
            self._hole = None
        for client in tuple(self.clients):
            client.session.dismiss(why)
            client.connectionLost(None)

    def fileno(self) -> int:
        return self._hole.socket.fileno() if self._hole is not None else -1

    def logPrefix(self) -> str:
        return "manhole"

    def doRead(self) -> None:
        if self._hole is None:
            return
        connection = accept(self._hole.socket)
        if connection is None:
            return
        record = Record(self._say, f"unix:{self.path}")
        if not admit(connection, record, "instance", len(self.clients), MOST_SESSIONS):
            return
        client = UnixClient(self, connection, record)
        self.clients.add(client)
        self.reactor.addReader(client)

    def connectionLost(self, reason: object) -> None:
        """The reactor stops."""
        self.close("the instance ends")
