"""The boot: what happens between the configuration and the first worker, in order.

Ordinary synchronous code, run while the reactor is only an idle object.  `STEPS` can be read aloud; each
step takes the `Boot` it works on, does one thing through the kernel it was given, and leaves what later
steps need.  A step that fails raises, and the instance does not start.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, MutableMapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from uwsgid.door.background import Starter, go_to_the_background, keep_the_terminal
from uwsgid.door.binding import bind_shared_sockets, bind_the_sockets, open_gateways
from uwsgid.door.command import RELOADS, STARTED_AS, started_as
from uwsgid.door.early import leave_the_early_emperor, start_early_emperor
from uwsgid.door.isolating import (
    become_another_program,
    close_what_nobody_claimed,
    enter_the_all_in_one_jail,
    fill_the_jail,
    furnish_the_all_in_one_jail,
    is_jailed_at_boot,
    join_namespaces,
    join_the_cgroups,
    lend_namespaces,
    open_our_namespaces,
    open_what_a_jail_lacks,
    take_the_privilege_step,
    take_the_privilege_step_late,
    wait_for_sockets,
    write_files,
)
from uwsgid.door.options import Instance
from uwsgid.door.pidfiles import rewrite_pidfiles, take_back_pidfiles, write_one
from uwsgid.door.rehearsal import make_what_vassals_share
from uwsgid.door.seed import drop_privileges_late, fork_the_seed, share_memory
from uwsgid.door.speaking import open_the_log, say_who_we_are
from uwsgid.door.surroundings import (
    enter_the_directory,
    limit_resources,
    set_the_environment,
    set_the_umask,
    take_what_needs_root,
)
from uwsgid.families import languages, loop_engines
from uwsgid.hooks import FATAL, HookFailed, Phase, run
from uwsgid.host import (
    Inherited,
    Listener,
    enter_directory,
)
from uwsgid.host.confinement import filters_in_force
from uwsgid.host.kept import Kept
from uwsgid.interfaces import IKernel
from uwsgid.isolation.refork import begin_as_first
from uwsgid.logs.setup import Logs
from uwsgid.loops import late_tls
from uwsgid.manhole.options import Manhole
from uwsgid.master.inheritance import Inheritance
from uwsgid.request.options import RequestOptions
from uwsgid.supervise.gateways import Early, Gateway
from uwsgid.supervise.household import (
    BeSteward,
    BeVassal,
    Household,
    nobody_is_a_steward,
    nobody_is_a_vassal,
)
from uwsgid.supervise.processes import Processes

if TYPE_CHECKING:
    from uwsgid.door.command import Site


@dataclass(slots=True)
class Boot:
    """What the steps work on, and what they leave.

    :ivar say: writes a line; to the log, once that is open.
    :ivar log_file: where the log goes when the configuration names no place.
    :ivar environ: the environment of this process.
    :ivar cwd: the directory the instance was started in, where a reload begins again.
    :ivar starter: who waits for an instance that goes to the background.
    :ivar binary: the program that the user started.
    :ivar cleanup: files to remove at exit: label and path.
    :ivar named: the process that each pid file names.
    :ivar overwritten: pid files that named another living process, and what they said.
    :ivar gateways: the processes that rooms want besides the workers.
    :ivar kept: descriptors that survive a reload.
    :ivar null: /dev/null, which another root need not have; None where the root stays.
    :ivar is_inside: another process stands for us outside of a jail, and we die with it.
    :ivar has_devices: the gateways that belong into the jail of the instance have opened theirs.
    :ivar lent: our namespaces, where they are opened early for others (``setns-preopen``).
    :ivar setns_socket: where others get them; None for nowhere.
    :ivar house: the household, once it is made; `household` for those who come later.
    :ivar early: an emperor that is there already.
    :ivar seed: our end of the talk with the seed, and its pid.
    :ivar zygote: our end of the talk with who is to be the first zygote, and its pid.
    :ivar be_vassal: as in `Household`.
    :ivar be_steward: as in `Household`.
    :ivar steward: the process that stands for the master, since we become a worker; 0 for none.
    """

    site: Site
    kernel: IKernel
    say: Callable[[str], None]
    log_file: str
    environ: MutableMapping[str, str]
    cwd: str
    starter: Starter
    logs: Logs | None = None
    inherited: tuple[Inherited, ...] = ()
    shared: tuple[Listener, ...] = ()
    listeners: tuple[Listener, ...] = ()
    seed: tuple[socket.socket, int] | None = None
    zygote: tuple[socket.socket, int] | None = None
    binary: str = ""
    cleanup: list[tuple[str, str]] = field(default_factory=list)
    named: dict[str, int] = field(default_factory=dict)
    overwritten: dict[str, bytes] = field(default_factory=dict)
    gateways: list[Gateway] = field(default_factory=list)
    kept: Kept | None = None
    null: int | None = None
    is_inside: bool = False
    has_devices: bool = False
    lent: tuple[int, ...] = ()
    setns_socket: int | None = None
    house: Household | None = None
    early: Early | None = None
    be_vassal: BeVassal = nobody_is_a_vassal
    be_steward: BeSteward = nobody_is_a_steward
    steward: int = 0

    @property
    def household(self) -> Household:
        """What every process inherits, once there is one."""
        assert self.house is not None, "the boot did not come that far"
        return self.house

    def run_hooks(self, phase: str) -> None:
        """Run the hooks of a phase, which is given as the end of their options' names.

        :raises ConfigError: one of them failed.
        """
        run(
            Phase(phase),
            self.site.settings,
            self.kernel,
            self.say,
            meanwhile=self.read_the_log,
            patience=self.hold_the_log,
            again=self.kept is not None and self.kept.has_outlived,
        )

    def read_the_log(self) -> None:
        """Write what others said by now, where it comes to us first (``log-master``)."""
        if self.logs is not None:
            self.logs.drain()

    def hold_the_log(self) -> AbstractContextManager[None]:
        """Let others wait until we read what they say, since we are about to do nothing else."""
        return self.logs.patient() if self.logs is not None else nullcontext()


Step = Callable[[Boot], None]


def boot(
    site: Site,
    kernel: IKernel,
    say: Callable[[str], None],
    *,
    log_file: str = "",
    environ: MutableMapping[str, str] = os.environ,
    starter: Starter | None = None,
    be_vassal: BeVassal = nobody_is_a_vassal,
    be_steward: BeSteward = nobody_is_a_steward,
    steward: int = 0,
) -> Boot:
    """Run all steps.

    :param starter: hears how it went, where the instance goes to the background; telling it is up to the
        caller, unless a step ends the process.
    :param be_vassal: as in `Household`, and so is *be_steward*.
    :param steward: as in `Boot`.
    :raises UwsgidError: with the one line that tells why the instance does not start.
    """
    state = Boot(site, kernel, say, log_file, environ, kernel.getcwd(), starter or Starter())
    state.be_vassal, state.be_steward = be_vassal, be_steward
    state.steward = steward
    try:
        for step in STEPS:
            step(state)
    except BaseException as error:
        if isinstance(error, SystemExit) and isinstance(error.code, int):
            state.starter.tell(error.code)
        run_last_hooks(state, error)
        take_back_pidfiles(state)
        if state.logs is not None and state.logs.pipe is not None:
            state.logs.restore()  # nobody is going to read what is said from now on
        raise
    return state


def run_last_hooks(boot: Boot, error: BaseException) -> None:
    """``as-user-atexit``, which belongs to a start that failed as well (core/uwsgi.c, uwsgi_exec_atexit)."""
    if isinstance(error, HookFailed):
        boot.say(FATAL)
    with contextlib.suppress(SystemExit):  # this is an end already
        run(
            Phase.AS_USER_ATEXIT,
            boot.site.settings,
            boot.kernel,
            boot.say,
            meanwhile=boot.read_the_log,
            patience=boot.hold_the_log,
        )


def remember_where_we_started(boot: Boot) -> None:
    """Signals that would end a half-started instance are ignored; a reload counts itself."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if boot.kernel.getpid() == 1:
        begin_as_first()
    boot.binary = started_as(boot.environ)
    boot.environ.pop(STARTED_AS, None)
    boot.environ[RELOADS] = str(int(boot.environ.get(RELOADS, "-1") or 0) + 1)
    force = boot.site.settings[Instance].force_cwd
    if force:
        enter_directory(boot.kernel, force)
        boot.cwd = force


