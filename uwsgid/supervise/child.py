"""The life of one child process, as its supervisor sees it.

::

    conceived --born--> alive --said_ready--> ready --leave--.
      |  |                | |                   |            |
      |  `--leave-->.     | `-------leave-------|----------->|
      |             v     |                     |            v
      |         unwanted -|--------born---------|-------> leaving
      v             |     |                     |            |
    gone <-not_born-'     `-----died----------->'----died----'

The machine only keeps the facts and allows the right words at the right time; what follows from them is the
business of the `Parent` that had the child.
"""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from automat import TypeMachineBuilder

from uwsgid.errors import KernelError
from uwsgid.host.children import ExitStatus
from uwsgid.interfaces import IKernel
from uwsgid.supervise.channel import Channel
from uwsgid.supervise.exitwatch import ExitWatch
from uwsgid.supervise.hatch import Hatch
from uwsgid.wire.control import Leave, Ready, Record


class Parent(Protocol):
    """Who wants to know how a child fares."""

    def child_born(self, child: Child) -> None:
        """The child has a pid."""

    def child_ready(self, child: Child) -> None:
        """The child can do its work."""

    def child_said(self, child: Child, record: Record) -> None:
        """The child said something else."""

    def child_ended(self, child: Child, status: ExitStatus | None) -> None:
        """The child is gone; the status is None for one that was never born."""


class Life(Protocol):
    """What can happen to a child."""

    def born(self, pid: int) -> None:
        """It was forked."""

    def not_born(self) -> None:
        """It could not be forked: the forker says so, or is gone and nobody holds the child's end."""

    def said_ready(self) -> None:
        """It can do its work."""

    def leave(self, reason: str) -> None:
        """It is asked to finish and go."""

    def died(self, status: ExitStatus) -> None:
        """It ended."""


@dataclass(slots=True)
class _Facts:
    child: Child


_builder: Final = TypeMachineBuilder(Life, _Facts)
_conceived: Final = _builder.state("conceived")  # FORK was sent, nobody answered yet
_alive: Final = _builder.state("alive")  # it has a pid and prepares itself
_ready: Final = _builder.state("ready")  # it said that it can do its work
_leaving: Final = _builder.state("leaving")  # it was told to go, alive
_unwanted: Final = _builder.state("unwanted")  # told to go before it was born
_gone: Final = _builder.state("gone")  # reaped, or never born

_ready.upon(Life.said_ready).loop().returns(None)
_leaving.upon(Life.said_ready).loop().returns(None)
_leaving.upon(Life.leave).loop().returns(None)
_unwanted.upon(Life.leave).loop().returns(None)
_unwanted.upon(Life.said_ready).loop().returns(None)
_gone.upon(Life.said_ready).loop().returns(None)
_gone.upon(Life.leave).loop().returns(None)
_gone.upon(Life.died).loop().returns(None)
_gone.upon(Life.not_born).loop().returns(None)
_gone.upon(Life.born).loop().returns(None)
# the forker is gone, or failed: it does not matter to a child that has told its pid itself
_alive.upon(Life.not_born).loop().returns(None)
_ready.upon(Life.not_born).loop().returns(None)
_leaving.upon(Life.not_born).loop().returns(None)
_alive.upon(Life.born).loop().returns(None)
_ready.upon(Life.born).loop().returns(None)
_leaving.upon(Life.born).loop().returns(None)


@_conceived.upon(Life.born).to(_alive)
def _meet(life: Life, facts: _Facts, pid: int) -> None:
    facts.child._meet(pid)


@_unwanted.upon(Life.born).to(_leaving)
def _meet_unwanted(life: Life, facts: _Facts, pid: int) -> None:
    facts.child._meet(pid)


@_conceived.upon(Life.not_born).to(_gone)
def _miss(life: Life, facts: _Facts) -> None:
    facts.child._end(None)


@_unwanted.upon(Life.not_born).to(_gone)
def _miss_unwanted(life: Life, facts: _Facts) -> None:
    facts.child._end(None)


@_conceived.upon(Life.said_ready).to(_ready)
def _be_ready_early(life: Life, facts: _Facts) -> None:
    facts.child._be_ready()


@_alive.upon(Life.said_ready).to(_ready)
def _be_ready(life: Life, facts: _Facts) -> None:
    facts.child._be_ready()


@_conceived.upon(Life.leave).to(_unwanted)
def _note_farewell(life: Life, facts: _Facts, reason: str) -> None:
    facts.child._note_farewell(reason)
    facts.child.say(Leave(reason))  # it will find the word waiting


@_alive.upon(Life.leave).to(_leaving)
def _send_away_early(life: Life, facts: _Facts, reason: str) -> None:
    facts.child._note_farewell(reason)
    facts.child._send_away()


@_ready.upon(Life.leave).to(_leaving)
def _send_away(life: Life, facts: _Facts, reason: str) -> None:
    facts.child._note_farewell(reason)
    facts.child._send_away()


