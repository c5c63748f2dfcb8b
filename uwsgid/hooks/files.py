"""Actions on files.

A path ends at the first space, or stands in double quotes.  New files and directories get the mode that the
umask leaves; none of these actions makes a directory on the way.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import ClassVar, Final, Self

from uwsgid.errors import KernelError
from uwsgid.families import hook_actions
from uwsgid.hooks.arguments import fixed, only, path_and_text, whole
from uwsgid.hooks.scene import Deed, Doing, Failed, Habits, Pause, Scene
from uwsgid.host.calls import attempt, refused

_STICKY: Final = 0o1000
_CREATE: Final = os.O_WRONLY | os.O_CREAT
_NO_READER: Final = (errno.ENXIO, errno.ENODEV)


@dataclass(frozen=True, slots=True)
class _OfPath(Deed):
    """The base of actions whose one argument is a path."""

    path: str
    form: ClassVar[tuple[str, str]]

    @classmethod
    def parse(cls, text: str) -> Self:
        """A path."""
        return cls(only(text, *cls.form))


@hook_actions.member("mkdir")
@dataclass(frozen=True, slots=True)
class MakeDirectory(_OfPath):
    """``mkdir:<directory>`` makes a directory; one that is there already is a failure."""

    form: ClassVar[tuple[str, str]] = ("mkdir", "<directory>")

    def act(self, scene: Scene) -> None:
        """Make it."""
        attempt("mkdir()", self.path, lambda: scene.kernel.mkdir(self.path, 0o777))


@hook_actions.member("unlink")
@dataclass(frozen=True, slots=True)
class Unlink(_OfPath):
    """``unlink:<path>`` removes a file; one that is not there is a failure."""

    form: ClassVar[tuple[str, str]] = ("unlink", "<path>")

    def act(self, scene: Scene) -> None:
        """Remove it."""
        attempt("unlink()", self.path, lambda: scene.kernel.unlink(self.path))


@hook_actions.member("sticky")
@dataclass(frozen=True, slots=True)
class Sticky(_OfPath):
    """``sticky:<path>`` adds the sticky bit to a mode, as /tmp has it."""

    form: ClassVar[tuple[str, str]] = ("sticky", "<path>")

    def act(self, scene: Scene) -> None:
        """Add it."""
        mode = attempt("stat()", self.path, lambda: scene.kernel.stat(self.path)).mode
        attempt("chmod()", self.path, lambda: scene.kernel.chmod(self.path, mode & 0o7777 | _STICKY))


@hook_actions.member("create", "creat")
@dataclass(frozen=True, slots=True)
class Create(_OfPath):
    """``create:<file>`` makes an empty file, or empties one, also called ``creat``."""

    form: ClassVar[tuple[str, str]] = ("create", "<file>")

    def act(self, scene: Scene) -> None:
        """Make it."""
        _put(scene, self.path, _CREATE | os.O_TRUNC, "")


@hook_actions.member("chmod")
@dataclass(frozen=True, slots=True)
class ChangeMode(Deed):
    """``chmod:<path> <mode>`` sets a mode, in three or four octal digits.

    uWSGI passes over the first of four digits (core/hooks.c, uwsgi_hook_chmod); here all of them count.
    """

    path: str
    mode: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """A path and octal digits."""
        path, mode = fixed(text, 2, "chmod", "<path> <mode>")
        if len(mode) not in (3, 4) or set(mode) - set("01234567"):
            raise ValueError(f"expected a mode of three or four octal digits, got {mode!r}")
        return cls(path, int(mode, 8))

    def act(self, scene: Scene) -> None:
        """Set it."""
        attempt("chmod()", self.path, lambda: scene.kernel.chmod(self.path, self.mode))


@hook_actions.member("chown")
@dataclass(frozen=True, slots=True)
class ChangeOwner(Deed):
    """``chown:<path> <user> <group>`` gives a file away, to a user and a group by their names."""

    path: str
    user: str
    group: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """A path and two names, which are looked up when it is done: the root may be another one then."""
        return cls(*fixed(text, 3, "chown", "<path> <user> <group>"))

    def act(self, scene: Scene) -> None:
        """Give it away."""
        hint = "; chown2 takes numbers"
        uid, gid = scene.kernel.user_id(self.user), scene.kernel.group_id(self.group)
        if uid is None:
            raise Failed(f"unable to find uid {self.user}{hint if self.user.isdigit() else ''}")
        if gid is None:
            raise Failed(f"unable to find gid {self.group}{hint if self.group.isdigit() else ''}")
        attempt("chown()", self.path, lambda: scene.kernel.chown(self.path, uid, gid))


@hook_actions.member("chown2")
@dataclass(frozen=True, slots=True)
class ChangeOwnerByNumber(Deed):
    """``chown2:<path> <uid> <gid>`` gives a file away, to a user and a group by their numbers."""

    path: str
    uid: int
    gid: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """A path and two numbers."""
        path, uid, gid = fixed(text, 3, "chown2", "<path> <uid> <gid>")
        most = 2**32 - 2
        return cls(path, whole(uid, "a uid", 0, most), whole(gid, "a gid", 0, most))

    def act(self, scene: Scene) -> None:
        """Give it away."""
        attempt("chown()", self.path, lambda: scene.kernel.chown(self.path, self.uid, self.gid))


@dataclass(frozen=True, slots=True)
class _Text(Deed):
    """The base of actions that write a text: a path, and all that follows it."""

    path: str
    text: str
    name: ClassVar[str]
    text_needed: ClassVar[bool] = True

    @classmethod
    def parse(cls, text: str) -> Self:
        """A path and a text."""
        form = "<file> <text>" if cls.text_needed else "<file> [text]"
        return cls(*path_and_text(text, cls.name, form, text_needed=cls.text_needed))


@hook_actions.member("write")
@dataclass(frozen=True, slots=True)
class Write(_Text):
    """``write:<file> <text>`` replaces the content of a file by a text, without a newline."""

    name: ClassVar[str] = "write"

    def act(self, scene: Scene) -> None:
        """Write it."""
        _put(scene, self.path, _CREATE | os.O_TRUNC, self.text)


@hook_actions.member("writen")
@dataclass(frozen=True, slots=True)
class WriteLine(_Text):
    """``writen:<file> <text>`` replaces the content of a file by a text and a newline."""

    name: ClassVar[str] = "writen"

    def act(self, scene: Scene) -> None:
        """Write it."""
        _put(scene, self.path, _CREATE | os.O_TRUNC, self.text + "\n")


@hook_actions.member("append")
@dataclass(frozen=True, slots=True)
class Append(_Text):
    """``append:<file> <text>`` adds a text to a file, without a newline."""

    name: ClassVar[str] = "append"

    def act(self, scene: Scene) -> None:
        """Write it."""
        _put(scene, self.path, _CREATE | os.O_APPEND, self.text)


@hook_actions.member("appendn")
@dataclass(frozen=True, slots=True)
class AppendLine(_Text):
    """``appendn:<file> [text]`` adds a text and a newline to a file."""

    name: ClassVar[str] = "appendn"
    text_needed: ClassVar[bool] = False

    def act(self, scene: Scene) -> None:
        """Write it."""
        _put(scene, self.path, _CREATE | os.O_APPEND, self.text + "\n")


@hook_actions.member("writefifo")
@dataclass(frozen=True, slots=True)
class WriteFifo(_Text):
    """``writefifo:<fifo> <text>`` writes a text to a named pipe; nothing is written where nobody reads it."""

    name: ClassVar[str] = "writefifo"

    def act(self, scene: Scene) -> None:
        """Write it, if there is a reader."""
        try:
            fd = scene.kernel.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno in _NO_READER:
                return
            raise refused("open()", error, self.path) from None
        _fill(scene, fd, self.path, self.text)


@hook_actions.member("spinningfifo")
@dataclass(frozen=True, slots=True)
class SpinningFifo:
    """``spinningfifo:<fifo> <text>`` does the same, and waits until the pipe is there and has a reader."""

    path: str
    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """A path and a text."""
        return cls(*path_and_text(text, "spinningfifo", "<fifo> <text>"))

    def perform(self, scene: Scene) -> Doing:
        """Try once a second, for as long as ``spinningfifo-timeout`` says."""
        limit, waited = scene.settings[Habits].spinningfifo_timeout, 0
        while True:
            try:
                fd = scene.kernel.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno not in (*_NO_READER, errno.ENOENT):
                    raise refused("open()", error, self.path) from None
                if limit and waited >= limit:
                    raise Failed(
                        f"nobody reads {self.path} after {limit} seconds",
                        f"nobody reads the pipe after {limit} seconds",
                    ) from None
            else:
                _fill(scene, fd, self.path, self.text)
                return
            if not waited:
                scene.say("waiting for a reader of the fifo ...")
            yield Pause(1)
            waited += 1


def _put(scene: Scene, path: str, flags: int, text: str) -> None:
    fd = attempt("open()", path, lambda: scene.kernel.open(path, flags, 0o666))
    _fill(scene, fd, path, text)


def _fill(scene: Scene, fd: int, path: str, text: str) -> None:
    """Write all of *text*, and close."""
    content = os.fsencode(text)
    try:
        written = attempt("write()", path, lambda: scene.kernel.write(fd, content)) if content else 0
    finally:
        scene.kernel.close(fd)
    if written < len(content):
        raise KernelError(f"write(): only {written} of {len(content)} bytes were taken [{path}]")