def run_first_hooks(boot: Boot) -> None:
    """``hook-asap`` and its kin, also in a reload."""
    boot.run_hooks("asap")


def write_pidfiles(boot: Boot) -> None:
    """``pidfile`` and ``safe-pidfile``, once in the life of the instance."""
    instance = boot.site.settings[Instance]
    write_one(boot, "pidfile", instance.pidfile)
    write_one(boot, "safe-pidfile", instance.safe_pidfile)


def run_hooks_before_jails(boot: Boot) -> None:
    """``hook-pre-jail`` and its kin, not in a reload."""
    if not boot.site.is_reload:
        boot.run_hooks("pre-jail")


def open_devices(boot: Boot) -> None:
    """Devices that belong where the instance lives; in a jail that is to be entered they come later."""
    if not is_jailed_at_boot(boot):
        fill_the_jail(boot)


def run_hooks_in_jail(boot: Boot) -> None:
    """``hook-in-jail`` and its kin: in the jail of ``namespace``, before that of ``unshare``, as in uWSGI."""
    boot.run_hooks("in-jail")


def choose_the_loop(boot: Boot) -> None:
    """A loop engine that nobody provides is noticed here, and what it needs is loaded before any jail."""
    name = boot.site.settings[RequestOptions].loop
    if name:
        loop_engines[name]
    if name in ("reactor", "twisted"):
        late_tls.load()


