"""An emperor without processes: its vassals are ends of real pipes, its clock is a test's."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.emperor.monitors.monitor import Circumstances, Look, Monitor
from uwsgid.emperor.nest import Expecting
from uwsgid.emperor.options import EmperorOptions, VassalOptions
from uwsgid.emperor.service import Emperor
from uwsgid.emperor.sighting import Sighting
from uwsgid.host import Sockets
from uwsgid.supervise.processes import Endings
from uwsgid.supervise.vassals import VassalStart
from uwsgid.testing import MemoryProcesses, MemoryReactor
from uwsgid.wire.control import Record

#: Sections have to be imported before a configuration is read.
SECTIONS: Final = (EmperorOptions, VassalOptions, Sockets, Endings)

#: Unix seconds at which every test begins.
BEGINNING: Final = 1_400_000_000.0


@dataclass(slots=True)
class Order:
    """What the nest was asked for."""

    start: VassalStart
    descriptors: tuple[int, ...]
    parent: Expecting

    @property
    def pipe(self) -> socket.socket:
        """The vassal's end of the bytes."""
        return socket.socket(fileno=os.dup(self.descriptors[0]))


@dataclass(slots=True)
class MemoryNest:
    """A nest that notes what it is asked for."""

    orders: list[Order] = field(default_factory=list)
    told: list[tuple[Record, tuple[int, ...]]] = field(default_factory=list)
    ended: bool = False
    pid: int = 2

    def order(self, start: VassalStart, descriptors: Sequence[int], parent: Expecting) -> None:
        self.orders.append(Order(start, tuple(descriptors), parent))

    def tell(self, record: Record, descriptors: Sequence[int] = ()) -> None:
        self.told.append((record, tuple(descriptors)))

    def end(self) -> None:
        self.ended = True


class MemoryVassal:
    """A vassal that is no process."""

    def __init__(self, case: EmperorCase, order: Order, pid: int) -> None:
        self.case = case
        self.order = order
        self.pid = pid
        self.start = order.start
        count = 2 if order.start.has_config else 1
        owned = [socket.socket(fileno=os.dup(number)) for number in order.descriptors[:count]]
        for number in order.descriptors[:count]:
            os.close(number)
        self.pipe = owned[0]
        self.config = owned[1] if count == 2 else None
        for end in owned:
            end.setblocking(False)
        self.signals: list[int] = []

    def say(self, *numbers: int) -> None:
        """Tell the emperor something."""
        self.pipe.send(bytes(numbers))
        self.case.poll()

    def heard(self) -> bytes:
        """What the emperor said since the last call."""
        try:
            return self.pipe.recv(100)
        except BlockingIOError:
            return b""

    def configuration(self) -> bytes:
        """What came on the other pipe since the last call."""
        assert self.config is not None
        try:
            return self.config.recv(100_000)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        for end in (self.pipe, self.config):
            if end is not None:
                end.close()

    def exit(self, code: int | None = 0, number: int = 0) -> None:
        """End, with an exit code or by a signal."""
        self.close()
        self.case.kernel.end(self.pid, code, number)
        self.case.poll()

    def kill(self, number: int) -> None:
        self.signals.append(number)
        if number == signal.SIGKILL:
            self.exit(None, number)


class MemoryMonitor(Monitor):
    """A source that a test fills."""

    def __init__(self, circumstances: Circumstances, text: str = "/etc/vassals") -> None:
        super().__init__(text, circumstances)
        self.cwd = text
        self.found: dict[str, Sighting] | None = {}

    def look(self) -> Look:
        return None if self.found is None else dict(self.found)

    def put(self, name: str, mark: int = 1, **more: Any) -> None:
        """Let there be a vassal, or another configuration of it."""
        assert self.found is not None
        self.found[name] = Sighting(name, BEGINNING + mark, mark, **more)

    def remove(self, name: str) -> None:
        assert self.found is not None
        del self.found[name]


class EmperorCase(SynchronousTestCase):
    """A test with an emperor.

    :ivar lines: what was logged.
    :ivar ends: how often it was over.
    :ivar living: the vassals by pid.
    """

    def setUp(self) -> None:
        self.reactor = MemoryReactor()
        self.kernel = MemoryProcesses()
        self.kernel.signalled = lambda pid, number: self.living[pid].kill(number)
        self.nest = MemoryNest()
        self.lines: list[str] = []
        self.ends = 0
        self.living: dict[int, MemoryVassal] = {}
        self.addCleanup(self.close)

    def close(self) -> None:
        for vassal in self.living.values():
            vassal.close()
        for call in self.reactor.getDelayedCalls():
            call.cancel()
        for reader in list(self.reactor.readers):
            reader.connectionLost(None)
        for order in self.nest.orders:
            for number in order.descriptors[:1]:
                try:
                    os.close(number)
                except OSError:
                    pass

    def clock(self) -> float:
        return BEGINNING + self.reactor.seconds()

    def begin(self, config: str = "", monitors: int = 1) -> Emperor:
        """Start an emperor; `monitor` is its first source, `monitors` are all."""
        settings = settings_of(config)
        circumstances = Circumstances(settings[EmperorOptions], "/", self.lines.append, self.clock)
        self.monitors = [
            MemoryMonitor(circumstances, "/etc/vassals" + "'" * number) for number in range(monitors)
        ]
        self.monitor = self.monitors[0]
        nest: Any = self.nest
        self.emperor = Emperor(
            self.reactor,
            self.kernel,
            settings,
            self.lines.append,
            nest,
            self.monitors,
            clock=self.clock,
            ended=self.over,
        )
        self.emperor.start()
        return self.emperor

    def over(self) -> None:
        self.ends += 1

    def poll(self) -> None:
        """Let everybody hear what there is, and do what is due at once."""
        for _ in range(20):
            busy = self.reactor.poll()
            self.reactor.advance(0)
            if not busy:
                return

    def run_for(self, seconds: float, step: float = 0.5) -> None:
        """Let time pass."""
        left = seconds
        while left > 0:
            self.reactor.advance(min(step, left))
            left -= step
            self.poll()

    def birth(self, index: int = 0) -> MemoryVassal:
        """The vassal of an order is born."""
        order = self.nest.orders.pop(index)
        pid = 1000 + len(self.living)
        self.kernel.running.add(pid)
        vassal = self.living[pid] = MemoryVassal(self, order, pid)
        order.parent.born(pid)
        self.poll()
        return vassal

    def look(self) -> None:
        """Have the emperor look now."""
        self.emperor.look()
        self.poll()

    def one(self, options: str = "", **more: Any) -> MemoryVassal:
        """An emperor with one vassal, a.ini, that runs."""
        self.begin(options)
        self.monitor.put("a.ini", **more)
        self.look()
        return self.birth()

    @property
    def names(self) -> list[str]:
        """The vassals that were ordered and not born yet."""
        return [order.start.name for order in self.nest.orders]

    def assertLogged(self, text: str) -> None:
        self.assertIn(text, "\n".join(self.lines))
