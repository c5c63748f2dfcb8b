"""The doors of a router: connections are accepted, and asked who they are, before they become peers.

There are two doors.  Behind the socket of the configuration come streams of frames, as from uWSGI's own
clients; with ``tuntap-use-credentials`` such a client says who it is first.  Behind its companion,
``<socket>.dev``, comes one record and the descriptor of a tun device.

Nobody here is trusted, and nobody is waited for.  A descriptor that somebody passed may be anything; what is
refused is closed elsewhere (`uwsgid.tuntap.closing`), for even that may take long.
"""

from __future__ import annotations

import errno
import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from uwsgid.errors import KernelError, PeerError
from uwsgid.host.tun import DeviceFacts, identify
from uwsgid.tuntap.closing import strange_closer
from uwsgid.wire.handover import MAX_RECORD, Answer, Hello
from uwsgid.wire.tunframe import HELLO

log: Final = Logger()

ACCEPTS: Final = 64  #: connections that are accepted before others have a turn
HELLO_TAKES: Final = 10.0  #: seconds that a connection to the companion has for its record
MOST_SILENT: Final = 256  #: connections to the companion that may be silent at a time
REST: Final = 1.0  #: seconds without accepting where descriptors have run out

_UCRED: Final = struct.Struct("3i")  # pid, uid, gid
_PASSED: Final = struct.Struct("i")
_OUT_OF_DESCRIPTORS: Final = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
_SO_PASSCRED: Final = 16  #: asm-generic/socket.h
_SCM_CREDENTIALS: Final = 2  #: linux/socket.h


@dataclass(frozen=True, slots=True)
class Caller:
    """Who connected, as the kernel says; all -1 where it does not know, as for TCP."""

    pid: int = -1
    uid: int = -1
    gid: int = -1


STRANGER: Final = Caller()


class Reception(Protocol):
    """Who is behind the doors: the router."""

    reactor: Any

    def welcome_stream(self, connection: socket.socket, who: Caller) -> None:
        """Take the connection over.  :raises PeerError: the peer is not wanted."""

    def welcome_device(
        self, connection: socket.socket, who: Caller, hello: Hello, device: int, facts: DeviceFacts
    ) -> None:
        """Take both descriptors over.  :raises PeerError: the peer is not wanted."""

    def grumble(self, text: str) -> None:
        """Write *text* to the log, unless there was something to write a moment ago."""


def caller_of(connection: socket.socket) -> Caller:
    """Who connected (``SO_PEERCRED``)."""
    if connection.family != socket.AF_UNIX:
        return STRANGER
    pid, uid, gid = _UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return Caller(pid, uid, gid)


def examine(fd: int) -> DeviceFacts:
    """What the device is that somebody passed.

    The kernel's table of descriptors is asked first, because a question to the file itself is a question to
    whoever made it: only a tun device has a line ``iff:`` there (drivers/net/tun.c, tun_chr_show_fdinfo).

    :raises PeerError: it is no tun device, or not one as ours are.
    """
    try:
        with open(f"/proc/self/fdinfo/{fd}", encoding="ascii", errors="replace") as table:
            if "\niff:" not in table.read():
                raise PeerError("what was handed over is not a tun device", status=0)
    except OSError:
        pass  # a jail without /proc
    try:
        return identify(fd)
    except KernelError as error:
        raise PeerError(str(error), status=0) from None


@implementer(IReadDescriptor)
class Door:
    """Accepts connections at a listening socket.

    :param listener: non-blocking; closed with the door.
    :param enter: gets each connection, non-blocking.
    """

    def __init__(
        self, listener: socket.socket, reception: Reception, enter: Callable[[socket.socket], None]
    ) -> None:
        self._listener = listener
        self._reception = reception
        self._enter = enter
        self._resting: Any = None

    def start(self) -> None:
        """Begin to accept."""
        self._reception.reactor.addReader(self)

    def fileno(self) -> int:
        return self._listener.fileno()

    def logPrefix(self) -> str:
        return "tuntap door"

    def doRead(self) -> None:
        for _ in range(ACCEPTS):
            try:
                connection, _address = self._listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self._reception.grumble(f"accept(): {error.strerror}")
                if error.errno in _OUT_OF_DESCRIPTORS:
                    self._rest()
                    return
                continue
            connection.setblocking(False)
            try:
                self._enter(connection)
            except (PeerError, OSError) as error:
                self._reception.grumble(str(error))
                connection.close()
            except Exception:
                # a mistake of ours costs one connection, and not the door
                log.failure("a connection could not be taken")
                connection.close()

    def _rest(self) -> None:
        """The connections stay in the backlog, and would wake us again and again."""
        self._reception.reactor.removeReader(self)
        self._resting = self._reception.reactor.callLater(REST, self._go_on)

    def _go_on(self) -> None:
        self._resting = None
        self._reception.reactor.addReader(self)

    def connectionLost(self, reason: Failure) -> None:
        """The reactor ends."""

    def close(self) -> None:
        """Accept no more."""
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        self._reception.reactor.removeReader(self)
        self._listener.close()


