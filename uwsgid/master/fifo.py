"""The master FIFO: one byte written to a named pipe is one order (uWSGI 2.0, core/fifo.c)."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Mapping
from string import digits
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from uwsgid.config.kinds import Texts
from uwsgid.config.section import Section, option, section
from uwsgid.errors import KernelError


@section("Stopping and reloading")
class FifoFiles(Section):
    """Named pipes that take orders."""

    paths: Texts = option(
        "master-fifo", default=(), implies=("master",), help="take one-letter orders from this named pipe"
    )


@implementer(IReadDescriptor)
class Fifo:
    """Reads orders from one of up to ten named pipes; a digit changes to another one.

    :param orders: what to do, by letter.  Unknown bytes are ignored.
    """

    def __init__(
        self,
        reactor: Any,
        paths: tuple[str, ...],
        orders: Mapping[str, Callable[[], None]],
        say: Callable[[str], None],
    ) -> None:
        self._reactor = reactor
        self._paths = paths[:10]
        self._orders = orders
        self._say = say
        self._fd = -1
        self._active = 0

    def start(self) -> None:
        """Make the pipe anew and listen.

        :raises KernelError: it can not be made.
        """
        path = self._paths[self._active]
        try:
            if os.path.lexists(path):
                if not stat.S_ISFIFO(os.lstat(path).st_mode):
                    raise KernelError(
                        f"master-fifo: {path} exists and is no named pipe; remove it or choose another path"
                    )
                os.unlink(path)
            os.mkfifo(path, 0o600)
            # open for writing as well, so that there is no end of file when a writer goes
            self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise KernelError(f"master-fifo: {path}: {error.strerror}") from None
        self._reactor.addReader(self)

    def stop(self) -> None:
        """Stop listening and remove the pipe, unless somebody has put something else in its place."""
        if self._fd >= 0:
            self._reactor.removeReader(self)
            path = self._paths[self._active]
            with contextlib.suppress(OSError):
                if os.path.samestat(os.fstat(self._fd), os.lstat(path)):
                    os.unlink(path)
            os.close(self._fd)
            self._fd = -1

    def fileno(self) -> int:
        return self._fd

    def logPrefix(self) -> str:
        return "fifo"

    def doRead(self) -> None:
        try:
            data = os.read(self._fd, 4096)
        except BlockingIOError:
            return
        for letter in data.decode("latin-1"):
            if letter in digits:
                self._switch(int(letter))
            elif letter in self._orders:
                self._orders[letter]()

    def connectionLost(self, reason: Failure) -> None:
        self.stop()

    def _switch(self, number: int) -> None:
        if number >= len(self._paths):
            return
        if number != self._active:
            self.stop()
            before, self._active = self._active, number
            try:
                self.start()
            except KernelError as error:
                self._say(str(error))
                self._active = before
                self.start()
                return
        self._say(f"active master fifo is now {self._paths[number]}")
