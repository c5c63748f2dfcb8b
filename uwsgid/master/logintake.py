"""Who reads the log pipes in the master: its reactor, or with ``threaded-logger`` a thread."""

from __future__ import annotations

from typing import Any, Final

from uwsgid.logs.intake import Intake
from uwsgid.logs.setup import Logs

PATIENCE: Final = 3.0  #: seconds that the thread has to read what is left


class LogIntake:
    """The intake of ``log-master``; does nothing without it."""

    def __init__(self, reactor: Any, logs: Logs) -> None:
        self._reactor = reactor
        self._logs = logs
        self._intakes: list[Intake] = []
        self._thread: Any = None
        self._stopped = False

    def start(self) -> None:
        """Begin to read, and let slow loggers work."""
        logs = self._logs
        if self._stopped:
            return
        logs.begin()
        if logs.pipe is None:
            return
        if logs.threaded:
            from uwsgid.logs.threaded import PipeReader

            pipes = [(logs.pipe.reader, logs.take)]
            if logs.request_pipe is not None:
                pipes.append((logs.request_pipe.reader, logs.take_requests))
            self._thread = PipeReader(pipes)
            logs.read_elsewhere = True
            self._thread.start()
            return
        self._intakes.append(Intake(logs))
        if logs.request_pipe is not None:
            self._intakes.append(Intake(logs, requests=True))
        for intake in self._intakes:
            self._reactor.addReader(intake)

    def stop(self) -> None:
        """Read no more, and give slow loggers a moment; later lines are for `Logs.drain`."""
        self._stopped = True
        while self._intakes:
            self._reactor.removeReader(self._intakes.pop())
        thread, self._thread = self._thread, None
        if thread is not None and thread.stop(PATIENCE):
            self._logs.read_elsewhere = False
        self._logs.finish()
