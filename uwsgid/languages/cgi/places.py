"""Which file answers for a path: mountpoints, directories, indexes, and who may be run at all.

Nothing here runs anything.  `Places.find` looks at the file system and says what it found, as a `Script` or
as the `Refusal` that the client gets.  Paths are bytes, as the kernel has them.

The rules are those of uWSGI (plugins/cgi/cgi_plugin.c), but for links that lead out of a directory, which get
an answer here, and for mountpoints, which end where a segment does.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote_from_bytes

if TYPE_CHECKING:
    from uwsgid.languages.cgi.options import CgiOptions

_SLASH: Final = 0x2F
#: Bytes of a path that may stand in Location as they are (RFC 3986 section 3.3).
_PLAIN: Final = "/:@!$&'()*+,;=~"


@dataclass(frozen=True, slots=True)
class Script:
    """What is to be run.

    :ivar path: the file.
    :ivar name: ``SCRIPT_NAME``.
    :ivar path_info: what of the path follows the name.
    :ivar root: the directory that the path was looked up in; empty where the mount is a file.
    :ivar helper: the program that runs it; empty where it runs by itself.
    """

    path: bytes
    name: bytes
    path_info: bytes
    root: bytes
    helper: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing is run.

    :ivar status: 301, 403 or 404.
    :ivar location: where a 301 leads.
    :ivar why: for the log; empty where it is no news.
    """

    status: int
    location: str = ""
    why: str = ""


class _Nothing(Exception):
    """There is no such file, or it may not be looked at; the argument is a `Refusal`."""

    @property
    def refusal(self) -> Refusal:
        found: Refusal = self.args[0]
        return found


class Places:
    """The directories and scripts of one configuration."""

    def __init__(self, options: CgiOptions) -> None:
        resolved = os.path.realpath if options.optimize else os.path.abspath
        mounts: dict[bytes, bytes] = {}
        for point, path in options.mounts:
            mounts.setdefault(os.fsencode(point), resolved(os.fsencode(path)))
        self._mounts = sorted(mounts.items(), key=lambda mount: -len(mount[0]))
        self._from_docroot = options.from_docroot
        self._follows_links = options.optimize
        self._safe = [os.path.realpath(os.fsencode(path)) for path in options.safe]
        self._index = [os.fsencode(name) for name in options.index]
        self._endings = tuple(os.fsencode(ending) for ending in options.allowed_ext)
        self._helpers = [(os.fsencode(ending), command) for ending, command in options.helpers]

    def find(self, path: bytes, docroot: bytes = b"") -> Script | Refusal:
        """What answers for *path*.

        :param docroot: ``DOCUMENT_ROOT`` of the request, for ``cgi-from-docroot``.
        """
        mount = self._mount(path, docroot)
        if mount is None or b"\0" in path:
            return Refusal(404)
        try:
            return self._look(path, *mount)
        except _Nothing as nothing:
            return nothing.refusal

    def _mount(self, path: bytes, docroot: bytes) -> tuple[bytes, bytes] | None:
        for point, target in self._mounts:
            if path.startswith(point) and (
                not point or point[-1] == _SLASH or path[len(point) :][:1] in (b"", b"/")
            ):
                return point, target
        return (b"", os.path.abspath(docroot)) if self._from_docroot and docroot else None

    def _look(self, path: bytes, point: bytes, target: bytes) -> Script | Refusal:
        name, rest = point.rstrip(b"/"), path[len(point) :]
        if not _is_directory(target):
            return self._permitted(target, name, rest, b"")
        current, at = target, 0
        while at < len(rest):
            slash = rest.find(b"/", at)
            end = len(rest) if slash < 0 else slash
            segment = rest[at:end]
            at = end + 1
            if segment in (b"", b"."):
                continue
            if segment == b"..":
                return Refusal(403)
            current += b"/" + segment
            name += b"/" + segment
            if not _is_directory(current):
                return self._permitted(current, name, rest[end:], target)
        if not path.endswith(b"/"):
            return Refusal(301, quote_from_bytes(b"/" + path.strip(b"/") + b"/", _PLAIN))
        for index in self._index:
            try:
                if not _is_directory(current + b"/" + index):
                    return self._permitted(current + b"/" + index, name + b"/" + index, b"", target)
            except _Nothing:
                continue
        return Refusal(404)

    def _permitted(self, file: bytes, name: bytes, path_info: bytes, root: bytes) -> Script | Refusal:
        """*file*, where it may be run."""
        if self._endings and not file.endswith(self._endings):
            return Refusal(403)
        real = file
        if root and not self._follows_links:
            root, real = os.path.realpath(root), os.path.realpath(file)
            if not _is_below(real, (root, *self._safe)):
                shown = os.fsdecode(real), os.fsdecode(root)
                return Refusal(403, why=f"CGI security error: {shown[0]} is not under {shown[1]}")
        for ending, command in self._helpers:
            if file.endswith(ending):
                return Script(real, name, path_info, root, command)
        if not os.access(real, os.X_OK):
            why = f"{os.fsdecode(real)} is not executable, and cgi-helper names no program for it"
            return Refusal(403, why=why)
        return Script(real, name, path_info, root)


def _is_below(path: bytes, roots: Iterable[bytes]) -> bool:
    return any(path.startswith(root.rstrip(b"/") + b"/") for root in roots)


def _is_directory(path: bytes) -> bool:
    """Whether *path* is a directory; else it is a plain file.

    :raises _Nothing: it is neither, or nobody can tell.
    """
    try:
        mode = os.stat(path).st_mode
    except PermissionError as error:
        raise _Nothing(Refusal(403, why=f"stat(): {error.strerror} [{os.fsdecode(path)}]")) from None
    except (OSError, ValueError):
        raise _Nothing(Refusal(404)) from None
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise _Nothing(Refusal(403))
    return stat.S_ISDIR(mode)
