"""Tells when one child process ends, and how: its pidfd becomes readable in the reactor."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from uwsgid.supervise.exits import ExitStatus


@implementer(IReadDescriptor)
class ExitWatch:
    """Waits for the end of *pid*, reaps it and calls *ended* with its status, once."""

    def __init__(self, reactor: IReactorFDSet, pid: int, ended: Callable[[ExitStatus], None]) -> None:
        self.pid = pid
        self._reactor: Any = reactor
        self._ended = ended
        self._fd = os.pidfd_open(pid)
        self._reactor.addReader(self)

    def fileno(self) -> int:
        return self._fd

    def logPrefix(self) -> str:
        return f"pid {self.pid}"

    def doRead(self) -> None:
        try:
            facts = os.waitid(os.P_PIDFD, self._fd, os.WEXITED | os.WNOHANG)
        except ChildProcessError:
            status = ExitStatus()
        else:
            if facts is None:
                return
            exited = facts.si_code == os.CLD_EXITED
            status = ExitStatus(code=facts.si_status) if exited else ExitStatus(signal=facts.si_status)
        self.forget()
        self._ended(status)

    def connectionLost(self, reason: Failure) -> None:
        self.forget()

    def forget(self) -> None:
        """Stop watching, without a word."""
        if self._fd >= 0:
            self._reactor.removeReader(self)
            os.close(self._fd)
            self._fd = -1
