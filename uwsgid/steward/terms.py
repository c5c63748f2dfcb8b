"""On what terms a lone worker serves: what its steward, who reads no configuration, has to know of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from uwsgid.host.binding import Listener
from uwsgid.wire.control import Terms

DIE_ON_TERM: Final = 1  #: TERM stops; otherwise it reloads brutally
SWAPPED: Final = 2  #: the configuration itself says so, which gives QUIT the old meaning of TERM
VACUUM: Final = 4  #: remove the files of the sockets at the end

#: As long as nobody told any.
USUAL: Final = Terms(60, 8, DIE_ON_TERM, "")


@dataclass(frozen=True, slots=True)
class Kept:
    """A listening socket that a steward keeps; its attributes are those of `Listener`."""

    fd: int
    path: str
    inode: int
    configured: str


def describe(sockets: Iterable[Listener]) -> str:
    """What `Terms` say of *sockets*."""
    return "\n".join(f"{each.inode}\0{each.path}\0{each.configured}" for each in sockets)


def sockets_of(terms: Terms, descriptors: Iterable[int]) -> list[Kept]:
    """The sockets that *terms* describe, whose *descriptors* came along."""
    found: list[Kept] = []
    for line, fd in zip(terms.sockets.split("\n"), descriptors, strict=False):
        inode, path, configured = line.split("\0")
        found.append(Kept(fd, path, int(inode), configured))
    return found
