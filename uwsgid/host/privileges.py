"""Who a process is, and how it becomes somebody lesser for good.

The drop is a plain list of kernel calls: group, supplementary groups, then user, since the user may not
change groups any more.  All three ids of each kind change at once, and afterwards it is proved that there is
no way back, which uWSGI does not do.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from uwsgid.config.kinds import Flag, Text, Texts
from uwsgid.config.section import Section, flag, option, section
from uwsgid.errors import ConfigError, KernelError
from uwsgid.host.calls import refused
from uwsgid.interfaces import IKernel

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings

T = TypeVar("T")

Say = Callable[[str], None]

RUNNING_AS_ROOT: Final = "uWSGI running as root, you can use --uid/--gid/--chroot options"
STILL_ROOT: Final = "*** WARNING: you are running uWSGI as root !!! (use the --uid flag) *** "
GROUPS_KEPT: Final = "*** WARNING: uid set without gid: group privileges are not dropped ***"


@section("Privileges")
class Privileges(Section):
    """Which user the server runs as, and where."""

    uid: Text = option("uid", default="", help="become this user, by name or number")
    gid: Text = option("gid", default="", help="become this group, by name or number")
    add_gid: Texts = option(
        "add-gid", default=(), help="an additional group; the list replaces those of the user"
    )
    no_initgroups: Flag = flag(
        "no-initgroups", default=False, help="take no additional groups from the group database"
    )
    immediate_uid: Text = option(
        "immediate-uid", default="", immediate=True, help="become this user before the configuration is read"
    )
    immediate_gid: Text = option(
        "immediate-gid", default="", immediate=True, help="become this group before the configuration is read"
    )
    master_as_root: Flag = flag(
        "master-as-root", default=False, help="keep the master root; every other process drops for itself"
    )
    drop_after_init: Flag = flag(
        "drop-after-init", default=False, help="drop privileges after the languages were initialised"
    )
    drop_after_apps: Flag = flag(
        "drop-after-apps", default=False, help="drop privileges after the apps were loaded"
    )
    chdir: Text = option("chdir", default="", help="the working directory, before apps are loaded")
    chdir2: Text = option("chdir2", default="", help="the working directory, after apps were loaded")


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom to become.  None leaves a number as it is.

    :ivar user: the name that `initgroups` looks up.
    :ivar groups: additional groups in place of those of the user; None takes those of the user.
    """

    uid: int | None = None
    gid: int | None = None
    user: str = ""
    groups: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A method of `IKernel` and its arguments."""

    method: str
    arguments: tuple[Any, ...]


def resolve_user(kernel: IKernel, text: str) -> int:
    """The number of a user given by name or number.

    Unlike uWSGI, whose ``atoi`` takes ``12abc`` for 12, text is a number or a name.

    :raises ConfigError: ``user ghost not found.``
    """
    if text.isascii() and text.isdigit():
        return int(text)
    found = kernel.user_id(text)
    if found is None:
        raise ConfigError(f"user {text} not found.")
    return found


def resolve_group(kernel: IKernel, text: str) -> int:
    """The number of a group given by name or number.

    :raises ConfigError: ``group ghosts not found.``
    """
    if text.isascii() and text.isdigit():
        return int(text)
    found = kernel.group_id(text)
    if found is None:
        raise ConfigError(f"group {text} not found.")
    return found


def owner_ids(kernel: IKernel, owner: str) -> tuple[int, int]:
    """The numbers of ``user`` or ``user:group``; -1 for a group that is not given.

    :raises ConfigError: ``unable to find user ghost``.
    """
    user, colon, group = owner.partition(":")
    try:
        uid = resolve_user(kernel, user)
    except ConfigError:
        raise ConfigError(f"unable to find user {user}") from None
    if not colon or not group:
        return uid, -1
    try:
        return uid, resolve_group(kernel, group)
    except ConfigError:
        raise ConfigError(f"unable to find group {group}") from None


def resolve_identity(kernel: IKernel, privileges: Privileges, settings: Settings | None = None) -> Identity:
    """Whom the configuration wants us to be.  Looked up where we are now, inside a new root if there is one.

    :param settings: those of *privileges*, by which an error tells its place.
    :raises ConfigError: for a user or a group that does not exist.
    """
    gid = _placed(settings, "gid", lambda: resolve_group(kernel, privileges.gid)) if privileges.gid else None
    uid = _placed(settings, "uid", lambda: resolve_user(kernel, privileges.uid)) if privileges.uid else None
    groups: tuple[int, ...] | None = None
    if privileges.add_gid:
        names = privileges.add_gid
        groups = _placed(settings, "add_gid", lambda: tuple(_additional(kernel, name) for name in names))
    elif privileges.no_initgroups or uid is None:
        groups = ()
    user = (kernel.user_name(uid) or str(uid)) if uid is not None else ""
    return Identity(uid, gid, user, groups)


@contextlib.contextmanager
def acting_as(kernel: IKernel, user: tuple[int, int]) -> Iterator[None]:
    """Do something as *user*, uid and gid, and be ourselves again.  Who is not root stays the same.

    Whoever is connected to meanwhile knows us as that user (``SO_PEERCRED``).
    """
    if kernel.geteuid() != 0 or user == (0, 0):
        yield
        return
    kernel.act_as(*user)
    try:
        yield
    finally:
        kernel.act_as(0, kernel.getgid())


def drop_calls(identity: Identity) -> tuple[Call, ...]:
    """The calls that make a root process *identity*, in order.  Pure.

    As in uWSGI (core/uwsgi.c, uwsgi_as_root), groups are touched only where a gid other than 0 is given, and
    a uid of 0 changes nothing.
    """
    calls: list[Call] = []
    if identity.gid:
        calls.append(Call("setgid", (identity.gid,)))
        if identity.groups is None:
            calls.append(Call("initgroups", (identity.user, identity.gid)))
        else:
            calls.append(Call("setgroups", (identity.groups,)))
    if identity.uid:
        calls.append(Call("setuid", (identity.uid,)))
    return tuple(calls)


def perform(kernel: IKernel, calls: tuple[Call, ...]) -> None:
    """Make the calls.

    :raises KernelError: for the first one that the kernel refuses.
    """
    for call in calls:
        try:
            getattr(kernel, call.method)(*call.arguments)
        except OSError as error:
            about = ", ".join(str(argument) for argument in call.arguments)
            raise refused(f"{call.method}()", error, about) from None


def drop(kernel: IKernel, privileges: Privileges, say: Say, settings: Settings | None = None) -> Identity:
    """Become what the configuration wants, or check that we are it already, where we are not root.

    :param settings: those of *privileges*, by which an error tells its place.
    :return: the identity that was resolved; its numbers are now ours.
    :raises ConfigError: for a name that does not exist.
    :raises KernelError: where the kernel refuses, or where we could become root again.
    """
    identity = resolve_identity(kernel, privileges, settings)
    if kernel.geteuid() != 0:
        _check_already(kernel, identity)
        return identity
    if not privileges.uid:
        say(RUNNING_AS_ROOT)
    elif identity.uid and not identity.gid:
        say(GROUPS_KEPT)
    calls = drop_calls(identity)
    groups_changed = any(call.method in ("initgroups", "setgroups") for call in calls)
    user_calls = tuple(call for call in calls if call.method == "setuid")
    perform(kernel, tuple(call for call in calls if call.method != "setuid"))
    if groups_changed:
        for group in kernel.getgroups():
            if group != identity.gid:
                say(f"set additional group {group} ({kernel.group_name(group) or group})")
    if identity.gid:
        say(f"setgid() to {identity.gid}")
    perform(kernel, user_calls)
    if identity.uid:
        say(f"setuid() to {identity.uid}")
        prove_dropped(kernel)
    if kernel.getuid() == 0:
        say(STILL_ROOT)
    return identity


def prove_dropped(kernel: IKernel) -> None:
    """Try to become root again.

    :raises KernelError: when that works.
    """
    try:
        kernel.setuid(0)
    except OSError:
        return
    raise KernelError("setuid(): privileges were dropped, but the kernel gives them back [0]")


def become_now(kernel: IKernel, option_name: str, text: str) -> None:
    """Carry out ``immediate-uid`` or ``immediate-gid``, while the configuration is being read.

    :raises ConfigError: for a name that does not exist, and for root.
    :raises KernelError: where the kernel refuses.
    """
    if option_name == "immediate-gid":
        gid = resolve_group(kernel, text)
        if not gid:
            raise ConfigError("immediate-gid: expected a group other than 0")
        perform(kernel, (Call("setgroups", ((),)), Call("setgid", (gid,))))
    else:
        uid = resolve_user(kernel, text)
        if not uid:
            raise ConfigError("immediate-uid: expected a user other than 0")
        perform(kernel, (Call("setuid", (uid,)),))
        prove_dropped(kernel)


def enter_directory(kernel: IKernel, path: str, say: Say | None = None) -> None:
    """Carry out ``chdir`` or ``chdir2``.

    :raises KernelError: where the kernel refuses.
    """
    if say is not None:
        say(f"chdir() to {path}")
    perform(kernel, (Call("chdir", (path,)),))


def _placed(settings: Settings | None, field: str, look_up: Callable[[], T]) -> T:
    """What *look_up* finds, or its error with the line of the option."""
    try:
        return look_up()
    except ConfigError as error:
        if settings is None:
            raise
        raise ConfigError(settings.problem(Privileges, field, str(error))) from None


def _additional(kernel: IKernel, name: str) -> int:
    try:
        return resolve_group(kernel, name)
    except ConfigError:
        raise ConfigError(f"unable to find group {name}") from None


def _check_already(kernel: IKernel, identity: Identity) -> None:
    if identity.gid is not None and identity.gid != kernel.getgid():
        raise ConfigError("cannot setgid() as non-root user")
    if identity.uid is not None and identity.uid != kernel.getuid():
        raise ConfigError("cannot setuid() as non-root user")
