"""Unix signals in a worker, in uWSGI's meaning.

Handlers run between two byte codes of the main thread.  They only note what is wanted and wake the loop
through a pipe that it watches; the one exception is an order to end at once.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import time
from collections.abc import Callable
from typing import Any, Final

from uwsgid.request.serving import Farewell
from uwsgid.supervise.board import Board, Phase
from uwsgid.supervise.exits import Exit
from uwsgid.supervise.reactions import IGNORE, react

ENDS_NOW: Final = (signal.SIGINT, signal.SIGQUIT)


class WorkerSignals:
    """The signal handlers of one worker.

    :param stop_now: ends the process with the given exit code.
    :param mercy: seconds a busy worker gets when its master died.
    :ivar fileno: the end of the pipe that the loop watches; `drain` empties it.
    """

    def __init__(
        self,
        farewell: Farewell,
        board: Board,
        slot: int,
        seat: int,
        say: Callable[[str], None],
        stop_now: Callable[[int], Any],
        master_pid: int,
        mercy: float,
    ) -> None:
        self._farewell = farewell
        self._board = board
        self._slot = slot
        self._seat = seat
        self._say = say
        self._stop_now = stop_now
        self._master_pid = master_pid
        self._mercy = mercy
        self.fileno, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def install(self) -> None:
        """Take over from whatever the zygote had."""
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        react(signal.SIGHUP, self.leave_gracefully)
        react(signal.SIGTERM, self.leave_gracefully)
        for number in ENDS_NOW:
            react(number, self.end_now)
        react(signal.SIGUSR1, self.say_statistics)
        react(signal.SIGTSTP, self.toggle_pause)
        for number in (signal.SIGWINCH, signal.SIGURG):
            react(number, self.wake)
        for number in (signal.SIGTTIN, signal.SIGTTOU):
            react(number, IGNORE)
        # written in C, so that it works where the interpreter is stuck in a library
        faulthandler.register(signal.SIGUSR2, file=2, all_threads=True)
        faulthandler.enable(file=2, all_threads=True)

    def drain(self) -> None:
        """Empty the pipe."""
        try:
            while os.read(self.fileno, 512):
                pass
        except BlockingIOError:
            pass

    def leave_gracefully(self, number: int, frame: object) -> None:
        """HUP, TERM: finish the request in progress, then go.

        uWSGI cuts the request on TERM.  systemd sends TERM to all processes of a service at once, so that a
        graceful stop needs workers that are graceful as well.  HUP is also how the kernel tells of the
        master's death; a request that does not end is then cut when the mercy is over.
        """
        self._farewell.bid(Exit.END if number == signal.SIGTERM else Exit.RELOAD, "a signal")
        if os.getppid() != self._master_pid:
            signal.alarm(max(1, int(self._mercy)))

    def end_now(self, number: int, frame: object) -> None:
        """INT, QUIT: go, whatever is in progress.  The master repeats it; the end must not begin anew."""
        for repeated in ENDS_NOW:
            react(repeated, IGNORE)
        self._board.phase[self._seat] = Phase.LEAVING
        self._stop_now(Exit.END)

    def toggle_pause(self, number: int, frame: object) -> None:
        """TSTP: finish what is in progress and accept nothing, until the next one."""
        self.pause(not self._farewell.paused)

    def pause(self, paused: bool) -> None:
        """Accept nothing, or begin again."""
        if self._farewell.paused != paused:
            self._farewell.paused = paused
            self._board.paused[self._seat] = paused
            self._say(f"*** worker {self._slot} {'suspended' if paused else 'resumed'} ***")

    def wake(self, number: int, frame: object) -> None:
        """WINCH, URG: look at the flags; the wake-up pipe has done that."""

    def say_statistics(self, number: int, frame: object) -> None:
        """USR1: tell the log what this worker has done."""
        board, seat = self._board, self._seat
        self._say(f"worker {self._slot} total requests: {board.requests[seat]}")
        age = int(time.time() - board.born[seat])
        self._say(f"\texceptions: {board.exceptions[seat]} sent: {board.tx[seat]} bytes age: {age} seconds")
