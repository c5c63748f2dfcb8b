"""What a newborn does first: descriptors, parent, signals, name, role; and how it leaves.

A child is forked deep inside somebody else's call stack (twistd's, for the seed), which it must never
return into.  `bear` therefore ends with ``os._exit`` whatever happens, after what a leaving Python process
owes to its application: atexit functions and flushed streams.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NoReturn

from uwsgid.errors import UwsgidError
from uwsgid.families import roles
from uwsgid.supervise.conversation import Conversation
from uwsgid.supervise.exits import Exit
from uwsgid.supervise.gateways import GATEWAY
from uwsgid.supervise.household import Household
from uwsgid.supervise.reactions import DEFAULT, IGNORE, mask_signals, react
from uwsgid.supervise.seed import SENT_TO_GROUPS
from uwsgid.wire.control import Fork

#: Roles that have, or bear those who have, what the household keeps.
_KEEPERS: Final = (GATEWAY, "emperor", "seed")
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
    :ivar hatch: where the master hands it guests (`uwsgid.supervise.hatch`); None where it has none.
    """

    household: Household
    role: str
    slot: int
    seat: int
    generation: int
    master: Conversation
    hatch: socket.socket | None = None


def bear(household: Household, record: Fork, descriptors: list[int]) -> NoReturn:
    """Live the life that *record* asks for.  Never returns.

    A role begins with `SENT_TO_GROUPS` blocked; `become_signalled` or `become_server_of_births` ends that.
    """
    code: int = Exit.ERROR
    try:
        channel = socket.socket(fileno=descriptors[0])
        channel.setblocking(True)
        hatch = socket.socket(fileno=descriptors[1]) if len(descriptors) > 1 else None
        for extra in descriptors[2:]:
            os.close(extra)
        if household.kept is not None and record.role not in _KEEPERS:
            household.kept.close_all()
        wait_for_adoption(household.master_pid)
        code = roles[record.role](
            Newborn(
                household,
                record.role,
                record.slot,
                record.seat,
                record.generation,
                Conversation(channel),
                hatch,
            )
        )
    except SystemExit as leaving:
        code = code_of(leaving)
    except UwsgidError as error:
        household.say(f"{record.role} {record.slot}: {error}")
    except BaseException:
        household.say(f"{record.role} {record.slot} (pid: {os.getpid()}) ended by a mistake:")
        traceback.print_exc()
    finally:
        leave(code)


def code_of(leaving: SystemExit) -> int:
    """The exit code that Python gives to ``sys.exit``: 0 without an argument, 1 and the text for a text."""
    if leaving.code is None:
        return Exit.OK
    if isinstance(leaving.code, int):
        return leaving.code
    print(leaving.code, file=sys.stderr)
    return Exit.ERROR


def wait_for_adoption(master_pid: int) -> None:
    """Return when the master has become this process's parent, which it is of a sibling
    of its server; else it happens when the midwife is gone.

    :raises ProcessLookupError: when somebody else has, or the midwife does not go; the master must be dead.
    """
    parent = os.getppid()
    if parent != master_pid:
        # the kernel finds a new parent before it tells of the end of the old one
        with contextlib.suppress(ProcessLookupError):
            midwife = os.pidfd_open(parent)
            try:
                select.select([midwife], [], [], _ADOPTION_TAKES)
            finally:
                os.close(midwife)
    if os.getppid() != master_pid:
        raise ProcessLookupError(f"the master (pid: {master_pid}) is gone")


def become_server_of_births(household: Household) -> None:
    """Be deaf to what is meant for the master and the workers, and die with the master."""
    household.kernel.set_parent_death_signal(signal.SIGKILL)
    for number in SENT_TO_GROUPS:
        react(number, IGNORE)
    # the master lets them wait while it starts after a reload; that is not for its children
    mask_signals(signal.SIG_UNBLOCK, SENT_TO_GROUPS)


def become_signalled(install: Callable[[], None]) -> None:
    """Give a child of a server of births its reactions to signals, and let it hear those that came before.

    :param install: installs the handlers of the child; what they leave out has its default reaction.
    """
    mask_signals(signal.SIG_BLOCK, SENT_TO_GROUPS)
    for number in SENT_TO_GROUPS:
        react(number, DEFAULT)
    install()
    mask_signals(signal.SIG_UNBLOCK, SENT_TO_GROUPS)


def take_environment(wanted: Mapping[str, str]) -> None:
    """Have *wanted* as the environment of this process, and nothing else.

    What is so already is left alone: each change of a variable costs memory that is shared otherwise.
    """
    for name in [name for name in os.environ if name not in wanted]:
        del os.environ[name]
    for name, value in wanted.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


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
