"""Going to the background, so that whoever started the daemon learns how the start went.

The process that an operator started stays until the daemon it became has bound its sockets and dropped its
privileges, or has failed to.  Then it exits with 0, or with the daemon's own code after the one line that
tells why; so ``uwsgid -d … && …`` and ``Type=forking`` of systemd mean what they say.  uWSGI's first process
exits with 0 before it can know anything.
"""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING, Final

from uwsgid.door.options import Instance
from uwsgid.host import Sockets, daemonize
from uwsgid.wire.vassal import EMPEROR_FD

if TYPE_CHECKING:
    from uwsgid.door.boot import Boot

#: What is told for a daemon that ended without a word.
DIED: Final = "the daemon ended while it started; its log may tell why"

_LONGEST: Final = 65536  #: bytes of an answer; less than a pipe holds


class Starter:
    """The process that the operator started, and the talk between it and the daemon.

    In a process that never goes to the background it holds nothing, and all of its methods do nothing.
    """

    def __init__(self) -> None:
        self._terminal = self._answers = self._answer = -1

    def keep_terminal(self) -> None:
        """Remember where standard error leads, before a log takes its place."""
        self._terminal = os.dup(2)

    def expect_answer(self) -> None:
        """Open the pipe that the daemon answers by."""
        self._answers, self._answer = os.pipe()

    def wait(self) -> int:
        """In the process that was started: wait for the answer and pass it on.

        :returns: the exit code.
        """
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # who does not want to wait leaves the daemon alone
        os.close(self._answer)
        self._answer = -1
        answer = os.read(self._answers, _LONGEST) or bytes([1]) + DIED.encode()
        if answer[1:]:
            with contextlib.suppress(OSError):
                os.write(self._terminal, answer[1:] + b"\n")
        return answer[0]

    def begin(self) -> None:
        """In the daemon: give up the terminal."""
        for descriptor in (self._terminal, self._answers):
            if descriptor >= 0:
                os.close(descriptor)
        self._terminal = self._answers = -1

    def tell(self, code: int, text: str = "") -> None:
        """In the daemon: give the answer.  Only the first one counts.

        :param code: what the process that waits exits with.
        :param text: what it writes to its terminal before.
        """
        if self._answer >= 0:
            with contextlib.suppress(OSError):  # nobody waits any more
                os.write(self._answer, bytes([code & 0xFF]) + text.encode("utf-8", "replace")[: _LONGEST - 1])
        self.close()

    def close(self) -> None:
        """Give everything up, as children do, which have no answer to give."""
        self.begin()
        if self._answer >= 0:
            os.close(self._answer)
            self._answer = -1


def keep_the_terminal(boot: Boot) -> None:
    """``daemonize``: whoever waits there wants to know how the start goes, also when the log is elsewhere."""
    if _wanted(boot):
        boot.starter.keep_terminal()


def go_to_the_background(boot: Boot) -> None:
    """``daemonize``; an image that replaced an earlier one is there already, and a vassal stays where it is.

    The log is open by now, so that a file that can not be written is told to whoever waits for us.
    """
    if _wanted(boot):
        boot.starter.expect_answer()
        umask = boot.site.settings[Sockets].umask
        daemonize(boot.kernel, umask=umask, answer=boot.starter.wait)
        boot.starter.begin()


def _wanted(boot: Boot) -> bool:
    instance = boot.site.settings[Instance]
    if boot.site.is_reload or EMPEROR_FD in boot.site.environ:
        return False
    return bool(instance.daemonize or instance.daemonize2)
