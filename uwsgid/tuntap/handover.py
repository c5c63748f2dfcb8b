"""Hand-over: the vassal gives its device away, and the router reads and writes it itself.

Beside the socket of a router of ours stands a companion, ``<socket>.dev``.  One record goes there, with the
descriptor of the device (`uwsgid.wire.handover` knows its form); the router looks at both and answers once.
After that nobody says anything more.  The connection stays open to tell that the vassal lives, and whose it
is (``SO_PEERCRED``): its end is the end of the peer, at once.

The functions here wait no longer than they are told, for the boot; `Attachment` is what a reactor watches.
"""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from uwsgid.errors import PeerError
from uwsgid.host.addresses import Address
from uwsgid.tuntap.relief import Handed
from uwsgid.wire.handover import MAX_RECORD, Answer, Hello

COMPANION: Final = ".dev"  #: what is added to the name of a router's socket

#: What connecting says where there is no companion: the router is uWSGI's own, or not there at all.
_NO_COMPANION: Final = frozenset(
    {errno.ENOENT, errno.ECONNREFUSED, errno.EPROTOTYPE, errno.ENOTSOCK, errno.ENAMETOOLONG}
)


def companion_of(address: Address) -> Address | None:
    """Where the companion of a router's socket listens; None where there can be none."""
    if not address.is_unix:
        return None
    return replace(address, text=address.text + COMPANION, path=address.path + COMPANION)


def offer(companion: Address, device: int, hello: Hello, patience: float) -> socket.socket | None:
    """Connect to *companion*, and send it the descriptor *device*.

    :param patience: seconds that the router has to take it.
    :returns: the connection, on which the answer is due; None where nobody listens who would know what to do.
    :raises OSError: somebody listens, and does not take it.
    :raises ConfigError: there are more rules than one record holds.
    """
    record = hello.pack()
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        connection.settimeout(patience)
        connection.connect(companion.sockaddr())
        socket.send_fds(connection, [record], [device])
    except OSError as error:
        connection.close()
        if error.errno in _NO_COMPANION:
            return None
        raise
    return connection


def answer(connection: socket.socket) -> str:
    """Why the router refuses, or nothing where it has taken the device.

    :raises OSError: it said nothing, or nothing yet where *connection* has no patience.
    :raises PeerError: what it said is no answer.
    """
    record = connection.recv(MAX_RECORD)
    if not record:
        raise ConnectionResetError(errno.ECONNRESET, "the router closed the connection")
    said = Answer.unpack(record)
    return "" if said.ok else said.why or "the router gave no reason"


def lives(connection: socket.socket) -> bool:
    """Whether the router still holds the other end."""
    try:
        return bool(connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except BlockingIOError:
        return True
    except OSError:
        return False


@implementer(IReadDescriptor)
class Attachment:
    """The connection of a device that was offered, until its end.

    :param answered: the router has said already that it takes the device.
    :param taken: called when the router says so.
    :param lost: called once, with the reason, when it refuses or is gone.
    """

    def __init__(
        self,
        reactor: Any,
        connection: socket.socket,
        taken: Callable[[], None],
        lost: Callable[[str], None],
        *,
        answered: bool = False,
    ) -> None:
        connection.setblocking(False)
        self._reactor = reactor
        self._connection = connection
        self._fd = connection.fileno()
        self._answered = answered
        self._taken = taken
        self._lost = lost
        self._running = False

    def start(self) -> None:
        """Begin to watch."""
        self._running = True
        self._reactor.addReader(self)

    def stop(self) -> None:
        """End the connection, whoever else has it; ``lost`` is not called.  Harmless when done before."""
        if self._running:
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)  # the master keeps one over reloads
            self.leave()

    def leave(self) -> None:
        """Watch no longer.  The connection goes on where somebody else has it."""
        if self._running:
            self._running = False
            self._reactor.removeReader(self)
            self._connection.close()

    def hand_on(self) -> Handed | None:
        """Watch no longer; another process goes on.  None where the router has not answered yet."""
        if not self._answered:
            self.leave()
            return None
        self._running = False
        self._reactor.removeReader(self)
        return Handed(self._connection, False)

    def fileno(self) -> int:
        return self._fd

    def logPrefix(self) -> str:
        return "tuntap hand-over"

    def doRead(self) -> None:
        """The answer, or the end."""
        try:
            if self._answered:
                if not self._connection.recv(MAX_RECORD):
                    self._fail("the router closed the connection")
                return
            refused = answer(self._connection)
        except BlockingIOError:
            return
        except (OSError, PeerError) as error:
            self._fail(str(error))
            return
        if refused:
            self._fail(f"the router refuses the device: {refused}")
        else:
            self._answered = True
            self._taken()

    def connectionLost(self, reason: Failure) -> None:
        self._fail("the router closed the connection")

    def _fail(self, reason: str) -> None:
        if self._running:
            self.leave()
            self._lost(reason)
