"""A whole instance in a process that was forked, not executed: the life of a vassal from the emperor's nest.

The nest is a process in which uwsgid and Twisted are imported and nothing runs.  A vassal is a fork of it:
it needs no interpreter, so its root may be a jail that has none, it starts in milliseconds, and it shares
what was imported with all others.  `live` makes it what an executed program would be, as far as anybody can
tell: its arguments, its environment, its signals, its streams and its exit functions are its own.

A new process image is what an instance starts anew with otherwise (`uwsgid.master.reexec`).  Here the old
instance is let go within the process, with everything that would close on exec, and the next one finds the
listening sockets as it would after an exec.
"""

from __future__ import annotations

import contextlib
import faulthandler
import fcntl
import gc
import io
import os
import resource
import signal
import socket
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from twisted.logger import globalLogPublisher

from uwsgid.door.command import Answer
from uwsgid.door.seed import close_the_reactor
from uwsgid.door.service import Instance, fall_back, find_out, hold_standard_descriptors, observer, present
from uwsgid.door.streams import own_standard_streams
from uwsgid.loops.reactor import fresh_reactor
from uwsgid.supervise.birth import code_of, forget_atexit, leave, take_environment
from uwsgid.supervise.exits import Exit
from uwsgid.supervise.reactions import mask_signals, reaction_to

#: Signals whose reaction nobody can choose.
_FIXED: Final = (signal.SIGKILL, signal.SIGSTOP)
#: What Python ignores from its start (Python/pylifecycle.c); its own handler of INT is of no use here.
_IGNORED: Final = (signal.SIGPIPE, signal.SIGXFSZ)
#: The reactions that a program begins with.
_FIRST_REACTIONS: Final = {
    int(number): signal.SIG_IGN if number in _IGNORED else signal.SIG_DFL
    for number in signal.valid_signals()
    if number not in _FIXED
}
_BUSTLE: Final = 3.0  #: seconds after which a start is over, as a rule
_STANDARD: Final = 3  #: descriptors below this one are never closed


@dataclass(frozen=True, slots=True)
class Life:
    """What an instance starts with: its command line without the program, and its environment."""

    argv: tuple[str, ...]
    environ: Mapping[str, str]


def live(argv: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Live as the instance that *argv* and *environ* describe, and end the process with its exit code.

    To be called in a process of one thread that runs no reactor.  The directory, the umask, the user,
    descriptors 0 to 2 and those that *environ* names are the instance's; all that is not for it was closed.
    """
    code: int = Exit.ERROR
    try:
        mask_signals(signal.SIG_SETMASK, ())
        life: Life | None = Life(tuple(argv), dict(environ))
        while life is not None:
            code, life = _live_once(life)
            if life is not None:
                let_go()
    except BaseException:
        traceback.print_exc()
    finally:
        leave(code)


def _live_once(life: Life) -> tuple[int, Life | None]:
    """Run one instance to its end; its exit code, and the instance that follows within this process."""
    following: list[Life] = []

    def become(argv: Sequence[str], environ: Mapping[str, str]) -> None:
        following.append(Life(tuple(argv), dict(environ)))

    code = 0
    try:
        begin(life)
        decided = find_out(life.argv)
        if isinstance(decided, Answer):
            present(decided)
            if decided.fallback:
                fall_back(decided.fallback, become)
            code = decided.exit_code
        else:
            code = _serve(Instance(decided, become=become))
    except SystemExit as leaving:
        code = code_of(leaving)
    return code, following[-1] if following else None


def _serve(instance: Instance) -> int:
    """What twistd does for an instance that stays in the foreground; the exit code."""
    instance.privilegedStartService()
    reactor = fresh_reactor()
    instance.startService()
    reactor.addSystemEventTrigger("before", "shutdown", instance.stopService)
    reactor.callLater(_BUSTLE, gc.enable)
    reactor.run()
    return instance.exit_code


def begin(life: Life) -> None:
    """Give this process what an executed program starts with.

    The collector rests until it serves: a start makes much and drops little.
    """
    gc.disable()
    react_as_a_new_program()
    sys.argv = [sys.argv[0], *life.argv]
    take_environment(life.environ)
    hold_standard_descriptors()
    own_standard_streams()
    forget_atexit()
    for known in tuple(globalLogPublisher._observers):
        globalLogPublisher.removeObserver(known)
    globalLogPublisher.addObserver(observer())


def react_as_a_new_program() -> None:
    """Forget all reactions to signals but those that Python itself begins with."""
    signal.set_wakeup_fd(-1)
    faulthandler.disable()
    for number, first in _FIRST_REACTIONS.items():
        if reaction_to(number) != first:
            signal.signal(number, first)


def let_go() -> None:
    """Be rid of an instance that is over, as far as an exec would be.

    Its objects first, while their descriptors are theirs; then whatever closes on exec.
    """
    react_as_a_new_program()
    forget_atexit()
    close_the_reactor()
    gc.collect()
    leftovers = [fd for fd in open_descriptors() if fd >= _STANDARD and not _is_inheritable(fd)]
    if leftovers:
        _disown(frozenset(leftovers))
    for fd in leftovers:
        with contextlib.suppress(OSError):
            os.close(fd)


def open_descriptors() -> list[int]:
    """The open descriptors of this process, also where there is no ``/proc``."""
    try:
        found: Iterable[int] = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        found = range(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    return sorted(fd for fd in found if _is_open(fd))


def _is_open(fd: int) -> bool:
    try:
        fcntl.fcntl(fd, fcntl.F_GETFD)
    except OSError:
        return False
    return True


def _is_inheritable(fd: int) -> bool:
    return not fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC


def _disown(descriptors: frozenset[int]) -> None:
    """Have no object close later what is a descriptor of somebody else by then."""
    for thing in gc.get_objects():
        if isinstance(thing, socket.socket) and thing.fileno() in descriptors:
            thing.detach()
        elif isinstance(thing, io.FileIO) and not thing.closed and thing.fileno() in descriptors:
            thing.close()
