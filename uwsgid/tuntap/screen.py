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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, TextIO

from rich.live import Live

from uwsgid.errors import PeerError
from uwsgid.tuntap import showing

LEAST_PAUSE: Final = 0.1  #: seconds between two questions to a router, at least
_LEAVE: Final = ("q", "Q")


class Keyboard:
    """Keys, as they are pressed, while it is entered.  Ctrl-C stays what it is.

    :param fd: of a terminal; where it is none, nobody presses anything.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._before: list[Any] | None = None

    def __enter__(self) -> Keyboard:
        if os.isatty(self._fd):
            self._before = termios.tcgetattr(self._fd)
            tty.setcbreak(self._fd, termios.TCSANOW)
        return self

    def __exit__(self, *error: object) -> None:
        if self._before is not None:
            termios.tcsetattr(self._fd, termios.TCSANOW, self._before)
            self._before = None

    def leaves_within(self, seconds: float) -> bool:
        """Whether somebody who wants to leave says so within so many seconds, or the terminal is gone."""
        if self._before is None:
            time.sleep(seconds)
            return False
        until = time.monotonic() + seconds
        while True:
            rest = max(until - time.monotonic(), 0)
            if not select.select([self._fd], [], [], rest)[0]:
                return False
            pressed = os.read(self._fd, 1)
            if not pressed or pressed.decode("latin-1") in _LEAVE:
                return True


def watch(
    ask: Callable[[], dict[str, Any]], out: TextIO, pause: float, keyboard: Keyboard | None = None
) -> None:
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
    with _termination(), keyboard or Keyboard(sys.stdin.fileno()) as keys, screen as live:
        while True:
            live.update(showing.top(said, console.height, trouble), refresh=True)
            if keys.leaves_within(max(pause, LEAST_PAUSE)):
                return
            try:
                said, trouble = ask(), ""
            except PeerError as error:
                trouble = str(error)


@contextmanager
def _termination() -> Iterator[None]:
    """Let SIGTERM unwind what was begun, so that the terminal is as before."""

    def leave(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