@_alive.upon(Life.died).to(_gone)
def _bury_early(life: Life, facts: _Facts, status: ExitStatus) -> None:
    facts.child._end(status)


@_ready.upon(Life.died).to(_gone)
def _bury(life: Life, facts: _Facts, status: ExitStatus) -> None:
    facts.child._end(status)


@_leaving.upon(Life.died).to(_gone)
def _bury_leaving(life: Life, facts: _Facts, status: ExitStatus) -> None:
    facts.child._end(status)


_make_life: Final = _builder.build()


class Child:
    """One child process: who it is, and what has become of it.

    :param clock: monotonic seconds.
    :param say: writes a line to the log.
    :param deliver: has somebody else send a signal where we may not, by pidfd and number; False where nobody
        can.
    :ivar pid: 0 before its birth.
    :ivar is_ready: it said so, and was not told to leave since.
    :ivar was_ready: it said so at some time.
    :ivar born_at: when the master heard of it.
    :ivar told: it was told to leave.
    :ivar told_at: when.
    :ivar killed: the master decided to end it at once.
    :ivar harakiri: how often harakiri was tried on it.
    :ivar complaint: why it can not do its work, in its own words.
    :ivar hatch: the way in for guests, where it has one.
    """

    def __init__(
        self,
        reactor: Any,
        kernel: IKernel,
        parent: Parent,
        sock: socket.socket,
        role: str,
        slot: int,
        seat: int,
        generation: int,
        clock: Callable[[], float] = time.monotonic,
        say: Callable[[str], None] = print,
        deliver: Callable[[int, int], bool] = lambda pidfd, number: False,
        hatch: Hatch | None = None,
    ) -> None:
        self._say = say
        self._deliver = deliver
        self.role = role
        self.slot = slot
        self.seat = seat
        self.generation = generation
        self.hatch = hatch
        self.pid = 0
        self.is_ready = self.was_ready = self.told = self.killed = self.gone = False
        self.born_at = self.told_at = 0.0
        self.farewell = ""
        self.complaint = ""
        self.harakiri = 0
        self._clock = clock
        self._reactor = reactor
        self._kernel = kernel
        self._parent = parent
        self._watch: ExitWatch | None = None
        self._forsaken = False
        self._channel = Channel(reactor, sock, self._heard, self._lost)
        self.life = _make_life(_Facts(self))

    def __repr__(self) -> str:
        return f"<{self.role} {self.slot} g{self.generation} pid {self.pid}>"

    def say(self, record: Record, descriptors: tuple[int, ...] = ()) -> bool:
        """Tell the child something; False where it can not hear."""
        return self._channel.say(record, descriptors)

    def signal(self, number: int) -> None:
        """Send a Unix signal.

        A child that is gone does not mind.  One that is root while we are not any more gets it from somebody
        who is; that there is nobody is logged.
        """
        if self._watch is not None and not self.gone:
            try:
                self._watch.signal(number)
            except KernelError as error:
                if not self._deliver(self._watch.fileno(), number):
                    self._say(f"{self.role} {self.slot} can not be signalled: {error}")

    def kill(self) -> None:
        """End it now; one that is not born yet, at its birth."""
        self.killed = True
        self.signal(signal.SIGKILL)

    def forsake(self) -> None:
        """Its forker is gone without an answer.

        If it was forked all the same, it holds its end of the talk and will say `Ready`; if it was not, or
        ended since, nobody holds that end, and the channel tells.
        """
        self._forsaken = True
        if self._channel.closed:
            self.life.not_born()

    # what the machine asks for

    def _meet(self, pid: int) -> None:
        self.pid = pid
        self.born_at = self._clock()
        try:
            self._watch = ExitWatch(self._reactor, self._kernel, pid, self._ended)
        except KernelError:
            self._reactor.callLater(0, self._ended, ExitStatus())
        self._parent.child_born(self)
        if self.killed:
            self.kill()

    def _be_ready(self) -> None:
        self.is_ready = self.was_ready = True
        self._parent.child_ready(self)

    def _note_farewell(self, reason: str) -> None:
        self.farewell = reason
        self.told = True
        self.told_at = self._clock()
        self.is_ready = False

    def _send_away(self) -> None:
        if not self.say(Leave(self.farewell)):
            self.signal(signal.SIGHUP)  # an application may have closed the descriptor of the talk

    def _end(self, status: ExitStatus | None) -> None:
        self.gone = True
        self.is_ready = False
        self._channel.close()
        if self.hatch is not None:
            self.hatch.close()
        self._parent.child_ended(self, status)

    # what it says

    def _heard(self, record: Record) -> None:
        if isinstance(record, Ready):
            self.life.born(record.pid)  # where the forker's own answer comes later, or never
            self.life.said_ready()
        else:
            self._parent.child_said(self, record)

    def _ended(self, status: ExitStatus) -> None:
        """Its last words first: they may have come with its end."""
        self._channel.drain()
        self.life.died(status)

    def _lost(self) -> None:
        """The end of the talk decides only where nobody else can: of the others, the pidfd tells."""
        if self._forsaken:
            self.life.not_born()
