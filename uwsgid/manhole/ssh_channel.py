"""A session of the manhole on a channel of ssh: its bytes, its terminal, and a client that may be slow.

It is one of the master, or of the worker that the client named as its user (`uwsgid.manhole.relay`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from twisted.conch.ssh.channel import SSHChannel
from twisted.conch.ssh.common import getNS
from twisted.conch.ssh.session import parseRequest_pty_req, parseRequest_window_change
from twisted.logger import Logger

from uwsgid.manhole.console import ClientGone
from uwsgid.manhole.listening import guest_words
from uwsgid.manhole.names import namespace
from uwsgid.manhole.options import worker_in
from uwsgid.manhole.record import Record
from uwsgid.manhole.relay import Relay
from uwsgid.manhole.session import Session

if TYPE_CHECKING:
    from uwsgid.manhole.ssh import SshDoor

#: Bytes of answers that may wait for a client.
MOST: Final = 16 << 20
#: Bytes that may wait for him before a worker is not read from.
ENOUGH: Final = 1 << 16

_PIECE: Final = 1 << 15
#: What conch says of channels that open and close is its own business, not that of our log.
quiet: Final = property(lambda self: Logger("twisted.conch"))


class SshChannel(SSHChannel):
    """A shell, or a command."""

    name = b"session"
    _log = quiet
    avatar: Any
    conn: Any

    def __init__(self, *arguments: Any, **more: Any) -> None:
        SSHChannel.__init__(self, *arguments, **more)
        self._session: Session | Relay | None = None
        self._columns = 0
        self._pending = bytearray()
        self._is_leaving = False
        self._waiting: list[Callable[[], None]] | None = []  # what came before the session began

    # ---- what the client asks for

    def request_pty_req(self, data: bytes) -> int:
        """A terminal."""
        _, (_, columns, _, _), _ = parseRequest_pty_req(data)
        self._columns = columns or 80
        return 1

    def request_window_change(self, data: bytes) -> int:
        """Its size changed."""
        _, columns, _, _ = parseRequest_window_change(data)
        if self._session is not None and self._columns:
            self._session.open_terminal(columns)
        return 1

    def request_shell(self, data: bytes) -> int:
        """A prompt; without a terminal, answers to lines."""
        session = self._begin()
        if session is None:
            return 0
        self._later(lambda: session.open_terminal(self._columns) if self._columns else session.open_pipe())
        return 1

    def request_exec(self, data: bytes) -> int:
        """Run lines, and end."""
        session = self._begin()
        if session is None:
            return 0
        text = getNS(data)[0].decode("utf-8", "replace")
        self._later(lambda: session.run_command(text))
        return 1

    def dataReceived(self, data: bytes) -> None:
        self._in_turn(lambda session: session.receive(data))

    def eofReceived(self) -> None:
        self._in_turn(lambda session: session.end_of_input())

    def closed(self) -> None:
        self._is_leaving = True
        self._pending.clear()
        if self._session is not None:
            self._session.end("hung up")
        self.conn.transport.channels.discard(self)

    # ---- what is sent

    def addWindowBytes(self, data: int) -> None:
        SSHChannel.addWindowBytes(self, data)
        self.flush()

    def flush(self) -> None:
        """Send what the client and the connection take now."""
        while self._pending and self.remoteWindowLeft > 0 and not self.conn.transport.is_full:
            piece = bytes(self._pending[: min(_PIECE, self.remoteWindowLeft)])
            del self._pending[: len(piece)]
            SSHChannel.write(self, piece)
        if self._is_leaving and not self._pending and not self.localClosed:
            SSHChannel.loseConnection(self)
        elif isinstance(self._session, Relay) and not self._pending:
            self._session.resume()

    def dismiss(self, why: str) -> None:
        """End the session, and tell the client why."""
        if self._session is not None:
            self._session.dismiss(why)

    def _send(self, text: str) -> None:
        self._send_bytes(text.encode("utf-8", "backslashreplace"))

    def _send_bytes(self, data: bytes) -> None:
        if self.localClosed:
            raise ClientGone("the client is gone")
        self._pending += data
        self.flush()
        if isinstance(self._session, Relay) and len(self._pending) > ENOUGH:
            self._session.pause()
        if len(self._pending) > MOST:
            self._pending.clear()
            raise ClientGone("the client does not read")

    def _leave(self) -> None:
        self._is_leaving = True
        if not self.localClosed and self._session is not None:
            self.conn.sendRequest(self, b"exit-status", struct.pack(">L", self._session.exit_code))
            self.flush()

    def _begin(self) -> Session | Relay | None:
        """A session in the master, or the way to that of a worker, which the name of the user asks for."""
        if self._session is not None:
            return None
        transport = self.conn.transport
        door: SshDoor = transport.factory.door
        who = f"{self.avatar.login} from {transport.address}"
        slot = worker_in(self.avatar.login.user)
        record = Record(door.say, str(door.place), f" for worker {slot}" if slot else "")
        record.login(who)
        if slot:
            reach = partial(door.reach, slot, guest_words(str(door.place), who))
            self._session = Relay(door.reactor, reach, record, self._send_bytes, self._leave)
        else:
            self._session = Session(namespace(door.names), record, self._send, self._leave, door.greeting)
        transport.channels.add(self)
        return self._session

    def _later(self, begin: Callable[[], None]) -> None:
        """Begin once the client heard that it may, and go on with what came meanwhile."""

        def go() -> None:
            waiting, self._waiting = self._waiting or [], None
            for call in (begin, *waiting):
                call()

        self.conn.transport.factory.door.reactor.callLater(0, go)

    def _in_turn(self, call: Callable[[Session | Relay], None]) -> None:
        session = self._session
        if session is None:
            return
        if self._waiting is None:
            call(session)
        else:
            self._waiting.append(lambda: call(session))