@implementer(IReadDescriptor)
class _Guest(ABC):
    """A connection that has not said yet who it is."""

    def __init__(self, connection: socket.socket, reception: Reception) -> None:
        self._connection = connection
        self._reception = reception

    def start(self) -> None:
        self._reception.reactor.addReader(self)

    def fileno(self) -> int:
        return self._connection.fileno()

    def logPrefix(self) -> str:
        return "tuntap guest"

    def doRead(self) -> None:
        try:
            self._hear()
        except (BlockingIOError, InterruptedError):
            return
        except (PeerError, OSError) as error:
            self._reception.grumble(str(error))
            self.leave()

    @abstractmethod
    def _hear(self) -> None:
        """Read what it says.

        :raises PeerError: it is not wanted.
        :raises OSError: the connection broke, or there is nothing to read yet.
        """

    def pass_on(self) -> socket.socket:
        """The connection, which is somebody else's from now on."""
        self._reception.reactor.removeReader(self)
        return self._connection

    def leave(self) -> None:
        """Close the connection."""
        self.pass_on().close()

    def connectionLost(self, reason: Failure) -> None:
        """The connection broke, or the reactor ends."""
        self.leave()


class CredentialsGuest(_Guest):
    """A client of frames that is to say who it is (``tuntap-use-credentials``).

    It may stay silent for long: it waits until its instance has dropped privileges.
    """

    def start(self) -> None:
        if self._connection.family != socket.AF_UNIX:
            raise PeerError("only UNIX sockets carry credentials", status=0)
        self._connection.setsockopt(socket.SOL_SOCKET, _SO_PASSCRED, 1)
        super().start()

    def _hear(self) -> None:
        text, control, _flags, _ = self._connection.recvmsg(len(HELLO), socket.CMSG_SPACE(_UCRED.size))
        if not text:
            self.leave()
            return
        who = STRANGER
        for level, kind, data in control:
            if level == socket.SOL_SOCKET and kind == _SCM_CREDENTIALS and len(data) == _UCRED.size:
                who = Caller(*_UCRED.unpack(data))
        # between accept() and SO_PASSCRED a client can send words without credentials; the kernel then tells
        # no pid, and the uid and gid of nobody, whoever it was (net/core/scm.h)
        if text != HELLO or not (who.pid > 0 or who.uid == caller_of(self._connection).uid):
            raise PeerError("a client without credentials", status=0)
        self._connection.setsockopt(socket.SOL_SOCKET, _SO_PASSCRED, 0)
        self._reception.welcome_stream(self.pass_on(), who)


class DeviceGuest(_Guest):
    """A vassal that is to hand over its device.

    :param left: called when it is a guest no longer.
    """

    def __init__(self, connection: socket.socket, reception: Reception, left: Callable[[], None]) -> None:
        super().__init__(connection, reception)
        self._left = left
        self._timer: Any = None

    def start(self) -> None:
        super().start()
        self._timer = self._reception.reactor.callLater(HELLO_TAKES, self._expire)

    def _expire(self) -> None:
        self._timer = None
        self._reception.grumble("a connection to the companion socket that said nothing")
        self.leave()

    def pass_on(self) -> socket.socket:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        left, self._left = self._left, _nothing
        left()
        return super().pass_on()

    def _hear(self) -> None:
        text, control, flags, _ = self._connection.recvmsg(
            MAX_RECORD + 1, socket.CMSG_SPACE(4 * _PASSED.size), socket.MSG_CMSG_CLOEXEC
        )
        passed: list[int] = []
        for level, kind, data in control:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                whole = len(data) - len(data) % _PASSED.size
                passed.extend(number for (number,) in _PASSED.iter_unpack(data[:whole]))
        if not text and not passed:
            self.leave()
            return
        # first, since the link watches the same descriptor
        connection = self.pass_on()
        try:
            hello = Hello.unpack(text)
            if len(passed) != 1 or flags & socket.MSG_CTRUNC:
                raise PeerError(f"{hello.device} was to come as one descriptor", status=0)
            device, who = passed[0], caller_of(connection)
            self._reception.welcome_device(connection, who, hello, device, examine(device))
        except PeerError as error:
            _let_go(passed)
            try:
                connection.send(Answer(False, str(error)).pack())
            except OSError:
                pass
            connection.close()
            raise
        except Exception:
            _let_go(passed)
            connection.close()
            raise


def _let_go(descriptors: Iterable[int]) -> None:
    for fd in descriptors:
        strange_closer.close(fd)


def _nothing() -> None:
    """What is called once is not called again."""


class Doors:
    """Both doors of one router.

    :param streams: the socket of the configuration, listening.
    :param devices: its companion, listening; None for a router on TCP.
    :ivar use_credentials: whether clients of frames say who they are first.
    """

    def __init__(
        self,
        reception: Reception,
        streams: socket.socket,
        devices: socket.socket | None,
        *,
        use_credentials: bool = False,
    ) -> None:
        self._reception = reception
        self.use_credentials = use_credentials
        self._silent = 0
        self._doors = [Door(streams, reception, self._enter_stream)]
        if devices is not None:
            self._doors.append(Door(devices, reception, self._enter_device))

    def start(self) -> None:
        """Begin to accept."""
        for door in self._doors:
            door.start()

    def close(self) -> None:
        """Accept no more."""
        for door in self._doors:
            door.close()

    def _enter_stream(self, connection: socket.socket) -> None:
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if self.use_credentials:
            CredentialsGuest(connection, self._reception).start()
        else:
            self._reception.welcome_stream(connection, caller_of(connection))

    def _enter_device(self, connection: socket.socket) -> None:
        if self._silent >= MOST_SILENT:
            raise PeerError(f"{self._silent} connections to the companion socket that say nothing", status=0)
        DeviceGuest(connection, self._reception, self._one_less).start()
        self._silent += 1

    def _one_less(self) -> None:
        self._silent -= 1
