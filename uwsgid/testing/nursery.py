"""Seeds, zygotes and workers that are no processes, for tests of whoever supervises them.

A `MemoryNursery` has a reactor with a clock of its own, a kernel whose processes exist only here, and
children that talk over real socket pairs.  They do what good children do, at once: servers of births answer
each order, zygotes load, workers become ready, whoever is told to leave leaves.  Its attributes turn that
off, one by one::

    nursery = MemoryNursery(board)
    workforce.start(nursery.seed())
    nursery.run()
    nursery.worker(1).die(signal.SIGSEGV)
    nursery.run()
    assert nursery.worker(1).heard == []
"""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.task import Clock
from zope.interface import implementer

from uwsgid.errors import InternalError
from uwsgid.supervise.board import Board, Phase
from uwsgid.supervise.exits import Exit
from uwsgid.supervise.seed import receive
from uwsgid.testing.kernel import MemoryKernel
from uwsgid.wire.control import (
    Born,
    Deliver,
    Failed,
    Fork,
    Leave,
    Loaded,
    LoadFailed,
    Ready,
    Record,
    Retire,
    unpack,
)

_ENDS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP)
_MANY: Final = 10_000


@implementer(IReactorFDSet)
class MemoryReactor(Clock):
    """A clock that also looks after descriptors, when it is told to."""

    running = True

    def __init__(self) -> None:
        Clock.__init__(self)
        self.readers: list[Any] = []

    def addReader(self, reader: Any) -> None:
        if reader not in self.readers:
            self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        if reader in self.readers:
            self.readers.remove(reader)

    def getReaders(self) -> list[Any]:
        return list(self.readers)

    def addWriter(self, writer: Any) -> None:
        raise NotImplementedError("nobody waits for room here")

    def removeWriter(self, writer: Any) -> None:
        """There is none."""

    def getWriters(self) -> list[Any]:
        return []

    def removeAll(self) -> list[Any]:
        removed, self.readers[:] = list(self.readers), []
        return removed

    def callWhenRunning(self, call: Callable[..., object], *arguments: Any, **more: Any) -> None:
        self.callLater(0, call, *arguments, **more)

    def callFromThread(self, call: Callable[..., object], *arguments: Any, **more: Any) -> None:
        self.callLater(0, call, *arguments, **more)

    def poll(self) -> bool:
        """Let everybody read who can, once; whether there was anybody."""
        poller = select.poll()
        by_number = {reader.fileno(): reader for reader in self.readers}
        for number in by_number:
            poller.register(number, select.POLLIN)
        found = poller.poll(0)
        for number, _ in found:
            if by_number[number] in self.readers:
                by_number[number].doRead()
        return bool(found)


class MemoryProcesses(MemoryKernel):
    """A kernel whose pidfds become readable in a real ``poll``.

    :ivar signalled: called with the pid and the number of each signal.
    """

    def __init__(self) -> None:
        MemoryKernel.__init__(self)
        self.running: set[int] = set()
        self.signalled: Callable[[int, int], None] = lambda pid, number: None
        self._watches: dict[int, int] = {}  # real descriptor → pid

    def end(self, pid: int, code: int | None, number: int) -> None:
        """The process *pid* ends, with an exit code or by a signal."""
        self.running.discard(pid)
        self.ended[pid] = (os.CLD_KILLED, number) if code is None else (os.CLD_EXITED, code)
        for descriptor, watched in self._watches.items():
            if watched == pid:
                os.eventfd_write(descriptor, 1)

    def pidfd_open(self, pid: int) -> int:
        self._maybe_fail("pidfd_open")
        if pid not in self.running and pid not in self.ended:
            raise ProcessLookupError(3, "No such process")
        descriptor = os.eventfd(0 if pid in self.running else 1, os.EFD_CLOEXEC)
        self._watches[descriptor] = pid
        return descriptor

    def pidfd_send_signal(self, pidfd: int, signal: int) -> None:
        self._maybe_fail("pidfd_send_signal")
        pid = self._watches[pidfd]
        if pid not in self.running:
            raise ProcessLookupError(3, "No such process")
        self.signalled(pid, signal)

    def pid_of(self, copy: int) -> int:
        """The process that a copy of a pidfd stands for."""
        wanted = _eventfd_id(copy)
        return next(pid for descriptor, pid in self._watches.items() if _eventfd_id(descriptor) == wanted)

    def waitid(self, pidfd: int) -> tuple[int, int, int] | None:
        self._maybe_fail("waitid")
        return self._reaped(self._watches[pidfd])

    def close(self, fd: int) -> None:
        if self._watches.pop(fd, None) is None:
            MemoryKernel.close(self, fd)
        else:
            os.close(fd)


