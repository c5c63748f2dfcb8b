"""The system calls that Python does not offer, and the only place of the house that knows ctypes.

Each function is one call; it raises `OSError` with its errno.  The numbers are those of the kernel's
``linux/prctl.h``, ``linux/capability.h``, ``sys/mman.h`` and ``asm/unistd.h``.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import select
import signal
import sys
from collections.abc import Iterable
from functools import cache
from struct import Struct
from typing import Final

PR_SET_PDEATHSIG: Final = 1
PR_SET_DUMPABLE: Final = 4
PR_SET_KEEPCAPS: Final = 8
PR_SET_NAME: Final = 15
PR_CAPBSET_DROP: Final = 24
PR_SET_CHILD_SUBREAPER: Final = 36
PR_SET_NO_NEW_PRIVS: Final = 38
PR_GET_TID_ADDRESS: Final = 40
PR_CAP_AMBIENT: Final = 47
PR_SET_MEMORY_MERGE: Final = 67
PR_CAP_AMBIENT_RAISE: Final = 2

#: sizes of blocks of malloc(3) that glibc has in lists of their own (malloc/malloc.c), in bytes
_LARGEST_BLOCK: Final = 1032
_BLOCKS_DIFFER: Final = 16
_ROW_OF_BLOCKS: Final = 1 << 14  #: bytes
_MOST_BLOCKS: Final = 4096

MCL_CURRENT: Final = 1
MCL_FUTURE: Final = 2

#: kcmp(2) has no wrapper in the C library; most architectures number it as asm-generic does
_SYS_KCMP: Final = {"x86_64": 312, "i686": 349, "armv7l": 378, "ppc64le": 354, "s390x": 343}.get(
    platform.machine(), 272
)
_KCMP_FILE: Final = 0
#: pivot_root(2) has no wrapper either
_SYS_PIVOT_ROOT: Final = {"x86_64": 155, "i686": 217, "armv7l": 218, "ppc64le": 203, "s390x": 217}.get(
    platform.machine(), 41
)
#: clone3(2), by the same number everywhere
_SYS_CLONE3: Final = 435
CLONE_THREAD: Final = 0x00010000
_CLONE_PARENT: Final = 0x00008000
_CLONE_CHILD_CLEARTID: Final = 0x00200000
_CLONE_CHILD_SETTID: Final = 0x01000000
#: struct clone_args, version 0: flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls
_CLONE_ARGS: Final = Struct("=8Q")
#: openat2(2), by the same number everywhere, and struct open_how: flags, mode, resolve
_SYS_OPENAT2: Final = 437
_OPEN_HOW: Final = Struct("=3Q")
AT_FDCWD: Final = -100
#: struct pollfd: fd, events, revents
_POLLFD: Final = Struct("=ihh")
RESOLVE_NO_SYMLINKS: Final = 0x04
RESOLVE_BENEATH: Final = 0x08
#: _LINUX_CAPABILITY_VERSION_3: two words of 32 bits for each set
_CAPABILITY_VERSION: Final = 0x20080522
_CAPABILITIES: Final = Struct("=6I")
#: IN_ATTRIB, IN_CLOSE_WRITE, IN_MOVED_FROM, IN_MOVED_TO, IN_CREATE, IN_DELETE, IN_DELETE_SELF, IN_MOVE_SELF,
#: IN_ONLYDIR and IN_EXCL_UNLINK of linux/inotify.h
_OF_DIRECTORIES: Final = 0x4 | 0x8 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800 | 0x1000000 | 0x4000000

#: IN_ATTRIB, IN_CLOSE_WRITE, IN_DELETE_SELF and IN_MOVE_SELF
_OF_FILES: Final = 0x4 | 0x8 | 0x400 | 0x800

_libc: Final = ctypes.CDLL(None, use_errno=True)
#: the same, called without letting other threads run meanwhile
_held: Final = ctypes.PyDLL(None, use_errno=True)
_held.syscall.restype = ctypes.c_long
_held.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
_held.malloc.argtypes = [ctypes.c_size_t]
_held.malloc.restype = ctypes.c_void_p
_held.free.argtypes = [ctypes.c_void_p]
_python: Final = ctypes.pythonapi
_libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
_libc.prctl.restype = ctypes.c_int
_libc.mlockall.argtypes = [ctypes.c_int]
_libc.mlockall.restype = ctypes.c_int
_libc.unshare.argtypes = [ctypes.c_int]
_libc.setns.argtypes = [ctypes.c_int, ctypes.c_int]
_libc.mount.argtypes = [ctypes.c_char_p] * 3 + [ctypes.c_ulong, ctypes.c_char_p]
_libc.umount2.argtypes = [ctypes.c_char_p, ctypes.c_int]
_libc.capget.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
_libc.capset.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
_libc.statfs.argtypes = [ctypes.c_char_p, ctypes.c_char_p]

_libc.inotify_init1.argtypes = [ctypes.c_int]
_libc.inotify_add_watch.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32]


#: What the kernel is pointed to.
_buffers: Final[list[object]] = []


def _check(result: int, call: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), call)


def _signed(flags: int) -> int:
    """Bit 31 (CLONE_IO) in an int of C."""
    return flags - (1 << 32) if flags & 0x80000000 else flags


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


def set_dumpable(on: bool) -> None:
    """Let our files in ``/proc`` be our own.  After a change of users they are root's (prctl(2))."""
    _check(_libc.prctl(PR_SET_DUMPABLE, int(on), 0, 0, 0), "prctl(PR_SET_DUMPABLE)")


