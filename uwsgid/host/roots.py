"""Another root directory: ``chroot`` and ``pivot-root``.

A chroot changes where paths begin, and nothing else: whoever keeps a directory open from before is still
outside, which is why the working directory moves along here, unlike in uWSGI.  ``pivot_root`` exchanges the
mount itself; the old tree stays where the configuration puts it until somebody detaches it.
"""

from __future__ import annotations

import errno
import importlib
import posixpath
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

from uwsgid.config.kinds import Kind
from uwsgid.errors import KernelError
from uwsgid.host.calls import attempt, refused
from uwsgid.host.mounts import MNT_DETACH, make_private
from uwsgid.interfaces import IKernel

Say = Callable[[str], None]

_NO_SPACE: Final = "invalid pivot_root syntax, new_root and put_old must be separated by a space"
_WHAT_IT_NEEDS: Final = (
    "the new root has to be a mount point, which it becomes by being mounted over itself "
    "(hook-post-jail = mount:none {new} {new} bind), in a mount namespace of our own (unshare = fs)"
)


@dataclass(frozen=True, slots=True)
class PivotRoot:
    """What ``pivot-root`` is told.

    :ivar new_root: the mount point that becomes ``/``.
    :ivar put_old: where the old root goes, as we see it from outside.
    :ivar inside: the same from within the new root, without a slash before it.
    """

    new_root: str
    put_old: str
    inside: str


def parse_pivot_root(text: str) -> PivotRoot:
    """``/ns /ns/.old_root``: the new root, and a directory in it for the old one.

    uWSGI cuts as many characters from the second path as the first one has, whatever they are
    (core/utils.c), so that ``/ns /mnt/.old`` leads to a surprising place; here it is an error.

    :raises ValueError: with what is wrong.
    """
    new_root, blank, put_old = text.strip().partition(" ")
    put_old = put_old.strip()
    if not blank or not put_old:
        raise ValueError(_NO_SPACE)
    outside, inside = posixpath.normpath(new_root), posixpath.normpath(put_old)
    if outside.startswith("/") != inside.startswith("/"):
        raise ValueError(f"one path of {text!r} is absolute and the other one is not")
    below = posixpath.relpath(inside, outside)
    if below == ".." or below.startswith("../"):
        raise ValueError(f"put_old has to be a directory inside new_root, and {put_old} is not in {new_root}")
    if below == ".":
        raise ValueError("put_old has to be a directory inside new_root, not new_root itself")
    return PivotRoot(new_root, put_old, below)


PIVOT_ROOT: Final = Kind("new_root put_old", "two directories separated by a space", parse_pivot_root)
Pivot = Annotated[PivotRoot | None, PIVOT_ROOT]


def forget_paths() -> None:
    """Let Python find in another root what was not there, under the same path, in the old one."""
    sys.path_importer_cache.clear()
    importlib.invalidate_caches()


def change_root(kernel: IKernel, path: str, say: Say) -> None:
    """Carry out ``chroot``, and stand in the new root.

    :raises KernelError: where the kernel refuses.
    """
    say(f"chroot() to {path}")
    attempt("chroot()", path, lambda: kernel.chroot(path))
    attempt("chdir()", "/", lambda: kernel.chdir("/"))
    forget_paths()


def pivot_root(kernel: IKernel, wanted: PivotRoot, say: Say, *, detach: bool = False) -> None:
    """Carry out ``pivot-root``, and stand in the new root.

    :param detach: let the old root go; its processes keep it, nobody here finds it any more.
    :raises KernelError: where the kernel refuses, with what it needs.
    """
    make_private(kernel)
    attempt("chdir()", f"pivot-root {wanted.new_root}", lambda: kernel.chdir(wanted.new_root))
    about = f"{wanted.new_root} {wanted.put_old}"
    try:
        kernel.pivot_root(".", wanted.inside)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.EBUSY):
            needs = _WHAT_IT_NEEDS.format(new=wanted.new_root)
            raise KernelError(f"{refused('pivot_root()', error, about)}: {needs}") from None
        if error.errno == errno.ENOENT:
            raise KernelError(
                f"{refused('pivot_root()', error, about)}: make the directory {wanted.put_old}"
            ) from None
        raise refused("pivot_root()", error, about) from None
    attempt("chdir()", "/", lambda: kernel.chdir("/"))
    forget_paths()
    say(f"pivot_root() to {wanted.new_root}, the old root is at /{wanted.inside}")
    if detach:
        old = f"/{wanted.inside}"
        attempt("umount()", f"the old root at {old}", lambda: kernel.umount(old, MNT_DETACH))
        say(f"detached the old root from {old}")
