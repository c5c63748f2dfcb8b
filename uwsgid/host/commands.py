"""Commands that the shell runs while everybody waits.

Whoever asks has no reactor running.  The command begins with signals as a login shell has them: a start
ignores HUP, and a newborn lets all signals wait, which is not for those who may stay in the background.
"""

from __future__ import annotations

import signal
import subprocess
from typing import Final

from uwsgid.host.syscalls import set_parent_death_signal

_RESET: Final = (
    signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2,
    signal.SIGPIPE, signal.SIGALRM, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGCHLD,
)  # fmt: skip


def run_and_wait(shell: str, command: str) -> int:
    """Run *command* by *shell*; the kernel kills the shell if we die.

    Everything that does not close on exec is inherited, as are the directory and the environment.

    :return: the exit code, or 128 and the number of the signal that ended the shell.
    :raises OSError: the shell can not be executed.
    """
    ended = subprocess.run((shell, "-c", command), close_fds=False, preexec_fn=_begin, check=False).returncode
    return ended if ended >= 0 else 128 - ended


def _begin() -> None:
    set_parent_death_signal(signal.SIGKILL)
    for number in _RESET:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
