"""Keeps the gateways alive, and tells them of a configuration that changed.

A gateway is born by a seed, like a zygote, and comes back when it dies; one that does not stay alive has to
rest between its lives.  What it opened at boot belongs to the master as well, so devices and listening
sockets survive it.  When the instance stops, `WindingDown` sends the gateways away after the workers.

A new configuration usually means a new process image.  Where nothing changed but options that gateways
carry out by themselves (`Gateway.live`), they are told to hang up instead, and nothing is interrupted.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

from uwsgid.config.directive import Directive
from uwsgid.errors import UwsgidError
from uwsgid.host.children import ExitStatus
from uwsgid.master.nursery import how
from uwsgid.master.rests import Rests
from uwsgid.supervise.backoff import Backoff
from uwsgid.supervise.child import Child
from uwsgid.supervise.gateways import GATEWAY, LIVE, Early
from uwsgid.supervise.household import Household
from uwsgid.supervise.processes import Endings
from uwsgid.supervise.supervisor import SEED, Supervisor
from uwsgid.wire.control import Ask, Record

_A_LIFE: Final = 1.0  #: seconds after which a death is no failure to start
_PATIENCE: Final = 0.25  #: seconds until a gateway that nobody could bear is asked for again


class Gateways:
    """The gateways of the instance.

    :param stopping: tells whether the instance is on its way out: nobody is replaced then.
    :param proceed: called after the end of a gateway while the instance stops.
    :param asked: called with what a gateway wants of the master.
    :param ready: called with each that can do its work.
    :param clock: monotonic seconds.
    """

    def __init__(
        self,
        household: Household,
        supervisor: Supervisor,
        reactor: Any,
        say: Callable[[str], None],
        *,
        stopping: Callable[[], bool],
        proceed: Callable[[], None],
        asked: Callable[[str], None] = lambda what: None,
        ready: Callable[[Child], None] = lambda child: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._house: Final = household
        self._supervisor: Final = supervisor
        self._say: Final = say
        self._stopping: Final = stopping
        self._proceed: Final = proceed
        self._asked: Final = asked
        self._ready: Final = ready
        self._clock: Final = clock
        delay = household.settings[Endings].forkbomb_delay
        self._rests: Final = Rests(reactor, Backoff(most=float(max(0, delay))))
        self._living: dict[int, Child] = {}
        self._births: dict[int, int] = {}
        self._changes = 0  # how often they took a changed configuration

    def start(self, early: Early | None = None) -> None:
        """Have all of them.

        :param early: an emperor that was born at boot.
        """
        if early is not None:
            numbers = (number for number, one in enumerate(self._house.gateways, 1) if one.role != GATEWAY)
            number = next(numbers, 0)
            if number:
                role = self._house.gateways[number - 1].role
                self._living[number] = self._supervisor.adopt(self, early.channel, early.pid, role, number)
        for number in range(1, len(self._house.gateways) + 1):
            self._fill(number)

    def end(self) -> None:
        """Nobody rests any more."""
        self._rests.end()

    # ---- a changed configuration

    def take_changes(self) -> bool:
        """Tell the gateways to carry out what changed in the configuration, if they can do that alone.

        False, and nothing was done, where something else changed as well or the configuration can not be
        used.
        """
        live = frozenset[str]().union(*(gateway.live for gateway in self._house.gateways))
        if not live:
            return False
        try:
            fresh = self._house.read_again()
        except (UwsgidError, OSError):
            return False
        if _without(live, fresh.directives) != _without(live, self._house.settings.directives):
            return False
        self._changes += 1
        for number, child in self._living.items():
            if self._house.gateways[number - 1].live:
                child.signal(signal.SIGHUP)
        return True

    # ---- having

    @property
    def all_ready(self) -> bool:
        """Whether each of them works."""
        living = [child for child in self._living.values() if child.is_ready]
        return len(living) == len(self._house.gateways)

    def _name(self, child: Child) -> str:
        return self._house.gateways[child.slot - 1].name

    def _fill(self, number: int) -> None:
        if self._stopping() or number in self._living:
            return
        seed = next((child for child in self._supervisor.children if child.role == SEED and child.pid), None)
        if seed is not None:
            try:
                # its generation tells a newborn whether the configuration changed since the seed was born
                role = self._house.gateways[number - 1].role
                self._living[number] = self._supervisor.have(
                    self, seed, role, slot=number, generation=self._changes
                )
                return
            except OSError as error:
                self._say(f"gateway {number} can not be made: {error.strerror}")
        self._rests.rest(number, _PATIENCE, partial(self._fill, number))

    # ---- what they tell

    def child_born(self, child: Child) -> None:
        births = self._births[child.slot] = self._births.get(child.slot, 0) + 1
        self._say(f"{'spawned' if births == 1 else 'respawned'} {self._name(child)} (pid: {child.pid})")

    def child_ready(self, child: Child) -> None:
        """It plays its role; how its work goes is in the log."""
        self._ready(child)

    def child_said(self, child: Child, record: Record) -> None:
        if isinstance(record, Ask) and record.what == LIVE:
            self._changes += 1  # who is born from now on has to know it, too
        elif isinstance(record, Ask):
            self._asked(record.what)

    def child_ended(self, child: Child, status: ExitStatus | None) -> None:
        self._living.pop(child.slot, None)
        if self._stopping():
            if status is not None:
                self._say(f'gateway "{self._name(child)}" has been buried (pid: {child.pid})')
            self._proceed()
            return
        how_it_went = f"killed by signal {status.signal}" if status and status.signal else how(status)
        self._say(f"DAMN ! {self._name(child)} (pid: {child.pid}) died, {how_it_went} :( trying respawn ...")
        if child.pid and self._clock() - child.born_at >= _A_LIFE:
            self._rests.did_well(child.slot)
        else:
            self._rests.failed(child.slot)
        seconds = self._rests.due(child.slot)
        if seconds >= 1:
            self._say(f"{self._name(child)} dies too fast: resting {seconds:g} seconds")
        self._rests.rest(child.slot, seconds, partial(self._fill, child.slot))

    # ---- statistics

    def rows(self) -> list[dict[str, Any]]:
        """What the statistics tell of each: its name, its pid (0 for none now), births and readiness."""
        found = []
        for number, gateway in enumerate(self._house.gateways, 1):
            child = self._living.get(number)
            found.append(
                {
                    "id": number,
                    "name": gateway.name,
                    "pid": child.pid if child is not None else 0,
                    "ready": int(child is not None and child.is_ready),
                    "respawn_count": self._births.get(number, 0),
                }
            )
        return found


def _without(names: frozenset[str], directives: Iterable[Directive]) -> list[tuple[str, str | None]]:
    """What a configuration says, but for *names*.  Pure."""
    return [(each.name, each.value) for each in directives if each.name not in names]
