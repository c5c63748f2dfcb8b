"""A shell of an interpreter on the terminal that the instance was started from (``plshell``).

The first worker lends the child of its first core for it, and serves nobody meanwhile.  As that of uWSGI
(plugins/psgi/psgi_plugin.c, uwsgi_perl_hijack) it starts another shell when one ends; here without ending
itself, and only where there is somebody at a terminal.
"""

from __future__ import annotations

import mmap
import os
import select
import time
from typing import TYPE_CHECKING, Final

from uwsgid.languages.foreign.frames import BridgeError, frame

if TYPE_CHECKING:
    from uwsgid.languages.foreign.bridge import Bridge
    from uwsgid.languages.foreign.line import Line
    from uwsgid.request.serving import Serving

#: Seconds between two beginnings.
_PAUSE: Final = 1.0


class Shell:
    """The shell of one generation of workers.  It is made before they are forked.

    :param code: what it runs; empty for what the interpreter has for people.
    :param once: it is not started again.
    """

    def __init__(self, code: str, once: bool) -> None:
        self._code = code.encode("utf-8", "surrogateescape")
        self._once = once
        self._over = mmap.mmap(-1, 1)  # all workers of the generation see what one of them writes

    def run(self, bridge: Bridge, serving: Serving) -> None:
        """Have it run, until it is over or the worker has to leave."""
        while not (self._over[0] or serving.farewell.due):
            began = time.monotonic()
            try:
                if not self._attend(bridge.lend(0), serving):
                    return
            except BridgeError as error:
                serving.say(f"the shell ends: {error}")
            finally:
                bridge.take_back(0)
            if self._once or not os.isatty(0):
                self._over[0] = 1
                return
            while not serving.farewell.due and (left := began + _PAUSE - time.monotonic()) > 0:
                _wait(serving, None, left)

    def _attend(self, line: Line, serving: Serving) -> bool:
        """Answer what a shell asks; False where it did not end by itself."""
        line.command(frame(b"s", self._code))
        while not serving.farewell.due:
            if _wait(serving, line.fd) and not line.answer():
                return True
        return False


def _wait(serving: Serving, fd: int | None, seconds: float | None = None) -> bool:
    """Sleep until *fd* is readable, which is the answer, or something else wants to be looked at."""
    poll = select.poll()
    if fd is not None:
        poll.register(fd, select.POLLIN)
    wakeups = dict(serving.wakeups)
    for other in wakeups:
        poll.register(other, select.POLLIN)
    ready = [number for number, _ in poll.poll(None if seconds is None else seconds * 1000)]
    for number in ready:
        if number in wakeups:
            wakeups[number]()
    return fd in ready
