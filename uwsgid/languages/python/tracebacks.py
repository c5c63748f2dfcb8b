"""Where every thread of this process is: for the log, before a worker that hangs is ended.

This is the readable form, in lines of the server.  It needs the interpreter: a thread that holds the
interpreter inside a C library can only be seen by `faulthandler`, which workers arm as well.
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Callable
from types import FrameType


def stacks() -> dict[str, list[str]]:
    """The stack of each thread, innermost call last, under the name of the thread; the caller comes first."""
    threads = {thread.ident: thread for thread in threading.enumerate()}
    own = threading.get_ident()
    frames = sorted(sys._current_frames().items(), key=lambda item: item[0] != own)
    return {_name(threads.get(ident), ident): _lines(frame) for ident, frame in frames}


def _name(thread: threading.Thread | None, ident: int) -> str:
    if thread is None:
        return f"thread of a library ({ident:#x})"
    return f"{thread.name} (tid: {thread.native_id})"


def _lines(frame: FrameType) -> list[str]:
    return "".join(traceback.format_stack(frame)).rstrip("\n").split("\n")


def dump_stacks(say: Callable[[str], None]) -> None:
    """Write the stacks of all threads to the log.  Made for signal handlers: it raises nothing."""
    try:
        found = stacks()
        say(f"*** backtrace of {os.getpid()}: {len(found)} thread{'s' * (len(found) != 1)} ***")
        for name, lines in found.items():
            say(f"--- {name} ---")
            for line in lines:
                say(line)
        say("*** end of backtrace ***")
    except Exception as error:
        say(f"*** unable to write a backtrace: {error!r} ***")
