"""Commands that the shell runs, with or without somebody who waits.

Whoever waits has no reactor running; whoever has one starts the command and watches its process.  A command
begins with signals as a login shell has them: a start ignores HUP, and a newborn lets all signals wait, which
is not for those who may stay in the background.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from typing import Final

from uwsgid.host.syscalls import set_parent_death_signal

_PAUSE: Final = 0.005  #: seconds between two looks

_RESET: Final = (
    signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2,
    signal.SIGPIPE, signal.SIGALRM, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGCHLD,
)  # fmt: skip


def run_and_wait(
    shell: str,
    command: str,
    meanwhile: Callable[[], None] | None = None,
    variables: Mapping[str, str] | None = None,
) -> int:
    """Run *command* by *shell*; the kernel kills the shell if we die.

    Everything that does not close on exec is inherited, as are the directory and the environment.

    :param meanwhile: called many times a second until it ends, and once more then.  With ``log-master`` only
        we read what the command writes.
    :param variables: what its environment has besides ours.
    :return: the exit code, or 128 and the number of the signal that ended the shell.
    :raises OSError: the shell can not be executed.
    """
    running = _popen(shell, command, variables)
    if meanwhile is None:
        ended = running.wait()
    else:
        while (found := running.poll()) is None:
            meanwhile()
            time.sleep(_PAUSE)
        meanwhile()
        ended = found
    return ended if ended >= 0 else 128 - ended


def start(shell: str, command: str, variables: Mapping[str, str] | None = None) -> int:
    """Start *command* as `run_and_wait` does, and return at once: the process, which the caller has to reap.

    :raises OSError: the shell can not be executed.
    """
    running = _popen(shell, command, variables)
    running.returncode = 0  # so that this object, which nobody keeps, does not reap it in our place
    return running.pid


def feed(shell: str, command: str, text: bytes) -> int:
    """Start *command* with *text* on its standard input, and return at once: the process, as of `start`.

    It leads a session of its own, goes on when we end, and inherits no descriptor but those it writes to.
    The text is in memory and not in a pipe, so it may have any length and nobody waits for a reader.  We are
    not forked, so it does not matter how large we are and which threads we have.

    :raises OSError: the shell can not be executed.
    """
    given = os.memfd_create("text")
    try:
        os.write(given, text)
        os.lseek(given, 0, os.SEEK_SET)
        return os.posix_spawn(
            shell,
            (shell, "-c", command),
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, given, 0),
                *((os.POSIX_SPAWN_CLOSE, descriptor) for descriptor in _inheritable()),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=(*_RESET, signal.SIGXFSZ),
        )
    finally:
        os.close(given)


def _inheritable() -> list[int]:
    """What a process that we execute would have besides the standard streams, as far as we can see it."""
    found: list[int] = []
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):  # the descriptor of the directory is closed by now
                if int(name) > 2 and os.get_inheritable(int(name)):
                    found.append(int(name))
    return found


def _popen(shell: str, command: str, variables: Mapping[str, str] | None) -> subprocess.Popen[bytes]:
    environment = {**os.environ, **variables} if variables else None
    return subprocess.Popen((shell, "-c", command), close_fds=False, preexec_fn=_begin, env=environment)


def _begin() -> None:
    set_parent_death_signal(signal.SIGKILL)
    for number in _RESET:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
