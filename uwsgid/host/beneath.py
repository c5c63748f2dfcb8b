"""Opening a file without leaving a directory, whatever its path is and whoever changes links meanwhile.

Comparing texts before opening is not enough: between the look and the open a directory can become a link to
somewhere else.  The kernel can do both in one step, openat2(2), from Linux 5.6 on; where it can not, or a
filter forbids the call, the path is walked here, one directory after the other, with the same result.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Final

from uwsgid.host import syscalls

#: For files that shall be read: a FIFO must not make us wait, nor a terminal become ours.
_READ: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_DIRECTORY: Final = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_STEP: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_BENEATH: Final = syscalls.RESOLVE_BENEATH | syscalls.RESOLVE_NO_SYMLINKS
#: openat2() gives up where something is renamed while it sees to ``..``
_TRIES: Final = 8
#: What says that there is no openat2(): an old kernel, or a filter of system calls.
_MISSING: Final = frozenset({errno.ENOSYS, errno.EPERM})


class Opener:
    """Opens what no symbolic link leads to.

    :param openat2: whether the kernel is asked; finding that it does not answer turns this off.
    """

    def __init__(self, *, openat2: bool = True) -> None:
        self._openat2 = openat2

    def directory(self, path: bytes) -> int:
        """A descriptor of a directory, good for `beneath` only.

        :param path: absolute.
        :raises OSError: ``ELOOP`` where a symbolic link is on the way, ``ENOTDIR`` where it is a file.
        """
        return self._open(None, path, _DIRECTORY)

    def file(self, path: bytes) -> int:
        """What is at *path*, which is absolute, opened for reading.

        :raises OSError: as `directory`.
        """
        return self._open(None, path, _READ)

    def beneath(self, directory: int, path: bytes) -> int:
        """What is at *path* below *directory*, opened for reading.

        :param path: relative; ``..`` is fine as long as it stays below.
        :raises OSError: ``EXDEV`` where it does not, ``ELOOP`` where a symbolic link is on the way.
        """
        return self._open(directory, path, _READ)

    def _open(self, directory: int | None, path: bytes, flags: int) -> int:
        if self._openat2:
            at, resolve = (
                (syscalls.AT_FDCWD, syscalls.RESOLVE_NO_SYMLINKS)
                if directory is None
                else (directory, _BENEATH)
            )
            for _ in range(_TRIES):
                try:
                    return syscalls.openat2(at, path, flags, resolve)
                except OSError as error:
                    if error.errno in _MISSING and not self._answers():
                        break
                    if error.errno != errno.EAGAIN:
                        raise
            else:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return _walk(directory, path, flags)

    def _answers(self) -> bool:
        """Whether openat2() works at all; a file may be refused with the same errors."""
        try:
            os.close(syscalls.openat2(syscalls.AT_FDCWD, b"/", _DIRECTORY, syscalls.RESOLVE_NO_SYMLINKS))
        except OSError as error:
            self._openat2 = error.errno not in _MISSING
        return self._openat2


def _walk(directory: int | None, path: bytes, flags: int) -> int:
    """As openat2() with ``RESOLVE_BENEATH`` and ``RESOLVE_NO_SYMLINKS``, by hand."""
    way = [os.open(b"/", _DIRECTORY) if directory is None else os.dup(directory)]
    try:
        names = [name for name in path.split(b"/") if name not in (b"", b".")]
        for name in names[:-1]:
            _enter(way, name, directory is not None)
        if not names or names[-1] == b"..":
            if names:
                _enter(way, b"..", directory is not None)
            return os.open(b".", flags, dir_fd=way[-1])
        if path.endswith((b"/", b"/.")):
            flags |= os.O_DIRECTORY
        return _last(way[-1], names[-1], flags)
    finally:
        for fd in way:
            os.close(fd)


def _last(directory: int, name: bytes, flags: int) -> int:
    fd = os.open(name, flags & ~os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
    mode = os.fstat(fd).st_mode
    wrong = 0
    if stat.S_ISLNK(mode):
        wrong = errno.ELOOP
    elif flags & os.O_DIRECTORY and not stat.S_ISDIR(mode):
        wrong = errno.ENOTDIR
    if wrong:
        os.close(fd)
        raise OSError(wrong, os.strerror(wrong))
    return fd


def _enter(way: list[int], name: bytes, bounded: bool) -> None:
    """Go one step on; *way* has the directories from the start to where we are."""
    if name == b"..":
        if len(way) > 1:
            os.close(way.pop())
        elif bounded:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return
    fd = os.open(name, _STEP, dir_fd=way[-1])
    way.append(fd)
    mode = os.fstat(fd).st_mode
    if stat.S_ISLNK(mode):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if not stat.S_ISDIR(mode):
        raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
