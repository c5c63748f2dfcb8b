"""Cheap mode: no workers at all, until somebody connects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from uwsgid.host import Listener


@implementer(IReadDescriptor)
class _Sentry:
    """Waits for the first connection on one socket; accepts nothing."""

    def __init__(self, fd: int, knocked: Callable[[], None]) -> None:
        self._fd = fd
        self._knocked = knocked

    def fileno(self) -> int:
        return self._fd

    def logPrefix(self) -> str:
        return "sentry"

    def doRead(self) -> None:
        self._knocked()

    def connectionLost(self, reason: Failure) -> None:
        """The socket is not ours to close."""


class CheapMode:
    """Watches the sockets while there is nobody to accept.

    :param wake: called once, at the first connection.
    """

    def __init__(self, reactor: Any, listeners: Sequence[Listener], wake: Callable[[], None]) -> None:
        self._reactor = reactor
        self._descriptors = sorted({listener.fd for listener in listeners})
        self._wake = wake
        self._sentries: list[_Sentry] = []

    @property
    def is_on(self) -> bool:
        return bool(self._sentries)

    def begin(self) -> None:
        """Wait for somebody."""
        if not self._sentries:
            self._sentries = [_Sentry(fd, self._knocked) for fd in self._descriptors]
            for sentry in self._sentries:
                self._reactor.addReader(sentry)

    def end(self) -> None:
        """Wait no more."""
        for sentry in self._sentries:
            self._reactor.removeReader(sentry)
        self._sentries = []

    def _knocked(self) -> None:
        self.end()
        self._wake()
