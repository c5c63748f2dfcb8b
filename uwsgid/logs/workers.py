"""Loggers in a worker itself: ``worker-logger`` and its kin (uWSGI 2.1).

What the worker prints comes back to it through a pipe, and a thread of its own sends it on.  So nothing of it
passes through the master, and nothing waits there; but a worker that is killed takes with it what was not yet
written.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from collections.abc import Callable
from typing import Final, Protocol

from uwsgid.config.settings import Settings
from uwsgid.logs.files import DescriptorLogger
from uwsgid.logs.options import LogMaster
from uwsgid.logs.outlet_options import WorkerOutlets
from uwsgid.logs.outlets import fit_worker
from uwsgid.logs.pipeline import Pipeline
from uwsgid.logs.setup import BATCH, STANDARD, LogPipe
from uwsgid.logs.threaded import PipeReader

PATIENCE: Final = 3.0  #: seconds that the thread has in the end


class Speaker(Protocol):
    """Whose lines of requests these are: the household of the worker."""

    request_log: int


class WorkerLogs:
    """The loggers of this worker, from its birth to its end.

    :param speaker: its ``request_log`` is changed to where lines of requests go from now on.
    :raises ConfigError: a logger can not use its argument.
    """

    def __init__(self, settings: Settings, speaker: Speaker) -> None:
        wanted = settings[WorkerOutlets]
        self._former: Final = os.dup(STANDARD[1])
        original = DescriptorLogger(self._former)
        elsewhere = speaker.request_log not in STANDARD
        request_original = DescriptorLogger(speaker.request_log) if elsewhere else original
        self._outlets: Final = fit_worker(settings, original, request_original)
        self._pid: Final = os.getpid()
        self._ended = False
        bufsize = settings[LogMaster].bufsize
        pipes = []
        if wanted.any_records:
            pipe = LogPipe(bufsize)
            for descriptor in STANDARD:
                os.dup2(pipe.writer, descriptor)
            pipes.append((pipe, self._outlets.records))
        if self._outlets.requests is not None:
            pipe = LogPipe(bufsize)
            speaker.request_log = pipe.writer
            pipes.append((pipe, self._outlets.requests))
        self._reader: Final = PipeReader(
            [(pipe.reader, _taker(pipe, pipeline)) for pipe, pipeline in pipes],
            self._outlets.records.complain,
        )
        self._outlets.start()
        self._reader.start()
        # before the application registers anything, so that this is called last
        atexit.register(self.end)

    def end(self) -> None:
        """Send on what is there; what is said from now on goes where it went before."""
        if self._ended or os.getpid() != self._pid:  # a child that the application forked
            return
        self._ended = True
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        for descriptor in STANDARD:
            os.dup2(self._former, descriptor)
        self._reader.stop(PATIENCE)
        self._outlets.finish()


def _taker(pipe: LogPipe, pipeline: Pipeline) -> Callable[[], int]:
    def take() -> int:
        records = pipe.read(BATCH)
        if records:
            pipeline.accept(records)
        return len(records)

    return take