def set_thread_name(name: str) -> None:
    """Set the short name of this thread, what ``ps -o comm`` shows.  The kernel keeps 15 bytes."""
    text = ctypes.create_string_buffer(name.encode(errors="replace")[:15])
    _check(_libc.prctl(PR_SET_NAME, ctypes.addressof(text), 0, 0, 0), "prctl(PR_SET_NAME)")


def fork_sibling() -> int:
    """Fork a child of our *parent*: 0 in the child, its process id here.

    It does what `os.fork` does, by the same functions of Python, but for one flag (CLONE_PARENT, clone(2)).
    Handlers that C libraries registered by pthread_atfork(3) are not run, and no other thread may be there.

    :raises OSError: EINVAL for the init process of a pid namespace, ENOSYS where the kernel, or whoever
        filters its calls, offers no clone3(2) or does not tell where the C library keeps the thread id.
    """
    words = _words_of_sibling()
    _python.PyOS_BeforeFork()
    pid: int = _held.syscall(*words)
    if pid == 0:
        _python.PyOS_AfterFork_Child()
        return 0
    number = ctypes.get_errno()
    _python.PyOS_AfterFork_Parent()
    if pid < 0:
        raise OSError(number, os.strerror(number), "clone3()")
    return pid


@cache
def _words_of_sibling() -> list[ctypes.c_long]:
    """What clone3(2) is called with for a sibling; the same in all processes that are forked from this one.

    :raises OSError: as `fork_sibling` does.
    """
    thread_id = ctypes.c_void_p()
    _check(_libc.prctl(PR_GET_TID_ADDRESS, ctypes.addressof(thread_id), 0, 0, 0), "prctl(PR_GET_TID_ADDRESS)")
    if not thread_id.value:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), "prctl(PR_GET_TID_ADDRESS)")
    flags = _CLONE_PARENT | _CLONE_CHILD_SETTID | _CLONE_CHILD_CLEARTID
    wanted = ctypes.create_string_buffer(_CLONE_ARGS.pack(flags, 0, thread_id.value, 0, 0, 0, 0, 0))
    _buffers.append(wanted)
    return [ctypes.c_long(word) for word in (_SYS_CLONE3, ctypes.addressof(wanted), _CLONE_ARGS.size)]


def fork_unnoticed(*, sibling: bool = False) -> int:
    """Fork a process of one thread without Python noticing: 0 in the child, its process id here.

    `os.fork` has functions run on both sides, and has Python make its locks anew.  That writes to a megabyte
    of memory that parent and child would share, and without other threads nothing of it is needed: nobody
    else can hold a lock.  What the child lacks is `notice_fork`'s business.

    :param sibling: fork a child of our *parent*, as `fork_sibling` does.
    :raises OSError: as `fork_sibling` and `os.fork` do.
    """
    pid: int = _held.syscall(*_words_of_sibling()) if sibling else _held.fork()
    if pid < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "fork()")
    return pid


def notice_fork() -> None:
    """Have Python notice that this process was forked: to be called where it goes on to start threads."""
    _python.PyOS_BeforeFork()
    _python.PyOS_AfterFork_Child()


