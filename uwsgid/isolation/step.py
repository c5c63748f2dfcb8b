"""The privilege step: from root outside to a user inside, in the order of uWSGI (core/utils.c).

It has two halves.  `take_the_place` enters namespaces and another root, with the hooks of root around it;
`become_the_user` drops privileges for good.  Usually the process that becomes the master does both before it
binds its sockets; who does it otherwise, and when, is told by `uwsgid.isolation.late`.

A reload finds itself in its place already, and mostly as an ordinary user: it enters nothing, and what only
root may do is passed over without a word.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from uwsgid.errors import ConfigError
from uwsgid.host.capabilities import Capabilities, final_set, first_reduction
from uwsgid.host.confinement import Confinement, confine
from uwsgid.host.idmaps import own_maps
from uwsgid.host.jails import Jails, enter_jails
from uwsgid.host.namespaces import CLONE_NEWUSER, OF_CHILDREN, enter
from uwsgid.host.privileges import Privileges, drop, enter_directory
from uwsgid.host.roots import change_root, pivot_root
from uwsgid.host.waits import Waits, When, wait_for
from uwsgid.isolation.options import BinaryPatch, Isolation
from uwsgid.isolation.refork import dies_with_parent, refork

if TYPE_CHECKING:
    from uwsgid.config.section import Section
    from uwsgid.config.settings import Settings
    from uwsgid.interfaces import IKernel

POST_JAIL: Final = "post-jail"
AS_ROOT: Final = "as-root"
AS_USER: Final = "as-user"

_FAMILIES: Final = ("hook", "mount", "umount", "exec", "call")
_NEEDS_ROOT: Final = "needs root, and without it the instance would run less isolated than it is meant to"


def _nothing() -> None:
    """What there is to do where nobody said anything."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """A process that takes the step, and what is its own in it.

    :ivar run_hooks: runs the hooks of a phase, which is given as the end of their options' names.
    :ivar environ: the environment of the process.
    :ivar is_reload: the process image replaced an earlier one of the same instance.
    :ivar fill_jail: what has to be opened in a jail that was just entered: tun devices.
    :ivar patch: becomes another program where the configuration wants that; else it does nothing.
    :ivar death_signal: what the kernel sends when our parent dies; it forgets that when the user changes.
    :ivar directory: where to be in a new root, for a process that went there before.
    """

    settings: Settings
    kernel: IKernel
    say: Callable[[str], None]
    run_hooks: Callable[[str], None]
    environ: MutableMapping[str, str]
    is_reload: bool = False
    fill_jail: Callable[[], None] = _nothing
    patch: Callable[[], None] = _nothing
    death_signal: int = 0
    directory: str = ""


def privilege_step(here: Occasion) -> bool:
    """Take the whole step; whether we were root when it began.

    :raises ConfigError: for what is wanted and needs root, for users that do not exist, and for hooks.
    :raises KernelError: where the kernel refuses.
    """
    was_root = take_the_place(here)
    become_the_user(here, was_root=was_root)
    return was_root


def take_the_place(here: Occasion) -> bool:
    """Enter what the configuration says, and run the hooks of root; whether we are root.

    :raises ConfigError: as `privilege_step`.
    :raises KernelError: as that.
    """
    isolation, kernel = here.settings[Isolation], here.kernel
    rootless = bool(isolation.flags & CLONE_NEWUSER) and not here.is_reload
    if kernel.geteuid() != 0 and not rootless:
        check_without_root(here)
        wait_for(kernel, here.settings[Waits], here.say, When.AS_ROOT)
        return False
    place = _Place(here, isolation)
    place.enter_jails()
    place.change_roots()
    wait_for(kernel, here.settings[Waits], here.say, When.AS_ROOT)
    here.run_hooks(AS_ROOT)
    place.settle()
    return True


class _Place:
    """The way into a place, whose parts have to know of each other.

    A new pid namespace is entered by the next child.  uWSGI leaves for it together with all others, so that a
    command of a hook would be its first process, and nobody could be born in it after that one ends; here it
    waits for the fork that is to enter it.

    :ivar _pending: namespaces that the next fork shall enter.
    """

    def __init__(self, here: Occasion, isolation: Isolation) -> None:
        self._here = here
        self._isolation = isolation
        self._fresh = not here.is_reload
        self._pending = 0

    def enter_jails(self) -> None:
        """``unshare``, FreeBSD's jails, and what follows a jail."""
        here, isolation = self._here, self._isolation
        in_jail = isolation.jailed
        if self._fresh:
            if isolation.flags:
                self._enter(isolation.flags)
                in_jail = True
            in_jail = enter_jails(here.kernel, here.settings[Jails], here.say) or in_jail
        if in_jail:
            here.run_hooks(POST_JAIL)
            if isolation.refork_post_jail:
                self._refork()
            here.fill_jail()

    def change_roots(self) -> None:
        """``chroot``, ``pivot-root``, ``unshare2`` and ``refork-as-root``."""
        here, isolation = self._here, self._isolation
        if self._fresh:
            if isolation.chroot:
                change_root(here.kernel, isolation.chroot, here.say)
            if isolation.pivot is not None:
                pivot_root(here.kernel, isolation.pivot, here.say, detach=isolation.pivot_detach)
            if here.directory and (isolation.chroot or isolation.pivot is not None):
                enter_directory(here.kernel, here.directory, here.say)
            if isolation.later_flags:
                self._enter(isolation.later_flags)
        if isolation.refork_as_root:
            self._refork()
        elif self._pending and not isolation.refork:
            here.say("a new pid or time namespace begins with the next process, so there is one more")
            self._refork()

    def settle(self) -> None:
        """Leave for what the fork after the drop shall enter, while root still may."""
        if self._pending:
            enter(self._here.kernel, self._pending, self._here.say)
            self._pending = 0

    def _enter(self, flags: int) -> None:
        isolation, here = self._isolation, self._here
        self._pending |= flags & OF_CHILDREN
        enter(
            here.kernel,
            flags & ~OF_CHILDREN,
            here.say,
            maps=own_maps(here.kernel, isolation.uid_maps, isolation.gid_maps),
            private=not isolation.keeps_propagation,
        )

    def _refork(self) -> None:
        if self._fresh:
            self.settle()
            refork(self._here.kernel, self._here.say)


