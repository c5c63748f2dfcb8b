"""What a configuration says about namespaces and roots, and what can not be had together.

Isolation is never passed over: a site that asks for a jail must not run without it.  So whatever can be seen
to fail is an error of the configuration, and the rest ends the start.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from uwsgid.config.kinds import Flag, Kind, Text, Texts
from uwsgid.config.section import Section, flag, option, section
from uwsgid.host.idmaps import IdMapList
from uwsgid.host.namespaces import CLONE_NEWUSER, OF_CHILDREN, Unshared, combined
from uwsgid.host.privileges import Privileges
from uwsgid.host.roots import Pivot

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Jail:
    """What ``namespace`` is told.

    :ivar root: the directory that becomes ``/``.
    :ivar hostname: the name of the host inside; empty leaves it.
    """

    root: str
    hostname: str = ""


@dataclass(frozen=True, slots=True)
class KeptMount:
    """A mount of the host that is there in the jail as well.

    :ivar source: where it is outside.
    :ivar target: where it is inside; empty for where *source* is below the root of the jail.
    """

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class FileWrite:
    """A text, and the file it is written into, with a line feed."""

    path: str
    text: str


def parse_jail(text: str) -> Jail:
    """``/srv/jail:shop``; a path without a colon changes no host name.

    :raises ValueError: there is no path.
    """
    root, _, hostname = text.strip().partition(":")
    if not root:
        raise ValueError("expected a directory, maybe with :hostname")
    return Jail(root.rstrip("/") or "/", hostname)


def parse_kept_mount(text: str) -> KeptMount:
    """``/srv/jail/data`` or ``/srv/data:/data``.

    :raises ValueError: there is no path.
    """
    source, colon, target = text.partition(":")
    if not source or (colon and not target):
        raise ValueError("expected a directory, maybe with :directory inside")
    return KeptMount(source, target)


def parse_file_write(text: str) -> FileWrite:
    """``/proc/sys/net/ipv4/ip_forward=1``.

    :raises ValueError: uWSGI's words for a value without a text.
    """
    path, equals, content = text.partition("=")
    if not equals or not path:
        raise ValueError(f'unable to write empty value for "{text}"')
    return FileWrite(path, content)


JAIL: Final = Kind("directory[:hostname]", "a directory, maybe with :hostname", parse_jail)
KEPT_MOUNTS: Final = Kind("list of mounts", "a directory", parse_kept_mount, many=True)
FILE_WRITES: Final = Kind("path=text list", "path=text", parse_file_write, many=True)

OptionalJail = Annotated[Jail | None, JAIL]
KeptMounts = Annotated[tuple[KeptMount, ...], KEPT_MOUNTS]
FileWrites = Annotated[tuple[FileWrite, ...], FILE_WRITES]

_NEEDS_ONE_PLACE: Final = (
    "can not be combined with {late}, where several processes take the step, each of which would be another "
    "first process; without {late} all of them live in the same namespace"
)


@section("Isolation")
class Isolation(Section):
    """New namespaces and another root, for the whole instance."""

    unshared: Unshared = option(
        "unshare",
        default=(),
        help="leave for new namespaces: fs, ipc, net, pid, uts, user …",
        note="An unknown word ends the start.  A new mount namespace keeps its mounts.  pid and time are "
        "entered by the next refork, and without one by one of their own before exec-as-root.  A user "
        "namespace gets maps: see uid-map.",
    )
    unshared_later: Unshared = option(
        "unshare2", default=(), help="leave for new namespaces after chroot and pivot-root"
    )
    keeps_propagation: Flag = flag(
        "unshare-keep-propagation",
        default=False,
        help="leave the mounts of a new mount namespace shared with the old one, as uWSGI does",
    )
    uid_maps: IdMapList = option(
        "uid-map",
        default=(),
        help="users of a new user namespace: first number inside, first one outside, how many",
        note="Not in uWSGI.  Without it root maps every user to itself, and anybody else itself to root.",
    )
    gid_maps: IdMapList = option(
        "gid-map",
        default=(),
        help="groups of a new user namespace: first number inside, first one outside, how many",
        note="Not in uWSGI.",
    )
    chroot: Text = option(
        "chroot",
        default="",
        help="another root directory",
        note="The working directory is the new root until chdir; in uWSGI it stays outside.",
    )
    pivot: Pivot = option(
        "pivot-root",
        "pivot_root",
        default=None,
        help="exchange the root for a mount point; the second directory, inside it, gets the old one",
    )
    pivot_detach: Flag = flag(
        "pivot-root-detach",
        default=False,
        help="detach the old root after pivot-root",
        note="Not in uWSGI, where it takes hook-as-root = umount:/.old rec,detach.",
    )
    refork: Flag = flag(
        "refork", "re-fork", default=False, help="fork once more after privileges are dropped"
    )
    refork_as_root: Flag = flag(
        "refork-as-root", "re-fork-as-root", default=False, help="fork once more before exec-as-root"
    )
    refork_post_jail: Flag = flag(
        "refork-post-jail",
        "re-fork-post-jail",
        default=False,
        help="fork once more in the jail that was just entered",
        note="The process that stays outside passes signals on and exits with the code of the other one; in "
        "uWSGI it is deaf and always exits with 0.  A reload does not fork again.",
    )
    jailed: Flag = flag(
        "jailed",
        default=False,
        help="take the instance for jailed already, so that exec-post-jail runs",
        note="A tuntap-device is made without it as well.",
    )
    file_writes: FileWrites = option(
        "file-write", default=(), help="write a text into a file while the instance starts: path=text"
    )

    @property
    def flags(self) -> int:
        """All flags of ``unshare``."""
        return combined(self.unshared)

    @property
    def later_flags(self) -> int:
        """All flags of ``unshare2``."""
        return combined(self.unshared_later)

    @property
    def reforks(self) -> bool:
        """Whether the instance is not the first process that was started, and stays so on purpose."""
        return bool(
            self.refork
            or self.refork_as_root
            or self.refork_post_jail
            or (self.flags | self.later_flags) & OF_CHILDREN
        )

    @property
    def changes_place(self) -> bool:
        """Whether the privilege step enters anything, so that its hooks belong to whoever takes it."""
        return bool(
            self.unshared or self.unshared_later or self.chroot or self.pivot is not None or self.reforks
        )

    def check(self, settings: Settings) -> Iterable[str]:
        """Maps without a user namespace, a detached root without one, first processes in several places."""
        users = (self.flags | self.later_flags) & CLONE_NEWUSER or any(
            directive.name == "emperor-use-clone" for directive in settings.directives
        )
        for field, given in (("uid_maps", self.uid_maps), ("gid_maps", self.gid_maps)):
            if given and not users:
                yield settings.problem(Isolation, field, "there is no user namespace (unshare = user)")
        if self.pivot_detach and self.pivot is None:
            yield settings.problem(Isolation, "pivot_detach", "there is no pivot-root")
        late = late_option(settings[Privileges])
        if late and self.reforks:
            field = next(
                (name for name in ("refork", "refork_as_root", "refork_post_jail") if getattr(self, name)),
                "unshared" if self.flags & OF_CHILDREN else "unshared_later",
            )
            yield settings.problem(Isolation, field, _NEEDS_ONE_PLACE.format(late=late))


def late_option(privileges: Privileges) -> str:
    """The option by which the privilege step is left to those who are born later; empty without one."""
    for name, is_on in (
        ("drop-after-apps", privileges.drop_after_apps),
        ("drop-after-init", privileges.drop_after_init),
        ("master-as-root", privileges.master_as_root),
    ):
        if is_on:
            return name
    return ""


@section("Isolation")
class Namespaces(Section):
    """Joining the namespaces of another instance, and lending one's own."""

    join: Text = option(
        "setns",
        default="",
        help="join the namespaces that are passed on this socket",
        note="Not repeated by a reload, which stays where it is.",
    )
    preopen: Flag = flag(
        "setns-preopen", default=False, help="open the namespaces early, while they are still those of root"
    )
    skip: Texts = option(
        "setns-skip", "setns-socket-skip", default=(), help="a namespace that is not passed, such as net"
    )
    socket: Text = option(
        "setns-socket",
        default="",
        implies=("master",),
        help="pass our namespaces to whoever connects to this socket",
        note="They are passed in the order net, uts, ipc, pid, cgroup, mnt, so that joining works.",
    )


