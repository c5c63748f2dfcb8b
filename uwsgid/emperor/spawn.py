"""What a vassal does first, from the fork to the moment when it is an instance like any other.

This is the nest's side of a birth: `prepare` runs in the midwife, `bear` in the newborn.  The order is that
of uWSGI (core/emperor.c, uwsgi_emperor_spawn_vassal), but for the parent-death signal: uWSGI asks for it
before the vassal becomes its tyrant, and the kernel forgets it then.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from uwsgid.emperor.keeping import Keeping
from uwsgid.emperor.options import EmperorOptions, VassalOptions
from uwsgid.errors import KernelError, UwsgidError
from uwsgid.hooks import Hooks, Phase, VassalFacts, run
from uwsgid.host.calls import attempt
from uwsgid.host.capabilities import limit_bounding, limit_own
from uwsgid.host.namespaces import enter
from uwsgid.host.privileges import prove_dropped
from uwsgid.interfaces import IKernel
from uwsgid.supervise.birth import forget_atexit, leave, take_environment
from uwsgid.supervise.exits import Exit
from uwsgid.supervise.household import BeVassal, Household
from uwsgid.supervise.reactions import DEFAULT, mask_signals, react
from uwsgid.supervise.seed import SENT_TO_GROUPS
from uwsgid.supervise.vassals import VassalStart
from uwsgid.wire.control import Record, Spawn
from uwsgid.wire.vassal import EMPEROR_FD, EMPEROR_FD_CONFIG, EMPEROR_PROXY

#: What of the emperor's own environment is no business of its vassals.
NOT_FOR_VASSALS: Final = frozenset(
    {
        "UWSGI_EMPEROR",
        "UWSGI_RELOADS",
        "NOTIFY_SOCKET",
        "UWSGID_IN_FALLBACK",
        "UWSGID_KEPT",
        "UWSGID_STARTED_AS",
        EMPEROR_FD,
        EMPEROR_FD_CONFIG,
        EMPEROR_PROXY,
    }
)
_FOR_VASSALS: Final = "UWSGI_VASSAL_"
_NO_PROGRAM: Final = "[emperor] is the uwsgi binary in your system PATH ?"


class VassalNest:
    """Bears vassals, see `uwsgid.supervise.seed.Nest`.

    :param household: of the instance that has the emperor.
    """

    def __init__(self, household: Household) -> None:
        self._house: Final = household
        self._keeping: Final = Keeping()
        settings = household.settings
        options, vassals = settings[EmperorOptions], settings[VassalOptions]
        special = options.executes or options.cap or vassals.start_hook or settings[Hooks].any
        self._has_stewards: Final = not special

    def born(self, pid: int) -> None:
        """A vassal that may outlive its emperor is kept an eye on."""
        if self._house.settings[EmperorOptions].adopt:
            self._keeping.born(pid)

    def hear(self, record: Record, descriptors: list[int], channel: socket.socket) -> bool:
        """What the emperor wants kept, see `uwsgid.emperor.keeping`."""
        return self._keeping.hear(record, descriptors, channel)

    def is_for_steward(self, record: Spawn) -> bool:
        """Whether nothing but its configuration keeps the vassal from having a steward for a master."""
        return bool(record.simple) and self._has_stewards

    def is_prepared(self, record: Spawn) -> bool:
        """Whether the vassal stays in the namespaces of its emperor."""
        return not VassalStart.from_text(record.start).namespaces

    def prepare(self, record: Spawn) -> None:
        """Enter the namespaces of the vassal."""
        start = VassalStart.from_text(record.start)
        if start.namespaces:
            enter(self._house.kernel, start.namespaces, self._house.say)

    def bear(self, record: Spawn, descriptors: list[int]) -> None:
        """Be the vassal.  Never returns."""
        code: int = Exit.ERROR
        try:
            forget_atexit()
            self._keeping.close_all()
            if self.is_for_steward(record):
                self._house.be_steward(descriptors[0], partial(self._be_vassal, record, descriptors))
            code = self._be_vassal(record, descriptors, self._house.be_vassal)
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else Exit.ERROR
        except UwsgidError as error:
            self._house.say(f"[emperor] {error}")
        except BaseException:
            self._house.say(f"a vassal (pid: {os.getpid()}) ended by a mistake:")
            traceback.print_exc()
        finally:
            leave(code)

    def _be_vassal(self, record: Spawn, descriptors: list[int], live: BeVassal) -> int:
        """Be the vassal that *record* describes; the exit code where nobody could be executed."""
        return Birth(self._house, VassalStart.from_text(record.start), descriptors, live).go_on()


class Birth:
    """One vassal that is being born.

    :param live: lives its life; never returns.
    :param descriptors: as the order of `VassalStart` says; they are ours alone.
    """

    def __init__(
        self, house: Household, start: VassalStart, descriptors: Sequence[int], live: BeVassal
    ) -> None:
        left = list(descriptors)
        self._house = house
        self._start = start
        self._live = live
        self._kernel: IKernel = house.kernel
        self._options = house.settings[EmperorOptions]
        self._vassals = house.settings[VassalOptions]
        self.pipe = left.pop(0)
        self.config = left.pop(0) if start.has_config else -1
        self.socket = left.pop(0) if start.has_socket else -1

    def go_on(self) -> int:
        """All steps; the exit code where nobody could be executed."""
        self.hear_signals()
        attempt("chdir()", self._start.cwd, lambda: self._kernel.chdir(self._start.cwd))
        self._hooks(Phase.AS_VASSAL_BEFORE_DROP)
        if self._options.cap:
            limit_bounding(self._kernel, self._options.cap)
            self._house.say(
                f"capabilities applied for vassal {self._start.name} (pid: {self._kernel.getpid()})"
            )
        self.become_the_owner()
        if self._options.cap and not self._options.executes:
            limit_own(self._kernel, self._options.cap)
        self.die_with_the_emperor()
        environ = environment(os.environ, self._start.environ, self.pipe, self.config)
        if self._vassals.start_hook or self._house.settings[Hooks].any:  # else nobody looks before it lives
            take_environment(environ)
        self.settle_descriptors()
        self._run_start_hook()
        self._hooks(Phase.AS_VASSAL)
        if self._start.home:
            attempt("chdir()", self._start.home, lambda: self._kernel.chdir(self._start.home))
        if self._options.executes or self._start.program:
            return self.execute(environ)
        self._live(self._start.argv, environ)

    def hear_signals(self) -> None:
        """React to signals as a program does that was just started."""
        for number in SENT_TO_GROUPS:
            react(number, DEFAULT)
        mask_signals(signal.SIG_SETMASK, ())

    def become_the_owner(self) -> None:
        """Under a tyrant: become the owner of the configuration, for good."""
        start, kernel = self._start, self._kernel
        if start.uid < 0:
            return
        self._house.say(
            f"[emperor-tyrant] dropping privileges to {start.uid} {start.gid} for instance {start.name}"
        )
        about = f"tyrant, vassal {start.name}"
        attempt("setgid()", about, lambda: kernel.setgid(start.gid))
        user = kernel.user_name(start.uid) if self._options.tyrant_initgroups else None
        if user is not None:
            attempt("initgroups()", about, lambda: kernel.initgroups(user, start.gid))
        else:
            attempt("setgroups()", about, lambda: kernel.setgroups(()))
        attempt("setuid()", about, lambda: kernel.setuid(start.uid))
        # an emperor that is no root, and may become others by cap, has this power still after it did
        if any(attempt("capget()", about, kernel.capabilities)):
            attempt("capset()", about, lambda: kernel.set_capabilities(0, 0, 0))
        prove_dropped(kernel)

    def die_with_the_emperor(self) -> None:
        """Have the kernel end us with the emperor, unless we may outlive it.

        An emperor that ended meanwhile holds its end of the pipe no more.

        :raises KernelError: it is gone.
        """
        if self._start.adoptable:
            return
        self._kernel.set_parent_death_signal(signal.SIGKILL)
        poll = select.poll()
        poll.register(self.pipe, 0)
        if poll.poll(0):
            raise KernelError(f"the emperor is gone, vassal {self._start.name} need not start")

    def settle_descriptors(self) -> None:
        """Standard input is the socket that woke us, or nothing; the pipes survive an exec."""
        source = self.socket
        if source < 0:
            source = self._kernel.open(os.devnull, os.O_RDONLY)
        if source != 0:
            self._kernel.dup2(source, 0)
            self._kernel.close(source)
        for descriptor in (self.pipe, self.config):
            if descriptor >= 0:
                self._kernel.set_inheritable(descriptor, True)

    def execute(self, environ: Mapping[str, str]) -> int:
        """Become the program that the configuration wants; the exit code where there is none."""
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python's own choice, which an exec would pass on
        for program in programs(self._options, self._start.program):
            path = which(program[0], environ.get("PATH", os.defpath))
            try:
                self._kernel.execve(path, (*program, *self._start.argv), environ)
            except OSError as error:
                self._house.say(f"[emperor] {program[0]}: {error.strerror}")
        self._house.say(_NO_PROGRAM)
        return Exit.EXILE

    def _run_start_hook(self) -> None:
        hook = self._vassals.start_hook
        if hook:
            code = run_program(hook, self._start.name)
            if code:
                self._house.say(f"[emperor] {hook} {self._start.name} exited with {code}")

    def _hooks(self, phase: Phase) -> None:
        start = self._start
        facts = VassalFacts(start.name, os.getpid(), max(start.uid, 0), max(start.gid, 0))
        run(phase, self._house.settings, self._kernel, self._house.say, vassal=facts)


def environment(
    own: Mapping[str, str], more: Mapping[str, str], pipe: int, config: int = -1
) -> dict[str, str]:
    """The environment of a vassal.  Pure.

    All that is called ``UWSGI_VASSAL_X`` is ``UWSGI_X`` for the vassal.  Unlike with uWSGI 1.9.16 an emperor
    that is configured by ``UWSGI_EMPEROR`` does not make emperors of its vassals.

    :param own: that of the emperor.
    :param more: what is set for this vassal.
    """
    environ = {name: value for name, value in own.items() if name not in NOT_FOR_VASSALS}
    environ.update(more)
    environ[EMPEROR_FD] = str(pipe)
    if config >= 0:
        environ[EMPEROR_FD_CONFIG] = str(config)
    for name in [name for name in environ if name.startswith(_FOR_VASSALS)]:
        if name != _FOR_VASSALS:
            environ["UWSGI_" + name.removeprefix(_FOR_VASSALS)] = environ.pop(name)
    return environ


def programs(options: EmperorOptions, own: str = "") -> list[tuple[str, ...]]:
    """What to execute for a vassal, in the order of trying.  Pure.

    :param own: the program that this vassal asks for.
    """
    first = own or options.wrapper or options.binary_path
    usual = (first,) if first else (sys.executable, "-m", "uwsgid")
    return [
        *((program,) for program in options.wrapper_override),
        usual,
        *((program,) for program in options.wrapper_fallback),
    ]


def which(program: str, search: str) -> str:
    """The path of *program*, as execvp(3) finds it; itself where it is nowhere."""
    if "/" in program:
        return program
    for folder in search.split(os.pathsep):
        path = os.path.join(folder or ".", program)
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    return program


def run_program(program: str, *arguments: str, fork: Callable[[], int] = os.fork) -> int:
    """Execute *program* directly, without a shell, and wait: its exit code, 128 and the signal that ended it,
    or 127 where it can not be executed.
    """
    pid = fork()
    if pid == 0:
        try:
            os.execvp(program, (program, *arguments))
        except OSError:
            pass
        finally:
            os._exit(127)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code if code >= 0 else 128 - code