def become_the_user(here: Occasion, *, was_root: bool = True) -> None:
    """Drop privileges, and run the hooks of the user; without root, check that there is nothing to drop.

    :raises ConfigError: as `privilege_step`.
    :raises KernelError: as that.
    """
    settings, kernel, isolation = here.settings, here.kernel, here.settings[Isolation]
    change_user(settings, kernel, here.say, is_reload=here.is_reload)
    if here.death_signal:
        kernel.set_parent_death_signal(here.death_signal)
    if was_root:
        if isolation.reforks:
            if isolation.refork and not here.is_reload:
                refork(kernel, here.say)
            dies_with_parent(kernel)
        here.run_hooks(AS_USER)
    confine(kernel, settings[Confinement], here.environ, here.say)
    if was_root:
        here.patch()


def change_user(
    settings: Settings, kernel: IKernel, say: Callable[[str], None], *, is_reload: bool = False
) -> None:
    """Become the user of the configuration, with the capabilities that it leaves.

    :raises ConfigError: for a user or a group that does not exist, or that we are not and can not become.
    :raises KernelError: where the kernel refuses.
    """
    kept = settings[Capabilities].kept if kernel.geteuid() == 0 and not is_reload else ()
    first_reduction(kernel, kept)
    drop(kernel, settings[Privileges], say, settings)
    final_set(kernel, kept, say)


def check_without_root(here: Occasion) -> None:
    """Refuse to go on without what only root can have, and tell of what is left out.

    uWSGI leaves all of it out without a word.

    :raises ConfigError: the instance would be less isolated than it is meant to be.
    """
    if here.is_reload:
        return
    settings = here.settings
    if settings[Isolation].chroot:
        raise ConfigError("cannot chroot() as non-root user")
    for section, field in _for_root_alone():
        if settings.is_set(section, field):
            raise ConfigError(settings.problem(section, field, _NEEDS_ROOT))
    ignored = {f"{family}-{phase}" for family in _FAMILIES for phase in (POST_JAIL, AS_ROOT, AS_USER)}
    for section, fields in (
        (Isolation, ("refork", "refork_as_root", "refork_post_jail")),
        (BinaryPatch, ("unprivileged", "unprivileged_command")),
    ):
        ignored.update(name for option in section.options if option.field in fields for name in option.names)
    for name in dict.fromkeys(directive.name for directive in settings.directives):
        if name in ignored:
            here.say(f"*** WARNING: option {name} needs root, ignored ***")


def _for_root_alone() -> tuple[tuple[type[Section], str], ...]:
    return (
        (Isolation, "unshared"),
        (Isolation, "unshared_later"),
        (Isolation, "pivot"),
        (Capabilities, "kept"),
        *((Jails, option.field) for option in Jails.options),
    )
