"""The nest: a server of births of the emperor's own, from which every vassal is forked.

It is forked while the emperor has nothing yet that a vassal could get hold of, and again when it died: it
closes whatever it inherits, so that neither the sockets of workers nor the pipes of other vassals are in it.
With uwsgid and Twisted loaded and collection frozen, its pages are those of all vassals.
"""

from __future__ import annotations

import os
import socket
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from uwsgid.emperor.spawn import VassalNest
from uwsgid.errors import InternalError, KernelError
from uwsgid.host import Sockets, sharing
from uwsgid.host.calls import attempt
from uwsgid.host.children import ExitStatus
from uwsgid.interfaces import IKernel
from uwsgid.supervise.birth import become_server_of_births, forget_atexit, leave
from uwsgid.supervise.board import Board
from uwsgid.supervise.channel import Channel
from uwsgid.supervise.exitwatch import ExitWatch
from uwsgid.supervise.household import Household
from uwsgid.supervise.seed import serve_births
from uwsgid.supervise.vassals import VassalStart
from uwsgid.wire.control import MAX_RECORD, Born, Failed, Fork, Record, Retire, Spawn

_AT_ONCE: Final = 16  #: births that may be in progress
_A_REST: Final = 1.0  #: seconds until a nest that died is replaced, where that happens again and again


def fork_nest(household: Household) -> tuple[socket.socket, int]:
    """Fork a nest: our end of the talk with it, and its pid.

    :raises KernelError: the kernel refuses.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = attempt("fork()", "the nest of the emperor", household.kernel.fork)
    if pid == 0:
        code = 1
        try:
            _become_the_nest(household, theirs)
            code = 0
        finally:
            leave(code, atexit_functions=False)
    theirs.close()
    return ours, pid


def _become_the_nest(house: Household, channel: socket.socket) -> None:
    forget_atexit()
    keep = {0, 1, 2, channel.fileno()}
    keep.update(house.settings[Sockets].safe_fd)
    close_all_but(house.kernel, keep)
    # vassals are no part of this instance: they have a board, sockets and a reactor of their own
    house.board = Board(1)
    house.listeners, house.gateways, house.kept, house.locks = (), (), None, None
    sys.modules.pop("twisted.internet.reactor", None)
    become_server_of_births(house)
    house.name_process("nest")
    sharing.settle()
    serve_births(channel, _bear_nobody, VassalNest(house))


def _bear_nobody(record: Fork, descriptors: list[int]) -> None:
    raise InternalError("a nest bears vassals only")


def close_all_but(kernel: IKernel, keep: set[int]) -> None:
    """Close all our descriptors but *keep*."""
    for descriptor in kernel.open_descriptors():
        if descriptor not in keep:
            try:
                kernel.close(descriptor)
            except OSError:
                pass  # that by which the others were listed


class Expecting(Protocol):
    """Who waits for a birth: `uwsgid.emperor.vassal.Life`."""

    def born(self, pid: int) -> None:
        """It was."""

    def not_born(self) -> None:
        """It could not be."""


@dataclass(frozen=True, slots=True)
class _Order:
    start: VassalStart
    descriptors: tuple[int, ...]
    parent: Expecting


class Nest:
    """The emperor's end: asks for births, a few at a time, and keeps a nest alive.

    :param make: forks a nest, see `fork_nest`.
    :param say: writes a line to the log.
    """

    def __init__(
        self,
        reactor: Any,
        kernel: IKernel,
        make: Callable[[], tuple[socket.socket, int]],
        say: Callable[[str], None],
    ) -> None:
        self._reactor: Final = reactor
        self._kernel: Final = kernel
        self._make: Final = make
        self._say: Final = say
        self._channel: Channel | None = None
        self._waiting: deque[_Order] = deque()
        self._asked: dict[int, _Order] = {}
        self._last_ticket = 0
        self._lost_at = -_A_REST
        self._over = False
        self.pid = 0

    def settle(self, ours: socket.socket, pid: int) -> None:
        """Work with this nest from now on."""
        self.pid = pid
        self._channel = Channel(self._reactor, ours, self._heard, lambda: None)
        ExitWatch(self._reactor, self._kernel, pid, self._died)
        self._go_on()

    def order(self, start: VassalStart, descriptors: Sequence[int], parent: Expecting) -> None:
        """Have a vassal born.

        :param descriptors: pipe, configuration and socket, as far as *start* says that there are some.  They
            are closed here once they were sent.
        """
        self._waiting.append(_Order(start, tuple(descriptors), parent))
        self._go_on()

    def end(self) -> None:
        """No more births; the nest leaves."""
        self._over = True
        if self._channel is not None:
            self._channel.say(Retire())
            self._channel.close()

    def _go_on(self) -> None:
        while self._waiting and len(self._asked) < _AT_ONCE and self._channel is not None:
            order = self._waiting.popleft()
            self._last_ticket += 1
            record = Spawn(self._last_ticket, order.start.to_text())
            if len(record.start) > MAX_RECORD - 64:
                self._say(f"[emperor] the command line of {order.start.name} is too long")
                self._reactor.callLater(0, order.parent.not_born)
            elif self._channel.say(record, order.descriptors):
                self._asked[record.ticket] = order
            else:
                self._reactor.callLater(0, order.parent.not_born)
            for descriptor in order.descriptors:
                if not (order.start.has_socket and descriptor == order.descriptors[-1]):
                    os.close(descriptor)

    def _heard(self, record: Record) -> None:
        if not isinstance(record, Born | Failed):
            return
        order = self._asked.pop(record.ticket, None)
        if order is not None:
            if isinstance(record, Born):
                order.parent.born(record.pid)
            else:
                self._say(f"[emperor] vassal {order.start.name} can not be born: {record.reason}")
                order.parent.not_born()
        self._go_on()

    def _died(self, status: ExitStatus) -> None:
        """Nobody answers what was asked; who was born unheard of finds that out, and ends."""
        if self._channel is not None:
            self._channel.drain()
            self._channel.close()
            self._channel = None
        for order in self._asked.values():
            order.parent.not_born()
        self._asked.clear()
        if self._over:
            return
        self._say(f"[emperor] the nest (pid: {self.pid}) {status}: making another one")
        now = self._reactor.seconds()
        pause = 0.0 if now - self._lost_at >= _A_REST else _A_REST
        self._lost_at = now
        self._reactor.callLater(pause, self._replace)

    def _replace(self) -> None:
        if self._over:
            return
        try:
            self.settle(*self._make())
        except KernelError as error:
            self._say(f"[emperor] {error}")
            self._reactor.callLater(_A_REST, self._replace)