def fork_asleep(*sleepers: tuple[str, int, Iterable[int]]) -> tuple[int, ...]:
    """Fork children that sleep, each until its descriptor can be read, or is closed at its other end.

    Asleep it is a fork of C, and not yet one of Python, which would write to a megabyte of what it shares
    with us before it did anything.  It dies with the thread that forked it, by KILL.

    :param sleepers: of each its short name, as `set_thread_name` sets it, that descriptor, and those that it
        closes at once.
    :returns: their process ids; in a child that woke, those of its elder siblings and 0.
    """
    texts = [ctypes.create_string_buffer(name.encode(errors="replace")[:15]) for name, _, _ in sleepers]
    awaited = [ctypes.create_string_buffer(_POLLFD.pack(until, select.POLLIN, 0)) for _, until, _ in sleepers]
    prepared = [
        (ctypes.addressof(text), ctypes.c_void_p(ctypes.addressof(poll)), foreign)
        for text, poll, (_, _, foreign) in zip(texts, awaited, sleepers, strict=True)
    ]
    one, for_ever = ctypes.c_ulong(1), -1
    pids: list[int] = []
    _python.PyOS_BeforeFork()
    for named, poll, foreign in prepared:
        pids.append(_held.fork())
        if pids[-1] == 0:
            _held.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            _held.prctl(PR_SET_NAME, named, 0, 0, 0)
            for descriptor in foreign:
                _held.close(descriptor)
            while _held.poll(poll, one, for_ever) < 1:
                pass
            _python.PyOS_AfterFork_Child()
            return tuple(pids)
        if pids[-1] < 0:
            break
    number = ctypes.get_errno()
    _python.PyOS_AfterFork_Parent()
    if pids[-1] < 0:
        raise OSError(number, os.strerror(number), "fork()")
    return tuple(pids)


def merge_memory() -> None:
    """Let the kernel merge our pages with equal ones, now and later; children inherit it (prctl(2)).

    Since Linux 6.4; it takes CAP_SYS_RESOURCE.
    """
    _check(_libc.prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0), "prctl(PR_SET_MEMORY_MERGE)")


def lock_all_memory() -> None:
    """Keep all pages, those of now and of later, out of swap (mlockall(2)).  A fork forgets it."""
    _check(_libc.mlockall(MCL_CURRENT | MCL_FUTURE), "mlockall()")


def unshare(flags: int) -> None:
    """Leave the namespaces of *flags* for new ones.  ``os.unshare`` came with Python 3.12."""
    _check(_libc.unshare(_signed(flags)), "unshare()")


def setns(fd: int, kind: int = 0) -> None:
    """Enter the namespace that *fd* stands for.  ``os.setns`` came with Python 3.12."""
    _check(_libc.setns(fd, _signed(kind)), "setns()")


def mount(source: str, target: str, fstype: str, flags: int, data: str = "") -> None:
    """Attach a file system (mount(2)); no *data* is a null pointer."""
    about = os.fsencode(data) if data else None
    names = (os.fsencode(source), os.fsencode(target), os.fsencode(fstype))
    _check(_libc.mount(*names, flags, about), "mount()")


def umount(target: str, flags: int = 0) -> None:
    """Detach a file system (umount2(2))."""
    _check(_libc.umount2(os.fsencode(target), flags), "umount2()")


def openat2(directory: int, path: bytes, flags: int, resolve: int) -> int:
    """Open *path* under the rules of *resolve* (openat2(2)); `AT_FDCWD` takes it as open(2) does.

    :raises OSError: ``ENOSYS`` before Linux 5.6; ``ELOOP``, ``EXDEV`` or ``EAGAIN`` where a rule forbids it.
    """
    if b"\0" in path:
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    how = _OPEN_HOW.pack(flags, 0, resolve)
    while True:
        fd = _libc.syscall(
            ctypes.c_long(_SYS_OPENAT2),
            ctypes.c_long(directory),
            ctypes.c_char_p(path),
            ctypes.c_char_p(how),
            ctypes.c_size_t(_OPEN_HOW.size),
        )
        if fd >= 0 or ctypes.get_errno() != errno.EINTR:
            break
    _check(fd, "openat2()")
    return int(fd)


def pivot_root(new_root: str, put_old: str) -> None:
    """Change the root mount (pivot_root(2))."""
    names = (ctypes.c_char_p(os.fsencode(name)) for name in (new_root, put_old))
    _check(_libc.syscall(ctypes.c_long(_SYS_PIVOT_ROOT), *names), "pivot_root()")


