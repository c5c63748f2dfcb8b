"""The configuration that an emperor sends with the order to reload, looked at before it counts.

It stays in the pipe: a configuration that can be used is taken from there by the instance that begins with
it, which takes the latest one that has come until then.  One that can not be used is thrown away.
"""

from __future__ import annotations

import array
import fcntl
import socket
import termios
from collections.abc import Callable
from typing import Any, Final

from uwsgid.errors import PeerError
from uwsgid.host.emperor import PATIENCE
from uwsgid.master.emperor_end import EmperorEnd
from uwsgid.wire.vassal import CONFIG_HEADER, config_size

_MOMENT: Final = 0.05  #: seconds until the rest of a configuration is looked for, of which a part is there

#: Is told what has come; None for nothing that could be read.
Arrived = Callable[[bytes | None], None]


class Inbox(EmperorEnd):
    """The vassal's end of the pipe of configurations.

    :param fd: that end; None where the emperor sends none.
    """

    def __init__(self, reactor: Any, fd: int | None) -> None:
        super().__init__(reactor, fd)
        self._arrived: Arrived | None = None
        self._calls: list[Any] = []
        self._read = 0  # bytes of what was told last

    def wait(self, arrived: Arrived) -> None:
        """Tell *arrived* the latest configuration, as soon as there is one, for some seconds at most."""
        self.end()
        if self._fd is None:
            arrived(None)
            return
        self._arrived = arrived
        self._socket = socket.socket(fileno=self._fd)
        self._calls = [self._reactor.callLater(PATIENCE, self._tell, None)]
        self.doRead()

    def discard(self) -> None:
        """Throw away what was told last."""
        if self._fd is not None and self._read:
            with_it = socket.socket(fileno=self._fd)
            try:
                with_it.recv(self._read, socket.MSG_DONTWAIT | socket.MSG_WAITALL)
            except OSError:
                pass
            finally:
                with_it.detach()
        self._read = 0

    def end(self) -> None:
        """Wait no longer.  The descriptor stays open, for the next instance."""
        self._arrived = None
        for call in self._calls:
            if call.active():
                call.cancel()
        self._calls = []
        self._let_go()

    def doRead(self) -> None:
        if self._socket is None:
            return
        try:
            waiting = _look(self._socket)
            found = latest(waiting or b"")
        except (OSError, PeerError):
            self._tell(None)
            return
        if found is not None:
            self._read = found[1]
            self._tell(found[0])
        elif waiting:  # the reactor would tell of this part again and again
            self._reactor.removeReader(self)
            self._calls.append(self._reactor.callLater(_MOMENT, self.doRead))
        elif waiting is None:
            self._reactor.addReader(self)
        else:
            self._tell(None)  # the emperor closed its end

    def _tell(self, text: bytes | None) -> None:
        arrived = self._arrived
        self.end()
        if arrived is not None:
            arrived(text)


def _look(sock: socket.socket) -> bytes | None:
    """What waits, without taking it; None where there is nothing, and nothing at all at the end."""
    size = array.array("i", [0])
    fcntl.ioctl(sock.fileno(), termios.FIONREAD, size)
    try:
        return sock.recv(max(1, size[0]), socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None


def latest(waiting: bytes) -> tuple[bytes, int] | None:
    """The last configuration of *waiting* that is complete, and where it ends.

    :raises PeerError: something else is there.
    """
    found, start = None, 0
    while len(waiting) - start >= CONFIG_HEADER:
        body = start + CONFIG_HEADER
        end = body + config_size(waiting[start:body])
        if end > len(waiting):
            break
        found, start = (waiting[body:end], end), end
    return found