@section("Isolation")
class AllInOne(Section):
    """The old jail of one option: namespaces, a root directory and a host name at once."""

    jail: OptionalJail = option(
        "namespace",
        "ns",
        default=None,
        help="live in new namespaces, in a directory as root: directory[:hostname]",
        note="Mounts are private inside; uWSGI changes the propagation of the host instead.",
    )
    keep: KeptMounts = option(
        "namespace-keep-mount",
        default=(),
        help="a directory that is there in the jail as well: outside[:inside]",
    )
    net: Text = option(
        "namespace-net", "ns-net", default="", help="a network namespace too, whatever the text"
    )

    def check(self, settings: Settings) -> Iterable[str]:
        """What belongs to a jail that there is not, and mounts that are nowhere in it."""
        for field, given in (("keep", self.keep), ("net", self.net)):
            if given and self.jail is None:
                yield settings.problem(AllInOne, field, "there is no namespace = /path/of/the/root")
        if self.jail is not None:
            for kept in self.keep:
                if not kept.target and posixpath.relpath(kept.source, self.jail.root).startswith(".."):
                    text = (
                        f"{kept.source} is not in {self.jail.root}, so say where it shall be: outside:inside"
                    )
                    yield settings.problem(AllInOne, "keep", text)


@section("Isolation")
class BinaryPatch(Section):
    """Becoming another program in the midst of the start."""

    privileged: Text = option(
        "privileged-binary-patch", default="", help="become this program as root, with the same arguments"
    )
    privileged_command: Text = option(
        "privileged-binary-patch-arg", default="", help="become this command, run by the shell, as root"
    )
    unprivileged: Text = option(
        "unprivileged-binary-patch",
        default="",
        help="become this program after privileges are dropped, with the same arguments",
    )
    unprivileged_command: Text = option(
        "unprivileged-binary-patch-arg",
        default="",
        help="become this command, run by the shell, after privileges are dropped",
    )

    def check(self, settings: Settings) -> Iterable[str]:
        """Nobody else can become the program, where several processes would."""
        late = late_option(settings[Privileges])
        for field, given in (
            ("unprivileged", self.unprivileged),
            ("unprivileged_command", self.unprivileged_command),
        ):
            if late and given:
                yield settings.problem(
                    BinaryPatch,
                    field,
                    f"can not be combined with {late}, where the zygote and the workers would become it",
                )