def file_system(path: str) -> int:
    """The magic number of the file system that *path* is on (statfs(2))."""
    found = ctypes.create_string_buffer(256)
    _check(_libc.statfs(os.fsencode(path), found), "statfs()")
    return int.from_bytes(found.raw[: ctypes.sizeof(ctypes.c_long)], sys.byteorder)


def capabilities() -> tuple[int, int, int]:
    """Our effective, permitted and inheritable capabilities, as masks (capget(2))."""
    header = Struct("=Ii").pack(_CAPABILITY_VERSION, 0)
    found = ctypes.create_string_buffer(_CAPABILITIES.size)
    _check(_libc.capget(header, found), "capget()")
    low = _CAPABILITIES.unpack(found.raw)
    return low[0] | low[3] << 32, low[1] | low[4] << 32, low[2] | low[5] << 32


def set_capabilities(effective: int, permitted: int, inheritable: int) -> None:
    """Replace our capabilities (capset(2))."""
    header = Struct("=Ii").pack(_CAPABILITY_VERSION, 0)
    masks = (effective, permitted, inheritable)
    words = [mask & 0xFFFFFFFF for mask in masks] + [mask >> 32 for mask in masks]
    _check(_libc.capset(header, _CAPABILITIES.pack(*words)), "capset()")


def set_keep_capabilities(on: bool) -> None:
    """Keep the permitted capabilities when all our user ids cease to be root."""
    _check(_libc.prctl(PR_SET_KEEPCAPS, int(on), 0, 0, 0), "prctl(PR_SET_KEEPCAPS)")


def drop_bounding(capability: int) -> None:
    """Remove a capability from the bounding set."""
    _check(_libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), "prctl(PR_CAPBSET_DROP)")


def raise_ambient(capability: int) -> None:
    """Add a capability to the ambient set; it has to be permitted and inheritable."""
    _check(_libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0), "prctl(PR_CAP_AMBIENT)")


def set_no_new_privs() -> None:
    """Let no execve grant privileges any more."""
    _check(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS)")


def inotify_init() -> int:
    """A descriptor that tells of changes in directories (inotify(7)).  It does not block."""
    found = int(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
    _check(found, "inotify_init1()")
    return found


def inotify_add_directory(fd: int, path: str) -> None:
    """Have *fd* tell when the directory *path* or an entry of it comes, goes or changes."""
    _check(_libc.inotify_add_watch(fd, os.fsencode(path), _OF_DIRECTORIES), "inotify_add_watch()")


def inotify_add_file(fd: int, path: str) -> None:
    """Have *fd* tell when the file that *path* leads to is written, touched, moved or removed."""
    _check(_libc.inotify_add_watch(fd, os.fsencode(path), _OF_FILES), "inotify_add_watch()")


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


def fill_heap() -> int:
    """Take whatever is free between others in the heap of malloc(3), for good; how many blocks that are.

    Blocks of a size are taken until some stand in a row: the place where they are is as good as the end of
    the heap, and they are given back.  How far from each other they are then is glibc's, so with another C
    library nothing is done.
    """
    if "CS_GNU_LIBC_VERSION" not in os.confstr_names:
        return 0
    head = ctypes.sizeof(ctypes.c_size_t)
    taken = 0
    rows: list[range] = []
    for size in range(_LARGEST_BLOCK, _BLOCKS_DIFFER, -_BLOCKS_DIFFER):
        # nothing is kept of a block but its place: a list that grows would take blocks itself
        first = behind = 0
        for _ in range(_MOST_BLOCKS):
            block: int | None = _held.malloc(size)
            if block is None:
                break
            if block != behind:
                first = block
            behind = block + size + head
            taken += 1
            if behind - first > _ROW_OF_BLOCKS:
                break
        rows.append(range(first, behind, size + head))
    for row in rows:
        taken -= len(row)
        for block in row:
            _held.free(block)
    return taken


def read_memory(address: int, size: int) -> bytes:
    """*size* bytes of our own memory.  The caller knows that they are mapped."""
    return ctypes.string_at(address, size)


def write_memory(address: int, content: bytes) -> None:
    """Overwrite our own memory.  The caller knows that it is mapped, writable and nobody else's."""
    ctypes.memmove(address, content, len(content))
