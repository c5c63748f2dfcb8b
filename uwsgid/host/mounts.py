"""Mounting and unmounting file systems, as options and hooks write it.

::

    mount:   <type> <what> <where> [flag,flag… [data]]
    umount:  <where> [flag,flag…]

uWSGI has one table of flags for both operations (core/mount.c), so that there ``umount … ro`` means ``force``
and ``mount … detach`` means ``nosuid``.  Here each has its own, and an unknown word is an error of the
configuration.  Two traps of mount(2) are gone as well: the flags ``ro``, ``nosuid``, ``nodev``, ``noexec``
and their kin, which the kernel ignores in a bind mount, are set by a second call, and so is its propagation.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from uwsgid.config.quoting import first_word
from uwsgid.host.calls import attempt
from uwsgid.interfaces import IKernel

MS_RDONLY: Final = 1
MS_NOSUID: Final = 2
MS_NODEV: Final = 4
MS_NOEXEC: Final = 8
MS_REMOUNT: Final = 32
MS_NOATIME: Final = 1024
MS_NODIRATIME: Final = 2048
MS_BIND: Final = 4096
MS_REC: Final = 16384
MS_UNBINDABLE: Final = 1 << 17
MS_PRIVATE: Final = 1 << 18
MS_SLAVE: Final = 1 << 19
MS_SHARED: Final = 1 << 20
MS_RELATIME: Final = 1 << 21
MS_STRICTATIME: Final = 1 << 24

MNT_FORCE: Final = 1
MNT_DETACH: Final = 2

#: Flags of a mount.  ``defaults`` is the word of fstab for none of them.
MOUNT_FLAGS: Final[Mapping[str, int]] = {
    "bind": MS_BIND,
    "defaults": 0,
    "dirsync": 128,
    "mandlock": 64,
    "move": 8192,
    "noatime": MS_NOATIME,
    "nodev": MS_NODEV,
    "nodiratime": MS_NODIRATIME,
    "noexec": MS_NOEXEC,
    "nosuid": MS_NOSUID,
    "private": MS_PRIVATE,
    "rdonly": MS_RDONLY,
    "readonly": MS_RDONLY,
    "ro": MS_RDONLY,
    "rec": MS_REC,
    "recursive": MS_REC,
    "relatime": MS_RELATIME,
    "remount": MS_REMOUNT,
    "shared": MS_SHARED,
    "slave": MS_SLAVE,
    "strictatime": MS_STRICTATIME,
    "sync": 16,
    "unbindable": MS_UNBINDABLE,
}

#: Flags of an umount; the kernel knows no recursive one, we do.
UMOUNT_FLAGS: Final[Mapping[str, int]] = {
    "detach": MNT_DETACH,
    "force": MNT_FORCE,
    "rec": MS_REC,
    "recursive": MS_REC,
}

#: What the kernel ignores while it makes a bind mount.
_ATTRIBUTES: Final = (
    MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME
)
_PROPAGATION: Final = MS_UNBINDABLE | MS_PRIVATE | MS_SLAVE | MS_SHARED
_TABLE: Final = "/proc/self/mountinfo"
_OCTAL: Final = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """What ``mount`` is told.

    :ivar flags: ``MS_…``.
    :ivar data: for the file system, such as ``size=64m``.
    """

    fstype: str
    what: str
    where: str
    flags: int = 0
    data: str = ""


@dataclass(frozen=True, slots=True)
class Umount:
    """What ``umount`` is told.

    :ivar flags: ``MNT_…``.
    :ivar recursive: with everything that is mounted below.
    """

    where: str
    flags: int = 0
    recursive: bool = False


def parse_mount(text: str) -> Mount:
    """Read ``<type> <what> <where> [flag,flag… [data]]``; a text that begins with a space has no type.

    :raises ValueError: saying what is wrong with it.
    """
    fstype, rest = first_word(text)
    what, rest = first_word(rest.lstrip(" "))
    where, rest = first_word(rest.lstrip(" "))
    if not what or not where:
        raise ValueError(f"expected <type> <what> <where> [flags [data]], got {text!r}")
    flags, data = first_word(rest.lstrip(" "))
    return Mount(fstype, what, where, _flags(flags, MOUNT_FLAGS, "mount", UMOUNT_FLAGS), data)


def parse_umount(text: str) -> Umount:
    """Read ``<where> [flag,flag…]``.

    :raises ValueError: saying what is wrong with it.
    """
    where, rest = first_word(text.lstrip(" "))
    words, more = first_word(rest.strip(" "))
    if not where or more:
        raise ValueError(f"expected <where> [flags], got {text!r}")
    flags = _flags(words, UMOUNT_FLAGS, "umount", MOUNT_FLAGS)
    return Umount(where, flags & ~MS_REC, bool(flags & MS_REC))


def _flags(words: str, table: Mapping[str, int], operation: str, other: Mapping[str, int]) -> int:
    flags = 0
    for word in filter(None, words.split(",")):
        if word not in table:
            near = difflib.get_close_matches(word, table, n=3)
            if word in other:
                hint = f"it is one of {'umount' if operation == 'mount' else 'mount'}"
            elif near:
                hint = f"did you mean {' or '.join(near)}?"
            else:
                hint = f"known: {', '.join(sorted(table))}"
            raise ValueError(f'unknown {operation} flag "{word}"; {hint}')
        flags |= table[word]
    return flags


def apply(kernel: IKernel, operation: Mount | Umount) -> None:
    """Carry it out.

    :raises KernelError: ``uwsgi_mount(): No such file or directory [/distros/x on /ns]``.
    """
    if isinstance(operation, Mount):
        _mount(kernel, operation)
    else:
        _umount(kernel, operation)


def _mount(kernel: IKernel, wanted: Mount) -> None:
    about = f"{wanted.what} on {wanted.where}"
    flags, later = wanted.flags, 0
    if flags & MS_BIND and not flags & MS_REMOUNT:
        later = flags & (_ATTRIBUTES | _PROPAGATION)
        flags &= ~later
    attempt(
        "uwsgi_mount()",
        about,
        lambda: kernel.mount(wanted.what, wanted.where, wanted.fstype, flags, wanted.data),
    )
    try:
        for more in _later_calls(later, flags):
            attempt("uwsgi_mount()", about, lambda: kernel.mount("none", wanted.where, "none", more))  # noqa: B023
    except BaseException:
        with contextlib.suppress(OSError):  # it is not what was asked for, so it must not stay
            kernel.umount(wanted.where, MNT_DETACH)
        raise


def _later_calls(later: int, flags: int) -> Iterator[int]:
    if later & _ATTRIBUTES:
        yield MS_REMOUNT | MS_BIND | (later & _ATTRIBUTES)
    if later & _PROPAGATION:
        yield (later & _PROPAGATION) | (flags & MS_REC)


def _umount(kernel: IKernel, wanted: Umount) -> None:
    while wanted.recursive and _umount_below(kernel, wanted):
        pass  # what covered another mount is gone, and that one can be reached
    attempt("uwsgi_umount()", wanted.where, lambda: kernel.umount(wanted.where, wanted.flags))


def _umount_below(kernel: IKernel, wanted: Umount) -> bool:
    """Try each mount point below once; whether any went.  What stays makes the last call of all fail."""
    went = False
    for point in _below(kernel, wanted.where):
        with contextlib.suppress(OSError):
            kernel.umount(point, wanted.flags)
            went = True
    return went


def _below(kernel: IKernel, where: str) -> list[str]:
    """The mount points below *where*, the deepest and latest first; one that is covered twice comes twice."""
    top = posixpath.normpath(posixpath.join(kernel.getcwd(), where))
    inside = top.rstrip("/") + "/"
    table = attempt("uwsgi_umount()", _TABLE, lambda: kernel.read_file(_TABLE))
    points = [point for point in mount_points(os.fsdecode(table)) if point.startswith(inside)]
    return sorted(reversed(points), key=lambda point: point.count("/"), reverse=True)


def mount_points(table: str) -> Iterator[str]:
    """The mount points of a ``/proc/…/mountinfo``, in its order, without the escapes of the kernel.  Pure.

    uWSGI does not decode them, so it does not find what is mounted on a path with a blank.
    """
    for line in table.split("\n"):
        fields = line.split(" ")
        if len(fields) > 4:
            yield _OCTAL.sub(lambda found: chr(int(found[1], 8)), fields[4])


def make_private(kernel: IKernel) -> None:
    """Let no mount of ours be seen in other mount namespaces, and none of theirs in ours.

    :raises KernelError: where the kernel refuses.
    """
    attempt("mount()", "/ private", lambda: kernel.mount("none", "/", "none", MS_REC | MS_PRIVATE))
