"""Relief: one process that passes packets on is followed by another, and no packet is lost on the way.

A stand-in (`uwsgid.tuntap.standin`) has the link of a device to its router while nobody else is there.  Who
comes to stay asks for it at one end of a pair of sockets, and gets it from the other: the descriptor, and
what had come or was to go by halves.  So the router sees one connection, whoever holds it.

The pair is made once and kept over reloads.  Many processes have copies of both ends, so that the end of a
stand-in is not the end of its socket: it is known by its process id.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from struct import Struct
from typing import Final

TAKES: Final = 10.0  #: seconds that a stand-in has to leave; on a busy machine it may have to start first

_PID: Final = Struct("!I")
_HEAD: Final = Struct("!16sBII")  #: for which wishes, what kind of link, bytes that are unsent, and pending
_PASSED: Final = Struct("i")  #: a descriptor
_NOTHING, _FRAMES, _DEVICE = 0, 1, 2
_ASK: Final = b"\n"
_DONTWAIT: Final = socket.MSG_DONTWAIT


@dataclass(frozen=True, slots=True)
class Handed:
    """A link between two processes.

    :ivar link: the stream of frames, or the connection over which the device was handed over.
    :ivar frames: which of them.
    :ivar unsent: of a stream: what it did not take yet.
    :ivar pending: of a stream: the first part of a frame that has not come whole.
    """

    link: socket.socket
    frames: bool
    unsent: bytes = b""
    pending: bytes = b""


@dataclass(frozen=True, slots=True)
class Relief:
    """Both ends of the pair; nobody but their kernel knows who has copies.

    :ivar asks: the end of who comes.
    :ivar answers: the end of the stand-in.
    """

    asks: int
    answers: int

    @classmethod
    def new(cls) -> Relief:
        """A pair that nobody uses."""
        first, second = socket.socketpair()
        return cls(first.detach(), second.detach())

    def clear(self) -> None:
        """Forget what was asked of somebody who is gone."""
        with _borrowed(self.answers) as answering:
            while _is_ready(answering) and answering.recv(4096, _DONTWAIT):
                pass

    def announce(self, pid: int) -> None:
        """From now on the process *pid* is the stand-in."""
        with _borrowed(self.answers) as answering:
            answering.send(_PID.pack(pid), _DONTWAIT)

    @property
    def stands_in(self) -> bool:
        """Whether there is a stand-in to be relieved."""
        with _borrowed(self.asks) as asking:
            process = _open(_announced(asking, socket.MSG_PEEK))
            if process < 0:
                return False
            os.close(process)
            return True

    def take(self, mark: bytes) -> Handed | None:
        """Relieve the stand-in; its link, if it has one that serves the wishes of this *mark*.

        Where there is no stand-in it does not wait, and it never waits for longer than `TAKES`.  A stand-in
        that does not answer is ended.
        """
        with _borrowed(self.asks) as asking:
            process = _open(_announced(asking, 0))
            if process < 0:
                return None
            try:
                asking.send(_ASK, _DONTWAIT)
                return _receive(asking, process, mark)
            except OSError:
                # what it holds, nobody else could have
                with suppress(OSError):
                    signal.pidfd_send_signal(process, signal.SIGKILL)
                return None
            finally:
                os.close(process)

    def asked(self) -> None:
        """Take notice of the question, which somebody asked."""
        with _borrowed(self.answers) as answering:
            answering.recv(len(_ASK), _DONTWAIT)

    def give(self, mark: bytes, handed: Handed | None) -> None:
        """Give the link away, to whoever asked.

        :raises OSError: nobody takes it.
        """
        until = time.monotonic() + TAKES
        with _borrowed(self.answers) as answering:
            if handed is None:
                answering.send(_HEAD.pack(mark, _NOTHING, 0, 0), _DONTWAIT)
                return
            kind = _FRAMES if handed.frames else _DEVICE
            head = _HEAD.pack(mark, kind, len(handed.unsent), len(handed.pending))
            passed = _PASSED.pack(handed.link.fileno())
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)
            answering.sendmsg((head,), (rights,), _DONTWAIT)
            left = memoryview(handed.unsent + handed.pending)
            while left and select.select([], [answering], [], max(until - time.monotonic(), 0))[1]:
                left = left[answering.send(left, _DONTWAIT) :]


@contextmanager
def _borrowed(fd: int) -> Iterator[socket.socket]:
    """The socket *fd*, which stays open."""
    borrowed = socket.socket(fileno=fd)
    try:
        yield borrowed
    finally:
        borrowed.detach()


def _is_ready(*watched: socket.socket | int, seconds: float = 0.0) -> Sequence[socket.socket | int]:
    return select.select(watched, [], [], seconds)[0]


def _announced(asking: socket.socket, flags: int) -> int:
    """The process id that was announced last; 0 for none."""
    if not _is_ready(asking):
        return 0
    said = asking.recv(4096, _DONTWAIT | flags)
    return int.from_bytes(said[-_PID.size :], "big") if len(said) >= _PID.size else 0


def _open(pid: int) -> int:
    """The pidfd of a process that lives; -1 for none."""
    if not pid:
        return -1
    try:
        process = os.pidfd_open(pid)
    except OSError:
        return -1
    if _is_ready(process):
        os.close(process)
        return -1
    return process


def _receive(asking: socket.socket, process: int, mark: bytes) -> Handed | None:
    """What the stand-in gives.

    :raises OSError: it gives nothing, or not all of it.
    """
    until = time.monotonic() + TAKES
    if asking not in _is_ready(asking, process, seconds=TAKES):
        raise TimeoutError
    # socket.recv_fds() knows flags, and makes nothing of them
    space, flags = socket.CMSG_SPACE(_PASSED.size), _DONTWAIT | socket.MSG_CMSG_CLOEXEC
    head, control, _, _ = asking.recvmsg(_HEAD.size, space, flags)
    links = [socket.socket(fileno=fd) for _, _, data in control for (fd,) in _PASSED.iter_unpack(data)]
    try:
        if len(head) < _HEAD.size:
            raise ConnectionError
        told, kind, unsent, pending = _HEAD.unpack(head)
        halves = b""
        while len(halves) < unsent + pending:
            if not _is_ready(asking, seconds=max(until - time.monotonic(), 0)):
                raise TimeoutError
            halves += asking.recv(unsent + pending - len(halves), _DONTWAIT)
        if told != mark or kind == _NOTHING or len(links) != 1:
            return None
        return Handed(links.pop(), kind == _FRAMES, halves[:unsent], halves[unsent:])
    finally:
        for link in links:
            link.close()
