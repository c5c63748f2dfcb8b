"""What a new process prints goes to the log, in whole lines.

Several processes write to one log. A line that is written in two pieces gets the line of somebody else into
its middle, which is what ``PYTHONUNBUFFERED`` would do to every ``print`` of an application: one write for
the text, and one for the end of the line.
"""

from __future__ import annotations

import io
import sys


def own_standard_streams() -> None:
    """Give ``sys.stdout`` and ``sys.stderr`` back to the process, each line one write.

    twistd has put its log in their place, which belongs to the process it was started in.
    """
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, write_through=False)
