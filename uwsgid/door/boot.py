"""The boot: what happens between the configuration and the first worker, in order.

Ordinary synchronous code, run while the reactor is only an idle object.  `STEPS` can be read aloud; each
step takes the `Boot` it works on, does one thing through the kernel it was given, and leaves what later
steps need.  A step that fails raises, and the instance does not start.
"""

from __future__ import annotations

import contextlib
import os
import resource
import secrets
import signal
import socket
import sys
import time
from collections.abc import Callable, MutableMapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from uwsgid.config.environ import read_envdir
from uwsgid.door.background import Starter, go_to_the_background, keep_the_terminal
from uwsgid.door.command import RELOADS, STARTED_AS, configuration, started_as
from uwsgid.door.early import leave_the_early_emperor, start_early_emperor
from uwsgid.door.isolating import (
    become_another_program,
    changes_root,
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
from uwsgid.door.seed import drop_privileges_late, fork_the_seed, share_memory
from uwsgid.errors import ConfigError
from uwsgid.families import gateway_setups, languages, loop_engines
from uwsgid.hooks import FATAL, HookFailed, Phase, run
from uwsgid.host import (
    NOTHING_TO_DO,
    Inherited,
    Limits,
    Listener,
    Privileges,
    Sockets,
    apply_descriptors,
    apply_limits,
    apply_priority,
    bind_shared,
    bind_sockets,
    close_leftovers,
    enter_directory,
    inheritance,
    keep_in_memory,
    merge_pages,
    settle_stdin,
)
from uwsgid.host.addresses import parse_address
from uwsgid.host.calls import attempt
from uwsgid.host.confinement import filters_in_force
from uwsgid.host.kept import Kept
from uwsgid.host.privileges import resolve_identity
from uwsgid.host.socket_options import SocketSpec
from uwsgid.host.zerg import Zerg, attach
from uwsgid.interfaces import IKernel
from uwsgid.isolation.refork import begin_as_first
from uwsgid.logs import Lines, banner
from uwsgid.logs.options import LogFile
from uwsgid.logs.setup import Logs
from uwsgid.loops import late_tls
from uwsgid.manhole.options import Manhole
from uwsgid.master.inheritance import Inheritance
from uwsgid.request.buffering import how_buffered
from uwsgid.request.options import Bodies, RequestOptions
from uwsgid.supervise.deadline import Harakiri
from uwsgid.supervise.gateways import Early, Gateway
from uwsgid.supervise.household import BeVassal, Household, nobody_is_a_vassal
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
    :ivar zygote: our end of the talk with who is to be the first zygote, and its pid.
    :ivar be_vassal: as in `Household`.
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
    seed: socket.socket | None = None
    seed_pid: int = 0
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
) -> Boot:
    """Run all steps.

    :param starter: hears how it went, where the instance goes to the background; telling it is up to the
        caller, unless a step ends the process.
    :param be_vassal: as in `Household`.
    :raises UwsgidError: with the one line that tells why the instance does not start.
    """
    state = Boot(site, kernel, say, log_file, environ, kernel.getcwd(), starter or Starter())
    state.be_vassal = be_vassal
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


def open_the_log(boot: Boot) -> None:
    """From here on every line is where the configuration wants it."""
    settings = boot.site.settings
    instance = settings[Instance]
    target = instance.daemonize or instance.daemonize2 or ""
    boot.logs = Logs.open(
        settings,
        target=target or (boot.log_file if not boot.site.settings[LogFile].to else ""),
        owner=_owner_of_the_log(boot),
        again=boot.site.is_reload,
    )
    boot.say = Lines(settings, boot.logs.write)


def _owner_of_the_log(boot: Boot) -> tuple[int, int]:
    """The user and the group that we are going to be; -1 for who is known in another root only."""
    settings = boot.site.settings
    try:
        found = resolve_identity(boot.kernel, settings[Privileges], settings)
    except ConfigError:
        if changes_root(settings):
            return -1, -1
        raise
    return -1 if found.uid is None else found.uid, -1 if found.gid is None else found.gid


def run_first_hooks(boot: Boot) -> None:
    """``hook-asap`` and its kin, also in a reload."""
    boot.run_hooks("asap")


def set_the_umask(boot: Boot) -> None:
    """``umask``, before any file or socket is made."""
    umask = boot.site.settings[Sockets].umask
    if umask is not None:
        boot.kernel.umask(umask)


def say_who_we_are(boot: Boot) -> None:
    """The banner, and what the reading of the configuration had to say."""
    for line in boot.site.reading.notices:
        boot.say(line)
    for line in banner.start_lines(boot.cwd, started=time.time(), binary=boot.binary):
        boot.say(line)
    assert boot.logs is not None
    for line in boot.logs.registered():
        boot.say(line)
    for warning in boot.site.settings.warnings:
        boot.say(f"*** WARNING: {warning} ***")
    for notice in boot.site.settings.notices:
        boot.say(notice)
    shown = configuration(boot.site)
    if shown is not None:
        for line in shown.splitlines():
            boot.say(line)


def set_the_environment(boot: Boot) -> None:
    """``early-envdir``, then ``env`` and ``unenv`` as they were written, then ``envdir``."""
    for name, value in boot.site.reading.variables.items():
        _set_variable(boot, name, value)
    for directive in boot.site.settings.directives:
        text = directive.value or ""
        if directive.name == "env":
            name, equals, content = text.partition("=")
            if not name or not equals:
                raise ConfigError(f"{directive.origin}: env: expected NAME=value, got {text!r}")
            boot.environ[name] = content
        elif directive.name == "unenv":
            boot.environ.pop(text, None)
    for path in boot.site.settings[Instance].envdir:
        for name, value in read_envdir(path).items():
            _set_variable(boot, name, value)
    time.tzset()  # uWSGI starts its Python after this, so that TZ counts