def _eventfd_id(descriptor: int) -> str:
    """What tells two eventfds apart, and not two copies of one."""
    with open(f"/proc/self/fdinfo/{descriptor}") as facts:
        return next(line for line in facts if line.startswith("eventfd-id"))


#: The role of a child that was told of none.
SLEEPER: Final = "sleeper"


class MemoryChild:
    """A child that is no process.

    :ivar heard: what the master said to it, births aside.
    :ivar orders: births that were asked of it and not answered, where the nursery does not answer by itself.
    :ivar signals: what was sent to it.
    :ivar hatch: where the master hands it guests; None where it has none.
    """

    def __init__(
        self,
        nursery: MemoryNursery,
        pid: int,
        record: Fork,
        channel: socket.socket,
        hatch: socket.socket | None = None,
    ) -> None:
        self.nursery = nursery
        self.pid = pid
        self.role, self.slot, self.seat = record.role, record.slot, record.seat
        self.generation = record.generation
        self.channel = channel
        self.hatch = hatch
        self.heard: list[Record] = []
        self.orders: list[tuple[Fork, list[int]]] = []
        self.signals: list[int] = []
        self.alive = True

    def __repr__(self) -> str:
        return f"<{self.role} {self.slot} g{self.generation} pid {self.pid}>"

    @property
    def told(self) -> bool:
        """Whether it was told to leave."""
        return any(isinstance(record, Leave | Retire) for record in self.heard)

    def say(self, record: Record) -> None:
        """Tell the master something."""
        self.channel.send(record.pack())

    def get_ready(self) -> None:
        """Begin to accept requests."""
        if self.nursery.board is not None and self.seat >= 0:
            self.nursery.board.pid[self.seat] = self.pid
            self.nursery.board.phase[self.seat] = Phase.READY
        self.say(Ready(self.pid))

    def load(self, *, failed: int = 0, reason: str = "") -> None:
        """Import the applications of its generation, or fail and end where there is a *reason*."""
        if reason:
            self.say(LoadFailed(reason))
            self.exit(Exit.APP_FAILED)
        else:
            self.say(Loaded(1, failed))

    def exit(self, code: int = 0) -> None:
        """End with an exit code."""
        self._end(code, 0)

    def die(self, number: int) -> None:
        """End by a signal."""
        self._end(None, number)

    def deliver(self, *, tell: bool = True) -> MemoryChild:
        """Answer the oldest order with a birth.

        :param tell: send the answer to the master, too.
        """
        record, (channel, *more) = self.orders.pop(0)
        hatch = socket.socket(fileno=more[0]) if more else None
        born = self.nursery._bear(record, socket.socket(fileno=channel), hatch)
        if tell:
            self.say(Born(record.ticket, born.pid))
        return born

    def refuse(self) -> None:
        """Answer the oldest order with a failure."""
        record, descriptors = self.orders.pop(0)
        for descriptor in descriptors:
            os.close(descriptor)
        self.say(Failed(record.ticket, "fork: Resource temporarily unavailable"))

    def _end(self, code: int | None, number: int) -> None:
        if not self.alive:
            raise InternalError(f"{self!r} ended already")
        self.alive = False
        self.channel.close()
        if self.hatch is not None:
            self.hatch.close()
        for _, descriptors in self.orders:
            for descriptor in descriptors:
                os.close(descriptor)
        self.nursery.kernel.end(self.pid, code, number)

    def _listen(self) -> bool:
        """Take one record; False where there is none."""
        try:
            data, descriptors = receive(self.channel, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            data, descriptors = b"", []
        if not data:
            self.exit(Exit.END)  # an orphan
            return True
        record = unpack(data)
        if isinstance(record, Fork) and self.role == SLEEPER:
            self.role, self.generation = record.role, record.generation
            self.say(Ready(self.pid))
            if self.nursery.loads:
                self.load(reason=self.nursery.load_error)
        elif isinstance(record, Fork):
            self.orders.append((record, descriptors))
            if self.nursery.bears:
                self.deliver()
            elif self.nursery.refuses:
                self.refuse()
        else:
            self.heard.append(record)
            if isinstance(record, Deliver):
                self.nursery._deliver(record.number, descriptors)
            if isinstance(record, Leave | Retire) and self.nursery.leaves:
                self.exit(Exit.END if self.role == "worker" else 0)
        return True


class MemoryNursery:
    """A family of children that are no processes.

    :param board: where its workers say that they are ready.
    :ivar bears: seeds and zygotes answer orders with births.
    :ivar refuses: where they do not, they refuse; otherwise orders wait in `MemoryChild.orders`.
    :ivar loads: zygotes load at once.
    :ivar load_error: they fail with this reason.
    :ivar gets_ready: workers become ready at once.
    :ivar leaves: who is told to leave, leaves; who gets INT, TERM, QUIT or HUP, ends.
    :ivar children: all there ever were, in the order of their births.
    """

    def __init__(self, board: Board | None = None) -> None:
        self.board = board
        self.reactor: Final = MemoryReactor()
        self.kernel: Final = MemoryProcesses()
        self.kernel.signalled = self._signalled
        self.bears = self.loads = self.gets_ready = self.leaves = True
        self.refuses = False
        self.load_error = ""
        self.children: list[MemoryChild] = []
        self._next_pid = 100

    def seed(self) -> tuple[socket.socket, int]:
        """The seed that boot forks: the master's end of the talk with it, and its pid."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._bear(Fork(0, "seed", 0, -1, 0), theirs)
        return ours, self.children[-1].pid

    def sleeper(self) -> tuple[socket.socket, int]:
        """Likewise who sleeps until the master says what it is going to be."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._next_pid += 1
        self.children.append(MemoryChild(self, self._next_pid, Fork(0, SLEEPER, 0, -1, 0), theirs))
        self.kernel.running.add(self._next_pid)
        return ours, self._next_pid

    def living(self, role: str = "", slot: int | None = None) -> list[MemoryChild]:
        """Who lives, the eldest first."""
        return [
            child
            for child in self.children
            if child.alive and (not role or child.role == role) and (slot is None or child.slot == slot)
        ]

    def worker(self, slot: int) -> MemoryChild:
        """The youngest living worker of *slot*."""
        return self.living("worker", slot)[-1]

    def zygote(self) -> MemoryChild:
        """The youngest living zygote."""
        return self.living("zygote")[-1]

    def run(self, seconds: float = 0) -> None:
        """Let everybody act until nobody has anything to do, and time pass."""
        self._settle()
        end = self.reactor.seconds() + seconds
        while (calls := self.reactor.getDelayedCalls()) and calls[0].getTime() <= end:
            self.reactor.advance(max(0.0, calls[0].getTime() - self.reactor.seconds()))
            self._settle()
        self.reactor.advance(max(0.0, end - self.reactor.seconds()))
        self._settle()

    def step(self) -> bool:
        """Let everybody act once; whether anybody had something to do."""
        acted = False
        for child in self.living():
            while child.alive and child._listen():
                acted = True
        return self.reactor.poll() or acted

    def close(self) -> None:
        """End everybody, and give the descriptors back."""
        for child in self.living():
            child.exit()
        for reader in self.reactor.getReaders():
            reader.connectionLost(None)

    def _settle(self) -> None:
        for _ in range(_MANY):
            due = any(call.getTime() <= self.reactor.seconds() for call in self.reactor.getDelayedCalls())
            if due:
                self.reactor.advance(0)
            if not self.step() and not due:
                return
        raise InternalError("the children do not come to rest")

    def _bear(self, record: Fork, channel: socket.socket, hatch: socket.socket | None = None) -> MemoryChild:
        self._next_pid += 1
        child = MemoryChild(self, self._next_pid, record, channel, hatch)
        self.kernel.running.add(child.pid)
        self.children.append(child)
        if child.role == "worker":
            if self.gets_ready:
                child.get_ready()
        else:
            child.say(Ready(child.pid))
            if child.role == "zygote" and self.loads:
                child.load(reason=self.load_error)
        return child

    def _deliver(self, number: int, descriptors: list[int]) -> None:
        """Do as a seed does, which has its privileges still."""
        for descriptor in descriptors:
            self._signalled(self.kernel.pid_of(descriptor), number)
            os.close(descriptor)

    def _signalled(self, pid: int, number: int) -> None:
        child = next(child for child in self.children if child.pid == pid)
        child.signals.append(number)
        if number == signal.SIGKILL:
            child.die(number)
        elif number in _ENDS and self.leaves and child.role == "worker":
            child.exit(Exit.END)
