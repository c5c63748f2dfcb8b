"""User namespaces: which numbers inside stand for which outside.

A user namespace without maps is a trap: everybody in it is the overflow user, and nobody can become root.
Maps are written by a helper that stays outside, since whoever has left may map no more than its own number
(user_namespaces(7)); the rest of the house sees one call, `unshare_mapped`.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from uwsgid.config.kinds import Kind
from uwsgid.host.syscalls import set_dumpable, unshare
from uwsgid.interfaces import IKernel

EVERYBODY: Final = (1 << 32) - 1  #: numbers that a namespace can have; the last one means nobody


@dataclass(frozen=True, slots=True)
class IdMap:
    """*count* numbers from *inside* on stand for those from *outside* on."""

    inside: int
    outside: int
    count: int

    def __str__(self) -> str:
        return f"{self.inside} {self.outside} {self.count}"


@dataclass(frozen=True, slots=True)
class IdMaps:
    """The maps of users and of groups.

    :ivar setgroups: whether supplementary groups may be changed inside; only root may allow that.
    """

    uids: tuple[IdMap, ...]
    gids: tuple[IdMap, ...]
    setgroups: bool = True


def parse_id_map(text: str) -> IdMap:
    """``0 100000 65536`` or ``0:100000:65536``: inside, outside, how many.

    :raises ValueError: with what is wrong.
    """
    words = text.replace(":", " ").split()
    if len(words) != 3 or not all(word.isascii() and word.isdigit() for word in words):
        raise ValueError(f"expected three numbers, inside outside count, got {text!r}")
    inside, outside, count = (int(word) for word in words)
    if not count:
        raise ValueError(f"expected a count from 1 in {text!r}")
    if max(inside, outside) + count > EVERYBODY:
        raise ValueError(f"{text!r} leads beyond the largest number, {EVERYBODY - 1}")
    return IdMap(inside, outside, count)


ID_MAPS: Final = Kind("list of id maps", "three numbers, inside outside count", parse_id_map, many=True)
IdMapList = Annotated[tuple[IdMap, ...], ID_MAPS]


def own_maps(kernel: IKernel, uids: Sequence[IdMap] = (), gids: Sequence[IdMap] = ()) -> IdMaps:
    """What is mapped where *uids* and *gids* say nothing: for root all that we have, else us as root.

    Root keeps every number that its own namespace has, so that users and files keep their owners.  Anybody
    else may map one number only, and has to give up `setgroups` for it.
    """
    if kernel.geteuid() != 0:
        me = IdMap(0, kernel.geteuid(), 1), IdMap(0, kernel.getgid(), 1)
        # with maps of its own somebody who is no root may only be more modest, and the kernel says so
        return IdMaps(tuple(uids) or me[:1], tuple(gids) or me[1:], setgroups=False)
    return IdMaps(
        tuple(uids) or _identical(kernel, "/proc/self/uid_map"),
        tuple(gids) or _identical(kernel, "/proc/self/gid_map"),
    )


def _identical(kernel: IKernel, path: str) -> tuple[IdMap, ...]:
    """Each number that we have stands for itself."""
    try:
        lines = kernel.read_file(path).decode("ascii").splitlines()
    except OSError:
        return (IdMap(0, 0, EVERYBODY),)
    return tuple(IdMap(int(inside), int(inside), int(count)) for inside, _, count in map(str.split, lines))


def unshare_mapped(flags: int, uid_map: str, gid_map: str, setgroups: bool) -> None:
    """Leave for new namespaces, a user namespace among them, and have its maps written.

    :param uid_map: as the kernel wants it, one range a line; *gid_map* likewise.
    :raises OSError: by which call it was refused.
    """
    pid = os.getpid()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        helper = os.fork()
        if helper == 0:
            ours.close()
            _write_when_told(theirs, pid, uid_map, gid_map, setgroups)
        theirs.close()
        try:
            # whoever was root and is not any more may not write its own maps otherwise
            set_dumpable(True)
            unshare(flags)
            ours.send(b"!")
            told = ours.recv(1)
        finally:
            ours.close()  # which ends a helper that was not told anything
            with contextlib.suppress(ChildProcessError):  # whoever ignores SIGCHLD has nobody to wait for
                os.waitpid(helper, 0)
    number = told[0] if told else 5
    if number:
        raise OSError(number, os.strerror(number), "user namespace maps")


def _write_when_told(line: socket.socket, pid: int, uid_map: str, gid_map: str, setgroups: bool) -> None:
    """In the helper: write the maps of *pid*, and answer with the errno of what went wrong, or 0."""
    try:
        if line.recv(1):
            number = 0
            try:
                if not setgroups:
                    _write(f"/proc/{pid}/setgroups", "deny")
                _write(f"/proc/{pid}/gid_map", gid_map)
                _write(f"/proc/{pid}/uid_map", uid_map)
            except OSError as error:
                number = error.errno or 5
            line.send(bytes([number]))
    finally:
        os._exit(0)


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode("ascii"))
    finally:
        os.close(fd)