def fetch_the_manhole(boot: Boot) -> None:
    """Import what ``manhole`` needs while it can be found: a jail, or another user, may not see it."""
    manhole = boot.site.settings[Manhole]
    if manhole.places:
        import uwsgid.master.manhole
        import uwsgid.worker.manhole
    if manhole.ssh:
        import uwsgid.manhole.ssh  # noqa: F401


def write_late_pidfiles(boot: Boot) -> None:
    """``pidfile2``, as the user we are now; ``logto2`` likewise."""
    instance = boot.site.settings[Instance]
    write_one(boot, "pidfile2", instance.pidfile2)
    write_one(boot, "safe-pidfile2", instance.safe_pidfile2)
    assert boot.logs is not None
    boot.logs.open_late()


def try_modules(boot: Boot) -> None:
    """``test``: import a module as the user and in the directory that applications have, and exit.

    It comes before the sockets, so that a deployment can be tried beside the instance that serves.
    """
    for language in languages:
        code = language.part().try_module(boot.site.settings, boot.say)
        if code is not None:
            sys.exit(code)


#: What happens, in order.
STEPS: Final[tuple[Step, ...]] = (
    remember_where_we_started,
    set_the_umask,
    run_first_hooks,
    choose_the_loop,
    fetch_the_manhole,
    keep_the_terminal,
    open_the_log,
    go_to_the_background,
    say_who_we_are,
    set_the_environment,
    write_pidfiles,
    bind_shared_sockets,
    open_what_a_jail_lacks,
    open_our_namespaces,
    join_namespaces,
    make_what_vassals_share,
    start_early_emperor,
    run_hooks_before_jails,
    become_another_program,
    take_what_needs_root,
    open_gateways,
    enter_the_all_in_one_jail,
    join_the_cgroups,
    furnish_the_all_in_one_jail,
    open_devices,
    run_hooks_in_jail,
    write_files,
    take_the_privilege_step,
    wait_for_sockets,
    enter_the_directory,
    write_late_pidfiles,
    try_modules,
    limit_resources,
    bind_the_sockets,
    lend_namespaces,
    take_the_privilege_step_late,
    close_what_nobody_claimed,
    leave_the_early_emperor,
    share_memory,
    fork_the_seed,
    drop_privileges_late,
)


def inheritance_of(boot: Boot) -> Inheritance:
    """What the master takes over."""
    settings = boot.site.settings
    assert boot.logs is not None and boot.seed is not None
    return Inheritance(
        household=boot.household,
        logs=boot.logs,
        say=boot.say,
        seed=boot.seed,
        zygote=boot.zygote,
        argv=boot.site.argv,
        cwd=boot.cwd,
        sources=boot.site.reading.sources,
        environ=boot.environ,
        started_with={
            **boot.site.environ,
            RELOADS: boot.environ[RELOADS],
            STARTED_AS: boot.binary,
            **filters_in_force(boot.environ),
        },
        no_server=settings[Processes].no_server,
        removals=tuple(boot.cleanup),
        write_pidfiles=lambda: rewrite_pidfiles(boot),
        setns_socket=boot.setns_socket,
        lent=boot.lent,
        early=boot.early,
    )
