"""Namespaces by name: ``fs,net,pid`` ⇄ flags, and what belongs to leaving for new ones.

The words are those of uWSGI (lib/linux_ns.c, core/emperor.c), which both ``unshare`` and
``emperor-use-clone`` take.  A word that nobody knows is an error: uWSGI 1.9.16 passes over it, and a typing
error meant no isolation at all.

New mount namespaces share their mounts with the old one where the system has made ``/`` shared, as most do;
so what is mounted inside would appear outside.  `enter` makes ``/`` private inside.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Final

from uwsgid.config.kinds import Kind
from uwsgid.host.calls import attempt
from uwsgid.host.idmaps import IdMaps, own_maps
from uwsgid.host.mounts import make_private
from uwsgid.interfaces import IKernel

CLONE_NEWTIME: Final = 0x00000080
CLONE_FILES: Final = 0x00000400
CLONE_PARENT: Final = 0x00008000
CLONE_NEWNS: Final = 0x00020000
CLONE_SYSVSEM: Final = 0x00040000
CLONE_NEWCGROUP: Final = 0x02000000
CLONE_NEWUTS: Final = 0x04000000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000
CLONE_IO: Final = 0x80000000

#: The words, and the flags that they stand for.
WORDS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "files": CLONE_FILES,
        "ipc": CLONE_NEWIPC,
        "net": CLONE_NEWNET,
        "pid": CLONE_NEWPID,
        "fs": CLONE_NEWNS,
        "ns": CLONE_NEWNS,
        "mnt": CLONE_NEWNS,
        "mount": CLONE_NEWNS,
        "sysvsem": CLONE_SYSVSEM,
        "uts": CLONE_NEWUTS,
        "user": CLONE_NEWUSER,
        "cgroup": CLONE_NEWCGROUP,
        "time": CLONE_NEWTIME,
        "io": CLONE_IO,
        "parent": CLONE_PARENT,
    }
)

#: New namespaces; the other flags name what a process shares with another, or does not.
NAMESPACES: Final = (
    CLONE_NEWTIME | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID
    | CLONE_NEWNET
)  # fmt: skip

#: Namespaces that the children of whoever asks enter, and not the process itself.
OF_CHILDREN: Final = CLONE_NEWPID | CLONE_NEWTIME

#: What clone(2) knows and unshare(2) does not.
CLONE_ONLY: Final = CLONE_IO | CLONE_PARENT

Say = Callable[[str], None]


def parse_words(text: str) -> int:
    """The flags of ``fs,net,pid``.

    :raises ValueError: for a word that there is not, with the nearest one.
    """
    flags = 0
    for word in text.split(","):
        flag = WORDS.get(word.strip())
        if flag is None:
            near = difflib.get_close_matches(word.strip(), WORDS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(WORDS))}"
            raise ValueError(f"unknown namespace subsystem: {word.strip() or '(nothing)'}; {hint}")
        flags |= flag
    return flags


def parse_unshare(text: str) -> int:
    """As `parse_words`, for a process that changes itself.

    :raises ValueError: also for ``io`` and ``parent``, which only a new process can have.
    """
    flags = parse_words(text)
    if flags & CLONE_ONLY:
        raise ValueError(f"{describe(flags & CLONE_ONLY)} can not be unshared, only a clone can have it")
    return flags


def describe(flags: int) -> str:
    """The words for *flags*, separated by commas: ``net,pid,fs``.  Pure."""
    found: dict[int, str] = {}
    for word, flag in WORDS.items():
        if flags & flag:
            found.setdefault(flag, word)
    return ",".join(found.values())


UNSHARE: Final = Kind("list of namespaces", "namespaces separated by commas", parse_unshare, many=True)
CLONE: Final = Kind("list of namespaces", "namespaces separated by commas", parse_words, many=True)
#: The flags of each occurrence; see `combined`.
Unshared = Annotated[tuple[int, ...], UNSHARE]
Cloned = Annotated[tuple[int, ...], CLONE]


def combined(flags: tuple[int, ...]) -> int:
    """All flags of an option that was given several times.  Pure."""
    everything = 0
    for some in flags:
        everything |= some
    return everything


def enter(kernel: IKernel, flags: int, say: Say, *, maps: IdMaps | None = None, private: bool = True) -> None:
    """Leave for new namespaces.

    For a user namespace maps are written, and we are its root afterwards.

    :param flags: of `WORDS`; what only a clone knows is left out, since a forked process has it that way.
    :param maps: None for `own_maps`.
    :param private: in a new mount namespace, let no mount from inside be seen outside, nor the other way.
    :raises KernelError: where the kernel refuses.
    """
    flags &= ~CLONE_ONLY
    if not flags:
        return
    if flags & CLONE_NEWUSER:
        chosen = maps or own_maps(kernel)
        users, groups = ("\n".join(map(str, some)) for some in (chosen.uids, chosen.gids))
        attempt(
            "unshare()",
            describe(flags),
            lambda: kernel.unshare_mapped(flags, users, groups, chosen.setgroups),
        )
    else:
        attempt("unshare()", describe(flags), lambda: kernel.unshare(flags))
    say(f"[linux-namespace] applied unshare() mask: {flags}")
    if flags & CLONE_NEWUSER:
        become_root_inside(kernel, setgroups=chosen.setgroups)
    if flags & CLONE_NEWNS and private:
        make_private(kernel)
        say("[linux-namespace] made / private, so that mounts stay inside")


def become_root_inside(kernel: IKernel, *, setgroups: bool) -> None:
    """Be root of a user namespace in which our own number has no place, or another one.

    :raises KernelError: where nobody is root in it.
    """
    if kernel.getuid() == 0 and kernel.getgid() == 0:
        return
    if setgroups:
        attempt("setgroups()", "user namespace", lambda: kernel.setgroups(()))
    attempt("setgid()", "0 in the user namespace", lambda: kernel.setgid(0))
    attempt("setuid()", "0 in the user namespace", lambda: kernel.setuid(0))
