"""The system calls that Python does not offer, and the only place of the house that knows ctypes.

Each function is one call; it raises `OSError` with its errno.  The numbers are those of the kernel's
``linux/prctl.h``, ``sys/mman.h`` and ``asm/unistd.h``.
"""

from __future__ import annotations

import ctypes
import os
import platform
from typing import Final

PR_SET_PDEATHSIG: Final = 1
PR_SET_NAME: Final = 15
PR_SET_CHILD_SUBREAPER: Final = 36

MCL_CURRENT: Final = 1
MCL_FUTURE: Final = 2

#: kcmp(2) has no wrapper in the C library; most architectures number it as asm-generic does
_SYS_KCMP: Final = {"x86_64": 312, "i686": 349, "armv7l": 378, "ppc64le": 354, "s390x": 343}.get(
    platform.machine(), 272
)
_KCMP_FILE: Final = 0

_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
_libc.prctl.restype = ctypes.c_int
_libc.mlockall.argtypes = [ctypes.c_int]
_libc.mlockall.restype = ctypes.c_int


def _check(result: int, call: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), call)


def set_child_subreaper(on: bool) -> None:
    """Become the parent of descendants whose own parent ended, or stop being it.

    Children do not inherit it (prctl(2)).
    """
    _check(_libc.prctl(PR_SET_CHILD_SUBREAPER, int(on), 0, 0, 0), "prctl(PR_SET_CHILD_SUBREAPER)")


def set_parent_death_signal(signal: int) -> None:
    """Get *signal* when the *thread* that forked us ends; 0 for none.

    The kernel forgets it at a fork and when the user changes, so it is set last (prctl(2)).
    """
    _check(_libc.prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0), "prctl(PR_SET_PDEATHSIG)")


def set_thread_name(name: str) -> None:
    """Set the short name of this thread, what ``ps -o comm`` shows.  The kernel keeps 15 bytes."""
    text = ctypes.create_string_buffer(name.encode(errors="replace")[:15])
    _check(_libc.prctl(PR_SET_NAME, ctypes.addressof(text), 0, 0, 0), "prctl(PR_SET_NAME)")


def lock_all_memory() -> None:
    """Keep all pages, those of now and of later, out of swap (mlockall(2)).  A fork forgets it."""
    _check(_libc.mlockall(MCL_CURRENT | MCL_FUTURE), "mlockall()")


def same_open_file(one: int, other: int) -> bool:
    """Whether two of our descriptors lead to the same open file, as after a dup or a pass between processes.

    :raises OSError: one of them is not open, or the kernel was built without kcmp(2).
    """
    me = os.getpid()
    result = _libc.syscall(
        ctypes.c_long(_SYS_KCMP),
        *(ctypes.c_long(number) for number in (me, me, _KCMP_FILE, one, other)),
    )
    _check(result, "kcmp(KCMP_FILE)")
    return bool(result == 0)


def read_memory(address: int, size: int) -> bytes:
    """*size* bytes of our own memory.  The caller knows that they are mapped."""
    return ctypes.string_at(address, size)


def write_memory(address: int, content: bytes) -> None:
    """Overwrite our own memory.  The caller knows that it is mapped, writable and nobody else's."""
    ctypes.memmove(address, content, len(content))
