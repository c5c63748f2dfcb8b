"""What a nest keeps for vassals that outlive their emperor (``emperor-adopt-vassals``).

A vassal ends when nobody holds the other end of its pipe any more.  The nest holds a copy of each, so when
the emperor alone dies its vassals notice nothing.  The emperor's successor asks the nest who is there, gets
the pipes, and goes on.  Whoever was born and not held yet could not be told from a stranger, so it is ended
before the successor could have it a second time.

Between the two lies a pair of sockets that boot made: its ends are in every emperor and every nest, and in
the master, so that it outlives each of them.  A lock that dies with its holder tells whether there is a nest.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import Final

from uwsgid.errors import PeerError
from uwsgid.supervise.seed import receive
from uwsgid.wire.control import Census, Counted, Held, Hold, Record, Release, unpack

_PATIENCE: Final = 5.0  #: seconds that a killed newborn may take to end
#: struct flock of the C library, which Python does not know: type, whence, start, length, pid
_FLOCK: Final = struct.Struct("hhqqi4x")


@dataclass(frozen=True, slots=True)
class Link:
    """What boot made, so that a nest can outlive its emperor; descriptors.

    :ivar emperor: the emperor's end of the talk; *nest* the other one.
    :ivar lock: a file of no name, which a nest locks.
    """

    emperor: int
    nest: int
    lock: int

    @classmethod
    def make(cls) -> Link:
        """A new one."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return cls(ours.detach(), theirs.detach(), os.memfd_create("emperor-nest"))

    def take_lock(self) -> None:
        """Be the nest from now on."""
        fcntl.lockf(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def holder(self) -> int:
        """The pid of the nest; 0 where there is none."""
        asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        found = _FLOCK.unpack(fcntl.fcntl(self.lock, fcntl.F_GETLK, asked))
        return 0 if found[0] == fcntl.F_UNLCK else int(found[4])

    def tell(self, record: Record) -> None:
        """Say something to the nest."""
        with socket.socket(fileno=os.dup(self.emperor)) as channel:
            channel.send(record.pack())

    def drain(self) -> None:
        """Throw away what nobody heard before the last nest ended."""
        for end in (self.nest, self.emperor):
            channel = socket.socket(fileno=os.dup(end))
            with channel, contextlib.suppress(BlockingIOError, ConnectionError):
                while True:
                    _, descriptors = receive(channel, socket.MSG_DONTWAIT)
                    for descriptor in descriptors:
                        os.close(descriptor)


@dataclass(slots=True)
class _Kept:
    pidfd: int
    about: str = ""
    descriptors: list[int] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        return bool(poll.poll(0))


class Keeping:
    """The vassals that a nest knows."""

    def __init__(self) -> None:
        self._vassals: dict[int, _Kept] = {}

    def born(self, pid: int) -> None:
        """A vassal was born here."""
        with contextlib.suppress(OSError):  # it ended already
            self._vassals[pid] = _Kept(os.pidfd_open(pid))

    def hear(self, record: Record, descriptors: list[int], channel: socket.socket) -> bool:
        """Act upon what an emperor says; True where the descriptors are kept."""
        if isinstance(record, Hold):
            return self._hold(record, descriptors)
        if isinstance(record, Release):
            self._release(record.pid)
        elif isinstance(record, Census):
            self._count(record.ticket, channel)
        return False

    def close_all(self) -> None:
        """Let go of everything, in a vassal that was just born."""
        for kept in self._vassals.values():
            for descriptor in (kept.pidfd, *kept.descriptors):
                os.close(descriptor)
        self._vassals.clear()

    def _hold(self, record: Hold, descriptors: list[int]) -> bool:
        kept = self._vassals.get(record.pid)
        if kept is None:  # this nest is younger than the vassal
            self.born(record.pid)
            kept = self._vassals.get(record.pid)
        if kept is None:
            return False
        kept.about = record.about
        if not descriptors:
            return False
        for descriptor in kept.descriptors:
            os.close(descriptor)
        kept.descriptors = descriptors
        return True

    def _release(self, pid: int) -> None:
        kept = self._vassals.pop(pid, None)
        if kept is not None:
            for descriptor in (kept.pidfd, *kept.descriptors):
                os.close(descriptor)

    def _count(self, ticket: int, channel: socket.socket) -> None:
        for pid, kept in list(self._vassals.items()):
            if not kept.descriptors:
                self._end(kept)
            if kept.ended:
                self._release(pid)
            else:
                socket.send_fds(channel, [Held(pid, kept.about).pack()], [*kept.descriptors, kept.pidfd])
        channel.send(Counted(ticket).pack())

    @staticmethod
    def _end(kept: _Kept) -> None:
        """Kill a vassal that nobody can adopt, and wait for its end."""
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(kept.pidfd, signal.SIGKILL)
        select.select([kept.pidfd], [], [], _PATIENCE)


@dataclass(frozen=True, slots=True)
class Survivor:
    """A vassal that outlived its emperor.

    :ivar about: what the predecessor knew of it.
    :ivar descriptors: its pipe, what else the predecessor held, and at last its pidfd.
    """

    pid: int
    about: str
    descriptors: tuple[int, ...]


def ask_for_survivors(link: Link, seconds: float = _PATIENCE) -> list[Survivor] | None:
    """Ask the nest who is there; None where it does not answer.

    Answers to whatever the predecessor had asked come first, and are of no use any more.
    """
    found: list[Survivor] = []
    with socket.socket(fileno=os.dup(link.emperor)) as channel:
        channel.setblocking(True)
        ticket = -os.getpid()
        channel.send(Census(ticket).pack())
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            if left <= 0 or not select.select([channel], [], [], left)[0]:
                return None
            data, descriptors = receive(channel)
            record = _read(data)
            if isinstance(record, Held):
                found.append(Survivor(record.pid, record.about, tuple(descriptors)))
            elif isinstance(record, Counted) and record.ticket == ticket:
                return found
            else:
                for descriptor in descriptors:
                    os.close(descriptor)


def _read(data: bytes) -> Record | None:
    try:
        return unpack(data)
    except PeerError:
        return None
