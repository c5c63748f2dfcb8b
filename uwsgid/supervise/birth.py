"""What a newborn does first: descriptors, parent, signals, name, role; and how it leaves.

A child is forked deep inside somebody else's call stack (twistd's, for the seed), which it must never
return into.  `bear` therefore ends with ``os._exit`` whatever happens, after what a leaving Python process
owes to its application: atexit functions and flushed streams.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import socket
import sys
import time
import traceback
from dataclasses import dataclass
from typing import Final, NoReturn

from uwsgid.errors import UwsgidError
from uwsgid.families import roles
from uwsgid.supervise.conversation import Conversation
from uwsgid.supervise.exits import Exit
from uwsgid.supervise.household import Household
from uwsgid.wire.control import Fork

#: Signals that operators and terminals send to whole groups; servers of births do not react to them.
_DEAF_TO: Final = (
    signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2,
    signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGALRM,
)  # fmt: skip
_ADOPTION_TAKES: Final = 5.0  #: seconds after which a newborn without its master gives up


@dataclass(frozen=True, slots=True)
class Newborn:
    """Who a new process is.

    :ivar household: what it inherits.
    :ivar role: the name of its role.
    :ivar slot: its number among those of its role.
    :ivar seat: its row on the board; -1 where it has none.
    :ivar generation: which loading of the applications it belongs to.
    :ivar master: its end of the talk with the master.
    """

    household: Household
    role: str
    slot: int
    seat: int
    generation: int
    master: Conversation


def bear(household: Household, record: Fork, descriptors: list[int]) -> NoReturn:
    """Live the life that *record* asks for.  Never returns."""
    code: int = Exit.ERROR
    try:
        channel = socket.socket(fileno=descriptors[0])
        channel.setblocking(True)
        for extra in descriptors[1:]:
            os.close(extra)
        wait_for_adoption(household.master_pid)
        code = roles[record.role](
            Newborn(
                household, record.role, record.slot, record.seat, record.generation, Conversation(channel)
            )
        )
    except SystemExit as leaving:
        code = _code_of(leaving)
    except UwsgidError as error:
        household.say(f"{record.role} {record.slot}: {error}")
    except BaseException:
        household.say(f"{record.role} {record.slot} (pid: {os.getpid()}) ended by a mistake:")
        traceback.print_exc()
    finally:
        leave(code)


def _code_of(leaving: SystemExit) -> int:
    """The exit code that Python gives to ``sys.exit``: 0 without an argument, 1 and the text for a text."""
    if leaving.code is None:
        return Exit.OK
    if isinstance(leaving.code, int):
        return leaving.code
    print(leaving.code, file=sys.stderr)
    return Exit.ERROR


def wait_for_adoption(master_pid: int) -> None:
    """Return when the master has become this process's parent, as happens when the midwife is gone.

    :raises ProcessLookupError: when that does not happen; the master must be dead.
    """
    give_up = time.monotonic() + _ADOPTION_TAKES
    while os.getppid() != master_pid:
        if time.monotonic() > give_up:
            raise ProcessLookupError(f"the master (pid: {master_pid}) is gone")
        time.sleep(0.0002)


def become_server_of_births(household: Household) -> None:
    """Be deaf to what is meant for the master and the workers, and die with the master."""
    household.kernel.set_parent_death_signal(signal.SIGKILL)
    for number in _DEAF_TO:
        signal.signal(number, signal.SIG_IGN)
    # the master lets them wait while it starts after a reload; that is not for its children
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _DEAF_TO)


def hear_signals_again() -> None:
    """Give a child of a server of births the default reactions back."""
    for number in _DEAF_TO:
        signal.signal(number, signal.SIG_DFL)


def forget_atexit() -> None:
    """Drop what the master's process wanted to do at its exit; children are not it."""
    atexit._clear()


def leave(code: int, *, atexit_functions: bool = True) -> NoReturn:
    """End this process without returning to whoever forked it."""
    if atexit_functions:
        with contextlib.suppress(BaseException):
            atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()
    os._exit(code)
