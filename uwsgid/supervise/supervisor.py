"""Has children, by asking servers of births for them, and keeps account of all that live.

The supervisor knows how a child comes into the world and that it left it; what it was for, and what follows
from its end, is the business of the `Parent` it was had for.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any, Final

from uwsgid.host.children import ExitStatus
from uwsgid.interfaces import IKernel
from uwsgid.supervise.child import Child, Parent
from uwsgid.supervise.hatch import Hatch
from uwsgid.wire.control import Born, Deliver, Failed, Fork, Record

SEED: Final = "seed"


class Supervisor:
    """The children of this process.

    :param clock: monotonic seconds.
    :param say: writes a line to the log.
    :ivar children: all that were asked for and are not gone.
    """

    def __init__(
        self,
        reactor: Any,
        kernel: IKernel,
        clock: Callable[[], float] = time.monotonic,
        say: Callable[[str], None] = print,
    ) -> None:
        self._clock: Final = clock
        self._say: Final = say
        self._reactor: Final = reactor
        self._kernel: Final = kernel
        self._tickets: Final[dict[int, tuple[Child, Child]]] = {}  # ticket → (server, child)
        self._last_ticket = 0
        self.children: Final[list[Child]] = []

    def adopt(
        self,
        parent: Parent,
        sock: socket.socket,
        pid: int,
        role: str,
        slot: int = 0,
        *,
        generation: int = 0,
    ) -> Child:
        """Take a child into account that was forked without a server: by boot, as the seed is."""
        child = Child(
            self._reactor,
            self._kernel,
            _Registrar(self, parent),
            sock,
            role,
            slot,
            -1,
            generation,
            self._clock,
            self._say,
            self._deliver,
        )
        self.children.append(child)
        child.life.born(pid)
        return child

    def have(
        self,
        parent: Parent,
        server: Child,
        role: str,
        *,
        slot: int = 0,
        seat: int = -1,
        generation: int = 0,
        hatch: bool = False,
    ) -> Child:
        """Ask *server*, a seed or a zygote, for a child.

        The child is returned at once; its birth, its readiness and its end are told to *parent*, the end
        also where it could not be born.

        :param hatch: it has a way in for guests.
        :raises OSError: no descriptor is left for the talk with it.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                way_in = Hatch() if hatch else None
            except OSError:
                ours.close()
                raise
            child = Child(
                self._reactor,
                self._kernel,
                _Registrar(self, parent),
                ours,
                role,
                slot,
                seat,
                generation,
                self._clock,
                self._say,
                self._deliver,
                way_in,
            )
            self.children.append(child)
            self._last_ticket += 1
            ticket = self._last_ticket
            self._tickets[ticket] = (server, child)
            ends = (theirs.fileno(),) if way_in is None else (theirs.fileno(), way_in.theirs.fileno())
            if not server.say(Fork(ticket, role, slot, seat, generation), ends):
                del self._tickets[ticket]
                self._reactor.callLater(0, child.life.not_born)
            if way_in is not None:
                way_in.theirs.close()
        return child

    def said(self, record: Record) -> bool:
        """Take the answer of a server of births; False where *record* is none."""
        if isinstance(record, Born | Failed):
            server_and_child = self._tickets.pop(record.ticket, None)
            if server_and_child is not None:
                child = server_and_child[1]
                if isinstance(record, Born):
                    child.life.born(record.pid)
                else:
                    child.life.not_born()
            return True
        return False

    def server_ended(self, server: Child) -> None:
        """Nobody will answer the tickets of *server* any more; its children may live all the same."""
        for ticket, (asked, child) in list(self._tickets.items()):
            if asked is server:
                del self._tickets[ticket]
                child.forsake()

    def _deliver(self, pidfd: int, number: int) -> bool:
        """Have a seed send a signal; False where there is none."""
        seeds = [child for child in self.children if child.role == SEED and child.pid]
        return any(seed.say(Deliver(number), (pidfd,)) for seed in seeds)

    def known_pids(self) -> frozenset[int]:
        """The living, for whoever reaps orphans."""
        return frozenset(child.pid for child in self.children if child.pid)

    @property
    def expecting(self) -> bool:
        """Whether there may be a child whose process id is not known yet."""
        return any(not child.pid for child in self.children)


class _Registrar:
    """Between a child and its parent: strikes the child off the list before the parent hears of its end."""

    def __init__(self, supervisor: Supervisor, parent: Parent) -> None:
        self._supervisor = supervisor
        self._parent = parent

    def child_born(self, child: Child) -> None:
        self._parent.child_born(child)

    def child_ready(self, child: Child) -> None:
        self._parent.child_ready(child)

    def child_said(self, child: Child, record: Record) -> None:
        if not self._supervisor.said(record):
            self._parent.child_said(child, record)

    def child_ended(self, child: Child, status: ExitStatus | None) -> None:
        self._supervisor.children.remove(child)
        self._supervisor.server_ended(child)
        self._parent.child_ended(child, status)
