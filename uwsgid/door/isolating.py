"""The steps of the boot that set the instance apart: jails, namespaces, another root, another user.

`uwsgid.door.boot` has the list, in which they stand between others; what they do is the business of the room
`uwsgid.isolation`.  A step that does something only for a certain option looks for it by itself.
"""

from __future__ import annotations

import os
import signal
import socket
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from twisted.internet import tcp

from uwsgid.families import jail_setups
from uwsgid.hooks.chain import chain
from uwsgid.hooks.options import Hooks
from uwsgid.hooks.phases import Family, Phase
from uwsgid.hooks.running import drive
from uwsgid.hooks.scene import Habits, Scene, choose_shell
from uwsgid.host import Limits, Privileges, keep_in_memory
from uwsgid.host.calls import attempt
from uwsgid.host.cgroups import Cgroups, join_cgroups
from uwsgid.host.jails import Jails
from uwsgid.host.waits import Waits, When, wait_for
from uwsgid.isolation.allinone import Warden, furnish, live_in_jail
from uwsgid.isolation.late import Moment, enters_a_jail, is_of_the_boot, moment_of
from uwsgid.isolation.options import AllInOne, BinaryPatch, Isolation, Namespaces
from uwsgid.isolation.patching import become
from uwsgid.isolation.refork import refork
from uwsgid.isolation.setns import ORDER, join, open_namespaces
from uwsgid.isolation.step import Occasion, privilege_step, take_the_place
from uwsgid.supervise.processes import Endings

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings
    from uwsgid.door.boot import Boot

#: How many may wait for our namespaces.
_WAITING: Final = 16


def changes_root(settings: Settings) -> bool:
    """Whether paths, and names of users, mean something else later in the start."""
    isolation = settings[Isolation]
    jails = any(settings.is_set(Jails, option.field) for option in Jails.options)
    return bool(isolation.chroot or isolation.pivot or settings[AllInOne].jail or jails)


def open_what_a_jail_lacks(boot: Boot) -> None:
    """/dev/null, so that a root may do without it."""
    if changes_root(boot.site.settings):
        boot.null = attempt("open()", os.devnull, lambda: boot.kernel.open(os.devnull, os.O_RDONLY))
        reserve_without_null()


def reserve_without_null() -> None:
    """Let Twisted's ports hold an unbound socket in reserve, where they would open /dev/null.

    They close it to take a connection that no descriptor is left for (`twisted.internet.tcp`); any will do.
    """
    reservation: Any = getattr(tcp, "_reservedFD", None)
    if hasattr(reservation, "_fileFactory"):
        reservation._fileFactory = partial(socket.socket, socket.AF_UNIX, socket.SOCK_DGRAM)


def open_our_namespaces(boot: Boot) -> None:
    """``setns-preopen``: what is lent are the namespaces that we have now, and not those of a later jail."""
    wanted = boot.site.settings[Namespaces]
    if wanted.preopen and wanted.socket and not boot.site.is_reload:
        boot.lent = open_namespaces(boot.kernel, wanted.skip)


def join_namespaces(boot: Boot) -> None:
    """``setns``: live in the namespaces of another instance.  After a reload we are there already."""
    path = boot.site.settings[Namespaces].join
    if not path:
        return
    if boot.site.is_reload:
        boot.say(f"setns: a reload stays in the namespaces that came from {path}")
    elif join(boot.kernel, path, boot.say):
        boot.say("setns: a pid or time namespace begins with the next process, so there is one more")
        refork(boot.kernel, boot.say)
        boot.is_inside = True


def become_another_program(boot: Boot) -> None:
    """``privileged-binary-patch`` and its kin, also in a reload."""
    wanted = boot.site.settings[BinaryPatch]
    _patch(boot, wanted.privileged, wanted.privileged_command)


def _patch(boot: Boot, program: str, command: str) -> None:
    descriptors = [listener.fd for listener in (*boot.shared, *boot.listeners)]

    def before() -> None:
        if boot.logs is not None and boot.logs.pipe is not None:
            boot.logs.restore()

    if program:
        arguments = (program, *boot.site.argv)
        become(boot.kernel, program, arguments, dict(boot.environ), descriptors, before)
    if command:
        shell = choose_shell(boot.kernel, boot.site.settings[Habits].binsh)
        become(boot.kernel, shell, (shell, "-c", command), dict(boot.environ), descriptors, before)


def enter_the_all_in_one_jail(boot: Boot) -> None:
    """``namespace``: from here on we are a child of the process that was started."""
    settings = boot.site.settings
    wanted = settings[AllInOne]
    if wanted.jail is None:
        return
    boot.is_inside = True
    if boot.site.is_reload:
        return
    endings = settings[Endings]
    ends = {signal.SIGINT, signal.SIGQUIT} | ({signal.SIGTERM} if endings.die_on_term else set())
    live_in_jail(
        wanted,
        Warden(
            boot.kernel,
            boot.say,
            lambda: _run_hooks_outside(boot),
            boot.environ,
            frozenset(int(number) for number in ends),
            endings.exit_on_reload,
        ),
    )
    keep_in_memory(boot.kernel, settings[Limits])  # which a fork forgets


