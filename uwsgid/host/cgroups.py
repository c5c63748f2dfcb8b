"""Control groups: the directories in which the kernel accounts for processes and limits them.

``cgroup`` names directories of a mounted hierarchy, which are made where they are not there yet, and
``cgroup-opt`` what is written into the files of every one of them.  Both layouts are understood: version 1,
one hierarchy per controller, where a process is put into ``tasks``; and version 2, the unified hierarchy,
where it is put into ``cgroup.procs`` and a directory has the files of a controller only if the one above
hands the controller down (``cgroup.subtree_control``).  There is a ``tasks`` in the first only.

Limits are written before the process joins, so that they hold for all that it does inside; uWSGI joins first,
so that a ``cpuset`` of version 1, which nobody may join before it has CPUs, can not be used with it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from uwsgid.config.kinds import Kind, Octal, Texts
from uwsgid.config.section import Section, option, section
from uwsgid.errors import KernelError
from uwsgid.host.calls import refused
from uwsgid.interfaces import IKernel

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings

Say = Callable[[str], None]

TASKS: Final = "tasks"
PROCS: Final = "cgroup.procs"
CONTROLLERS: Final = "cgroup.controllers"
SUBTREE: Final = "cgroup.subtree_control"

_NOT_ALLOWED: Final = (errno.EACCES, errno.EPERM, errno.EROFS)


@dataclass(frozen=True, slots=True)
class Value:
    """What is written into a file of each group."""

    key: str
    value: str

    @property
    def controller(self) -> str:
        """The controller of version 2 that the file belongs to: ``memory`` of ``memory.max``."""
        return self.key.partition(".")[0]


def parse_value(text: str) -> Value:
    """``key=value`` or ``key:value``; the first ``=`` counts, else the first colon.

    :raises ValueError: for neither of them, and for a key that is no file of the directory itself.
    """
    separator = "=" if "=" in text else ":"
    key, found, value = text.partition(separator)
    key = key.strip()
    if not found or not key:
        raise ValueError(f"invalid cgroup-opt syntax: expected key=value, got {text!r}")
    if "/" in key or key in (".", ".."):
        raise ValueError(f"the key {key} is not the name of a file in the group")
    return Value(key, value.strip())


_VALUES: Final = Kind("list of key=value", "key=value", parse_value, many=True)
Values = Annotated[tuple[Value, ...], _VALUES]


@section("Control groups")
class Cgroups(Section):
    """What the kernel accounts and limits all processes of the instance by."""

    directories: Texts = option(
        "cgroup", default=(), help="control group to join, a directory that is made if need be"
    )
    values: Values = option(
        "cgroup-opt",
        default=(),
        help="key=value to write into a file of each control group",
        note="The values are written before the process joins.  A file that is not there is warned about; in "
        "the unified hierarchy its controller is enabled in the directory above, where that may be done.",
    )
    mode: Octal = option("cgroup-dir-mode", default=0o700, help="mode of the directories of control groups")

    def check(self, settings: Settings) -> Iterable[str]:
        """Values without a group to write them to."""
        if self.values and not self.directories:
            yield settings.problem(Cgroups, "values", "there is no cgroup to write to")


def join_cgroups(kernel: IKernel, cgroups: Cgroups, say: Say, *, is_reload: bool = False) -> None:
    """Make, fill and join all groups.  Children are born into the groups of their parent.

    Somebody who is not root may join what was delegated to him; what he may not is warned about and passed
    over, as in uWSGI, silently so after a reload, whose former image joined as root.

    :raises KernelError: where the kernel refuses to join, or refuses a value.
    """
    for directory in cgroups.directories:
        try:
            _join(kernel, directory, cgroups, say)
        except PermissionError as error:
            if kernel.geteuid() == 0:
                raise refused("cgroup", error, error.filename or directory) from None
            if not is_reload:
                say(f"*** WARNING: option cgroup needs root, ignored: {directory} ***")
        except OSError as error:
            raise refused("cgroup", error, error.filename or directory) from None


def _join(kernel: IKernel, directory: str, cgroups: Cgroups, say: Say) -> None:
    try:
        kernel.mkdir(directory, cgroups.mode)
        say(f"created Linux cgroup {directory} with mode {cgroups.mode:o}")
    except FileExistsError:
        if kernel.stat(directory).mode & 0o7777 != cgroups.mode:
            kernel.chmod(directory, cgroups.mode)
        say(f"using Linux cgroup {directory} with mode {cgroups.mode:o}")
    unified = not _exists(kernel, f"{directory}/{TASKS}")
    members = f"{directory}/{PROCS if unified else TASKS}"
    if unified and not _exists(kernel, members):
        raise KernelError(
            f"cgroup: {directory} is not a control group; is a hierarchy mounted above it (mount -t cgroup2)?"
        )
    late = [value for value in cgroups.values if not _write_value(kernel, directory, value, say)]
    pid = kernel.getpid()
    _write(kernel, members, f"{pid}\n")
    say(f"assigned process {pid} to cgroup {members}")
    # a directory may hand controllers down only when no process is in it, and we may just have left it
    for value in late:
        missing = _enable(kernel, directory, value.controller, say) if unified else "there is no such file"
        if missing or not _write_value(kernel, directory, value, say):
            say(
                f"*** WARNING: cgroup-opt {value.key}: not written to {directory}: "
                f"{missing or 'there is no such file'} ***"
            )


def _write_value(kernel: IKernel, directory: str, value: Value, say: Say) -> bool:
    """Whether there is a file for *value*, which is now written."""
    path = f"{directory}/{value.key}"
    if not _exists(kernel, path):
        return False
    try:
        _write(kernel, path, f"{value.value}\n")
    except OSError as error:
        raise refused(f"cgroup-opt {value.key}={value.value}", error, path) from None
    say(f"set {value.key} of cgroup {directory} to {value.value}")
    return True


def _enable(kernel: IKernel, directory: str, controller: str, say: Say) -> str:
    """Have the directory above hand down a controller; what is in the way, or an empty text."""
    above = os.path.dirname(directory.rstrip("/")) or "."
    try:
        offered = kernel.read_file(f"{above}/{CONTROLLERS}").decode(errors="replace").split()
        if controller not in offered:
            return f"{above} does not have the controller {controller}"
        _write(kernel, f"{above}/{SUBTREE}", f"+{controller}\n")
    except OSError as error:
        why = "processes are in it" if error.errno == errno.EBUSY else error.strerror
        return f"the controller {controller} can not be enabled in {above}: {why}"
    say(f"enabled the controller {controller} for the cgroups in {above}")
    return ""


def _exists(kernel: IKernel, path: str) -> bool:
    try:
        kernel.stat(path)
    except OSError as error:
        if error.errno in _NOT_ALLOWED:
            raise
        return False
    return True


def _write(kernel: IKernel, path: str, text: str) -> None:
    """One write, without which the kernel would take a part for the whole."""
    fd = kernel.open(path, os.O_WRONLY)
    try:
        kernel.write(fd, text.encode())
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
    finally:
        kernel.close(fd)
