"""The nest: a server of births of the emperor's own, from which every vassal is forked.

It is forked while the emperor has nothing yet that a vassal could get hold of, and again when it died: it
closes whatever it inherits, so that neither the sockets of workers nor the pipes of other vassals are in it.
With uwsgid and Twisted loaded and collection frozen, its pages are those of all vassals.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from twisted.application.service import Service
from zope.interface import implementedBy

from uwsgid.config.facts import Facts
from uwsgid.config.index import index
from uwsgid.config.reading import read
from uwsgid.config.settings import judge_reading
from uwsgid.emperor._functions import FUNCTIONS
from uwsgid.emperor.gathering import gather
from uwsgid.emperor.keeping import Link, Survivor, ask_for_survivors
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
_FAMILIAR: Final = 8  #: calls after which Python knows a function
_PATIENCE: Final = 5.0  #: seconds that a killed nest may take to end
_A_REST: Final = 1.0  #: seconds until a nest that died is replaced, where that happens again and again


def find_nest(
    household: Household, link: Link | None
) -> tuple[tuple[socket.socket, int], Sequence[Survivor]]:
    """A nest, and the vassals that the nest of a predecessor kept, where that was killed.

    What that one kept is ours then, and it leaves: its children would not be ours.

    :param link: leads to it; None where vassals go with their emperor.
    :raises KernelError: the kernel refuses to fork.
    """
    survivors: Sequence[Survivor] = ()
    holder = link.holder() if link is not None else 0
    if link is not None and holder:
        answer = ask_for_survivors(link)
        if answer is None:
            household.say(f"[emperor] the nest (pid: {holder}) does not answer: ending it, and its vassals")
        else:
            survivors = answer
            link.tell(Retire())
        _end(holder, at_once=answer is None)
    return fork_nest(household, link), survivors


def _end(pid: int, *, at_once: bool) -> None:
    """Wait for the end of the nest of a predecessor, and kill it where it does not come."""
    try:
        nest = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if at_once or not select.select([nest], [], [], _PATIENCE)[0]:
            signal.pidfd_send_signal(nest, signal.SIGKILL)
            select.select([nest], [], [], _PATIENCE)
    except ProcessLookupError:
        pass
    finally:
        os.close(nest)


def fork_nest(household: Household, link: Link | None = None) -> tuple[socket.socket, int]:
    """Fork a nest: our end of the talk with it, and its pid.

    :param link: what the talk goes over, where the nest is to outlive us.
    :raises KernelError: the kernel refuses.
    """
    if link is None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    else:
        link.drain()
        ours = socket.socket(fileno=os.dup(link.emperor))
        theirs = socket.socket(fileno=os.dup(link.nest))
    settled, settle = os.pipe()
    sharing.forget()
    pid = attempt("fork()", "the nest of the emperor", household.kernel.fork)
    if pid == 0:
        code = 1
        try:
            _become_the_nest(household, theirs, link, settle)
            code = 0
        finally:
            leave(code, atexit_functions=False)
    theirs.close()
    os.close(settle)
    os.read(settled, 1)  # from now on it can be found
    os.close(settled)
    return ours, pid


def _become_the_nest(house: Household, channel: socket.socket, link: Link | None, settle: int) -> None:
    forget_atexit()
    keep = {0, 1, 2, channel.fileno(), settle}
    if link is not None:
        keep.add(link.lock)
    keep.update(house.settings[Sockets].safe_fd)
    close_all_but(house.kernel, keep)
    # vassals are no part of this instance: they have a board, sockets and a reactor of their own
    house.board = Board(1)
    house.listeners, house.gateways, house.kept, house.locks = (), (), None, None
    sys.modules.pop("twisted.internet.reactor", None)
    become_server_of_births(house)
    if link is not None:
        link.take_lock()
        house.kernel.set_parent_death_signal(0)
    os.close(settle)
    house.name_process("nest")
    sharing.settle()
    gather(FUNCTIONS)
    recognise_types()
    practise()
    sharing.settle()
    serve_births(channel, _bear_nobody, VassalNest(house))


def recognise_types() -> None:
    """Have Python number all classes: it writes into one when something of it is looked up first.

    What services implement is found out when there is one of them, and written down as well.
    """
    known: set[type] = set()
    wanted: list[type] = [object]
    while wanted:
        kind = wanted.pop()
        if kind not in known:
            known.add(kind)
            wanted += type.__subclasses__(kind)
    for kind in known:
        type.__getattribute__(kind, "__init__")
        if issubclass(kind, Service):
            implementedBy(kind)  # type: ignore[no-untyped-call]


def practise() -> None:
    """Read a configuration until Python has made itself familiar with the code that does it.

    It specialises what was called eight times (PEP 659), and every vassal begins with this.
    """
    words = ["--ini", os.devnull, "--socket", "@nest", "--processes", "1"]
    for _ in range(_FAMILIAR):
        judge_reading(read(words, {}, facts=Facts.of_this_process(), options=index()))


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
    """Who waits for a birth: `uwsgid.emperor.life.Life`."""

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
    :param made: called when another nest was made in the place of one that died.
    """

    def __init__(
        self,
        reactor: Any,
        kernel: IKernel,
        make: Callable[[], tuple[socket.socket, int]],
        say: Callable[[str], None],
        made: Callable[[], None] = lambda: None,
    ) -> None:
        self.made = made
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
        try:
            ExitWatch(self._reactor, self._kernel, pid, self._died)
        except KernelError:  # it ended already
            self._reactor.callLater(0, self._died, ExitStatus())
        self._go_on()

    def tell(self, record: Record, descriptors: Sequence[int] = ()) -> None:
        """Say something else to the nest.  *descriptors* stay the caller's."""
        if self._channel is not None:
            self._channel.say(record, descriptors)

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
            record = Spawn(self._last_ticket, order.start.to_text(), order.start.is_simple)
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
            self.made()
        except KernelError as error:
            self._say(f"[emperor] {error}")
            self._reactor.callLater(_A_REST, self._replace)