def _run_hooks_outside(boot: Boot) -> None:
    """post-jail, of a jail that we are not in: without its mounts, as in uWSGI, which are for inside."""
    hooks = boot.site.settings[Hooks].of(Phase.POST_JAIL)
    wanted = [hook for hook in hooks if hook.family not in (Family.MOUNT, Family.UMOUNT)]
    scene = Scene(boot.site.settings, boot.kernel, boot.say, environ=boot.environ)
    drive(chain(wanted, scene), boot.kernel, boot.read_the_log)


def join_the_cgroups(boot: Boot) -> None:
    """``cgroup``, on every start."""
    join_cgroups(boot.kernel, boot.site.settings[Cgroups], boot.say, is_reload=boot.site.is_reload)


def furnish_the_all_in_one_jail(boot: Boot) -> None:
    """The root, the mounts and the host name of ``namespace``."""
    wanted = boot.site.settings[AllInOne]
    if wanted.jail is not None and not boot.site.is_reload:
        furnish(wanted, boot.kernel, boot.say)


def is_jailed_at_boot(boot: Boot) -> bool:
    """Whether the privilege step of this process leads into a jail, or begins in one."""
    settings = boot.site.settings
    isolation = settings[Isolation]
    if boot.kernel.geteuid() != 0 or not is_of_the_boot(moment_of(settings)):
        return False
    enters = isolation.flags or any(settings.is_set(Jails, option.field) for option in Jails.options)
    return bool(isolation.jailed or (enters and not boot.site.is_reload))


def fill_the_jail(boot: Boot) -> None:
    """What rooms open where the instance lives, once."""
    assert boot.kept is not None, "the gateways are opened first"
    if not boot.has_devices:
        boot.has_devices = True
        for member in jail_setups:
            boot.gateways.extend(member.part(boot.site.settings, boot.kernel, boot.say, boot.kept))


def write_files(boot: Boot) -> None:
    """``file-write``, on every start."""
    for wanted in boot.site.settings[Isolation].file_writes:
        attempt(
            "file-write",
            wanted.path,
            lambda: boot.kernel.write_file(wanted.path, f"{wanted.text}\n".encode()),  # noqa: B023
        )


def take_the_privilege_step(boot: Boot) -> None:
    """Enter jail and root, run the hooks of root, become the user; see `uwsgid.isolation.late` for others."""
    settings = boot.site.settings
    moment = moment_of(settings)
    if moment is Moment.BOOT or (boot.kernel.geteuid() != 0 and not is_of_the_boot(moment)):
        _step(boot, "")
    elif not is_of_the_boot(moment) and not enters_a_jail(settings):
        take_the_place(_occasion(boot, ""))  # those who drop later have no way to go, and nothing to run


def take_the_privilege_step_late(boot: Boot) -> None:
    """The same with ``chown-socket``, since only root can give a socket away."""
    settings = boot.site.settings
    if moment_of(settings) is Moment.BOUND:
        _step(boot, settings[Privileges].chdir)


def _step(boot: Boot, directory: str) -> None:
    privilege_step(_occasion(boot, directory))
    if boot.site.settings[Isolation].reforks:
        keep_in_memory(boot.kernel, boot.site.settings[Limits])  # which a fork forgets


def _occasion(boot: Boot, directory: str) -> Occasion:
    wanted = boot.site.settings[BinaryPatch]
    return Occasion(
        boot.site.settings,
        boot.kernel,
        boot.say,
        boot.run_hooks,
        boot.environ,
        is_reload=boot.site.is_reload,
        fill_jail=lambda: fill_the_jail(boot),
        patch=lambda: _patch(boot, wanted.unprivileged, wanted.unprivileged_command),
        death_signal=signal.SIGKILL if boot.is_inside else 0,
        directory=directory,
    )


def wait_for_sockets(boot: Boot) -> None:
    """``wait-for-socket``, as whoever we are now."""
    wait_for(boot.kernel, boot.site.settings[Waits], boot.say, When.AFTERWARDS)


def lend_namespaces(boot: Boot) -> None:
    """``setns-socket``: the socket by which others get our namespaces; the master answers there."""
    wanted = boot.site.settings[Namespaces]
    if not wanted.socket:
        return
    assert boot.kept is not None, "the gateways are opened first"
    kernel, key = boot.kernel, f"setns-socket {wanted.socket}"
    for number, fd in enumerate(boot.lent):
        boot.kept.keep(f"setns namespace {number}", fd)
    if wanted.preopen and not boot.lent:  # those that our former self opened
        found = (boot.kept.get(f"setns namespace {number}") for number in range(len(ORDER)))
        boot.lent = tuple(fd for fd in found if fd is not None)
    boot.setns_socket = boot.kept.get(key)
    if boot.setns_socket is not None:
        return
    try:
        if kernel.stat(wanted.socket).is_socket:
            kernel.unlink(wanted.socket)
    except FileNotFoundError:
        pass
    fd = attempt("socket()", wanted.socket, lambda: kernel.socket(socket.AF_UNIX, socket.SOCK_STREAM))
    attempt("bind()", wanted.socket, lambda: kernel.bind(fd, wanted.socket))
    attempt("chmod()", wanted.socket, lambda: kernel.chmod(wanted.socket, 0o600))
    attempt("listen()", wanted.socket, lambda: kernel.listen(fd, _WAITING))
    kernel.set_blocking(fd, False)
    boot.kept.keep(key, fd)
    boot.setns_socket = fd


def close_what_nobody_claimed(boot: Boot) -> None:
    """Devices and sockets of our former self that the configuration names no more."""
    assert boot.kept is not None, "the gateways are opened first"
    boot.kept.close_unclaimed()