def _set_variable(boot: Boot, name: str, value: str | None) -> None:
    if value is None:
        boot.environ.pop(name, None)
    else:
        boot.environ[name] = value


def write_pidfiles(boot: Boot) -> None:
    """``pidfile`` and ``safe-pidfile``, once in the life of the instance."""
    instance = boot.site.settings[Instance]
    write_one(boot, "pidfile", instance.pidfile)
    write_one(boot, "safe-pidfile", instance.safe_pidfile)


def bind_shared_sockets(boot: Boot) -> None:
    """As root and before any jail."""
    settings = boot.site.settings
    boot.inherited = inheritance(boot.kernel, settings[Sockets], boot.environ, boot.say)
    boot.shared = bind_shared(
        boot.kernel,
        settings[Sockets],
        socket_timeout=settings[RequestOptions].socket_timeout,
        inherited=boot.inherited,
        say=boot.say,
    )


def run_hooks_before_jails(boot: Boot) -> None:
    """``hook-pre-jail`` and its kin, not in a reload."""
    if not boot.site.is_reload:
        boot.run_hooks("pre-jail")


def take_what_needs_root(boot: Boot) -> None:
    """``max-fd``, ``prio``, ``ksm`` and ``never-swap``, while we may; children inherit all but the last."""
    limits = boot.site.settings[Limits]
    apply_descriptors(boot.kernel, limits, _unsaid)
    apply_priority(boot.kernel, limits)
    merge_pages(boot.kernel, limits, boot.say)
    if limits.never_swap and boot.site.settings[Privileges].uid and boot.kernel.geteuid() == 0:
        # the limit of an ordinary user ends what asks for more memory, rather than what locks it
        unlimited = resource.RLIM_INFINITY
        attempt(
            "setrlimit()",
            "never-swap, RLIMIT_MEMLOCK",
            lambda: boot.kernel.setrlimit(resource.RLIMIT_MEMLOCK, unlimited, unlimited),
        )
    keep_in_memory(boot.kernel, limits)


def open_gateways(boot: Boot) -> None:
    """Devices and sockets of gateways, as root and outside of any jail."""
    boot.kept = boot.kept or Kept.inherited(boot.kernel, boot.environ)
    boot.kept.shared = {listener.index: listener for listener in boot.shared}
    for member in gateway_setups:
        boot.gateways.extend(member.part(boot.site.settings, boot.kernel, boot.say, boot.kept))


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


def enter_the_directory(boot: Boot) -> None:
    """``chdir``."""
    path = boot.site.settings[Privileges].chdir
    if path:
        enter_directory(boot.kernel, path, boot.say)


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


def limit_resources(boot: Boot) -> None:
    """Limits of the kernel, and what is to be said about them."""
    settings = boot.site.settings
    apply_limits(boot.kernel, settings[Limits], boot.say)
    boot.say(banner.page_line())
    if settings[Bodies].post_buffering:
        boot.say(how_buffered())
    elif settings[Harakiri].timeout:
        boot.say(banner.HARAKIRI_WITHOUT_BUFFERING)
    descriptors = boot.kernel.getrlimit(resource.RLIMIT_NOFILE)[0]
    boot.say(f"detected max file descriptor number: {descriptors}")
    for line in banner.lock_lines(settings[RequestOptions].thunder_lock):
        boot.say(line)


def bind_the_sockets(boot: Boot) -> None:
    """Bind, or take over from a former image, from systemd, from inetd, from a zerg server."""
    settings = boot.site.settings
    sockets = settings[Sockets]
    wishes = [gateway.workers for gateway in boot.gateways if gateway.workers]
    if wishes:
        sockets = with_a_way_for_gateways(sockets, wishes[0])
    boot.listeners = attach(
        boot.kernel, settings[Zerg], settings[Sockets], boot.inherited, boot.say
    ) or bind_sockets(
        boot.kernel,
        sockets,
        boot.shared,
        socket_timeout=settings[RequestOptions].socket_timeout,
        inherited=boot.inherited,
        processes=settings[Processes].processes,
        say=boot.say,
    )
    if not boot.listeners and not boot.gateways and not settings[Processes].no_server:
        raise ConfigError(
            f"{NOTHING_TO_DO} Try --http-socket :8080 for a browser or --socket /run/site.sock for nginx."
        )
    close_leftovers(boot.kernel, boot.inherited, boot.listeners, settings[Sockets].safe_fd)
    settle_stdin(boot.kernel, settings[Sockets], boot.listeners, boot.null)


def with_a_way_for_gateways(sockets: Sockets, protocol: str) -> Sockets:
    """*sockets*, with one more where none speaks uwsgi, by which gateways reach the workers.

    :param protocol: what is spoken there, if it is the only one.

    uWSGI takes a port of the loopback address (plugins/http/http.c, http_init).  Ours has a name that nobody
    can guess, and costs less.
    """
    if any((spec.protocol or sockets.protocol) == "uwsgi" for spec in sockets.specs):
        return sockets
    address = parse_address(f"@uwsgid-{secrets.token_hex(8)}")
    return replace(
        sockets, specs=(*sockets.specs, SocketSpec(address, "uwsgi" if sockets.specs else protocol))
    )


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
        seed_pid=boot.seed_pid,
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


def _unsaid(text: str) -> None:
    """What is told later, in its place."""
