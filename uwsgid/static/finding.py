"""From a path to an open file that may be served.

A file is served where its real path, all links resolved, is beneath the root that it was asked from, or
beneath a ``static-safe`` directory (core/static.c, ``uwsgi_file_serve``).  uWSGI resolves, compares, and
opens then; here the kernel opens what no link leads to, and only where there is a link it is resolved,
compared, and opened by the path that was compared, which must be without links still.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from uwsgid.host.beneath import Opener
from uwsgid.static.choice import Choice, Root


@dataclass(frozen=True, slots=True)
class Found:
    """An open regular file.  Whoever gets one closes it.

    :ivar path: its real path, without links and dots.
    :ivar mtime: nanoseconds since the epoch.
    :ivar index: the name of ``static-index`` that was added to the path, empty for none.
    """

    fd: int
    path: bytes
    size: int
    mtime: int
    index: bytes = b""


class Finder:
    """Finds and opens what a request names.

    :param safe: directories that links may lead to.
    :param indexes: names to try in a directory.
    :param say: writes a line to the log.
    """

    def __init__(
        self,
        choice: Choice,
        safe: Sequence[Root],
        indexes: Sequence[bytes],
        say: Callable[[str], None],
        opener: Opener | None = None,
    ) -> None:
        self._choice = choice
        self._safe = tuple(safe)
        self._indexes = tuple(indexes)
        self._say = say
        self._opener = opener if opener is not None else Opener()

    def find(self, path: bytes, document_root: str = "") -> Found | None:
        """The file that answers for *path*, None where no root has one that may be served.

        :param path: PATH_INFO.
        """
        for root, rest in self._choice.places(path, document_root):
            found = self._in_root(root, rest)
            if found is not None:
                return found
        return None

    def twin(self, found: Found, suffix: bytes, asked: bytes) -> Found | None:
        """The file beside *found* whose name has *suffix* at its end; None where there is none.

        :param asked: PATH_INFO, for the log.
        """
        opened = self._resolved(found.path + suffix, (Root(os.path.dirname(found.path)),), asked)
        return self._regular(opened, found.index)

    def _in_root(self, root: Root, rest: bytes) -> Found | None:
        try:
            directory = self._opener.directory(root.path)
        except OSError as error:
            if error.errno == errno.ELOOP:
                # a link on the way to the root is whose configuration it is, as in uWSGI 2.0
                real = Root(os.path.realpath(root.path))
                return self._in_root(real, rest) if real != root else None
            if error.errno == errno.ENOTDIR:
                # one file, whatever follows its mountpoint (core/static.c)
                return self._regular(self._resolved(root.path, (root,), rest))
            return None
        try:
            return self._in_directory(root, directory, rest)
        finally:
            os.close(directory)

    def _in_directory(self, root: Root, directory: int, rest: bytes) -> Found | None:
        relative = rest.lstrip(b"/") or b"."
        opened = self._opened(root, directory, relative, rest)
        if opened is None:
            return None
        if not stat.S_ISDIR(os.fstat(opened[0]).st_mode):
            return self._regular(opened)
        os.close(opened[0])
        for index in self._indexes:
            found = self._regular(self._opened(root, directory, relative + b"/" + index, rest), index)
            if found is not None:
                return found
        return None

    def _opened(self, root: Root, directory: int, relative: bytes, asked: bytes) -> tuple[int, bytes] | None:
        """What is at *relative* below *root*, with its real path."""
        path = root.path.rstrip(b"/") + b"/" + relative
        try:
            return self._opener.beneath(directory, relative), os.path.normpath(path)
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.EXDEV):
                return None
        return self._resolved(path, (root,), asked)

    def _resolved(self, path: bytes, roots: Sequence[Root], asked: bytes) -> tuple[int, bytes] | None:
        """What is at *path* once all links are resolved, where one of *roots* or a safe directory has it."""
        try:
            os.stat(path)  # realpath() would take a file for a directory in `file/..`
            real = os.path.realpath(path, strict=True)
        except (OSError, ValueError):
            return None
        if not any(root.holds(real) for root in (*roots, *self._safe)):
            root = roots[0]
            self._say(
                f"[uwsgi-fileserve] security error: {_shown(real)} is not under {_shown(root.path)} or a "
                f"safe path [{_shown(asked)}]"
            )
            return None
        try:
            return self._opener.file(real), real
        except OSError:
            return None  # gone meanwhile, or a link now

    @staticmethod
    def _regular(opened: tuple[int, bytes] | None, index: bytes = b"") -> Found | None:
        if opened is None:
            return None
        fd, path = opened
        facts = os.fstat(fd)
        if not stat.S_ISREG(facts.st_mode):
            os.close(fd)
            return None
        return Found(fd, path, facts.st_size, facts.st_mtime_ns, index)


def _shown(path: bytes) -> str:
    """*path* for a line of the log, which it must not be able to forge."""
    text = path.decode("utf-8", "backslashreplace")
    return text if text.isprintable() else ascii(text)[1:-1]
