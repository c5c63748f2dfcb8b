"""Puts the reading end of the log pipe into the reactor, where there is one."""

from __future__ import annotations

from typing import Any

from uwsgid.logs.intake import Intake
from uwsgid.logs.setup import Logs


class LogIntake:
    """The intake of ``log-master``; does nothing without it."""

    def __init__(self, reactor: Any, logs: Logs) -> None:
        self._reactor = reactor
        self._intake = Intake(logs) if logs.pipe is not None else None

    def start(self) -> None:
        """Begin to read."""
        if self._intake is not None:
            self._reactor.addReader(self._intake)

    def stop(self) -> None:
        """Read no more; what is still in the pipe is for `Logs.drain`."""
        if self._intake is not None:
            self._reactor.removeReader(self._intake)
            self._intake = None
