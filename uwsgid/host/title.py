"""What ps shows for a process: its title is written over the arguments it was started with.

The kernel keeps no title.  ``/proc/PID/cmdline`` reads the memory where the program's arguments lay when
it started, so whoever overwrites that memory changes the title; uWSGI does so (core/utils.c,
uwsgi_set_processname), and so does everybody else.  Behind the arguments lie the environment's strings.  A
title that needs more room than the arguments had may go on there, once all variables were copied to the
heap.

The area is found once, at start, and is inherited by forks: a jail without ``/proc`` does no harm.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass

from uwsgid.host import syscalls


@dataclass(frozen=True, slots=True)
class TitleArea:
    """Where the arguments and the environment of this process lie.

    :ivar start: the address of the first argument.
    :ivar arguments: how many bytes the arguments take.
    :ivar room: how many bytes may be written when the environment moved away.
    """

    start: int
    arguments: int
    room: int


def parse_area(stat: str) -> TitleArea | None:
    """The area that a ``/proc/PID/stat`` line tells; None where the kernel does not tell (proc(5))."""
    fields = stat.rpartition(")")[2].split()  # begins with field 3, the state
    if len(fields) < 49:
        return None
    arg_start, arg_end, env_start, env_end = (int(field) for field in fields[45:49])
    if not arg_start or arg_end <= arg_start:
        return None
    room = (env_end if env_start == arg_end and env_end > env_start else arg_end) - arg_start
    return TitleArea(arg_start, arg_end - arg_start, room)


@functools.cache
def find_area() -> TitleArea | None:
    """The area of this process; None where ``/proc`` is missing or shows something unexpected."""
    try:
        with open("/proc/self/stat", encoding="ascii", errors="replace") as stat:
            area = parse_area(stat.read())
        if area is None:
            return None
        with open("/proc/self/cmdline", "rb") as cmdline:
            shown = cmdline.read()
    except OSError:
        return None
    # only an area that reads back as our own command line is ours to write
    return area if syscalls.read_memory(area.start, area.arguments)[: len(shown)] == shown else None


def fit(title: str, area: TitleArea) -> tuple[bytes, bool]:
    """The bytes to write for *title*, and whether they reach into the environment.  Pure.

    A title within the arguments is filled up with NULs; one that is longer must not end in a NUL where the
    arguments ended, since that byte tells the kernel that the title goes on.
    """
    text = title.encode(errors="surrogateescape").replace(b"\0", b" ")
    if len(text) < area.arguments:
        return text.ljust(area.arguments, b"\0"), False
    if area.room == area.arguments:
        return text[: area.arguments - 1] + b"\0", False
    return text[: area.room - 1].ljust(area.room, b"\0"), True


def set_title(title: str, area: TitleArea | None) -> None:
    """Show *title* in ps: the whole of it, or its first 15 bytes where *area* is not known."""
    if area is not None:
        content, reaches = fit(title, area)
        if reaches:
            # setenv(3) puts a copy on the heap, then nothing points into the area any more
            for name, value in os.environb.items():
                os.putenv(name, value)
        syscalls.write_memory(area.start, content)
    try:
        syscalls.set_thread_name(title)
    except OSError:
        pass  # a seccomp filter may forbid it; a name is not worth a process
