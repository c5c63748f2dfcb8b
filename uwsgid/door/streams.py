"""What a new process prints goes to the log, in whole lines, and nobody fails because the log does.

Several processes write to one log. A line that is written in two pieces gets the line of somebody else into
its middle, which is what ``PYTHONUNBUFFERED`` would do to every ``print`` of an application: one write for
the text, and one for the end of the line.

A log that is full or gone makes ``write`` fail, and so ``print`` in the middle of an application.  Here it
does not: the line is dropped, and counted by `uwsgid.logs.writing`.
"""

from __future__ import annotations

import io
import sys
from typing import Any, TextIO

from uwsgid.logs.writing import writer


class LogStream(io.FileIO):
    """A descriptor that leads to the log, to be written by Python's streams."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._write = writer(descriptor)

    def write(self, data: Any, /) -> int:
        """All of *data*, or none of it."""
        record = bytes(data)
        self._write(record)
        return len(record)


def own_standard_streams() -> None:
    """Give ``sys.stdout`` and ``sys.stderr`` back to the process, each line one write.

    twistd has put its log in their place, which belongs to the process it was started in.
    """
    sys.stdout, sys.stderr = _to_log(sys.__stdout__), _to_log(sys.__stderr__)


def _to_log(stream: TextIO | None) -> Any:
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    stream.reconfigure(line_buffering=True, write_through=False)
    raw = LogStream(stream.fileno())
    raw.name = stream.name
    return io.TextIOWrapper(io.BufferedWriter(raw), stream.encoding, stream.errors, line_buffering=True)
