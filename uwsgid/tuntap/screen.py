"""The live screen of ``uwsgid tuntap top``: drawn anew every moment, until somebody presses ``q`` or Ctrl-C.

The terminal is given back as it was found, however it ends.  A router that does not answer any more ends
nothing: routers are started again by their master, and whoever looks on wants to see that.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Callable
from types import FrameType
from typing import Any, Final, TextIO

from rich.live import Live

from uwsgid.errors import PeerError
from uwsgid.tuntap import showing

LEAST_PAUSE: Final = 0.1  #: seconds between two questions to a router, at least
_LEAVE: Final = (b"q", b"Q")
_STDIN: Final = 0


class Attention:
    """What there is to notice while the screen is shown: keys, as they are pressed, and signals.

    A signal may come in the very moment in which the wait for a key begins, and would not end that wait.  So
    the interpreter writes it into a pipe (``signal.set_wakeup_fd``), which is waited for as well.

    :param fd: of a terminal; where it is none, nobody presses anything.
    """

    def __init__(self, fd: int) -> None:
        self._watched = [fd] if os.isatty(fd) else []
        self._before: list[Any] = []
        self._signals: dict[int, Any] = {}
        self._wakes = self._woken = -1

    def __enter__(self) -> Attention:
        self._woken, self._wakes = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._wakes)
        self._signals[signal.SIGTERM] = signal.signal(signal.SIGTERM, _leave)
        self._signals[signal.SIGWINCH] = signal.signal(signal.SIGWINCH, _look)
        for fd in self._watched:
            self._before = termios.tcgetattr(fd)
            tty.setcbreak(fd, termios.TCSANOW)
        return self

    def __exit__(self, *error: object) -> None:
        for fd in self._watched:
            termios.tcsetattr(fd, termios.TCSANOW, self._before)
        for number, before in self._signals.items():
            signal.signal(number, before)
        signal.set_wakeup_fd(-1)
        os.close(self._wakes)
        os.close(self._woken)

    def leaves_within(self, seconds: float) -> bool:
        """Whether somebody who wants to leave says so within so many seconds, or the terminal is gone.

        It returns early when the terminal has another size.
        """
        until = time.monotonic() + seconds
        while True:
            rest = max(until - time.monotonic(), 0)
            ready, _, _ = select.select([*self._watched, self._woken], [], [], rest)
            if self._woken in ready:
                os.read(self._woken, 64)
                return False
            if not ready:
                return False
            pressed = os.read(ready[0], 1)
            if not pressed or pressed in _LEAVE:
                return True


def _leave(number: int, frame: FrameType | None) -> None:
    """Unwind what was begun, so that the terminal is as before."""
    sys.exit(128 + number)


def _look(number: int, frame: FrameType | None) -> None:
    """The terminal has another size: the wait has ended, and that is enough."""


def watch(ask: Callable[[], dict[str, Any]], out: TextIO, pause: float) -> None:
    """Show the peers of a router until somebody has seen enough.

    :param ask: gives the document of the router.
    :param out: the terminal.
    :param pause: seconds between two questions.
    :raises PeerError: nobody answers the first of them.
    """
    console = showing.console_on(out)
    said, trouble = ask(), ""
    screen = Live(
        console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
    )
    with Attention(_STDIN) as attention, screen as live:
        while True:
            live.update(showing.top(said, console.height, trouble), refresh=True)
            if attention.leaves_within(max(pause, LEAST_PAUSE)):
                return
            try:
                said, trouble = ask(), ""
            except PeerError as error:
                trouble = str(error)
